"""The wheel that pip makes: the package with its types, and nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import PurePosixPath

import pytest

from tests.support.commands import ROOT


def test_the_wheel_holds_the_package_and_its_types_alone(tmp_path):
    pytest.importorskip("setuptools", minversion="77")
    pytest.importorskip("pip")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("distsim", "tests", "jobs", "examples"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    command = ["pip", "--disable-pip-version-check", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "."]
    done = subprocess.run([sys.executable, "-m", *command], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = {PurePosixPath(name) for name in zipfile.ZipFile(wheel).namelist()}
    package = {name for name in names if not name.parts[0].endswith(".dist-info")}
    sources = {PurePosixPath(path.relative_to(ROOT).as_posix()) for path in (ROOT / "distsim").rglob("*.py")}
    assert package == {*sources, PurePosixPath("distsim/py.typed")}
