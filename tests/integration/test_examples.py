"""The examples at small size, run as a modeller runs them: what they print, the pictures, and how many ranks matter."""

from __future__ import annotations

import ast
import functools
import os
import re
import subprocess
import sys
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

import distsim
from distsim import Simulation
from distsim.networks import BrunelAlpha, BrunelDelta, brunel_alpha, brunel_delta
from distsim.networks.brunel_delta import PANELS
from distsim.parallel import SerialCommunicator
from tests.support.ranks import launcher, start

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SMALL = {
    "first_network": "",
    "brunel_alpha": "order=50, simtime=200.0",
    "brunel_delta": "N_E=100",
    "microcircuit": "scale=0.02, t_presim=20.0, t_sim=100.0",
    "ei_clustered": "N_E=400, t_presim=50.0, t_sim=2100.0",
    "sweep": "order=50, t_warmup=20.0, t_sim=30.0",
    "spatial": "side=20, t_sim=50.0",
}
PICTURES = {name: [name] for name in SMALL} | {"microcircuit": ["microcircuit_raster", "microcircuit_rates"]}


def command(name: str) -> list[str]:
    """Return the arguments of Python that run an example, the first as it is."""
    if not SMALL[name]:
        return [str(EXAMPLES / f"{name}.py")]
    return ["-c", f"import runpy; runpy.run_path({str(EXAMPLES / name)!r} + '.py')['main']({SMALL[name]})"]


