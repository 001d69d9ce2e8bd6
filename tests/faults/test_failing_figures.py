"""Figures that fail: the run is complete all the same, and a line says how to draw again."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from distsim.analysis import bench_figure
from distsim.cli.command import GUARDED
from distsim.networks import BrunelAlpha, brunel_delta
from distsim.parallel import FaultError
from distsim.performance.bench import peers
from distsim.results import folder
from tests.support.commands import FILES, PNG, ROOT, run

QUICK = ["brunel-delta", "--set", "N_E=200", "--t-sim", "30"]
ALPHA = ["brunel-alpha", "--set", "order=100", "--t-sim", "20"]
PANELS = ["brunel-delta", "--set", "N_E=200", "--t-sim", "2", "--panel", "all"]


def names(out: Path) -> set[str]:
    return {path.name for path in out.iterdir()}


def fire(*_, **__):
    raise RuntimeError("the figures\nare on fire")


def full(*_, **__):
    raise OSError(28, "No space left on device", "raster.png")


def full_or_read_only(self, path, **_):
    Path(path).write_bytes(b"half a picture")
    full()


def short_of_memory(*_, **__):
    raise MemoryError


FAILURES = {
    "a bug": ("distsim.analysis.figures.raster", fire, "RuntimeError: the figures are on fire"),
    "the second figure": ("distsim.analysis.figures.rates_boxplot", fire, "RuntimeError: the figures are on fire"),
    "a full disk": ("matplotlib.figure.Figure.savefig", full_or_read_only, "raster.png: No space left on device"),
    "little memory": ("distsim.analysis.figures.raster", short_of_memory, "not enough memory"),
}


@pytest.mark.parametrize(("place", "failure", "said"), FAILURES.values(), ids=FAILURES)
def test_a_run_whose_figures_fail_is_complete_and_says_how_to_draw_them(
    tmp_path, capsys, monkeypatch, place, failure, said
):
    out = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(place, failure)
        assert run(*QUICK, "--out", out) == 0
    printed = capsys.readouterr()
    again = f"to draw them again: python -m distsim plot {out}"
    assert printed.err == f"distsim: warning: no figures: {said}; {again}\n"
    assert "spikes_sha256" in printed.out and f"files in {out}: spikes.h5, summary.json\n" in printed.out
    assert names(out) - {"raster.png"} == FILES and not folder.is_unfinished(out)
    assert run(*QUICK, "--out", out, "--resume", "auto") == 0
    assert run("plot", out) == 0
    assert (out / "raster.png").read_bytes()[:8] == (out / "rates.png").read_bytes()[:8] == PNG


def test_figures_are_drawn_once_the_run_is_complete(tmp_path, monkeypatch):
    found = []

    def look(place: Path) -> list[Path]:
        found.append((folder.is_unfinished(place), names(place)))
        return []

    monkeypatch.setattr("distsim.analysis.figures.plot_folder", look)
    assert run(*QUICK, "--out", tmp_path / "run") == 0
    assert found == [(False, FILES)]


def test_the_code_of_a_run_that_the_guard_ends_stays(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("distsim.analysis.figures.raster", fire)
    argv = [*QUICK, "--t-sim", "200", "--max-rate", "0.01", "--out", tmp_path / "run"]
    assert run(*argv) == GUARDED
    assert "no figures: RuntimeError" in capsys.readouterr().err
    assert not folder.is_unfinished(tmp_path / "run")


def test_what_a_network_says_of_its_figures_may_fail_too(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(BrunelAlpha, "figures", fire)
    assert run(*ALPHA, "--out", tmp_path / "run") == 0
    assert "distsim: warning: RuntimeError: the figures are on fire: figures are those of any network" in (
        capsys.readouterr().err
    )
    assert {"raster.png", "rates.png", "summary.json"} <= names(tmp_path / "run")


def test_panels_are_complete_without_their_figures(tmp_path, capsys, monkeypatch):
    out = tmp_path / "all"
    with monkeypatch.context() as patch:
        patch.setattr("matplotlib.figure.Figure.savefig", full)
        assert run(*PANELS, "--out", out) == 0
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 5 and all("No space left on device; to draw them again" in line for line in said)
    assert said[-1].endswith(f"python -m distsim plot {out}")
    assert names(out) == {*brunel_delta.PANELS, "summary.json"} and not list(out.rglob("running.json"))
    assert run("plot", out) == 0
    assert (out / "panels.png").read_bytes()[:8] == (out / "C" / "rates.png").read_bytes()[:8] == PNG


def test_a_bench_is_complete_without_its_figure_which_is_drawn_again(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(peers, "MODULES", {"NEST": "no_such_module_at_all"})
    out = tmp_path / "bench"
    with monkeypatch.context() as patch:
        patch.setattr(bench_figure, "_draw_bars", fire)
        assert run("bench", "--quick", "--networks", "brunel-alpha", "--out", out) == 0
    assert f"python -m distsim plot {out}" in capsys.readouterr().err
    assert names(out) == {"bench.json"}
    assert run("plot", out) == 0 and str(out / "bench.png") in capsys.readouterr().out
    assert (out / "bench.png").read_bytes()[:8] == PNG
    (out / "bench.json").write_text(json.dumps({"networks": {"brunel-alpha": 3}}))
    assert run("plot", out) == 2 and "bench.json: not what distsim bench writes" in capsys.readouterr().err


# --- plot itself ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("finished") / "run"
    assert run(*QUICK, "--no-plots", "--out", out) == 0
    return out


@pytest.mark.parametrize(("place", "failure", "said"), FAILURES.values(), ids=FAILURES)
def test_plot_fails_with_one_line(finished, tmp_path, monkeypatch, place, failure, said):
    shutil.copytree(finished, tmp_path / "run")
    monkeypatch.setattr(place, failure)
    with pytest.raises(FaultError, match=said):
        run("plot", tmp_path / "run")
    assert not list(tmp_path.rglob("*.part"))


# --- the user's own set-up of matplotlib ------------------------------------------------------------------------------


def process(tmp_path: Path, *argv, rc: str = "", **environment) -> subprocess.CompletedProcess:
    """Run a command with a matplotlibrc of its own in the working folder."""
    if rc:
        (tmp_path / "matplotlibrc").write_bytes(rc.encode("latin-1"))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    command = [sys.executable, *map(str, argv)]
    return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)


SETUPS = {
    "a notebook's backend": ("", "module://matplotlib_inline.backend_inline"),
    "no such backend": ("", "nonsense"),
    "a window's backend": ("", "tkagg"),
    "another window's": ("backend: qtagg\n", ""),
    "TeX": ("text.usetex: true\n", "agg"),
    "mistakes": ("no.such.key: 3\nfont.size: large\nbackend: none\n", ""),
    "no such font": ("font.family: No Such Font\n", ""),
}


FEW = ("a notebook's backend", "TeX", "mistakes")


@pytest.mark.parametrize("setup", [pytest.param(s, marks=() if s in FEW else pytest.mark.validation) for s in SETUPS])
def test_figures_are_drawn_whatever_is_set_up(finished, tmp_path, setup):
    rc, backend = SETUPS[setup]
    shutil.copytree(finished, tmp_path / "run")
    done = process(tmp_path, "-m", "distsim", "plot", "run", rc=rc, MPLBACKEND=backend)
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
    assert {"raster.png", "rates.png"} <= names(tmp_path / "run")


def test_a_set_up_that_nobody_can_read_fails_in_one_line_and_a_run_is_complete(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "run")
    done = process(tmp_path, "-m", "distsim", "plot", "run", rc="font.family: \xff\xfe\n")
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    assert done.stderr.splitlines()[-1].startswith("distsim: error: run: RuntimeError: matplotlib: 'utf-8' codec")
    done = process(tmp_path, "-m", "distsim", *QUICK, "--out", "new")
    assert (
        done.returncode == 0 and "distsim: warning: no figures: RuntimeError: matplotlib: 'utf-8' codec" in done.stderr
    ), done.stderr
    assert names(tmp_path / "new") == FILES


LIBRARY = """
import os, sys, distsim
{first}
before = dict(matplotlib.rcParams)
distsim.load("run").raster().save("raster.png")
assert dict(matplotlib.rcParams) == before and matplotlib.rcParams["text.usetex"]
assert os.environ["MPLBACKEND"] == "svg" == before["backend"]
assert "matplotlib.pyplot" not in sys.modules
"""
FIRST = {
    "matplotlib": "import matplotlib",
    "distsim": "from distsim.analysis.drawing import own_canvas\nwith own_canvas():\n    import matplotlib",
}


@pytest.mark.parametrize("first", FIRST.values(), ids=FIRST)
def test_a_process_of_the_user_keeps_its_set_up(finished, tmp_path, first):
    shutil.copytree(finished, tmp_path / "run")
    done = process(tmp_path, "-c", LIBRARY.format(first=first), rc="text.usetex: true\n", MPLBACKEND="svg")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "raster.png").read_bytes()[:8] == PNG
