"""The neuron models, by name. A new one is a file like `iaf_psc_exp.py` and a line here."""

import copyreg

from .base import NeuronModel, Parameter, Recordable
from .iaf_psc_alpha import iaf_psc_alpha
from .iaf_psc_delta import iaf_psc_delta
from .iaf_psc_exp import iaf_psc_exp
from .sources import poisson_source, spike_source

MODELS = {model.name: model for model in (iaf_psc_alpha, iaf_psc_delta, iaf_psc_exp, poisson_source, spike_source)}


def model_named(name: str) -> NeuronModel:
    return MODELS[name]


def reduce(model: NeuronModel) -> str | tuple:
    """Pickle a model of this package by its name, so that unpickling gives the same object."""
    if MODELS.get(model.name) is model:
        return model_named, (model.name,)
    return object.__reduce_ex__(model, 4)


copyreg.pickle(NeuronModel, reduce)

__all__ = ["MODELS", "NeuronModel", "Parameter", "Recordable"]
