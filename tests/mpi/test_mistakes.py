"""The user's mistakes on all ranks: the same error on each, said once, in no time, and nothing is written."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from mpi4py import MPI

import distsim
from distsim import Lognormal, Network, Normal, Simulation, all_to_all, explicit, fixed_indegree, one_to_one
from distsim.cli.command import run_command
from tests.support import command_mistakes, description_mistakes
from tests.support.folders import common_folder

pytestmark = pytest.mark.mpi

COMM = MPI.COMM_WORLD


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Make one working folder for all ranks, with a file and an earlier run."""
    before = Path.cwd()
    with common_folder() as path:
        if COMM.rank == 0:
            (path / "file").write_text("")
            (path / "earlier").mkdir()
            (path / "earlier" / "summary.json").write_text("{}")
        COMM.barrier()
        os.chdir(path)
        yield path
        os.chdir(before)


def says_the_same(message: str) -> None:
    assert len(set(COMM.allgather(message))) == 1, message


# --- descriptions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mistake", description_mistakes.MISTAKES)
def test_a_mistake_in_a_description(mistake):
    action, kind, message = description_mistakes.MISTAKES[mistake]
    with pytest.raises(kind, match=message) as error:
        action(description_mistakes.network())
    says_the_same(str(error.value))


# --- simulations ------------------------------------------------------------------------------------------------------


def built() -> Simulation:
    """Return a simulation of neurons with Poisson input, and sources."""
    net = Network(0.1)
    E = net.create("E", 4)
    net.create("none", 0)
    net.create("word", 2, "iaf_psc_delta")
    net.spike_source("S", [[1.0]])
    net.poisson_source("P", 2, 10.0)
    net.connect("S", E, all_to_all(), 1.0, 1.0)
    net.poisson_input(E, 100.0, 1.0, 1.0)
    net.record_spikes(E[:2])
    return Simulation(net, 1, COMM)


def noise(sim: Simulation):
    return sim.network.poisson_inputs[-1]


def connected(net: Network, source, target, rule) -> Simulation:
    net.connect(source, target, rule, 1.0, 1.0)
    return Simulation(net, 1, COMM)


