"""The neuron models, by name. A new one is a file like `iaf_psc_exp.py` and a line here."""

import copyreg

from .aeif_cond_alpha import aeif_cond_alpha
from .aeif_cond_exp import aeif_cond_exp
from .base import NeuronModel, Parameter, Recordable
from .helpers import helper
from .hh_psc_alpha import hh_psc_alpha
from .iaf_cond_alpha import iaf_cond_alpha
from .iaf_cond_exp import iaf_cond_exp
from .iaf_psc_alpha import iaf_psc_alpha
from .iaf_psc_delta import iaf_psc_delta
from .iaf_psc_exp import iaf_psc_exp
from .izhikevich import izhikevich
from .sources import poisson_source, spike_source

LINEAR = (iaf_psc_alpha, iaf_psc_delta, iaf_psc_exp)  # integrated exactly
OTHERS = (aeif_cond_alpha, aeif_cond_exp, hh_psc_alpha, iaf_cond_alpha, iaf_cond_exp, izhikevich)
MODELS = {model.name: model for model in (*LINEAR, *OTHERS, poisson_source, spike_source)}


def model_named(name: str) -> NeuronModel:
    return MODELS[name]


def reduce(model: NeuronModel) -> str | tuple:
    """Pickle a model of this package by its name, so that unpickling gives the same object."""
    if MODELS.get(model.name) is model:
        return model_named, (model.name,)
    return object.__reduce_ex__(model, 4)


copyreg.pickle(NeuronModel, reduce)

__all__ = ["MODELS", "NeuronModel", "Parameter", "Recordable", "helper"]
