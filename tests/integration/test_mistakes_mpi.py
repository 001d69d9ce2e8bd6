"""The user's mistakes as processes, on one and two ranks: exit code, one message, a soon end."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.faults import some
from tests.support.ranks import launcher, start

pytestmark = pytest.mark.skipif(launcher() is None, reason="there is no mpirun")

LIMIT = 60  # s: ranks that wait for each other would be ended then, with code 124

COMMANDS = {
    "microcircuit --scale nan": ["--scale", "nan", "greater than 0"],
    "microcircuit --set tau_mm=1": ["tau_mm", "did you mean 'tau_m'"],
    "microcircuit --dt 4": ["delay", "dt = 4 ms"],
    "microcircuit --out file/below": ["--out file/below", "cannot be written"],
    "brunel-alpha --t-sim 1s": ["--t-sim", "'1s'", "a number of at least 0"],
    "brunel-delta --max-rate -1": ["--max-rate", "-1", "at least 0"],
    "ei-clustered --record-spikes X": ["--record-spikes X", "known are E, I"],
    "resume nowhere": ["nowhere", "no such folder"],
}


def fails(tmp_path: Path, ranks: int, *argv) -> tuple[int, list[str], str]:
    """Return exit code, the lines of the message and all that was said of a command that must write nothing."""
    (tmp_path / "file").write_text("")
    there = sorted(tmp_path.rglob("*"))
    done = start(ranks, *argv, cwd=tmp_path, limit=LIMIT)
    assert sorted(tmp_path.rglob("*")) == there and done.stdout.strip() == ""
    return (
        done.returncode,
        [line for line in done.stderr.splitlines() if "Error: " in line or "error: " in line],
        done.stderr,
    )


FEW = [("microcircuit --set tau_mm=1", 2), ("microcircuit --out file/below", 2), ("resume nowhere", 2)]


@pytest.mark.parametrize(("command", "ranks"), some([(command, n) for command in COMMANDS for n in (1, 2)], FEW))
def test_a_command_line(tmp_path, command, ranks):
    code, lines, said = fails(tmp_path, ranks, "-m", "distsim", *command.split())
    assert code == 2 and len(lines) == 1 and "Traceback" not in said
    assert all(text in lines[0] for text in COMMANDS[command])


SCRIPT = """
from distsim import Network, Simulation, all_to_all
net = Network(0.1)
E = net.create("E", 5)
sim = {action}
"""

ACTIONS = {
    'net.create("I", 2, tau_m=-1.0)': "ValueError: I.tau_m must be greater than 0 ms, not -1.0",
    "net.connect(E, E, all_to_all(), 1.0, 0.05)": "ValueError: E -> E: delay: 0.05 ms is not a multiple of dt = 0.1 ms",
    "Simulation(net).run(0.25)": "ValueError: duration: 0.25 ms is not a multiple of dt = 0.1 ms",
    "Simulation(net, 1.5)": "ValueError: seed must be a whole number from 0 to 18446744073709551615, not 1.5",
}


@pytest.mark.parametrize(("action", "ranks"), some([(a, n) for a in ACTIONS for n in (1, 2)], [(min(ACTIONS), 2)]))
def test_a_script(tmp_path, action, ranks):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(action=action))
    code, lines, said = fails(tmp_path, ranks, script)
    assert code not in (0, 124) and lines == [ACTIONS[action]], said
