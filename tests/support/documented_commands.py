"""Do the commands of a document as far as a test can: run distsim, shortened, and check all others word by word."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from pathlib import Path

import tomlkit

from distsim.cli.command import parse
from distsim.parallel import SerialCommunicator
from tests.support.commands import ROOT, run

SMALL = {  # networks for a test; options at the end win
    "microcircuit": ["--scale", "0.02", "--t-presim", "20", "--t-sim", "40"],
    "brunel-alpha": ["--order", "50", "--t-sim", "100"],
    "brunel-delta": ["--N-E", "100"],
    "ei-clustered": ["--set", "N_E=400", "--set", "N_I=100", "--t-presim", "20", "--t-sim", "100"],
    "run": ["--set", "N=400", "--set", "K=40", "--t-presim", "20", "--t-sim", "40"],
    "fly_brain": ["--set", "N=400", "--set", "edges=9000", "--t-sim", "40"],
}
VARIABLES = {"SBATCH_ACCOUNT", "SBATCH_PARTITION", "SLURM_MPI_TYPE"}  # of SLURM; ours occur in jobs/
SBATCH = {"--nodes", "--ntasks-per-node", "--array", "--time", "--job-name", "--account", "--partition", "--mem"}
MPIRUN = {"-n": 1, "--bind-to": 1, "--oversubscribe": 0, "--allow-run-as-root": 0}  # options, and their values
PYTEST = {"-rP": 0, "-x": 0, "-m": 1, "-k": 1, "-n": 1, "--dist": 1}


class UncheckedError(Exception):
    """A command that nothing here can run or check."""


def commands(text: str) -> list[list[str]]:
    """Return the words of each command of a bash block."""
    lines = text.replace("\\\n", " ").split("\n")
    return [words for words in (shlex.split(line, comments=True) for line in lines) if words]


def do(words: list[str]) -> None:
    """Run or check a command in the working directory.

    Raises
    ------
    UncheckedError
        Nothing here knows it.
    AssertionError
        It fails, or has an option that is not there.
    """
    words = list(words)
    out = Path(words[-1]) if words[-2:-1] == [">"] else None
    if out is not None:
        words = words[:-2]
    while words and re.match(r"\w+=", words[0]):
        _check_variable(words.pop(0))
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        _dispatch(words, out)
    if out is not None and words[0] == "distsim":
        assert printed.getvalue(), f"{shlex.join(words)} prints nothing"
        out.write_text(printed.getvalue(), encoding="utf8")


def _dispatch(words: list[str], out: Path | None) -> None:
    match words:
        case ["distsim", *rest] | ["python", "-m", "distsim", *rest]:
            run_distsim(rest)
        case ["mpirun", *rest]:
            _dispatch(_without_options(rest, MPIRUN), out)
        case ["bash", "jobs/local.sh", *rest]:
            check_distsim(rest)
        case ["bash", "jobs/test.sh", *rest]:
            script = (ROOT / "jobs/test.sh").read_text()
            assert all(word in script for word in rest if word.startswith("-")), rest
        case ["bash", "jobs/environment.sh"]:
            assert (ROOT / "jobs/environment.sh").exists()
        case ["sbatch", *rest]:
            check_sbatch(rest)
        case ["python", "-m", "pytest", *rest]:
            assert all((ROOT / path).exists() for path in _without_options(rest, PYTEST)), rest
        case ["python", "-m", "pydoc", module]:
            assert __import__(module, fromlist=["_"]).__doc__
        case ["python", script, *rest] if script.endswith(".py"):  # test_examples.py and test_benchmarks.py run them
            text = (ROOT / script).read_text(encoding="utf8")
            assert all(f'"{word}"' in text for word in rest if word.startswith("--")), rest
        case ["pip", "install", package]:
            check_package(package)
        case ["python3", "-m", "venv", _] | ["srun", "--mpi=list"]:
            pass
        case ["source", path]:
            assert path.endswith("/bin/activate")
        case ["export", *settings]:
            for setting in settings:
                _check_variable(setting)
        case ["echo", text] if str(out) == "jobs/modules.sh":
            assert text.startswith("module load ")
        case _:
            raise UncheckedError(shlex.join(words))


def run_distsim(words: list[str]) -> None:
    """Run distsim in this process, on a small network for a short time; `bench` is only parsed."""
    if words[0] == "bench":
        assert not parse(words, SerialCommunicator()).problems
        return
    code = run(*shortened(words))
    assert code == 0, f"distsim {shlex.join(words)}: exit code {code}"


def check_distsim(words: list[str]) -> None:
    """Check the options of a command that would run too long: its configuration can be written."""
    if "--help" in words:
        run_distsim(words)
        return
    assert run("config", *shortened(words)) == 0, f"distsim {shlex.join(words)}"


def shortened(words: list[str]) -> list[str]:
    """Return the command with options behind it that make it quick."""
    if "--help" in words or words[0] in ("plot", "sonata"):
        return words
    if words[0] == "resume":
        return [*words, *(["--t-sim", "100"] if "--t-sim" in words else [])]
    network = words[1] if words[0] == "config" else words[0]
    network = "fly_brain" if "examples/fly_brain.py" in words else network
    end = [*SMALL.get(network, []), *([] if words[0] == "config" else ["--no-plots"])]
    return [*words, *end, *(["--checkpoint-every", "20ms"] if "--checkpoint-every" in words else [])]


def check_sbatch(words: list[str]) -> None:
    """Check a job: sbatch's options, the script, and what is passed to distsim."""
    while words[0].startswith("-"):
        name, equals, value = words.pop(0).partition("=")
        assert name in SBATCH and equals and value, f"sbatch {name}"
    script = words.pop(0)
    assert script.endswith(".slurm") and (ROOT / script).exists(), script
    check_distsim(words if words and not words[0].startswith("-") else ["microcircuit", *words])


def check_package(package: str) -> None:
    """Check that an extra of distsim is there."""
    extras = tomlkit.parse((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    name, _, extra = package.rstrip("]").partition("[")
    assert name == "." and (not extra or extra in extras), package


def _check_variable(setting: str) -> None:
    name, equals, value = setting.partition("=")
    scripts = "".join(path.read_text() for path in (ROOT / "jobs").iterdir() if path.suffix in (".sh", ".slurm"))
    sources = scripts + (ROOT / "distsim/engine/compiled/cache_folder.py").read_text()
    assert equals and value and (name in VARIABLES or re.search(rf"\b{name}\b", sources)), setting


def _without_options(words: list[str], known: dict[str, int]) -> list[str]:
    """Return the words behind the options, which must be `known`, each with so many values."""
    rest = []
    while words:
        word, words = words[0], words[1:]
        if word.startswith("-") and not (rest and known is MPIRUN):
            assert word in known, f"unknown option {word}"
            words = words[known[word] :]
        elif known is MPIRUN:
            return [word, *words]
        else:
            rest.append(word)
    return rest