MISTAKES = {
    "seed below": (lambda sim: Simulation(Network(), -1), "seed must be a whole number from 0 to 18446744073709551615"),
    "seed of no number": (lambda sim: Simulation(Network(), "1"), "seed must be .*, not '1'"),
    "negative duration": (lambda sim: sim.run(-1.0), "duration must be at least 0 ms, not -1"),
    "duration off": (lambda sim: sim.run(0.25), "duration: 0.25 ms is not a multiple of dt = 0.1 ms"),
    "NaN as duration": (lambda sim: sim.run(np.nan), "duration must be finite, not nan"),
    "text as duration": (lambda sim: sim.run("1 s"), "duration must be one number, not '1 s'"),
    "no population": (lambda sim: sim.set("F", I_e=1.0), "F: no population 'F': "),
    "no neuron": (lambda sim: sim.set("E[4]", I_e=1.0), r"E\[4\]: population E has 4 neurons"),
    "no parameter": (lambda sim: sim.set("E", tau=1.0), "iaf_psc_exp has no parameter 'tau': did you mean 'tau_m'"),
    "out of range": (lambda sim: sim.set("E", tau_m=0.0), "E.tau_m must be greater than 0 ms, not 0.0"),
    "NaN": (lambda sim: sim.set("E", V_m=np.nan), "E.V_m must be finite, not nan"),
    "another size": (lambda sim: sim.set("E[:2]", I_e=[1.0] * 3), "E.I_e: .* array of 2 numbers, not of shape"),
    "not together": (lambda sim: sim.set("E", V_reset=0.0), "E: V_reset must be below V_th"),
    "another receptor": (lambda sim: sim.set("E", tau_syn_ex=9.0), "E: tau_syn_ex and tau_syn_in must stay equal"),
    "word of a slice": (lambda sim: sim.set("word[:1]", detection="before_input"), "only be changed in the whole"),
    "no word": (lambda sim: sim.set("word", detection="never"), "word.detection must be one of after_input, before"),
    "drawn without bounds": (lambda sim: sim.set("E", V_m=Lognormal(999, 9)), "E.V_m must be from .* draws go from"),
    "parameters of given spikes": (
        lambda sim: sim.set("S", rate=1.0),
        "S: no value 'rate': known are ids, round_times, times",
    ),
    "rate below": (lambda sim: sim.set(noise(sim), rate=-1.0), "Poisson input to E: rate must be .*, not -1"),
    "no rate": (lambda sim: sim.set(noise(sim), delay=1.0), "'delay' cannot be changed, only rate and weight"),
    "infinite weight": (lambda sim: sim.set(noise(sim), weight=np.inf), "weight must be finite, not inf"),
    "rate of some sources": (lambda sim: sim.set("P[:1]", rate=1.0), "P: the rate can only be changed in the whole"),
    "asked for no parameter": (lambda sim: sim.get("E", "tau"), "iaf_psc_exp has no parameter 'tau'"),
    "asked for no rate": (lambda sim: sim.get(noise(sim), "delays"), "has no 'delays': known are"),
    "added to": (lambda sim: sim.network.create("late", 1), "the network is being simulated and cannot be added to"),
    "not recorded": (lambda sim: sim.spikes("E"), "the spikes of E are not all recorded"),
    "no voltages": (lambda sim: sim.voltages("E[:1]"), "the voltages of .* are not all recorded"),
    "no folder": (lambda sim: sim.save("file/below"), "folder file/below: cannot be written"),
    "an earlier run": (lambda sim: sim.save("earlier"), "folder earlier: holds an earlier run .*overwrite=True"),
    "no checkpoint": (lambda sim: Simulation(Network(), 1, checkpoint="none"), "none: cannot be read"),
    "no run": (lambda sim: distsim.load("none"), "none: no such folder"),
    "indegree of nobody": (
        lambda sim: connected(described(), "E", "E", fixed_indegree(5, allow_multapses=False)),
        "E -> E: indegree 5 without multapses, but only 4 to choose from",
    ),
    "one to one of others": (
        lambda sim: connected(described(), "E", "I", one_to_one()),
        "E -> I: one_to_one, but 4 sources and 3 targets",
    ),
    "indegree from none": (
        lambda sim: connected(described(), "none", "E", fixed_indegree(1)),
        "none -> E: indegree 1, but there is nothing to choose from",
    ),
    "weights of NaN": (
        lambda sim: described().connect("E", "E", all_to_all(), Normal(np.nan, 1.0), 1.0),
        "mean must be .*nan",
    ),
    "negative delay": (lambda sim: described().connect("E", "E", explicit([0], [1]), 1.0, -1.0), "delay .*not -1"),
}


def described() -> Network:
    net = Network(0.1)
    net.create("E", 4)
    net.create("I", 3)
    net.create("none", 0)
    return net


@pytest.fixture(scope="module")
def sim() -> Simulation:
    return built()


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_a_script(folder, sim, mistake):
    action, message = MISTAKES[mistake]
    there = sorted(folder.rglob("*"))
    with pytest.raises((ValueError, TypeError, OSError), match=message) as error:
        action(sim)
    says_the_same(str(error.value))
    assert "\n" not in str(error.value)
    COMM.barrier()
    assert sorted(folder.rglob("*")) == there
    sim.run(0.1)  # continues as if nothing had happened


# --- command lines ----------------------------------------------------------------------------------------------------

ONE, SEVERAL = command_mistakes.MISTAKES, command_mistakes.SEVERAL
COMMANDS = [f"microcircuit {'' if 'scal' in typed else '--scale 0.02 '}{typed}" for typed, _ in ONE]
COMMANDS += [f"microcircuit {typed}" for typed, _ in SEVERAL]
COMMANDS += ["", "microcircit", "plot nowhere", "resume nowhere", "resume earlier", "bench --networks x", "plot . --x"]
COMMANDS += ["brunel-delta --panel E", "brunel-delta --panel A --g 3", "ei-clustered --set n_clusters=7"]
COMMANDS += [
    "brunel-alpha --checkpoint-every 10",
    "brunel-alpha --max-rate -1",
    "brunel-delta --panel all --max-wall 1h",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_mistake_on_the_command_line(folder, capfd, command):
    there = sorted(folder.rglob("*"))
    codes = COMM.allgather(run_command([word.strip("'") for word in command.split()], COMM))
    said = capfd.readouterr()
    assert codes == COMM.size * [2] and said.out == ""
    if COMM.rank:
        assert said.err == ""
    else:
        lines = said.err.splitlines()
        assert lines and all(re.match("distsim: error: .", line) for line in lines) and len(set(lines)) == len(lines)
    assert sorted(folder.rglob("*")) == there
