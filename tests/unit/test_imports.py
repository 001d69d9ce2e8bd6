"""Imports point one way, between rooms and between files: descriptions know nobody, the command line is on top."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import distsim

ROOT = Path(distsim.__file__).parent

# The rooms from the top down: each may import those below it. `parallel` and `version` may be imported by all.
ROOMS = [
    "cli",
    "performance",
    "runs",
    "simulation",
    "engine",
    "networks",
    "circuits",
    "results",
    "analysis",
    "recording",
    "description",
    "synapses",
    "neurons",
    "files",
    "process",
]
ENGINE = ["engine", "engine.connectivity", "engine.step", "engine.random", "engine.compiled"]  # from the top down
OUTSIDE = {"", "__main__", "parallel", "version"}  # all that lies at the top level of the package

# Rooms that a room does without, though they lie below.
WITHOUT = {
    "networks": {"circuits", "results", "analysis", "recording", "files", "process"},  # plain descriptions
    "circuits": {"results", "analysis", "process"},
    "description": {"process"},
    "synapses": {"files", "process"},
    "neurons": {"files", "process"},
    "analysis": {"description.network"},  # from files alone
    "recording": {"neurons", "process"},
    "files": {"process"},
}


def name_of(path: Path) -> str:
    """Return the module's name below distsim; '' is distsim itself."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


# Scripts for another Python are started, not imported.
SOURCES = {name_of(path): path for path in sorted(ROOT.rglob("*.py")) if path.parent.name != "peer_scripts"}


def is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)


def statements(tree: ast.AST, *, at_once: bool) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yield the import statements; with `at_once` only those that are run when the module is imported."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif not at_once or not (isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or is_for_types(node)):
            yield from statements(node, at_once=at_once)


def targets(module: str, node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    """Yield the full names of the modules that a statement imports."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
        return
    base = node.module or ""
    if node.level:
        parts = module.split(".") if module else []
        depth = len(parts) - node.level + (SOURCES[module].name == "__init__.py")
        base = ".".join(["distsim", *parts[:depth], *([base] if base else [])])
    inside = base.removeprefix("distsim").lstrip(".")
    for alias in node.names:
        below = f"{inside}.{alias.name}" if inside else alias.name
        is_module = base.split(".")[0] == "distsim" and below in SOURCES
        yield f"distsim.{below}" if is_module else base


def imports(module: str, *, at_once: bool = False) -> set[str]:
    tree = ast.parse(SOURCES[module].read_text(encoding="utf8"))
    return {target for node in statements(tree, at_once=at_once) for target in targets(module, node)}


def own_imports(module: str) -> set[str]:
    """Return what a module imports of distsim, wherever the statement is; '' for distsim itself."""
    found = {t.removeprefix("distsim").lstrip(".") for t in imports(module) if t.split(".")[0] == "distsim"}
    return found - {module}


def lies_in(module: str, room: str) -> bool:
    return module == room or module.startswith(room + ".")


def room_of(module: str, rooms: list[str]) -> str:
    """Return the narrowest of `rooms` that a module lies in."""
    return max((room for room in rooms if lies_in(module, room)), key=len)


def test_the_walk_resolves_relative_imports():
    assert own_imports("engine.step.loop") >= {
        "engine.step.delivery",
        "engine.step.exchange",
        "engine.step.stimulation",
    }
    assert {"engine.random.streams", "description.elements"} <= own_imports("engine.connectivity.shards")
    assert own_imports("neurons") >= {"neurons.base", "neurons.iaf_psc_exp", "neurons.sources"}
    assert "recording.spikes" in own_imports("recording.spike_hash")


def test_every_module_lies_in_a_room_that_says_what_it_is_for():
    assert {module for module in SOURCES if module.split(".")[0] not in ROOMS} == OUTSIDE
    for module, path in SOURCES.items():
        if path.name == "__init__.py":
            assert ast.get_docstring(ast.parse(path.read_text(encoding="utf8"))), module


@pytest.mark.parametrize("room", ROOMS)
def test_no_import_runs_upwards(room):
    below = {*ROOMS[ROOMS.index(room) :], "parallel", "version"}
    for module in (module for module in SOURCES if lies_in(module, room)):
        imported = own_imports(module)
        assert {t.split(".")[0] for t in imported} <= below, module
        assert not {t for t in imported for other in WITHOUT.get(room, ()) if lies_in(t, other)}, module


@pytest.mark.parametrize("room", ENGINE)
def test_no_import_runs_upwards_in_the_engine(room):
    below = set(ENGINE[ENGINE.index(room) :])
    for module in (module for module in SOURCES if lies_in(module, "engine") and room_of(module, ENGINE) == room):
        inside = {t for t in own_imports(module) if lies_in(t, "engine")}
        assert {room_of(t, ENGINE) for t in inside} <= below, module


def test_only_the_command_line_parses_arguments():
    assert {module for module in SOURCES if "argparse" in imports(module) and not lies_in(module, "cli")} == set()


def test_there_are_no_circles():
    # A CycleError names the modules of the circle.
    list(TopologicalSorter({module: own_imports(module) for module in SOURCES}).static_order())


def test_matplotlib_is_imported_only_by_what_draws():
    users = {module for module in SOURCES if any(t.split(".")[0] == "matplotlib" for t in imports(module))}
    assert all(lies_in(module, "analysis") for module in users)
    for module in users:
        assert not any(t.split(".")[0] == "matplotlib" for t in imports(module, at_once=True)), module


def test_pandas_and_neo_are_imported_only_when_asked_for():
    optional = {"pandas", "neo", "quantities"}
    assert {m for m in SOURCES if {t.split(".")[0] for t in imports(m)} & optional} == {
        "results.conversion",
        "results.result",
    }
    for module in ("results.conversion", "results.result"):
        assert not {t.split(".")[0] for t in imports(module, at_once=True)} & optional


def test_a_folder_is_loaded_without_compiler():
    code = "import sys, distsim; distsim.load; print('h5py' in sys.modules, 'numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT.parent, capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["True", "False"], done.stderr


@pytest.mark.parametrize("module", ["distsim", "distsim.networks.microcircuit", "distsim.cli.command"])
def test_a_description_needs_neither_compiler_nor_mpi_nor_files(module):
    heavy = {"numba", "matplotlib", "h5py", "mpi4py", "scipy"}
    code = f"import sys, {module}; print(*sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT.parent, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr
