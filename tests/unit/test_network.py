"""Descriptions: what they hold, and that every mistake is refused where it is made, by name."""

from __future__ import annotations

import math

import numpy as np
import pytest

from distsim import Network, Normal, all_to_all, explicit
from distsim.description.elements import nearest
from tests.support.description_mistakes import MISTAKES, network

# --- what a description holds -----------------------------------------------------------------------------------------


def test_gids_follow_the_order_of_creation():
    net = network()
    assert [(p.name, p.first, len(p)) for p in net.populations] == [
        ("E", 0, 8),
        ("I", 8, 3),
        ("S", 11, 2),
        ("P", 13, 2),
    ]
    assert (net.n, net.n_neurons) == (15, 11)
    assert net["I"] is net.populations[1]


def test_slices_select_neurons():
    E, I = network().populations[:2]
    assert I[1:].gids.tolist() == [9, 10]
    assert E[1:8:3].gids.tolist() == [1, 4, 7]
    assert E[2:][1:3].gids.tolist() == [3, 4]
    assert E[-1].gids.tolist() == [7]
    assert E[5:2].gids.tolist() == [] and len(E[5:2]) == 0
    with pytest.raises(ValueError, match="runs upwards"):
        E[::-1]
    with pytest.raises(IndexError):
        E[8]


def test_V_m_starts_at_E_L_unless_given():
    net = Network()
    assert net.create("a", 2, E_L=-65.0).parameters["V_m"] == -65.0
    assert net.create("b", 2, E_L=-65.0, V_m=-60.0).parameters["V_m"] == -60.0


def test_descriptions_do_not_share_what_the_caller_changes():
    net, I_e = Network(), np.zeros(3)
    population = net.create("a", 3, I_e=I_e)
    I_e[:] = 7.0
    assert population.parameters["I_e"].tolist() == [0.0, 0.0, 0.0]
    with pytest.raises(TypeError):
        population.parameters["I_e"] = 1.0


def test_times_become_steps():
    net = network()
    assert [train.tolist() for train in net["S"].spike_steps] == [[10], [5, 20]]
    net.poisson_input(net["E"], 5.0, 1.0, 1.5, 10.0, 20.0)
    stimulus = net.poisson_inputs[-1]
    assert (stimulus.delay, stimulus.start, stimulus.stop) == (15, 100, 200)
    net.dc_current(net["E"], 3.0, 5.0, 7.0)
    current = net.step_currents[-1]
    assert (current.times.tolist(), current.amplitudes.tolist(), current.delay) == ([50, 70], [3.0, 0.0], 1)


def test_populations_and_slices_can_be_named():
    net = network()
    net.connect("S", "E[2:4]", explicit([0, 1], [1, 0]), 1.0, 1.0)
    net.poisson_input("E[-3:]", 5.0, 1.0, 1.5)
    net.step_current("E[5]", [1.0], [2.0])
    net.dc_current("E[-1]", 2.0)
    net.record_spikes("I", "E[:-6]", net["S"])
    net.record_voltages("E[1:-1:3]")
    (projection,) = net.projections
    assert (projection.source.gids.tolist(), projection.target.gids.tolist()) == ([11, 12], [2, 3])
    assert net.poisson_inputs[-1].target.gids.tolist() == [5, 6, 7]
    assert [current.target.gids.tolist() for current in net.step_currents] == [[5], [7]]
    assert [r.target.gids.tolist() for r in net.recorders if r.name == "spikes"] == [[8, 9, 10], [0, 1], [11, 12]]
    assert net.recorders[-1].target.gids.tolist() == [1, 4]
    assert net.select("E[-100:2]").gids.tolist() == [0, 1] and len(net.select("E[5:-5]")) == 0


def test_without_targets_the_spikes_of_all_are_recorded():
    net = Network()
    net.record_spikes()
    net.create("E", 3)
    net.spike_source("S", [[1.0]])
    net.record_spikes("E[:2]")
    net.record_spikes()
    net.poisson_source("P", 2, 10.0)
    gids = [recorder.target.gids for recorder in net.recorders]
    assert np.unique(np.concatenate(gids)).tolist() == list(range(net.n))
    net.is_simulated = True
    with pytest.raises(ValueError, match="cannot be added to"):
        net.record_spikes()


def test_a_current_may_begin_at_0_and_need_not_end():
    net = network()
    net.dc_current("E", 3.0)
    net.dc_current("E", 3.0, stop=2.0)
    net.dc_current("E", 3.0, 4.0, math.inf)
    net.dc_current("E", 3.0, 7.0, 7.0)  # never on
    said = [(current.times.tolist(), current.amplitudes.tolist()) for current in net.step_currents]
    assert said == [([0], [3.0]), ([0, 20], [3.0, 0.0]), ([40], [3.0])]


@pytest.mark.parametrize("delay", [3276.7, Normal(1.0, 0.5, minimum=0.05, maximum=3276.7)])
def test_the_longest_delay_is_allowed(delay):
    assert network().connect("E", "I", all_to_all(), 1e150, delay).delay == delay


# --- mistakes ---------------------------------------------------------------------------------------------------------


def test_the_nearest_name_is_offered():
    assert nearest("tau_mm", ["tau_m", "C_m", "E_L"]) == "did you mean 'tau_m'?"
    assert nearest("zzz", ["b", "a"]) == "known are a, b"


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.filterwarnings("error")
def test_a_mistake_is_refused_by_name_and_leaves_no_trace(mistake):
    action, kind, message = MISTAKES[mistake]
    net = network()
    with pytest.raises(kind, match=message) as error:
        action(net)
    assert "\n" not in str(error.value)
    assert [p.name for p in net.populations] == ["E", "I", "S", "P"]
    assert (net.projections, net.step_currents, net.recorders) == ([], [], [])
    assert len(net.poisson_inputs) == 1


def test_recorders_of_one_name_share_interval_and_window():
    net = network()
    net.record_voltages(net["E"], 0.2)
    for options in ({"interval": 0.3}, {"interval": 0.2, "start": 5.0}, {"interval": 0.2, "stop": 5.0}):
        with pytest.raises(ValueError, match=r"V_m of I: recorders named 'V_m' share .* a name of its own"):
            net.record("V_m", net["I"], **options)
        net.record("V_m", net["I"], name=f"other-{len(net.recorders)}", **options)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/", "a\0", "a\nb", "\x7f", "\ud800", 5, None])
def test_a_name_that_files_cannot_keep_is_refused(name):
    net = Network()
    with pytest.raises(ValueError, match=r"population name .*: must be a printable text") as error:
        net.create(name, 1)
    assert "\n" not in str(error.value)
    net.create("L2/3E".replace("/", "_"), 1)
    assert [p.name for p in net.populations] == ["L2_3E"]


@pytest.mark.parametrize("name", ["Pyr é", "...", "E.1", "E-I", "\u795e\u7d4c"])
def test_other_names_are_kept(name):
    assert Network().create(name, 1).name == name
