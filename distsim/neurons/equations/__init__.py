"""Neuron models from equations: text to SymPy, units, odetoolbox's analysis, and the `step` that is written of it.

    written -> drafts -> analysis -> exact or solved -> NeuronModel

`written` holds what the user wrote, `expressions` and `dimensions` read it, `drafts` puts it together. What is linear
is integrated exactly (`exact`, `propagators`), the rest by the solver of the built-in models (`solved`). It needs SymPy
and odetoolbox, so nothing here is imported before a model is made from equations. It may import from `neurons`, which
imports it only when asked.
"""
