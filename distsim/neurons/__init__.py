"""The neuron models, by name. A new one is a file like `iaf_psc_exp.py` and a line here."""

import copyreg
from collections.abc import Mapping, Sequence

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


def from_equations(
    equations: str,
    *,
    receptors: str | Mapping[str, str],
    threshold: str | None = None,
    reset: str = "",
    refractory: str | None = None,
    frozen: Sequence[str] = (),
    parameters: Mapping[str, object] | None = None,
    detection: str | None = None,
    name: str = "from_equations",
) -> NeuronModel:
    """Return a model of ordinary differential equations, given as text with units.

    Linear equations are integrated exactly, others by the solver of the built-in models, to `gsl_error_tol`. In each
    step the variables are advanced, then input is added, the threshold is tested, and what fires is reset.

    Parameters
    ----------
    equations
        Lines ``dX/dt = expression : unit of X``, and ``X = expression : unit`` for quantities that others use. Known
        are variables, parameters, ``I_e`` (pA: the constant current and that of step currents), units (``20*ms``),
        ``e``, ``pi``, exp, log, sqrt, abs, sin, cos, tan, sinh, cosh, tanh, min and max.
    receptors
        What a spike that arrives adds: ``"g += weight"``, or, with a receptor for weights of at least 0 and one for
        those below, ``{"ex": "g_ex += weight", "in": "g_in -= weight"}``. Proportional to ``weight``, by parameters.
    threshold
        One comparison, such as ``"V >= V_th"``: where it holds and the neuron is not refractory, it fires.
    reset
        What a spike changes: ``"V = V_reset; w += b"``, one after another.
    refractory
        The refractory period, such as ``"t_ref"``, rounded up to steps.
    frozen
        Variables that do not change while refractory, neither by themselves nor by input, which is lost.
    parameters
        Name to ``(20.0, "ms")``, ``"20 ms"``, ``Parameter(20.0, "ms", "membrane time constant", 0.0)``, or a number
        without unit. One with the name of a variable is its value at time 0, 0 by default.
    detection
        Of equations that are not linear: ``"substep"`` finds a spike within a step and goes on from there, as
        aeif_cond_exp does (default); ``"step"`` tests the threshold at the ends of steps, as iaf_cond_exp does.
    name
        What messages call the model.

    Returns
    -------
    NeuronModel
        The same object for the same arguments.

    Raises
    ------
    ValueError
        A name is not known, units are not consistent, or a part is not as above; the message says which.
    ModuleNotFoundError
        SymPy or odetoolbox is not installed.
    """
    try:
        from .equations.model import model_of
        from .equations.written import written
    except ModuleNotFoundError as error:
        if error.name not in ("sympy", "odetoolbox"):
            raise
        raise ModuleNotFoundError(
            f"NeuronModel.from_equations needs {error.name}: pip install 'distsim[equations]'", name=error.name
        ) from None
    given = parameters or {}
    return model_of(written(name, equations, threshold, reset, refractory, frozen, given, receptors, detection))


def model_written(written: object) -> NeuronModel:
    from .equations.model import model_of

    return model_of(written)


def reduce(model: NeuronModel) -> str | tuple:
    """Pickle a model of this package by its name, and one from equations by these, so that unpickling gives the same
    object."""
    if MODELS.get(model.name) is model:
        return model_named, (model.name,)
    if model.equations is not None:
        return model_written, (model.equations,)
    family = FAMILIES.get(model.name)
    if family and model.lists.keys() == family.member().lists.keys():
        lengths = family.lengths_of(model)
        if family.member(*lengths) is model:
            return model_named, (model.name, *lengths)
    return object.__reduce_ex__(model, 4)


NeuronModel.from_equations = staticmethod(from_equations)  # type: ignore[assignment, method-assign]
copyreg.pickle(NeuronModel, reduce)

__all__ = ["FAMILIES", "MODELS", "NeuronModel", "Parameter", "Recordable", "helper", "model_for"]
