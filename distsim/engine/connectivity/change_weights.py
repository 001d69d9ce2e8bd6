"""Other weights for synapses of a table that is built: they are kept exactly."""

from __future__ import annotations

import numpy as np

from ..step.delivery import FIXED, PALETTE, SLOT_BITS, SLOT_MASK, WIDE, Synapses
from .table_plan import TablePlan
from .weights import PALETTE_SIZE


def with_weights(
    synapses: Synapses, plan: TablePlan, places: np.ndarray, weights: np.ndarray, receptors: np.ndarray
) -> Synapses:
    """Return the table with other weights, which are written into its arrays where it can hold them.

    A table of codes takes weights that are few enough into its palette. Any other becomes WIDE, with a float64 weight
    for each synapse, and so does one whose weights are multiples of a unit.

    Parameters
    ----------
    synapses : Synapses
        This rank's table; its rows are emptied.
    plan : TablePlan
        How it was built.
    places, weights : ndarray, shape (n,)
        Which synapses change, and their new weights.
    receptors : ndarray, shape (n,)
        At which receptors of their targets they arrive with these weights.
    """
    width = synapses.width
    slots = (synapses.words[places] & SLOT_MASK).astype(np.int64) % width
    slots += receptors * width
    codes = None
    if synapses.form == PALETTE:
        new = np.setdiff1d(weights, synapses.palette)
        if synapses.palette.size + new.size <= PALETTE_SIZE:
            palette = np.concatenate([synapses.palette, new])
            order = np.argsort(palette, kind="stable")
            codes = order[np.searchsorted(palette, weights, sorter=order)]
            synapses = synapses._replace(palette=palette)
    if codes is None:
        synapses = widened(synapses, plan)
        synapses.weights[places] = weights
        synapses.words[places] = slots
    else:
        synapses.words[places] = slots | codes << SLOT_BITS
    synapses.row[:] = 0.0
    return synapses


def widened(synapses: Synapses, plan: TablePlan) -> Synapses:
    """Return a table as a WIDE one with the same weights and empty rows."""
    if synapses.form == WIDE:
        return synapses
    words, step = synapses.words.copy(), 1 << 20
    weights = np.empty(words.size)
    for start in range(0, words.size, step):
        piece = words[start : start + step]
        if synapses.form == FIXED:
            weights[start : start + step] = (piece.view(np.int32) >> SLOT_BITS) * synapses.unit
        else:
            weights[start : start + step] = synapses.palette[piece >> SLOT_BITS]
        piece &= np.uint32(SLOT_MASK)
    row = np.zeros(plan.row_size)
    return synapses._replace(
        form=WIDE, words=words, weights=weights, palette=np.zeros(0), row_fixed=np.zeros(0, np.int32), row=row
    )
