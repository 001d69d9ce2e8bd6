"""Imports point one way: descriptions know nobody, the engine knows descriptions, the command line is on top."""

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
DESCRIPTIONS = {"units", "quantities", "grid", "distributions", "rules", "neurons"}
DESCRIPTIONS |= {"elements", "values", "projections", "network"}

# Room (a package or a module) -> what its modules may import of distsim; a prefix stands for all below it. A module
# belongs to the narrowest room that it lies in: `engine.simulation`, which composes, is a room of its own.
ENGINE = DESCRIPTIONS | {"engine", "parallel", "kinds"}
BESIDE = {"folder", "parallel", "summary"}
FIGURES = {"analysis.raster", "analysis.rates", "analysis.rows", "analysis.run_folder"}
ALLOWED = {
    "version": set(),
    "units": set(),
    "paths": set(),
    "quantities": {"units"},
    "kinds": set(),
    "plain_files": set(),
    "configuration": {"kinds"},
    "grid": {"quantities"},
    "distributions": {"quantities"},
    "rules": {"quantities"},
    "neurons": {"neurons"},
    "elements": {"distributions", "rules", "neurons"},
    "values": {"quantities", "distributions", "neurons", "elements"},
    "projections": {"quantities", "grid", "distributions", "rules", "elements", "values"},
    "network": {"units", "quantities", "grid", "rules", "neurons", "elements", "values", "projections"},
    "models": {"network", "elements", "distributions", "rules", "models", "units"},
    "recording": {"recording", "paths", "kinds", "plain_files"},
    "analysis": {"recording", "analysis", "paths", "units", "kinds", "plain_files"},
    "conversion": {"recording"},
    "result": {"elements", "recording", "conversion", "units", *FIGURES},
    "loading": {"result", "recording", "analysis.run_folder", "paths"},
    "engine": ENGINE,
    "engine.simulation": ENGINE | {"result", "recorded", "saving", "checkpoints"},
    "checkpoints": {"engine.checkpoint", "recording", "parallel", "paths", "version"},
    "course": {
        "engine.guard",
        "engine.loop",
        "engine.simulation",
        "checkpoints",
        "folder",
        "network",
        "parallel",
        "progress",
        "recording",
        "saving",
        "signals",
        "watch",
    },
    "resume": {"checkpoints", "configuration", "folder", "kinds", "parallel", "plain_files", "recording"},
    "durations": set(),
    "signals": set(),
    "watch": {"signals"},
    "saving": {
        "engine.facts",
        "engine.loop",
        "engine.recorders",
        "network",
        "recording",
        "folder",
        "parallel",
        "summary",
    },
    "recorded": {"elements", "engine.recorders", "recording", "result", "saving"},
    "parallel": set(),
    "progress": set(),
    "folder": {"kinds", "parallel", "paths", "plain_files"},
    "summary": {"paths", "version"},
    "report": {"engine.memory", "network"},
    "problems": {"parallel"},
    "pictures": {"parallel", "analysis"},
    "interrupts": set(),
    "standard_streams": set(),
    "exits": {"parallel"},
    "prepare": {"models", "network", "grid", "elements", "parallel", "pictures", "problems", "run", "engine.check"},
    "limits": {"engine"},
    "profiling": {"engine"},
    "scaling": {"engine", "models", "network"},
    "bench": {
        "bench",
        "engine",
        "limits",
        "summary",
        "network",
        "report",
        "folder",
        "parallel",
        "pictures",
        "analysis",
    },
    "bench.cases": {"models", "network"},
    "launch": {"options", "prepare", "run", "resume", "folder", "parallel", "signals", "watch"},
    "panels": {"run", "folder", "summary", "parallel", "pictures", "recording.file_sink", "analysis"},
}

TOP = {"cli", "launch", "options", "prepare", "run", "panels", "course", "resume"}


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


def test_the_walk_resolves_relative_imports():
    assert own_imports("engine.loop") >= {"engine.delivery", "engine.exchange", "engine.stimulation"}
    assert {"engine.streams", "network", "rules"} <= own_imports("engine.shards")
    assert own_imports("neurons") >= {"neurons.base", "neurons.iaf_psc_exp", "neurons.sources"}
    assert {"", "models.microcircuit"} <= own_imports("options")
    assert "recording.spikes" in own_imports("recording.spike_hash")


def room_of(module: str) -> str | None:
    return max((room for room in ALLOWED if lies_in(module, room)), key=len, default=None)


def test_every_module_but_the_top_has_a_room():
    assert {module for module in SOURCES if room_of(module) is None} == {"", "__main__", "cli", "options", "run"}


@pytest.mark.parametrize("room", ALLOWED)
def test_a_room_imports_only_what_it_may(room):
    modules = [module for module in SOURCES if room_of(module) == room]
    assert modules
    for module in modules:
        outside = {t for t in own_imports(module) if not any(lies_in(t, allowed) for allowed in ALLOWED[room])}
        assert not outside, f"distsim.{module} imports {outside}"


def test_only_the_top_imports_the_command_line_and_the_run():
    above = {module for module in SOURCES if own_imports(module) & TOP}
    assert above <= TOP | {"__main__"}


def test_only_the_command_line_parses_arguments():
    assert {module for module in SOURCES if "argparse" in imports(module)} == {"cli", "launch", "options", "prepare"}


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
    assert {m for m in SOURCES if {t.split(".")[0] for t in imports(m)} & optional} == {"conversion", "result"}
    for module in ("conversion", "result"):
        assert not {t.split(".")[0] for t in imports(module, at_once=True)} & optional


def test_a_folder_is_loaded_without_compiler():
    code = "import sys, distsim; distsim.load; print('h5py' in sys.modules, 'numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT.parent, capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["True", "False"], done.stderr


@pytest.mark.parametrize("module", ["distsim", "distsim.models.microcircuit", "distsim.cli"])
def test_a_description_needs_neither_compiler_nor_mpi_nor_files(module):
    heavy = {"numba", "matplotlib", "h5py", "mpi4py", "scipy"}
    code = f"import sys, {module}; print(*sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT.parent, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr
