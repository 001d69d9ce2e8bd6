"""The neuron models, by name. A new one is a file like `iaf_psc_exp.py` and a line here."""

import copyreg
from collections.abc import Mapping

from .aeif_cond_alpha import aeif_cond_alpha
from .aeif_cond_exp import aeif_cond_exp
from .base import NeuronModel, Parameter, Recordable
from .gif_psc_exp import gif_psc_exp
from .helpers import helper
from .hh_psc_alpha import hh_psc_alpha
from .iaf_cond_alpha import iaf_cond_alpha
from .iaf_cond_exp import iaf_cond_exp
from .iaf_psc_alpha import iaf_psc_alpha
from .iaf_psc_delta import iaf_psc_delta
from .iaf_psc_exp import iaf_psc_exp
from .izhikevich import izhikevich
from .multisynapse import iaf_psc_alpha_multisynapse, iaf_psc_exp_multisynapse
from .parrot_neuron import parrot_neuron
from .sources import poisson_source, spike_source

LINEAR = (iaf_psc_alpha, iaf_psc_delta, iaf_psc_exp)  # integrated exactly
OTHERS = (aeif_cond_alpha, aeif_cond_exp, hh_psc_alpha, iaf_cond_alpha, iaf_cond_exp, izhikevich)
FAMILIES = {f.name: f for f in (gif_psc_exp, iaf_psc_alpha_multisynapse, iaf_psc_exp_multisynapse)}
USUAL = tuple(family.member() for family in FAMILIES.values())  # what lists of other lengths give is like them
MODELS = {model.name: model for model in (*LINEAR, *OTHERS, *USUAL, parrot_neuron, poisson_source, spike_source)}


def model_for(name: str, parameters: Mapping[str, object]) -> NeuronModel:
    """Return the model of this name for neurons with these `parameters`; KeyError if there is none."""
    return FAMILIES[name].model_for(parameters) if name in FAMILIES else MODELS[name]


def model_named(name: str, *lengths: int) -> NeuronModel:
    return FAMILIES[name].member(*lengths) if lengths else MODELS[name]


def reduce(model: NeuronModel) -> str | tuple:
    """Pickle a model of this package by its name, so that unpickling gives the same object."""
    if MODELS.get(model.name) is model:
        return model_named, (model.name,)
    family = FAMILIES.get(model.name)
    if family and model.lists.keys() == family.member().lists.keys():
        lengths = family.lengths_of(model)
        if family.member(*lengths) is model:
            return model_named, (model.name, *lengths)
    return object.__reduce_ex__(model, 4)


copyreg.pickle(NeuronModel, reduce)

__all__ = ["FAMILIES", "MODELS", "NeuronModel", "Parameter", "Recordable", "helper", "model_for"]
