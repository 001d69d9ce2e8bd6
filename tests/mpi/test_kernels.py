"""Compiled kernels on several ranks: one folder for all of a machine, the same steps on all."""

from __future__ import annotations

import os
import tempfile
from types import FunctionType

import pytest
from mpi4py import MPI

from distsim import Network, Simulation
from distsim.engine.compiled import cache_folder
from distsim.engine.compiled.cache_folder import agreed_folder, fingerprint
from distsim.neurons import NeuronModel
from distsim.neurons.iaf_psc_exp import iaf_psc_exp
from distsim.parallel import FaultError

pytestmark = pytest.mark.mpi
COMM = MPI.COMM_WORLD
ODD = int(COMM.rank == COMM.size - 1)  # one rank differs
only_in_parallel = pytest.mark.skipif(COMM.size == 1, reason="one rank agrees with itself")

# --- the folder -------------------------------------------------------------------------------------------------------


@pytest.fixture
def asks(folder, monkeypatch):
    """Return a function that has this rank ask for a folder of a name, as if it had chosen none yet."""
    if COMM.rank == 0:
        for name, mode in (("mine", 0o700), ("other", 0o700), ("shared", 0o777), ("tmp", 0o700)):
            (folder / name).mkdir()
            (folder / name).chmod(mode)
    COMM.barrier()
    monkeypatch.setattr(tempfile, "tempdir", str(folder / "tmp"))
    monkeypatch.setattr(cache_folder, "_choice", cache_folder._Choice())
    return lambda name: monkeypatch.setenv("DISTSIM_CACHE_DIR", str(folder / name))


def test_all_ranks_take_the_folder_of_the_first(asks, folder, capsys):
    asks("mine" if COMM.rank == 0 else "shared")
    assert agreed_folder(COMM) == cache_folder.folder() == folder / "mine" / "distsim" / fingerprint()
    assert capsys.readouterr().err == ""


def test_a_shared_folder_is_left_by_all_and_one_line_says_so(asks, folder, capsys):
    asks("shared" if COMM.rank == 0 else "mine")
    private = folder / "tmp" / f"distsim-{os.geteuid()}" / fingerprint()
    assert [agreed_folder(COMM) for _ in range(2)] == [private, private] and cache_folder.folder() == private
    line = capsys.readouterr().err
    assert line.count("\n") == int(COMM.rank == 0) and ("can be written by others" in line) == (COMM.rank == 0)


def test_a_private_folder_with_a_random_name_is_that_of_all(asks, folder):
    asks("shared")
    if COMM.rank == 0:
        (folder / "tmp" / f"distsim-{os.geteuid()}").symlink_to(folder / "other")
    path = agreed_folder(COMM)
    assert path.parent == folder / "tmp" and len(set(COMM.allgather(path))) == 1
    COMM.barrier()
    assert not any((folder / "other").iterdir())


def test_ranks_that_have_chosen_before_come_to_one_folder(asks, folder):
    asks("other" if ODD else "mine")
    if ODD:
        cache_folder.folder()
    assert agreed_folder(COMM) == cache_folder.folder()
    assert len(set(COMM.allgather(agreed_folder(COMM)))) == 1


def test_where_no_folder_can_be_made_all_ranks_say_so(asks, monkeypatch):
    asks("shared")
    if COMM.rank == 0:
        monkeypatch.setattr(tempfile, "tempdir", "/proc/nowhere")
    with pytest.raises(FaultError, match="compiled kernels cannot be kept"):
        agreed_folder(COMM)


# --- the steps --------------------------------------------------------------------------------------------------------

PARAMETERS = {name: iaf_psc_exp.parameters[name] for name in ("E_L", "V_th", "I_e", "V_m")}
SOURCE = """
def step(V, wait, ex, inh, current, theta):
    new = V + GAIN
    spike = new >= theta
    return new - theta if spike else new, wait, spike
"""


def step_with(gain: float) -> FunctionType:
    names: dict = {"GAIN": gain}
    exec(SOURCE, names)
    return names["step"]


def simulated(gain: float) -> tuple[Simulation, dict]:
    step = step_with(gain)
    model = NeuronModel("climber", PARAMETERS, ("V",), lambda p, dt: {"theta": p["V_th"] - p["E_L"]}, step)
    net = Network()
    net.record_spikes(net.create("P", 5, model, E_L=0.0, V_m=0.0, V_th=10.0))
    return Simulation(net), step.__globals__


def test_all_ranks_compile_the_value_of_now():
    for gain, spikes in ((1.0, 50), (5.0, 250)):
        sim, _ = simulated(gain)
        sim.run(10.0)
        assert sim.spikes("P")[0].size == spikes


@only_in_parallel
def test_another_global_on_one_rank():
    with pytest.raises(ValueError, match="the ranks do not agree about population P"):
        simulated(1.0 + ODD)


@only_in_parallel
def test_a_global_that_changes_on_one_rank():
    sim, names = simulated(1.0)
    names["GAIN"] += ODD
    with pytest.raises(ValueError, match="the ranks do not agree about the model climber"):
        sim.run(1.0)


def test_a_global_that_changes_on_all():
    sim, names = simulated(1.0)
    names["GAIN"] = 2.0
    with pytest.raises(ValueError, match="climber: GAIN, which its step uses, has changed"):
        sim.run(1.0)
