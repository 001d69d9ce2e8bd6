"""The scripts in jobs/, run on a copy of them with a faked .venv, mpirun and Python."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = [*sorted((ROOT / "jobs").glob("*.s*")), ROOT / ".ci" / "run"]

# Stands for .venv/bin/python: what distsim and pip are asked for is shown, and ends with the status set for it.
PYTHON = """#!/usr/bin/env bash
case "$1 $2" in
    "-m distsim") printf '%s\\n' "folder $PWD" "$@"; exit "${DISTSIM_STATUS:-0}" ;;
    "-m pip") echo "no network"; exit 1 ;;
    "-m venv" | "-m virtualenv") exit 1 ;;
esac
"""
MPIRUN = """#!/usr/bin/env bash
printf '%s\\n' mpirun "$@"
exit "${DISTSIM_STATUS:-0}"
"""


SRUN = """#!/usr/bin/env bash
printf '%s\\n' srun "$@"
exit "${DISTSIM_STATUS:-0}"
"""
SCONTROL = """#!/usr/bin/env bash
printf '%s\\n' scontrol "$@"
"""


def write_script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


class Checkout:
    """A repository in which jobs/environment.sh finds nothing to do."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "a checkout"
        self.tools = folder / "tools"
        self.venv = self.root / ".venv"
        shutil.copytree(ROOT / "jobs", self.root / "jobs")
        shutil.copy(ROOT / "pyproject.toml", self.root)
        write_script(self.venv / "bin" / "python", PYTHON)
        write_script(self.tools / "python3", PYTHON)
        write_script(self.tools / "mpirun", MPIRUN)
        write_script(self.tools / "srun", SRUN)
        write_script(self.tools / "scontrol", SCONTROL)
        # No test installs anything on the machine.
        write_script(self.tools / "apt-get", "#!/bin/sh\nexit 1\n")
        self.stamp()

    def stamp(self, mpi_kind: str = "openmpi") -> None:
        """Write what a finished set-up leaves behind."""
        files = [self.root / "pyproject.toml", self.root / "jobs" / "environment.sh"]
        content = b"".join(file.read_bytes() for file in files)
        checksum = subprocess.run(["cksum"], input=content, capture_output=True, check=True).stdout.decode().strip()
        mpirun = self.tools / "mpirun"
        settings = f"# {checksum}\n# {mpirun}\nmpirun={mpirun}\nmpi_kind={mpi_kind}\n"
        (self.venv / "setup.env").write_text(settings)

    def run(self, script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
        """Call a script from a folder outside of the repository."""
        return subprocess.run(
            ["bash", str(self.root / "jobs" / script), *arguments],
            cwd=self.tools,
            env={"PATH": f"{self.tools}:/usr/bin:/bin", "HOME": str(self.tools), **environment},
            capture_output=True,
            text=True,
            timeout=30,
        )

    def job(self, script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
        """Run a script as SLURM does, with what it sets."""
        job = {"SLURM_SUBMIT_DIR": str(self.root), "SLURM_JOB_NAME": "some", "SLURM_JOB_ID": "12", "SLURM_NTASKS": "6"}
        return self.run(script, *arguments, **{**job, "SLURM_ARRAY_TASK_ID": "4", **environment})


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_is_valid_bash(script: Path) -> None:
    result = subprocess.run(["bash", "-n", str(script)], capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")


def test_one_rank_runs_without_mpirun_where_it_was_called(checkout: Checkout) -> None:
    result = checkout.run("local.sh", "microcircuit", "--out", "a b", DISTSIM_RANKS="1")
    expected = [f"folder {checkout.tools}", "-m", "distsim", "microcircuit", "--out", "a b"]
    assert (result.returncode, result.stdout.splitlines()) == (0, expected)


@pytest.mark.parametrize("ranks", ["1", "2"])
def test_exit_status_is_the_run_s(checkout: Checkout, ranks: str) -> None:
    assert checkout.run("local.sh", DISTSIM_RANKS=ranks, DISTSIM_STATUS="7").returncode == 7


def test_ranks_start_under_mpirun(checkout: Checkout) -> None:
    result = checkout.run("local.sh", "microcircuit", "a b", DISTSIM_RANKS="2")
    lines = result.stdout.splitlines()
    assert lines[:3] == ["mpirun", "-n", "2"]
    assert lines[-5:] == [str(checkout.venv / "bin" / "python"), "-m", "distsim", "microcircuit", "a b"]


def test_more_ranks_than_cores_are_oversubscribed_and_not_bound(checkout: Checkout) -> None:
    result = checkout.run("local.sh", DISTSIM_RANKS=str(os.cpu_count() + 1))
    assert "--oversubscribe" in result.stdout
    assert "--bind-to" not in result.stdout


def test_mpich_gets_no_options_of_open_mpi(checkout: Checkout) -> None:
    checkout.stamp(mpi_kind="mpich")
    result = checkout.run("local.sh", DISTSIM_RANKS="99")
    assert result.stdout.splitlines()[:4] == ["mpirun", "-n", "99", str(checkout.venv / "bin" / "python")]


@pytest.mark.parametrize("ranks", ["0", "-2", "two", "1.5"])
def test_bad_number_of_ranks_is_an_error(checkout: Checkout, ranks: str) -> None:
    result = checkout.run("local.sh", DISTSIM_RANKS=ranks)
    assert (result.returncode, result.stdout) == (2, "")
    assert f"DISTSIM_RANKS={ranks}" in result.stderr


OUT = {script: ["--out", "results/some-12"] for script in ("one-node", "several-nodes", "long-run")}
OUT["seeds"] = ["--seed", "4", "--out", "results/some-seed-4"]
OUT["long-run"] += ["--resume", "auto", "--checkpoint-wall", "10min"]


@pytest.mark.parametrize("script", sorted(OUT))
def test_arguments_of_a_job_go_to_distsim(checkout: Checkout, script: str) -> None:
    result = checkout.job(f"{script}.slurm", "--set", "a b")
    assert result.returncode == 0, result.stderr
    python = str(checkout.venv / "bin" / "python")
    command = ["srun", "--mpi=pmix", "--cpus-per-task=1", "--cpu-bind=cores", python, "-m", "distsim", "microcircuit"]
    lines = result.stdout.splitlines()
    assert lines[lines.index("srun") :] == [*command, *OUT[script], "--set", "a b"]


def test_job_s_first_argument_may_be_the_network(checkout: Checkout) -> None:
    result = checkout.job("one-node.slurm", "ei-clustered", "--seed", "2", DISTSIM_LAUNCHER="mpirun")
    python = str(checkout.venv / "bin" / "python")
    command = ["mpirun", "-n", "6", "--bind-to", "core", python, "-m", "distsim", "ei-clustered"]
    assert result.stdout.splitlines() == [*command, *OUT["one-node"], "--seed", "2"]


@pytest.mark.parametrize(("status", "again"), [(0, False), (1, False), (75, True), (137, False)])
def test_long_run_queues_again_after_a_checkpoint_only(checkout: Checkout, status: int, again: bool) -> None:
    result = checkout.job("long-run.slurm", DISTSIM_STATUS=str(status))
    assert result.returncode == status
    assert ("scontrol\nrequeue\n12\n" in result.stdout) == again


def test_unknown_launcher_of_a_job_is_an_error(checkout: Checkout) -> None:
    result = checkout.job("one-node.slurm", DISTSIM_LAUNCHER="mpiexec")
    assert (result.returncode, result.stdout) == (2, "")
    assert "DISTSIM_LAUNCHER=mpiexec" in result.stderr


def test_script_that_is_not_submitted_says_so(checkout: Checkout) -> None:
    result = checkout.run("one-node.slurm")
    assert result.returncode != 0
    assert "submit this with sbatch" in result.stderr


def test_modules_of_a_cluster_are_loaded(checkout: Checkout) -> None:
    (checkout.root / "jobs" / "modules.sh").write_text("echo modules $not_set >&2\n")
    result = checkout.job("one-node.slurm")
    assert (result.returncode, result.stderr) == (0, "modules\n")


def test_nothing_is_set_up_twice(checkout: Checkout) -> None:
    before = sorted(checkout.venv.rglob("*"))
    result = checkout.run("environment.sh")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert sorted(checkout.venv.rglob("*")) == before


def test_changed_requirements_start_a_set_up_whose_failure_is_shown(checkout: Checkout) -> None:
    with (checkout.root / "pyproject.toml").open("a") as file:
        file.write("# changed\n")
    result = checkout.run("local.sh", DISTSIM_RANKS="1")
    assert (result.returncode, result.stdout) == (1, "")
    assert "no network" in result.stderr
    assert not (checkout.venv / "setup.env").exists()


def test_half_of_a_set_up_is_thrown_away(checkout: Checkout) -> None:
    (checkout.venv / "setup.env").unlink()
    (checkout.venv / "setup.unfinished").touch()
    result = checkout.run("environment.sh")
    assert result.returncode == 1
    assert not (checkout.venv / "bin").exists()


@pytest.mark.parametrize("fails", ["ruff", "mypy"])
def test_the_suite_stops_at_the_first_failure(checkout: Checkout, fails: str) -> None:
    for tool in ("ruff", "mypy"):
        write_script(checkout.venv / "bin" / tool, f"#!/bin/sh\nexit {3 if tool == fails else 0}\n")
    result = checkout.run("test.sh")
    assert (result.returncode, result.stdout.split()) == (3, ["==", "style"])


@pytest.mark.parametrize("status", [0, 3])
def test_the_fast_part_is_style_and_pure_tests(checkout: Checkout, status: int) -> None:
    for tool in ("ruff", "mypy"):
        write_script(checkout.venv / "bin" / tool, "#!/bin/sh\n")
    write_script(
        checkout.venv / "bin" / "python", f'#!/bin/sh\n[ "$2" != pytest ] || {{ echo "$@"; exit {status}; }}\n'
    )
    result = checkout.run("test.sh", "--fast", "-x")
    style, fast, ran, *end = filter(None, result.stdout.split("\n"))
    assert (result.returncode, style, fast) == (status, "== style", "== fast")
    assert ran.startswith("-m pytest ") and ran.endswith(" tests/unit -x")
    assert end == (["== all passed"] if status == 0 else [])
