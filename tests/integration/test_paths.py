"""Paths that begin with ~, wherever one can be given; and files that several ranks write at once."""

from __future__ import annotations

from pathlib import Path

import pytest

import distsim
from distsim import Network, Simulation
from distsim.analysis.figures import plot_folder, plot_panels
from distsim.analysis.panels import panels
from distsim.analysis.rates import rates_boxplot
from distsim.cli.command import run_command
from distsim.files.paths import as_path, temporary_path
from distsim.parallel import SerialCommunicator
from distsim.recording.checkpoint_file import read_header
from distsim.recording.spike_hash import spikes_sha256
from distsim.recording.spikes import SpikeFile, read_spikes
from tests.support.ranks import launcher, start

ALPHA = ["brunel-alpha", "--order", "20", "--t-sim", "20", "--set", "N_rec=5"]


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """Let the home folder and the working folder be empty ones; nothing may be called ~ in either."""
    for name in ("home", "work"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "work")
    yield tmp_path / "home"
    assert list((tmp_path / "work").iterdir()) == []


def simulation(**options) -> Simulation:
    net = Network(0.1)
    net.record_spikes(net.create("E", 20, I_e=500.0))
    sim = Simulation(net, 1, SerialCommunicator(), **options)
    sim.run(50.0)
    return sim


def test_paths_of_a_simulation_and_its_result(home):
    sim = simulation()
    assert sim.save("~/runs/a") == home / "runs" / "a"
    assert sim.save(Path("~/runs/a"), overwrite=True) == home / "runs" / "a"
    with pytest.raises(ValueError, match="holds an earlier run"):
        sim.save("~/runs/a")
    loaded = distsim.load("~/runs/a")
    assert loaded.summary["spikes_sha256"] == sim.spikes_sha256()
    sim.checkpoint("~/runs/a.h5")
    assert simulation(checkpoint="~/runs/a.h5").time == 100.0 and (home / "runs/a.h5").is_file()
    raster = loaded.raster()
    raster.save("~/figures/raster.png")
    loaded.rates_boxplot(Path("~/figures/rates.png"))
    panels([raster], "~/figures/panels.png")
    rates_boxplot({"E": read_spikes("~/runs/a/spikes.h5")["E"]}, 0.0, 50.0, "~/figures/other.png")
    assert len(list((home / "figures").iterdir())) == 4
    assert plot_folder("~/runs/a") == [home / "runs/a/raster.png", home / "runs/a/rates.png"]
    assert spikes_sha256("~/runs/a/spikes.h5", sim.network.grid.dt) == sim.spikes_sha256()
    SpikeFile("~/spikes.h5", {"E": (0, 1)}, sim.network.grid.dt).close()
    assert (home / "spikes.h5").is_file()


def test_paths_on_the_command_line(home):
    def run(*argv: str) -> int:
        return run_command(argv, SerialCommunicator())

    assert run(*ALPHA, "--out=~/run", "--no-plots", "--checkpoint-every", "10ms") == 0
    assert run("plot", "~/run") == 0 and (home / "run" / "raster.png").is_file()
    assert run(*ALPHA, "--out", "~/run", "--resume", "auto", "--no-plots") == 0
    assert run("resume", "~/run", "--t-sim", "30") == 0 and distsim.load("~/run").period == (0.0, 30.0)
    assert run(*ALPHA, "--out=~/run") == 2  # an earlier run is there
    assert sorted(path.name for path in home.iterdir()) == ["run"]


@pytest.mark.parametrize("command", [[*ALPHA, "--out"], ["plot"], ["resume"], ["bench", "--out"]])
def test_an_unknown_home_folder_on_the_command_line(home, capsys, command):
    assert run_command([*command, "~nobody-of-this-name/x"], SerialCommunicator()) == 2
    error = capsys.readouterr().err
    assert "the home folder of ~nobody-of-this-name is not known" in error and len(error.splitlines()) == 1


def test_an_unknown_home_folder(home):
    sim, path = simulation(), "~nobody-of-this-name/x"
    said = "~nobody-of-this-name/x: the home folder of ~nobody-of-this-name is not known"
    with pytest.raises(ValueError, match=f"^folder {said}$"):
        sim.save(path)
    for action in (
        lambda: sim.checkpoint(path),
        lambda: distsim.load(path),
        lambda: sim.result().raster().save(path),
        lambda: sim.result().rates_boxplot(path),
        lambda: plot_panels(path),
        lambda: simulation(checkpoint=path),
    ):
        with pytest.raises(FileNotFoundError, match=f"^{said}$"):
            action()


def test_only_the_start_of_a_path_is_a_home_folder(home):
    assert as_path("a/~/b") == Path("a/~/b") and as_path("~") == as_path("~/") == home and as_path("") == Path()
    assert as_path("./~/a") == as_path(as_path("./~/a")) == Path.cwd() / "~" / "a"
    assert temporary_path(home / "a.png") != temporary_path(home / "a.png")


def test_a_checkpoint_that_cannot_be_written_leaves_nothing(home, monkeypatch):
    sim = simulation()
    sim.checkpoint(home / "a.h5")
    before = read_header(home / "a.h5")
    with monkeypatch.context() as context:

        def fail(*_):
            raise KeyboardInterrupt

        context.setattr("distsim.recording.checkpoint_file._write", fail)
        with pytest.raises(KeyboardInterrupt):
            sim.checkpoint(home / "a.h5")
    assert [path.name for path in home.iterdir()] == ["a.h5"] and read_header(home / "a.h5") == before


@pytest.mark.skipif(launcher() is None, reason="there is no mpirun")
@pytest.mark.parametrize("ranks", [2, pytest.param(3, marks=pytest.mark.validation)])
def test_files_that_several_ranks_write_are_whole(tmp_path, ranks):
    done = start(ranks, "-m", "tests.support.written_together", cwd=tmp_path, limit=240)
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.split("\n"))[-ranks:] == [f"rank {rank} is done" for rank in range(ranks)]
