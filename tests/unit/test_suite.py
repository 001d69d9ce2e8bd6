"""Places of tests and their helpers: a test module stands alone, so that each can be moved, run and removed alone."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
MODULES = sorted(path.relative_to(TESTS.parent) for path in TESTS.rglob("*.py"))


def imported(source: str, package: tuple[str, ...]) -> set[str]:
    """Return the full names of the modules, and of what may be modules, that a file in `package` imports."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            name = ".".join([*above, *([node.module] if node.module else [])])
            found |= {name, *(f"{name}.{alias.name}" for alias in node.names)}
    return found


def is_of_a_test(module: str) -> bool:
    return module.startswith("tests.") and any(part.startswith(("test_", "conftest")) for part in module.split("."))


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_nothing_is_imported_from_a_test(path):
    package = path.parent.parts
    found = imported((TESTS.parent / path).read_text(), package)
    assert not sorted(filter(is_of_a_test, found))


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("from tests.unit.test_cli import run", "tests.unit.test_cli"),
        ("from tests.unit import test_cli", "tests.unit.test_cli"),
        ("import tests.mpi.test_parts as parts", "tests.mpi.test_parts"),
        ("def f():\n    from .test_cli import run", "tests.unit.test_cli"),
        ("from ..mpi import test_parts", "tests.mpi.test_parts"),
    ],
)
def test_every_way_to_import_is_seen(source, name):
    assert is_of_a_test(name) and name in imported(source, ("tests", "unit"))
    assert not any(map(is_of_a_test, imported("from tests.support.commands import run", ("tests", "unit"))))


def test_helpers_lie_in_one_folder():
    """But for those of one folder: benchmarks, conftest, SLURM's cluster and stand-in."""
    alone = [path for path in MODULES if not path.name.startswith(("test_", "conftest", "__init__"))]
    assert {path.parts[1] for path in alone} == {"support", "benchmarks", "slurm"}
