"""Weight and delay matrices: the synapses that they stand for, against plain NumPy, and what is refused."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scipy import sparse

from distsim import Network, Simulation, explicit

N_E, N_I = 30, 20
NOT_ON_PURPOSE = ("bsr", "dia")


def described(*arguments, **named) -> tuple[Network, object]:
    net = Network(0.1)
    net.create("E", N_E, I_e=400.0)
    net.create("I", N_I, I_e=np.linspace(350.0, 420.0, N_I))
    projection = net.connect("E", "I", *arguments, **named)
    net.record_spikes()
    return net, projection


def listed(projection) -> list[tuple]:
    """Return (source, target, weight, delay) of each synapse, sorted; repeated pairs keep their order."""
    rule, n = projection.rule, projection.rule.sources.size
    weight, delay = np.broadcast_to(projection.weight, n), np.broadcast_to(projection.delay, n)
    order = np.lexsort((rule.targets, rule.sources))
    return list(zip(*(a[order].tolist() for a in (rule.sources, rule.targets, weight, delay)), strict=True))


def weights(density: float = 0.2) -> np.ndarray:
    rng = np.random.default_rng(3)
    return np.where(rng.random((N_E, N_I)) < density, rng.normal(30.0, 20.0, (N_E, N_I)), 0.0)


def from_numpy(W: np.ndarray, delay: float = 1.5) -> list[tuple]:
    return [(s, t, W[s, t], delay) for s in range(N_E) for t in range(N_I) if W[s, t]]


@pytest.mark.parametrize("kind", ["matrix", "array"])
@pytest.mark.parametrize("format", ["csr", "csc", "coo", "lil", "dok"])
def test_each_entry_of_a_sparse_matrix_is_a_synapse_from_its_row_to_its_column(kind, format):
    W = getattr(sparse, f"{format}_{kind}")(weights())
    assert listed(described(W, delay=1.5)[1]) == from_numpy(weights())


def test_each_entry_of_a_dense_array_other_than_0_is_a_synapse():
    assert listed(described(weights(), delay=1.5)[1]) == from_numpy(weights())
    assert listed(described(weights().astype(np.float32), delay=1.5)[1]) == from_numpy(weights().astype(np.float32))
    counts = np.arange(N_E * N_I).reshape(N_E, N_I) % 3
    assert listed(described(counts, delay=1.5)[1]) == from_numpy(counts)


def test_stored_zeros_are_synapses_and_repeated_entries_are_several():
    W = sparse.coo_matrix(([1.0, 0.0, 2.0, -3.0], ([4, 5, 4, 4], [7, 8, 7, 7])), shape=(N_E, N_I))
    expected = [(4, 7, 1.0, 1.5), (4, 7, 2.0, 1.5), (4, 7, -3.0, 1.5), (5, 8, 0.0, 1.5)]
    assert listed(described(W, delay=1.5)[1]) == expected
    assert Simulation(described(W, delay=1.5)[0]).n_synapses == 4
    empty = sparse.csr_matrix((N_E, N_I))
    assert listed(described(empty, delay=1.5)[1]) == []


def test_a_matrix_that_is_changed_afterwards_does_not_change_the_network():
    for W in (sparse.csr_matrix(weights()), sparse.coo_matrix(weights()), weights()):
        projection = described(W, delay=1.5)[1]
        if sparse.issparse(W):
            W.data *= 2.0
        else:
            W *= 2.0
        assert listed(projection) == from_numpy(weights())


def test_delays_come_from_a_second_matrix():
    W = weights()
    D = np.round(np.abs(W) / 10.0 + 0.3, 1) * (W != 0)
    expected = [(s, t, w, D[s, t]) for s, t, w, _ in from_numpy(W)]
    permuted = sparse.coo_matrix(D)
    order = np.random.default_rng(1).permutation(permuted.nnz)
    permuted = sparse.coo_matrix((permuted.data[order], (permuted.row[order], permuted.col[order])), W.shape)
    for delay in (sparse.csr_array(D), sparse.csc_array(D), permuted, D, np.where(W == 0, -1.0, D)):
        assert listed(described(sparse.csr_matrix(W), delay=delay)[1]) == expected
        assert listed(described(W, delay=delay)[1]) == expected


def test_delays_of_repeated_entries_follow_in_their_order():
    W = sparse.coo_matrix(([1.0, 2.0, 3.0], ([4, 1, 4], [7, 0, 7])), shape=(N_E, N_I))
    D = sparse.coo_matrix(([0.1, 0.2, 0.3], ([4, 4, 1], [7, 7, 0])), shape=(N_E, N_I))
    assert listed(described(W, delay=D)[1]) == [(1, 0, 2.0, 0.3), (4, 7, 1.0, 0.1), (4, 7, 3.0, 0.2)]


def test_spikes_are_those_of_the_same_list():
    W = sparse.csr_matrix(weights())
    nets = [described(W, delay=1.5)[0], described(explicit(*W.nonzero()), W.data, 1.5)[0]]
    sims = [Simulation(net, 5) for net in nets]
    for sim in sims:
        sim.run(100.0)
    assert sims[0].spikes_sha256() == sims[1].spikes_sha256() and sims[0].spikes("I")[0].size > 20


def holed(format: str):
    W = weights()
    W[3, 5] = np.nan
    return W if format == "dense" else sparse.csc_array(W)


def moved() -> sparse.csr_array:
    D = sparse.lil_array(weights() != 0).astype(float)
    row, column = (k[7] for k in D.nonzero())
    D[row, column] = 0.0
    return D.tocsr()


@pytest.mark.parametrize(
    ("arguments", "named", "message"),
    [
        ((weights().T,), {"delay": 1.5}, r"must be of shape \(30, 20\), not \(20, 30\): give its transpose, \.T"),
        ((sparse.csr_matrix(weights()[:5]),), {"delay": 1.5}, r"must be of shape \(30, 20\), not \(5, 20\)"),
        ((holed("dense"),), {"delay": 1.5}, r"E -> I: weight: entry \[3, 5\] must be finite, not nan"),
        ((holed("csc"),), {"delay": 1.5}, r"E -> I: weight: entry \[3, 5\] must be finite, not nan"),
        ((weights() * 1e200,), {"delay": 1.5}, r"weight must be from -1e\+150 to 1e\+150"),
        ((weights() != 0,), {"delay": 1.5}, "holds bools, not weights"),
        ((weights() * 1j,), {"delay": 1.5}, "must hold real numbers, not complex128"),
        ((weights(),), {"delay": 1.55}, "1.55 ms is not a multiple of dt"),
        ((weights(),), {"delay": (weights() != 0) * 0.0}, "delay must be at least dt = 0.1 ms, not 0 ms"),
        ((weights(),), {"delay": (weights() != 0) * 0.25}, "0.25 ms is not a multiple of dt"),
        ((weights(),), {"delay": moved()}, "must have the entries of the weight matrix: "),
        ((weights(),), {"delay": weights()[1:]}, "delay matrix: .* must be of shape"),
        ((np.ma.masked_array(weights(), weights() > 3.0),), {"delay": 1.5}, "masked arrays"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(arguments, named, message):
    with pytest.raises(ValueError, match=message):
        described(*arguments, **named)


@pytest.mark.parametrize("format", NOT_ON_PURPOSE)
def test_formats_that_fill_up_with_zeros_are_refused(format):
    with pytest.raises(ValueError, match=f"format '{format}' stores zeros that are no synapses: give W.tocsr"):
        described(sparse.csr_matrix(weights()).asformat(format), delay=1.5)


@pytest.mark.parametrize(
    ("arguments", "named", "message"),
    [
        ((weights(), 1.0), {}, r"the matrix holds the weights; name the delay: connect\(..., W, delay=1.5\)"),
        ((weights(),), {}, "E -> I: delay is missing"),
        ((explicit([0], [0]),), {"delay": 1.0}, "E -> I: weight is missing"),
        ((explicit([0], [0]), 1.0), {}, "E -> I: delay is missing"),
        (([1.0, 2.0], 1.0, 1.0), {}, r"expected a weight matrix or a connection rule, not \[1.0, 2.0\]"),
    ],
)
def test_arguments_that_are_missing_or_too_many_are_named(arguments, named, message):
    with pytest.raises(TypeError, match=message):
        described(*arguments, **named)


def test_a_dense_matrix_needs_no_scipy():
    code = (
        "import sys; sys.modules['scipy'] = sys.modules['scipy.sparse'] = sys.modules['pyarrow'] = None\n"
        "import numpy as np, distsim\n"
        "net = distsim.Network(); e = net.create('E', 3)\n"
        "print(net.connect(e, e, np.eye(3), delay=1.0).rule.sources)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["[0", "1", "2]"], done.stderr
