"""The scripts of jobs/, submitted to a SLURM of one node, at small scale."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from .cluster import Cluster

ROOT = Path(__file__).resolve().parents[2]
SMALL = ("--scale", "0.02", "--t-presim", "0", "--no-plots")
SHORT = (*SMALL, "--t-sim", "40")
LONG = (*SMALL, "--t-sim", "60000")  # several seconds on any machine
TWO_RANKS = ("--nodes=1", "--ntasks-per-node=2", "--time=10")
LIMIT = 120.0  # s that a job may take for what it is waited for
ENDED = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "BOOT_FAIL", "OUT_OF_MEMORY")

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.skipif(shutil.which("mpirun") is None, reason="there is no mpirun"),
]
with_both_launchers = pytest.mark.parametrize("launcher", ["srun", "mpirun"])


class Checkout:
    """A repository with a .venv that is ready, from which jobs are submitted."""

    def __init__(self, root: Path, cluster: Cluster) -> None:
        self.root, self.cluster = root, cluster
        shutil.copytree(ROOT / "jobs", root / "jobs")
        shutil.copy(ROOT / "pyproject.toml", root)
        python = root / ".venv" / "bin" / "python"
        python.parent.mkdir(parents=True)
        # distsim itself from where it is: at another path, or behind a link, all its kernels would be compiled again.
        python.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" "$@"\n')
        python.chmod(0o755)
        files = [root / "pyproject.toml", root / "jobs" / "environment.sh"]
        content = b"".join(file.read_bytes() for file in files)
        checksum = subprocess.run(["cksum"], input=content, capture_output=True, check=True).stdout.decode().strip()
        mpirun = shutil.which("mpirun")
        (root / ".venv" / "setup.env").write_text(f"# {checksum}\n# {mpirun}\nmpirun={mpirun}\nmpi_kind=openmpi\n")

    def replace_distsim(self) -> None:
        (self.root / "distsim").mkdir()
        (self.root / "distsim" / "__init__.py").touch()
        shutil.copy(Path(__file__).with_name("stand_in.py"), self.root / "distsim" / "__main__.py")

    def submit(self, options: tuple[str, ...], script: str, *arguments: str, launcher: str = "srun") -> str:
        """Submit a script; the job's number."""
        command = ("sbatch", "--parsable", *options, f"jobs/{script}", *map(str, arguments))
        # Ranks that wait give way to others: on a machine that does something else too, spinning ones crawl.
        environment = {"DISTSIM_LAUNCHER": launcher, "OMPI_MCA_mpi_yield_when_idle": "1"}
        return self.cluster.command(*command, cwd=self.root, **environment).strip()

    def log(self, job: str) -> str:
        return "".join(file.read_text(errors="replace") for file in self.root.glob(f"*-{job}.log"))

    def wait(self, job: str, what: str, done: Callable[[dict], object]) -> dict:
        """Wait until `done` of what SLURM knows of the job, and return that; fail where the job ends before."""
        until = time.monotonic() + LIMIT
        while True:
            known = self.cluster.job(job)
            if done(known):
                return known
            if known["JobState"] in ENDED or time.monotonic() > until:
                text = f"job {job} is {known['JobState']} ({known['Reason']}, {known['ExitCode']}), not {what}"
                pytest.fail(f"{text}\n{self.log(job)}\n{self.cluster.logs()}")
            time.sleep(0.1)

    def wait_until_completed(self, job: str) -> None:
        self.wait(job, "completed", lambda known: known["JobState"] == "COMPLETED")

    def wait_for_restart(self, job: str, number: int) -> None:
        """Wait until the job has queued again, and let it start soon instead of after SLURM's two minutes.

        At once would be too soon: the node takes no job whose number it was told to forget in the same second.
        """
        self.wait(job, "queued again", lambda known: (known["JobState"], known["Restarts"]) == ("PENDING", str(number)))
        self.cluster.command("scontrol", "update", f"JobId={job}", "StartTime=now+3")

    def summary(self, name: str) -> dict:
        return json.loads((self.root / "results" / name / "summary.json").read_text())


@pytest.fixture
def checkout(tmp_path: Path, cluster: Cluster) -> Checkout:
    return Checkout(tmp_path / "a checkout", cluster)


