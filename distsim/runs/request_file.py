"""A request as a TOML file with units and comments: what `distsim config` writes and `--config` takes.

Every entry may be missing in a file that a user writes: options and defaults replace it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..description.elements import nearest
from ..files import kinds
from ..files.paths import CONFIG, written_whole
from ..files.plain_files import open_plain
from ..networks.base import NetworkModel
from ..networks.parameters import about, fields_of
from ..version import __version__
from .request import ENTRIES, TABLES, RunRequest

TEXTS = {
    "variant": "named setting of the network",
    "t_presim": "ms: warm-up, not recorded",
    "t_sim": "ms: simulated time after the warm-up",
    "dt": "ms: resolution",
    "seed": "fixes every random number",
    "noise_seed": "fixes all that is drawn during the run instead of seed",
    "max_rate": "spikes/s: a population that fires faster ends the run; 0: none does",
    "plots": "draw figures at the end",
    "profile": "tell what each rank did",
    "spikes": "neurons whose spikes are recorded, such as 'E[:100]'; [] for none",
    "voltages": "neurons whose V_m is recorded; [] for none",
    "voltage_interval": "ms: between two samples of V_m",
    "others": "other quantities that the network records, by name; [] for none",
    "every": "s of model time between two checkpoints",
    "wall": "s of wall time between two checkpoints",
    "path": "file that describes the network",
    "sha256": "of the file when the run began",
}
LEFT_OUT = {  # of a file, where nothing was asked for
    "noise_seed": "noise_seed = 2",
    "spikes": 'spikes = ["E[:100]"]',
    "voltages": 'voltages = ["E[0]"]',
    "voltage_interval": "voltage_interval = 1.0",
    "others": 'others = ["w"]',
    "every": "every = 10.0",
    "wall": "wall = 600.0",
}


def to_toml(request: RunRequest, model: NetworkModel) -> str:
    """Return a request as the text of a file; entries that it leaves to the network are comments."""
    import tomlkit

    found = request.to_json()
    file = tomlkit.document()
    how = f"python -m distsim {_command(request)} --config FILE"
    file.add(tomlkit.comment(f"A run of distsim {__version__}; {how} repeats it"))
    for key in ENTRIES:
        if found[key] is not None and not isinstance(found[key], dict):
            _add(file, key, found[key], TEXTS.get(key, ""))
        elif key in LEFT_OUT and found[key] is None:
            file.add(tomlkit.comment(f"{LEFT_OUT[key]}  # {TEXTS[key]}"))
    for name in TABLES:
        if found[name] is not None:
            table = tomlkit.table()
            for key, value in found[name].items():
                if value is not None:
                    _add(table, key, value, TEXTS.get(key, ""))
                elif key in LEFT_OUT:
                    table.add(tomlkit.comment(f"{LEFT_OUT[key]}  # {TEXTS[key]}"))
            file.add(name, table)
    table = tomlkit.table()
    fields = fields_of(model)
    for key, value in found["parameters"].items():
        unit, words = about(fields[key])["unit"], about(fields[key])["text"]
        _add(table, key, value, ": ".join(each for each in (unit, words) if each))
    file.add("parameters", table)
    return tomlkit.dumps(file)


def _command(request: RunRequest) -> str:
    return request.network if request.source is None else f"run {request.source.path}"


def _add(table: Any, key: str, value: Any, comment: str) -> None:
    import tomlkit

    item = tomlkit.item(value)
    if isinstance(value, list) and value and isinstance(value[0], list):
        item.multiline(True)
    if comment:
        item.comment(comment)
    table.add(key, item)


def write_config(folder: Path, request: RunRequest, model: NetworkModel) -> None:
    """Write a request into the run's folder, as a whole or not at all."""
    with written_whole(folder / CONFIG) as part:
        part.write_text(to_toml(request, model), encoding="utf8")


def from_toml(content: str) -> dict[str, Any]:
    """Return the entries of a file, checked except for the values of the network's parameters.

    Raises
    ------
    ValueError
        If it is no TOML, an entry is unknown, or one is of the wrong kind; the message names all of them.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        found = tomlkit.parse(content).unwrap()
    except TOMLKitError as error:
        raise ValueError(f"not TOML: {error}") from None
    except RecursionError:
        raise ValueError("not TOML: nested too deeply") from None
    wrong = list(_mistakes(found))
    if wrong:
        raise ValueError("\n".join(wrong))
    return found


def _mistakes(found: Mapping[str, Any]) -> Iterator[str]:
    for table, entries in {"": ENTRIES, **TABLES}.items():
        inside = found if not table else found.get(table, {})
        for key in inside if isinstance(inside, dict) else ():
            if key not in entries:
                yield f"unknown entry {f'{table}.{key}' if table else key}: {nearest(key, list(entries))}"
    for key, kind in ENTRIES.items():
        if key in found:
            try:
                kinds.check(found[key], kind, key)
            except ValueError as error:
                yield str(error)


def read_config(folder: Path) -> RunRequest:
    """Return the request that a run's folder holds.

    Raises
    ------
    OSError
        If it holds none, or it cannot be read.
    ValueError
        If the file is damaged, or not all of a request.
    """
    path = folder / CONFIG
    try:
        with open_plain(path) as file:
            found = from_toml(file.read().decode("utf8"))
        return RunRequest.from_json(_complete(found))
    except UnicodeDecodeError:
        raise ValueError(f"{path}: not a text file") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _complete(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entries with null for those that a complete file leaves out."""
    tables = {name: {**dict.fromkeys(TABLES[name]), **found.get(name, {})} for name in ("recording", "checkpoints")}
    return {"variant": None, "source": None, "noise_seed": None, **found, **tables}
