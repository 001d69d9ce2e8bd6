"""`brunel-delta --panel`: four runs, each a folder of its own, their figure and summary, and what a mistake leaves."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from distsim.cli.command import run_command
from distsim.networks import brunel_delta
from distsim.parallel import InputError, SerialCommunicator
from distsim.results import folder
from tests.support.ranks import launcher
from tests.support.standing_ranks import command

SMALL = ["brunel-delta", "--N-E", "200", "--J", "1"]
SHORT = ["--t-sim", "60"]
PANEL = {"config.toml", "spikes.h5", "summary.json", "raster.png", "rates.png"}
VOLTAGES = {"voltages.h5", "voltages.png"}
PNG = b"\x89PNG\r\n\x1a\n"


def run(*argv) -> int:
    return run_command([str(word) for word in argv], SerialCommunicator())


def summary_of(path: Path) -> dict:
    return json.loads((path / "summary.json").read_text())


def names_in(path: Path) -> set[str]:
    return {entry.name for entry in path.iterdir()}


@pytest.fixture(scope="module")
def all_panels(tmp_path_factory) -> Path:
    """The folder of a run of all panels, as long as each wants."""
    out = tmp_path_factory.mktemp("panels") / "run"
    assert run(*SMALL, "--panel", "all", "--seed", 5, "--out", out) == 0
    return out


def test_each_panel_is_a_run_of_its_own(all_panels, tmp_path):
    assert names_in(all_panels) == {*"ABCD", "panels.png", "summary.json"}
    for panel, facts in brunel_delta.PANELS.items():
        found = summary_of(all_panels / panel)
        assert names_in(all_panels / panel) == PANEL
        assert (found["config"]["g"], found["t_sim_ms"]) == (facts.g, facts.period[1])
        assert found["figures"]["period"] == list(facts.period) and found["n_spikes"] > 0
    assert run(*SMALL, "--panel", "B", "--seed", 5, "--out", tmp_path / "B", "--no-plots") == 0
    alone, together = summary_of(tmp_path / "B"), summary_of(all_panels / "B")
    assert alone["spikes_sha256"] == together["spikes_sha256"]
    assert alone["figures"] == together["figures"]


def test_the_summary_above_holds_those_of_the_panels(all_panels):
    found = summary_of(all_panels)
    assert (found["network"], found["seed"], found["ranks"]) == ("brunel-delta", 5, 1)
    assert found["panels"] == {panel: summary_of(all_panels / panel) for panel in "ABCD"}
    assert len({summary["spikes_sha256"] for summary in found["panels"].values()}) == 4
    # Work before the first run was no start of the later ones.
    assert [found["panels"][panel]["timing"]["startup_s"] > 0 for panel in "ABCD"] == [True, False, False, False]


def test_all_figures_are_drawn_again_from_the_files(all_panels, tmp_path, capsys):
    for panel in ("", *"ABCD"):
        (tmp_path / panel).mkdir(exist_ok=True)
        for name in ("summary.json", "spikes.h5"):
            if (all_panels / panel / name).exists():
                (tmp_path / panel / name).write_bytes((all_panels / panel / name).read_bytes())
    assert run("plot", tmp_path) == 0
    pictures = [f"{panel}/{name}.png" for panel in "ABCD" for name in ("raster", "rates")] + ["panels.png"]
    assert capsys.readouterr().out.split() == [str(tmp_path / name) for name in pictures]
    for name in pictures:
        assert (tmp_path / name).read_bytes() == (all_panels / name).read_bytes()
        assert (tmp_path / name).read_bytes()[:8] == PNG


@pytest.mark.parametrize(
    ("options", "in_panel", "above"),
    [
        (["--no-plots"], {"spikes.h5"}, set()),
        (["--no-record"], set(), set()),
        (["--t-sim", "0"], {"spikes.h5"}, set()),
        (["--record-spikes", "I[:20]", "--record-voltages", "E[:2]"], PANEL | VOLTAGES, {"panels.png"}),
    ],
    ids=["no plots", "no record", "no time", "some neurons"],
)
def test_options_hold_for_every_panel(tmp_path, options, in_panel, above):
    out = tmp_path / "run"
    assert run(*SMALL, *SHORT, "--panel", "all", "--out", out, "--set", "gamma=0.5", *options) == 0
    assert names_in(out) == {*"ABCD", "summary.json"} | above
    for panel in "ABCD":
        assert names_in(out / panel) == in_panel | {"config.toml", "summary.json"}
        assert summary_of(out / panel)["populations"]["I"]["n"] == 100


@pytest.mark.parametrize(
    ("options", "expected"),
    [([], (1200.0, [1000.0, 1200.0], False)), (["--panel", "A"], (600.0, [500.0, 600.0], True))],
)
def test_a_run_is_as_long_as_its_panel_wants(tmp_path, options, expected):
    assert run(*SMALL, *options, "--out", tmp_path / "run") == 0
    found = summary_of(tmp_path / "run")
    figures = found["figures"]
    assert (found["t_sim_ms"], figures["period"], "ylim" in figures["rate"]) == expected


@pytest.mark.skipif(launcher() is None, reason="there is no mpirun")
def test_spikes_of_all_panels_do_not_depend_on_the_ranks(all_panels, tmp_path):
    argv = [*SMALL, "--panel", "all", "--seed", 5, "--out", tmp_path / "run"]
    done = command(2, *argv, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    found, expected = summary_of(tmp_path / "run"), summary_of(all_panels)
    assert (found["ranks"], done.stdout.count("panel ")) == (2, 4)
    for panel in "ABCD":
        assert found["panels"][panel]["spikes_sha256"] == expected["panels"][panel]["spikes_sha256"]
    assert names_in(tmp_path / "run") == {*"ABCD", "panels.png", "summary.json"}


# --- mistakes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--panel", "E"], ["--panel", "'E'", "all"]),
        (["--panel", "all", "--g", "3"], ["--g", "--panel"]),
        (["--panel", "B", "--nu-ext-over-nu-thr", "1"], ["--nu-ext-over-nu-thr", "--panel"]),
        (["--panel", "all", "--set", "g=3"], ["--set g=3"]),
        (["--panel", "all", "--set", "tau=0"], ["tau=0", "greater than 0 ms"]),
        (["--panel", "all", "--t-sim", "0.05"], ["--t-sim", "multiple of dt"]),
        (["--panel", "all", "--dt", "0.7"], ["multiple of dt"]),
        (["--panel", "all", "--record-spikes", "X"], ["--record-spikes", "X"]),
        (["--panel", "all", "--out", "file"], ["--out file"]),
        (["--panel", "all", "--out", "part"], ["part/C", "spikes.h5", "--overwrite"]),
        (["--panel", "all", "--out", "blocked", "--overwrite"], ["blocked/B"]),
    ],
)
def test_mistakes_are_named_once_and_leave_nothing(tmp_path, monkeypatch, capsys, options, named):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("distsim.runs.run.run", lambda *_, **__: pytest.fail("was run all the same"))
    (tmp_path / "file").write_text("")
    for path in ("part/C/spikes.h5", "part/A/mine.txt", "blocked/summary.json", "blocked/A/spikes.h5", "blocked/B"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("")
    before = sorted(tmp_path.rglob("*"))
    assert run(*SMALL, *options) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.startswith("distsim: error: ") and printed.err.count("\n") == 1
    for text in named:
        assert text in printed.err
    assert sorted(tmp_path.rglob("*")) == before


def test_an_earlier_run_of_panels_is_replaced_only_if_it_may_be(tmp_path, capsys):
    out = tmp_path / "run"
    argv = [*SMALL, *SHORT, "--out", out]
    assert run(*argv, "--panel", "all") == 0
    (out / "mine.txt").write_text("kept")
    assert run(*argv, "--panel", "all") == run(*argv) == 2
    assert capsys.readouterr().err.count("--overwrite") == 2
    assert run(*argv, "--panel", "all", "--overwrite", "--no-plots") == 0
    assert names_in(out) == {*"ABCD", "summary.json", "mine.txt"} and "raster.png" not in names_in(out / "A")
    assert run(*argv, "--panel", "A", "--overwrite") == 0
    assert names_in(out) == PANEL | {*"ABCD", "mine.txt"} and summary_of(out)["t_sim_ms"] == 60.0


# --- folders ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def another():
    """A process that lives as long as the test."""
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process.pid
        process.kill()


def claim_as(process: int, monkeypatch, *arguments) -> Path:
    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", lambda: process)
        return folder.claim(*arguments)


def test_the_folders_of_panels_are_claimed_together_and_belong_to_the_run_until_its_end(tmp_path, monkeypatch, another):
    out = tmp_path / "run"
    assert claim_as(another, monkeypatch, str(out), "net", False, ("A", "B")) == out
    folder.release(out / "A")  # the first panel is done
    (out / "A" / "spikes.h5").write_text("")
    for place in (out, out / "A", out / "B"):
        with pytest.raises(InputError, match=rf"{place}: another run is writing there \(process {another}"):
            folder.claim(str(place), "net", True)
    assert (out / "A" / "spikes.h5").exists()
    assert folder.claim(str(out / "C"), "net", False) == out / "C"  # is none of its panels
    folder.release(out / "B")
    folder.release(out)
    assert folder.claim(str(out / "A"), "net", True) == out / "A"


def test_where_one_folder_is_taken_none_is(tmp_path, monkeypatch, another):
    out = tmp_path / "run"
    claim_as(another, monkeypatch, str(out / "B"), "net", False)
    with pytest.raises(InputError, match=r"run/B: another run is writing there"):
        folder.claim(str(out), "net", True, ("A", "B"))
    assert names_in(out) == {"B"} and names_in(out / "B") == {folder.MARKER}


def test_a_folder_that_is_taken_at_the_last_moment_frees_the_others(tmp_path, monkeypatch):
    out, check_free = tmp_path / "run", folder._check_free

    def check_and_be_late(place: Path, *others) -> None:
        check_free(place, *others)
        if place.name == "B":
            place.mkdir(parents=True)
            (place / folder.MARKER).write_text("{}")

    monkeypatch.setattr(folder, "_check_free", check_and_be_late)
    with pytest.raises(InputError, match=r"run/B: another run has just begun there"):
        folder.claim(str(out), "net", False, ("A", "B"))
    assert names_in(out) == {"B"}  # the folder of the other panel is removed again


def test_without_out_panels_get_a_new_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number in (1, 2):
        out = folder.claim(None, "net", False, ("A", "B"))
        assert out == Path("results", f"net-{number}")
        assert names_in(out) == {"A", "B", folder.MARKER} and names_in(out / "B") == {folder.MARKER}
