"""Short runs that tests cut in pieces, as options of the command line, and what their files hold."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import h5py

from distsim.engine.connectivity import table_plan
from distsim.recording.report_files import is_report_file

SCALE = ["--scale", "0.02", "--t-presim", "10", "--no-plots"]
PULSES = ["th_start=20", "th_duration=10", "th_rate=300", "dc_start=17.7", "dc_dur=21.1"]
VOLTAGES = ["--record-voltages", "L4E[:1]", "L23E[:41]", "--voltage-interval", "0.3"]
STIMULI = ["--thalamus", "--dc-stimulus", *(word for pulse in PULSES for word in ("--set", pulse))]
CHOSEN = ["--record-spikes", "I", "E[:300]", "--record-voltages", "E[::100]", "--voltage-interval", "0.7"]
NETWORKS = {
    "microcircuit": ["microcircuit", *SCALE, "--t-sim", "70.1", *VOLTAGES],
    "stimulated": ["microcircuit", *SCALE, "--t-sim", "70", *STIMULI],
    "delta": ["brunel-delta", "--set", "N_E=1500", "--set", "J=0.5", "--t-sim", "60", "--no-plots", *CHOSEN],
}
LAYOUTS = [False, True]  # whether tables are by source


def options_of(name: str) -> list[str]:
    return list(NETWORKS[name])


def by_source(layout: bool, monkeypatch) -> None:
    """Let the synapse tables be by source, or by delay, where they are not bit matrices."""
    choose = table_plan.goes_by_source
    monkeypatch.setattr(table_plan, "goes_by_source", lambda *args: layout if args[-1].size > 1 else choose(*args))


def contents(folder: Path) -> dict:
    """Return type, shape and bytes of each dataset of the recordings, and the attributes of everything in them."""
    found = {}
    for name in filter(is_report_file, sorted(path.name for path in folder.iterdir())):
        with h5py.File(folder / name) as file:
            file.visititems(lambda key, thing, name=name: found.update({(name, key): _content(thing)}))
    return found


def results(folder: Path) -> tuple:
    """Return what the summary says that must not depend on ranks and cuts."""
    summary = json.loads((folder / "summary.json").read_text())
    keys = ("spikes_sha256", "ledger", "n_spikes", "n_synapses", "t_sim_ms", "recorded_ms", "config", "figures")
    rates = {name: (p["n_spikes"], p["rate_hz"]) for name, p in summary["populations"].items()}
    return [summary[key] for key in keys], rates


def same(folder: Path, expected: Path) -> None:
    """Compare the files of two runs."""
    assert contents(folder) == contents(expected)
    assert results(folder) == results(expected)


def until(condition: Callable[[], object], limit: float = 120.0) -> None:
    """Wait until the condition holds."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < limit
        time.sleep(0.02)


def _content(thing: h5py.Dataset | h5py.Group) -> tuple:
    attributes = sorted((key, str(value)) for key, value in thing.attrs.items())
    if isinstance(thing, h5py.Dataset):
        return thing.dtype.str, thing.shape, thing[()].tobytes(), attributes
    return (attributes,)