@pytest.fixture(scope="module")
def one_rank(tmp_path_factory):
    """Return a function that gives what an example prints on one rank, and the folder with its results."""

    @functools.cache
    def run(name: str) -> tuple[str, Path]:
        cwd = tmp_path_factory.mktemp(name)
        environment = {**os.environ, "PYTHONPATH": str(EXAMPLES.parent)}
        arguments = {"cwd": cwd, "env": environment, "capture_output": True, "text": True, "timeout": 120}
        done = subprocess.run([sys.executable, *command(name)], **arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout, cwd / "results"

    return run


def hashes(text: str) -> list[str]:
    return re.findall(r"spikes_sha256 ([0-9a-f]{64})", text)


# --- what they leave --------------------------------------------------------------------------------------------------


def test_there_is_no_other_example():
    by_command = {"my_network", "fly_brain"}  # test_own_networks.py, test_fly_brain.py
    assert {path.stem for path in EXAMPLES.glob("*.py")} == {*SMALL, *by_command}


@pytest.mark.parametrize("name", SMALL)
def test_an_example_makes_its_pictures(name, one_rank):
    text, results = one_rank(name)
    assert hashes(text) or name == "sweep", text
    assert sorted(path.stem for path in results.glob("*.png")) == sorted(PICTURES[name])
    for picture in PICTURES[name]:
        pixels = matplotlib.image.imread(results / f"{picture}.png")[:, :, :3]
        drawn = np.any(pixels < 0.9, axis=2)
        assert min(drawn.shape) > 500 and 0.02 < drawn.mean() < 0.9
        assert picture in (EXAMPLES / f"{name}.py").read_text().split('"""')[1], "the docstring says where it goes"


def test_the_first_network_keeps_its_run(one_rank):
    text, results = one_rank("first_network")
    result = distsim.load(results / "first_network")
    assert hashes(text) == [result.summary["spikes_sha256"]]
    before, after = (float(x) for x in re.search(r"at ([\d.]+) spikes/s, with more noise at ([\d.]+)", text).groups())
    times, _ = result.spikes("E")
    assert before == pytest.approx(np.count_nonzero(times <= 300.0) / 200, abs=0.006)
    assert after == pytest.approx(np.count_nonzero(times > 300.0) / 200, abs=0.006)
    assert after > 2 * before > 2.0
    assert result.voltages("E[:2]")[1].shape == (4000, 2)


def test_the_stimulus_of_the_clusters_is_in_the_picture(one_rank):
    _, results = one_rank("ei_clustered")
    pixels = matplotlib.image.imread(results / "ei_clustered.png")[:, :, :3]
    band = np.all(np.abs(pixels - np.array([1.0, 0.878, 0.639])) < 0.01, axis=2)
    dark_red = np.all(np.abs(pixels - np.array([0.545, 0.0, 0.0])) < 0.05, axis=2)
    assert band.sum() > 1000 and dark_red.sum() > 1000


# --- what they simulate -----------------------------------------------------------------------------------------------


def sha256_of(network, duration: float) -> str:
    simulation = Simulation(network, 1, SerialCommunicator())
    simulation.run(duration)
    assert sum(simulation.spike_counts()) > 100
    return simulation.spikes_sha256()


def test_brunel_alpha_is_the_network_of_the_command(one_rank):
    text, _ = one_rank("brunel_alpha")
    assert hashes(text) == [sha256_of(BrunelAlpha().describe(brunel_alpha.Parameters(order=50)), 200.0)]
    lines = [line.split(":")[0].rstrip() for line in text.splitlines() if ":" in line]
    summary = {"populations": {"E": {"rate_hz": 1.0}, "I": {"rate_hz": 1.0}}, "timing": {"build_s": 1.0, "sim_s": 1.0}}
    expected = BrunelAlpha().report(brunel_alpha.Parameters(order=50), summary).splitlines()
    assert lines == [line.split(":")[0].rstrip() for line in expected[1:9]]
    assert all(line in text.splitlines() for line in expected[:5]), text


def test_brunel_delta_is_the_network_of_the_command(one_rank):
    text, _ = one_rank("brunel_delta")
    expected = []
    for panel in brunel_delta.PANELS.values():
        p = brunel_delta.Parameters(g=panel.g, nu_ext_over_nu_thr=panel.ratio, N_E=100)
        expected.append(sha256_of(BrunelDelta().describe(p), panel.period[1]))
    assert hashes(text) == expected and len(set(expected)) == 4


def test_brunel_delta_draws_the_panels_of_the_command():
    script = subprocess.run(
        [sys.executable, "-c", f"import runpy; print(runpy.run_path({str(EXAMPLES / 'brunel_delta.py')!r})['PANELS'])"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(EXAMPLES.parent)},
        timeout=60,
    )
    keys = {"g": "g", "nu_ext_over_nu_thr": "ratio", "t_range": "period", "rate_range": "rates"}
    keys["rate_tick_step"] = "tick_step"
    theirs = ast.literal_eval(script.stdout)
    ours = {name: {key: getattr(panel, field) for key, field in keys.items()} for name, panel in PANELS.items()}
    assert theirs == ours, script.stderr


def test_the_sweep_prints_the_rate_of_each_network(one_rank):
    text, _ = one_rank("sweep")
    lines = [line.split() for line in text.splitlines() if line.startswith("eta=")]
    assert len(lines) == 7 and {len(line) for line in lines} == {7}
    rates = {float(line[0][4:]): [float(value) for value in line[1:]] for line in lines}
    p = brunel_alpha.Parameters(order=50, g=3.5, eta=2.0, epsilon=0.5, J=0.5)
    simulation = Simulation(BrunelAlpha().describe(p), 1, SerialCommunicator())
    simulation.run(20.0)
    before = simulation.spike_counts().sum()
    simulation.run(30.0)
    rate = (simulation.spike_counts().sum() - before) / 250 / 0.03
    assert rates[2.0][1] == pytest.approx(rate, abs=0.006) and rate > 1.0
    assert rates[3.0][0] > rates[3.0][-1] > rates[0.8][-1]


@pytest.mark.skipif(launcher() is None, reason="there is no mpirun")
@pytest.mark.parametrize("name", ["first_network", "sweep", pytest.param("brunel_delta", marks=pytest.mark.validation)])
def test_two_ranks_print_the_same_once(name, one_rank, tmp_path):
    expected, _ = one_rank(name)
    done = start(2, *command(name), cwd=tmp_path, limit=120)
    assert done.returncode == 0, done.stdout + done.stderr
    printed = [text.replace("on 2 rank(s)", "on 1 rank(s)") for text in done.stdout.splitlines()]
    assert [line for line in printed if "compiling" not in line] == [
        line for line in expected.splitlines() if "compiling" not in line
    ]
    assert sorted(path.stem for path in (tmp_path / "results").glob("*.png")) == PICTURES[name]


# --- seeds and formats ------------------------------------------------------------------------------------------------


def test_one_network_serves_several_seeds_and_pictures_have_the_format_of_their_name(tmp_path):
    network = BrunelAlpha().describe(brunel_alpha.Parameters(order=50))
    simulations = [Simulation(network, seed, SerialCommunicator()) for seed in (1, 2, 1)]
    for simulation in simulations:
        simulation.run(50.0)
    first, second, again = (simulation.spikes_sha256() for simulation in simulations)
    assert first == again != second
    simulations[0].result().raster().save(tmp_path / "raster.svg")
    simulations[0].result().rates_boxplot(tmp_path / "rates.pdf")
    assert b"<svg" in (tmp_path / "raster.svg").read_bytes()
    assert (tmp_path / "rates.pdf").read_bytes().startswith(b"%PDF")
