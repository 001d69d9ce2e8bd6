"""Ends of processes: Ctrl-C at any moment of the command, exits on one rank of a script, MPI that does not run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from distsim.cli.command import STOPPED
from tests.support.commands import ROOT
from tests.support.ranks import launcher, start

QUICK = ["microcircuit", "--scale", "0.02", "--t-presim", "0", "--t-sim", "1e6", "--no-plots"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
with_mpirun = pytest.mark.skipif(launcher() is None, reason="there is no mpirun")


def chosen(cases: dict, *names: str) -> list:
    """Leave all cases but those named to long test runs."""
    return [pytest.param(case, marks=() if case in names else pytest.mark.validation) for case in cases]


# --- Ctrl-C -----------------------------------------------------------------------------------------------------------


def interrupted(tmp_path: Path, after: float, *words) -> tuple[int, str]:
    """Return exit code and error output of a command that gets SIGINT after some seconds."""
    pipe = subprocess.PIPE
    process = subprocess.Popen(words, cwd=tmp_path, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=pipe, text=True)
    try:
        time.sleep(after)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    return process.returncode, said


@pytest.mark.parametrize("every", [0.3, pytest.param(0.1, marks=pytest.mark.validation)])
def test_an_interrupt_at_any_moment_is_one_line(tmp_path, every):
    """From Python's own start, which is not ours and has its tracebacks, over all imports into the run."""
    seen = []
    for k in range(round(1.5 / every)):
        command = [sys.executable, "-m", "distsim", *QUICK, "--out", f"run-{k}"]
        code, said = interrupted(tmp_path, 0.02 + every * k, *command)
        if (code, said) == (130, "distsim: interrupted\n"):
            seen.append("at once")
        elif code == STOPPED:
            assert said == "\ninterrupted: stops as soon as it can, or at once if interrupted again\n"
        else:
            assert "distsim" not in said.replace("python -m distsim", ""), said
    assert seen


SLOW = """
import sys, time
sys.argv, sys.orig_argv = ["-m"], [sys.executable, "-m", "distsim"]
class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            print("there", flush=True)
            for _ in range(2):
                try:
                    time.sleep(60)
                except BaseException:
                    pass
sys.meta_path.insert(0, Slow())
import distsim
import distsim.__main__
sys.argv = ["distsim", "microcircuit", "--help"]
distsim.__main__.main()
"""


@pytest.mark.parametrize(
    "name", ["numpy", "distsim.description.distributions", "distsim.cli.command", "distsim.cli.options", "mpi4py"]
)
def test_an_interrupt_while_something_is_imported_ends_at_once(tmp_path, name):
    """An import that catches every exception catches not this."""
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW.format(name=name)],
        cwd=tmp_path, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout.readline() == "there\n"
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, said) == (130, "distsim: interrupted\n")


def test_who_imports_distsim_keeps_what_an_interrupt_does():
    code = "import signal, distsim, distsim.cli.command; print(signal.getsignal(2) is signal.default_int_handler)"
    done = subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, timeout=60)
    assert done.stdout == "True\n", done.stderr


def test_an_interrupt_that_is_ignored_stays_ignored():
    code = "import signal; signal.signal(2, 1); import sys; sys.argv[0] = 'distsim'; import distsim\n"
    code += "print(signal.getsignal(2) == signal.SIG_IGN)"
    done = subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, timeout=60)
    assert done.stdout == "True\n", done.stderr


# --- a script on several ranks ----------------------------------------------------------------------------------------

SCRIPT = """
import sys, time, threading, argparse
import distsim
from mpi4py import MPI

comm = MPI.COMM_WORLD
rank = comm.rank
{what}
comm.Barrier()
print("went on")
"""
CAUGHT = """
try:
    sys.exit(3)
except SystemExit as error:
    assert error.code == 3 and repr(error) == "SystemExit(3)", repr(error)
threading.Thread(target=sys.exit, args=(3,)).start()
"""
ENDS = {
    "one": ("if rank == 1: sys.exit(3)", 3, "rank 1 of 2 has left with exit code 3; all ranks end"),
    "rank 0": ("if rank == 0: sys.exit(4)", 4, "rank 0 of 2 has left with exit code 4"),
    "exit": ("if rank == 1: exit(5)", 5, "rank 1 of 2 has left with exit code 5"),
    "text": ("if rank == 1: sys.exit('no such file')", 1, "no such file"),
    "options": ("if rank == 1: argparse.ArgumentParser().error('no such option')", 2, "no such option"),
    "in a function": ("def main():\n    if rank: sys.exit(3)\n    comm.Barrier()\nsys.exit(main())", 3, "rank 1 of 2"),
    "interrupt": ("if rank == 1: raise KeyboardInterrupt", 130, ""),
    "interrupt of 0": ("if rank == 0: raise KeyboardInterrupt", 130, "distsim: interrupted"),
}


