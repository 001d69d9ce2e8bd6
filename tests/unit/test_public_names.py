"""Promises to those who import distsim: its public names, their docstrings, types, and one version."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import distsim

ROOT = Path(distsim.__file__).parents[1]
NAMES = {
    "Annulus", "Box", "Circle", "Constant", "Exponential", "Gaussian", "Grid", "GuardError", "Linear", "Lognormal",
    "Network", "NetworkModel", "NetworkParameters", "NeuronModel", "Normal", "Option", "Parameter", "PiecewiseRate",
    "Points", "Recordable", "Result", "Simulation", "SinusoidalRate", "Uniform", "UniformBox", "UniformDisc",
    "Variant", "all_to_all", "csv_edges", "csv_spikes", "explicit", "fixed_indegree", "fixed_outdegree",
    "fixed_total_number", "helper", "load", "load_sonata", "neuron_models", "one_to_one", "pairwise_bernoulli",
    "parameter", "parquet_edges", "sonata_edges", "sonata_spikes",
}  # fmt: skip


def test_public_names_are_these_and_all_are_listed():
    assert set(distsim.__all__) == NAMES and set(dir(distsim)) >= NAMES
    found: dict = {}
    exec("from distsim import *", found)
    assert set(found) >= NAMES


def test_public_names_say_what_they_are():
    for name in NAMES - {"neuron_models"}:
        assert inspect.getdoc(getattr(distsim, name)), name
    assert "__version__" not in distsim.__all__ and re.fullmatch(r"\d+\.\d+\.\d+", distsim.__version__)


def test_there_is_one_version():
    assert 'version = { attr = "distsim.version.__version__" }' in (ROOT / "pyproject.toml").read_text()
    assert f"\nversion: {distsim.__version__}\n" in (ROOT / "CITATION.cff").read_text()


def test_types_are_for_others_too():
    assert (ROOT / "distsim" / "py.typed").exists()


def test_an_unknown_name_is_refused():
    try:
        distsim.nothing  # noqa: B018
    except AttributeError as error:
        assert str(error) == "module 'distsim' has no attribute 'nothing'"
    else:
        raise AssertionError("distsim.nothing is there")
