"""Memory: what is estimated is what is used, and falls with the number of ranks."""

from __future__ import annotations

import numpy as np
import pytest

from distsim.engine.connectivity import connect
from distsim.engine.decomposition import Decomposition
from distsim.engine.layout import plan_layout
from distsim.engine.memory import IMPORTS, estimate, estimate_arrays
from distsim.engine.population_state import two_receptors
from distsim.engine.update import ROW
from distsim.models import brunel_delta, microcircuit


@pytest.mark.parametrize("size", [1, 3, 16, 200])
@pytest.mark.parametrize("model", [microcircuit, brunel_delta], ids=["microcircuit", "brunel-delta"])
def test_the_estimate_is_what_the_arrays_take(model, size):
    values = {"N_scaling": 0.1, "K_scaling": 0.1} if model is microcircuit else {}
    net = model.describe(model.Parameters(**values))
    deal, two = Decomposition(net.n, size, size - 1), two_receptors(net)
    table, dense = connect(net, 1, plan_layout(deal.n_local, 1, ROW), deal, two)
    found = estimate_arrays(net, size)
    synapses = table.words.nbytes + table.weights.nbytes + table.delay_codes.nbytes + dense.bits.nbytes
    assert synapses == pytest.approx(found["synapses"], rel=0.1, abs=20_000)
    assert table.index.nbytes == pytest.approx(found["index"], rel=0.01)
    assert table.row.nbytes + table.row_fixed.nbytes == found["rows"]


def test_at_natural_density_memory_falls_with_the_ranks():
    net = microcircuit.describe(microcircuit.Parameters())
    sizes = 2 ** np.arange(1, 11)
    totals = np.array([sum(estimate_arrays(net, int(size)).values()) for size in sizes])
    assert np.all(totals[1:] < 0.65 * totals[:-1])
    assert totals[sizes == 64] < 50e6 and totals[-1] < 5e6
    assert estimate(net, 64) == IMPORTS + totals[sizes == 64]
