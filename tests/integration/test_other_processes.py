"""Behaviour in processes other than this one: steps and their cache, copies of networks, a limit to the memory."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap

import pytest

from tests.support.commands import ROOT


def python(*argv, **variables: str) -> str:
    """Return what a process of Python prints."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    command = [sys.executable, *map(str, argv)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    return done.stdout


# --- steps ------------------------------------------------------------------------------------------------------------


def test_an_identity_is_the_same_in_every_process():
    code = """
        from distsim.engine.compiled.frozen_step import FrozenStep
        from tests.support.users_steps import STEP, by_helper_of_module, by_tuple, module
        sets = module(STEP.format("V + (V in {'a', 'b', 'c'})")).step
        print([FrozenStep(step, "it").identity for step in (by_tuple(1.5), by_helper_of_module(1.5), sets)])
    """
    found = set()
    for seed in ("1", "2"):
        found.add(python("-c", textwrap.dedent(code), PYTHONHASHSEED=seed))
    assert len(found) == 1


SCRIPT = """
    import sys, numba
    from distsim import Network, Simulation
    from distsim.neurons import NeuronModel
    from distsim.neurons.iaf_psc_exp import iaf_psc_exp
    GAIN = float(sys.argv[1])

    @numba.njit
    def helper(x):
        return x + GAIN

    def step(V, wait, ex, inh, current, theta):
        new = helper(V)
        spike = new >= theta
        return new - theta if spike else new, wait, spike

    parameters = {name: iaf_psc_exp.parameters[name] for name in ("E_L", "V_th", "I_e", "V_m")}
    model = NeuronModel("climber", parameters, ("V",), lambda p, dt: {"theta": p["V_th"] - p["E_L"]}, step)
    net = Network()
    P = net.create("P", 1, model, E_L=0.0, V_m=0.0, V_th=10.0)
    net.record_spikes(P)
    sim = Simulation(net)
    sim.run(10.0)
    print("spikes", sim.spikes(P)[0].size)
"""


def test_a_script_that_is_run_with_another_value_does_not_load_the_old_kernel(tmp_path):
    (tmp_path / "script.py").write_text(textwrap.dedent(SCRIPT))
    found = [python(tmp_path / "script.py", gain).splitlines()[-1] for gain in ("1", "5", "1")]
    assert found == ["spikes 10", "spikes 50", "spikes 10"]


# --- networks ---------------------------------------------------------------------------------------------------------


def test_a_network_goes_to_other_processes():
    assert python("-m", "tests.support.spawned").strip() == "True"


UNDER_A_LIMIT = """
import resource
from distsim import Network, Simulation, pairwise_bernoulli

def simulate(n):
    net = Network(0.1)
    S, T = net.create("S", n), net.create("T", n)
    net.connect(S, T, pairwise_bernoulli(0.9), 1.0, 1.5)
    return Simulation(net)

simulate(1200)  # loads the kernels
taken = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + 100_000_000, resource.RLIM_INFINITY))
print(simulate(7000).n_synapses)
try:
    simulate(50_000)
except MemoryError as error:
    print(error)
"""


def test_address_space_may_be_limited():
    """44 million synapses, 6 MB of bits, in 100 MB; 312 MB of bits are refused with what they need."""
    lines = python("-c", UNDER_A_LIMIT).splitlines()[-2:]
    assert int(lines[0]) == pytest.approx(0.9 * 7000**2, rel=1e-3)
    assert re.match(r"the network needs about 0\.5\d GB: Unable to allocate 30\d\. MiB", lines[1])