@with_mpirun
@pytest.mark.parametrize("name", chosen(ENDS, "one", "text", "in a function", "interrupt", "interrupt of 0"))
def test_an_exit_on_one_rank_ends_all_with_its_code(tmp_path, name):
    what, code, said = ENDS[name]
    (tmp_path / "script.py").write_text(SCRIPT.format(what=what))
    done = start(2, "script.py", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (code, "") and said in done.stderr, done.stderr
    assert "Traceback" not in done.stderr


ALL = {
    "a code": ("sys.exit(3)", 3, ""),
    "late": ("time.sleep(rank); sys.exit(3)", 3, ""),
    "a text": ("sys.exit('no such file')", 1, "no such file"),
    "nothing": ("sys.exit()", 0, ""),
    "0": ("sys.exit(0)", 0, ""),
    "one with 0": ("if rank: sys.exit(0)\nelse: sys.exit()", 0, ""),
}


@with_mpirun
@pytest.mark.parametrize("name", chosen(ALL, "late", "a text", "one with 0"))
def test_an_exit_on_all_ranks_is_a_usual_end(tmp_path, name):
    what, code, said = ALL[name]
    (tmp_path / "script.py").write_text(SCRIPT.format(what=what))
    done = start(2, "script.py", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (code, "") and said in done.stderr, done.stderr
    assert "MPI_ABORT" not in done.stderr and "all ranks end" not in done.stderr


@with_mpirun
def test_an_exit_that_is_caught_or_of_a_thread_is_none(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT.format(what=CAUGHT))
    done = start(2, "script.py", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "went on\n" * 2, "")


def test_without_a_launcher_exits_are_pythons_own():
    code = "import sys; before = sys.exit; import distsim; print(sys.exit is before)"
    environment = {name: value for name, value in ENVIRONMENT.items() if not name.startswith(("OMPI", "PMI"))}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout == "True\n", done.stderr


# --- MPI that is not running ------------------------------------------------------------------------------------------

SIMULATE = """
import mpi4py
{first}
from distsim import Network, Simulation, load

net = Network()
E = net.create("E", 100, "iaf_psc_exp", I_e=500.0)
net.record_spikes(E)
net.record_voltages(E[:2])
sim = Simulation(net{comm})
sim.run(50.0)
{then}
sim.save("run")
if sim.comm.rank == 0:
    print(sim.comm.size, load("run").spikes("E")[0].size)
{last}
"""
OFF, INIT, END = "mpi4py.rc.initialize = False", "MPI.Init()", "MPI.Finalize()"
IMPORT = "from mpi4py import MPI"
NOT_YET, NO_MORE = "RuntimeError: MPI is not initialized", "RuntimeError: MPI is finalized already"
# Lines at the beginning, the communicator, lines between and at the end; output of one rank, and of two.
STATES = {
    "off": ([OFF], "", "", "", "1 300", NOT_YET),
    "off, imported": ([OFF, IMPORT], "", "", "", "1 300", NOT_YET),
    "off, given": ([OFF, IMPORT], ", comm=MPI.COMM_WORLD", "", "", NOT_YET, NOT_YET),
    "begun by hand": ([OFF, IMPORT, INIT], "", "", END, "1 300", "2 300"),
    "ended": ([IMPORT, END], "", "", "", "1 300", NO_MORE),
    "ended midway": ([IMPORT], "", END, "", NO_MORE, NO_MORE),
    "ended by hand": (["mpi4py.rc.finalize = False", IMPORT], "", "", END, "1 300", "2 300"),
    "without threads": (["mpi4py.rc.threads = False"], "", "", "", "1 300", "2 300"),
    "one thread": (["mpi4py.rc.thread_level = 'single'"], "", "", "", "1 300", "2 300"),
}


def script(tmp_path: Path, first, comm, then, last) -> Path:
    path = tmp_path / "script.py"
    path.write_text(SIMULATE.format(first="\n".join(first), comm=comm, then=then, last=last))
    return path


@pytest.mark.parametrize("state", chosen(STATES, "off, imported", "ended midway", "ended by hand", "one thread"))
def test_one_rank_runs_or_says_why_not(tmp_path, state):
    *parts, said, _ = STATES[state]
    command = [sys.executable, script(tmp_path, *parts)]
    done = subprocess.run(command, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, timeout=120)
    check(done, said)


@with_mpirun
@pytest.mark.parametrize("state", chosen(STATES, "off", "ended", "begun by hand", "without threads"))
def test_two_ranks_run_or_say_why_not(tmp_path, state):
    *parts, _, said = STATES[state]
    done = start(2, script(tmp_path, *parts), cwd=tmp_path)
    check(done, said)


def check(done: subprocess.CompletedProcess, said: str) -> None:
    if said.startswith("RuntimeError"):
        assert done.returncode == 1 and said in done.stderr, done.stderr
        assert "MPI_FINALIZE" not in done.stderr and "MPI_INIT" not in done.stderr, done.stderr
    else:
        assert done.returncode == 0 and done.stdout.endswith(f"{said}\n"), done.stdout + done.stderr
