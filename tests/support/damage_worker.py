"""Reads damaged folders, so that what kills or holds it is seen from outside: a folder a line, an answer a line.

python -m tests.support.damage_worker
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import resource
import sys
from pathlib import Path

import numpy as np

import distsim
from distsim import Network, Simulation
from distsim.cli.command import run_command
from distsim.parallel import InputError, SerialCommunicator
from distsim.runs.folder_status import read_status
from distsim.runs.network_file import network_of
from distsim.runs.start import prepare_again
from distsim.simulation import checkpoints

COMM = SerialCommunicator()
MEMORY = 3 << 30  # bytes beside what the process has at its start
FORBIDDEN = ("pickle.find_class", "os.system", "os.exec", "os.posix_spawn", "os.fork", "ctypes.dlopen", "marshal.load")
caught: list[str] = []
is_watched = False


def small_network() -> Network:
    net = Network(0.1)
    E = net.create("E", 20, I_e=500.0)
    I = net.create("I", 5)
    net.poisson_input(I, 9000.0, 87.8, 1.5)
    net.connect(E, I, distsim.fixed_indegree(4), 50.0, 1.5)
    net.connect(I, E, distsim.fixed_indegree(2), -50.0, 0.7)
    net.record_spikes(E)
    return net


def digest(arrays) -> str:
    found = hashlib.sha256()
    for array in arrays:
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def load(folder: Path) -> str:
    """Load a folder and look at all of it."""
    result = distsim.load(folder)
    repr(result)
    times, ids, codes = result.all_spikes()
    if 42.4242 in times:
        caught.append("what is in a file outside was read")
    arrays = [times, ids, codes]
    for what in (result.spikes, result.voltages):
        for name in result.populations:
            if "[" not in name:
                with contextlib.suppress(ValueError):  # not recorded
                    arrays += what(name)
    return digest(arrays)


def plot(folder: Path) -> str:
    run("plot", folder)
    return "drawn"


def config(folder: Path) -> str:
    """Find out what a run was asked to do, and describe it."""
    found = read_status(folder)
    if found.request is None:
        raise InputError("\n".join(found.problems))
    prepare_again(folder, network_of(found.request, folder, COMM), found.request, COMM)
    return "prepared"


def checkpoint(folder: Path) -> str:
    """Resume from a state, and run for a moment."""
    path = folder / "checkpoint-000001.h5"
    state = checkpoints.read(path, COMM).state
    sim = Simulation(small_network(), 1, COMM, checkpoint=path, warm=True)
    sim.run(5.0)
    arrays = [state.neurons[name] for name in sorted(state.neurons)] + list(sim.spikes("E"))
    return digest([*arrays, *(state.shared[name] for name in sorted(state.shared))])


def resumed(folder: Path) -> str:
    run("resume", folder, "--max-wall", "1ms")
    return "resumed"


def auto(folder: Path) -> str:
    """A second start of the run in a folder; what it said is in a file beside it."""
    words = json.loads((folder.parent / "words.json").read_text())
    run(*words, "--out", folder, "--resume", "auto", "--max-wall", "1ms")
    return "resumed"


def run(*words) -> None:
    """Run the command line; what it says of a mistake is raised."""
    said = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said):
        code = run_command([str(word) for word in words], COMM)
    if code == 2:
        raise InputError(said.getvalue())
    assert code in (0, 75), code


ACTIONS = {"load": load, "plot": plot, "config": config, "checkpoint": checkpoint, "resume": resumed, "auto": auto}


def watch(event: str, args: tuple) -> None:
    """Note what looks like code of a file being run, or a file outside the folder being written."""
    if not is_watched:
        return
    if event in FORBIDDEN or (event == "subprocess.Popen" and "distsim.recording.probe" not in str(args[1])):
        caught.append(f"{event} {str(args)[:200]}")
    if event == "compile" and "string" in str(args[1]):
        caught.append(f"{event} {str(args)[:200]}")
    if event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+"):
        path = os.path.abspath(os.fsdecode(args[0])) if not isinstance(args[0], int) else ""
        if path and not path.startswith((allowed, "/dev/null", os.environ.get("DISTSIM_CACHE_DIR", "-"))):
            caught.append(f"{event} {str(args)[:200]}")


def main() -> None:
    global is_watched, allowed
    allowed = "/nowhere"
    for line in sys.stdin:
        task = json.loads(line)
        folder, action = Path(task["folder"]), ACTIONS[task["action"]]
        allowed = str(folder.resolve())
        if task.get("limit"):
            _limit()
        caught.clear()
        is_watched = task.get("limit", False)
        try:
            answer = {"ok": action(folder)}
        except BaseException as error:
            kinds = [kind.__name__ for kind in type(error).__mro__]
            answer = {"error": kinds, "text": str(error)}
            if os.environ.get("DAMAGE_TRACE"):
                import traceback

                answer["trace"] = "".join(traceback.format_exception(error))[-3000:]
        is_watched = False
        answer["caught"] = list(caught)
        print("answer " + json.dumps(answer), flush=True)


def _limit() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    if resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main()
