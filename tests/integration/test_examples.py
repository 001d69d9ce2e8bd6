"""The examples at small size, run as a modeller runs them: what they print, the pictures, and how many ranks matter."""

from __future__ import annotations

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
from distsim.networks import brunel_alpha, brunel_delta
from distsim.parallel import SerialCommunicator
from tests.support.ranks import launcher, start

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SMALL = {
    "first_network": "",
    "brunel_alpha": "order=50, simtime=200.0",
    "brunel_delta": "N_E=100",
    "microcircuit": "scale=0.02, t_presim=20.0, t_sim=100.0",
    "ei_clustered": "N_E=400, t_presim=50.0, t_sim=2100.0",
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
    assert {path.stem for path in EXAMPLES.glob("*.py")} == set(SMALL)


@pytest.mark.parametrize("name", SMALL)
def test_an_example_makes_its_pictures(name, one_rank):
    text, results = one_rank(name)
    assert hashes(text), text
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
    assert hashes(text) == [sha256_of(brunel_alpha.describe(brunel_alpha.Parameters(order=50)), 200.0)]
    lines = [line.split(":")[0].rstrip() for line in text.splitlines() if ":" in line]
    summary = {"populations": {"E": {"rate_hz": 1.0}, "I": {"rate_hz": 1.0}}, "timing": {"build_s": 1.0, "sim_s": 1.0}}
    expected = brunel_alpha.report(brunel_alpha.Parameters(order=50), summary).splitlines()
    assert lines == [line.split(":")[0].rstrip() for line in expected[1:9]]
    assert all(line in text.splitlines() for line in expected[:5]), text


def test_brunel_delta_is_the_network_of_the_command(one_rank):
    text, _ = one_rank("brunel_delta")
    expected = []
    for panel in brunel_delta.PANELS.values():
        p = brunel_delta.Parameters(g=panel["g"], nu_ext_over_nu_thr=panel["nu_ext_over_nu_thr"], N_E=100)
        expected.append(sha256_of(brunel_delta.describe(p), panel["t_range"][1]))
    assert hashes(text) == expected and len(set(expected)) == 4


def test_brunel_delta_draws_the_panels_of_the_command():
    script = subprocess.run(
        [sys.executable, "-c", f"import runpy; print(runpy.run_path({str(EXAMPLES / 'brunel_delta.py')!r})['PANELS'])"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(EXAMPLES.parent)},
        timeout=60,
    )
    assert script.stdout.strip() == str(brunel_delta.PANELS), script.stderr


@pytest.mark.skipif(launcher() is None, reason="there is no mpirun")
@pytest.mark.parametrize("name", ["first_network", pytest.param("brunel_delta", marks=pytest.mark.validation)])
def test_two_ranks_print_the_same_once(name, one_rank, tmp_path):
    expected, _ = one_rank(name)
    done = start(2, *command(name), cwd=tmp_path, limit=120)
    assert done.returncode == 0, done.stdout + done.stderr
    printed = [text.replace("on 2 rank(s)", "on 1 rank(s)") for text in done.stdout.splitlines()]
    assert [line for line in printed if "compiling" not in line] == [
        line for line in expected.splitlines() if "compiling" not in line
    ]
    assert sorted(path.stem for path in (tmp_path / "results").glob("*.png")) == PICTURES[name]