@pytest.fixture(scope="session")
def local_hash(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """The spikes_sha256 of a run of one rank, without SLURM."""
    found: dict[tuple, str] = {}

    def run(*options: str) -> str:
        if options not in found:
            out = tmp_path_factory.mktemp("local") / "run"
            command = [sys.executable, "-m", "distsim", "microcircuit", *options, "--out", str(out)]
            environment = {**os.environ, "PYTHONPATH": str(ROOT)}
            subprocess.run(command, env=environment, check=True, capture_output=True, timeout=LIMIT)
            found[options] = json.loads((out / "summary.json").read_text())["spikes_sha256"]
        return found[options]

    return run


@with_both_launchers
@pytest.mark.parametrize("script", ["one-node.slurm", "several-nodes.slurm"])
def test_two_tasks_are_one_world_with_the_spikes_of_one_rank(
    checkout: Checkout, local_hash, script: str, launcher: str
) -> None:
    job = checkout.submit(TWO_RANKS, script, *SHORT, launcher=launcher)
    checkout.wait_until_completed(job)
    summary = checkout.summary(f"microcircuit-{job}")
    assert (summary["ranks"], summary["spikes_sha256"]) == (2, local_hash(*SHORT))
    assert checkout.log(job).count("spikes_sha256") == 1


def test_each_task_of_an_array_has_its_seed_and_folder(checkout: Checkout, local_hash) -> None:
    options = ("--array=3,7", "--job-name=some", "--ntasks-per-node=1", "--mem=0", "--time=10")
    job = checkout.submit(options, "seeds.slurm", *SHORT)
    for seed in (3, 7):
        checkout.wait_until_completed(f"{job}_{seed}")
        summary = checkout.summary(f"some-seed-{seed}")
        assert summary["config"]["seed"] == seed
        assert summary["spikes_sha256"] == local_hash(*SHORT, "--seed", str(seed))
        assert summary["spikes_sha256"] in (checkout.root / f"some-seed-{seed}.log").read_text()


@with_both_launchers
def test_status_of_distsim_is_the_job_s(checkout: Checkout, launcher: str) -> None:
    job = checkout.submit(TWO_RANKS, "one-node.slurm", "--scael", "1", launcher=launcher)
    known = checkout.wait(job, "failed", lambda known: known["JobState"] == "FAILED")
    assert known["ExitCode"] == "2:0"
    assert "did you mean '--scale'" in checkout.log(job)


@with_both_launchers
def test_long_run_queues_again_at_the_signal_and_resumes(checkout: Checkout, launcher: str) -> None:
    """With a stand-in for distsim, and the signal that SLURM sends before the time limit."""
    checkout.replace_distsim()
    job = checkout.submit(TWO_RANKS, "long-run.slurm", "40", launcher=launcher)
    steps = checkout.root / "results" / f"microcircuit-{job}" / "steps"
    checkout.wait(job, "under way", lambda _: steps.exists())
    checkout.cluster.command("scancel", "--batch", "--signal=USR1", job)
    checkout.wait_for_restart(job, 1)
    checkout.wait_until_completed(job)
    assert steps.read_text().split("\n") == [*(f"2 {step}" for step in range(40)), ""]
    assert [f"part {part} begins" in checkout.log(job) for part in (1, 2, 3)] == [True, True, False]


def test_long_run_that_is_cancelled_stays_so_until_it_is_requeued(checkout: Checkout) -> None:
    checkout.replace_distsim()
    job = checkout.submit(TWO_RANKS, "long-run.slurm", "40")
    folder = checkout.root / "results" / f"microcircuit-{job}"
    checkout.wait(job, "under way", lambda _: (folder / "steps").exists())
    checkout.cluster.command("scancel", job)
    checkout.wait(job, "cancelled", lambda known: known["JobState"] == "CANCELLED")
    assert (folder / "checkpoint").exists()
    checkout.cluster.command("scontrol", "requeue", job)
    checkout.wait_for_restart(job, 1)
    checkout.wait_until_completed(job)
    assert (folder / "steps").read_text().split("\n") == [*(f"2 {step}" for step in range(40)), ""]


def can_resume() -> bool:
    command = [sys.executable, "-m", "distsim", "microcircuit", "--help"]
    return "--resume" in subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60).stdout


def test_long_run_cut_by_its_time_limit_twice_has_the_spikes_of_an_uncut_one(checkout: Checkout, local_hash) -> None:
    if not can_resume():
        pytest.skip("distsim microcircuit has no --resume yet")
    cluster = checkout.cluster
    job = checkout.submit(TWO_RANKS, "long-run.slurm", *LONG)
    for part in (1, 2):
        checkout.wait(job, "under way", lambda _: catch_usr1(cluster, job, 2))
        time.sleep(0.5)
        # The ranks stand still until SLURM finds that the limit is less than 120 s away, which it looks for every 30 s:
        # the test takes no longer than that, and only a machine that simulates all in that half second is too fast.
        cluster.command("scancel", "--signal=STOP", f"{job}.0")
        cluster.command("scontrol", "update", f"JobId={job}", "TimeLimit=2")
        checkout.wait(job, "signalled", lambda _, part=part: checkout.log(job).count("limit is near") == part)
        cluster.command("scancel", "--signal=CONT", f"{job}.0")
        checkout.wait_for_restart(job, part)
        cluster.command("scontrol", "update", f"JobId={job}", "TimeLimit=10")
    checkout.wait_until_completed(job)
    assert checkout.log(job).count("queues again") == 2
    summary = checkout.summary(f"microcircuit-{job}")
    assert summary["ranks"] == 2
    assert summary["spikes_sha256"] == local_hash(*LONG)


def catch_usr1(cluster: Cluster, job: str, ranks: int) -> bool:
    """Say if all ranks of a job run and do not die of SIGUSR1."""
    lines = cluster.command("scontrol", "listpids", f"{job}.0", check=False).splitlines()[1:]
    processes = [Path("/proc", line.split()[0], "status") for line in lines if line.split()[3] != "-"]
    try:
        texts = [process.read_text() for process in processes]
    except OSError:
        return False
    caught = [int(text.split("SigCgt:")[1].split()[0], 16) >> 9 & 1 for text in texts]
    return sum(caught) == ranks
