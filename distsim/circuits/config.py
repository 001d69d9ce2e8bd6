"""Read a SONATA configuration: the manifest put into paths, and the circuit that a simulation refers to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..files import kinds
from ..files.kinds import ANYTHING, FLAG, listed, mapped, maybe, number, record, text
from ..files.paths import as_path
from ..files.plain_files import read_json

FILE = text()
CONFIG = record(
    {},
    {
        "manifest": mapped(FILE),
        "network": FILE,
        "simulation": FILE,
        "networks": record(
            {},
            {
                "nodes": listed(record({"nodes_file": FILE}, {"node_types_file": maybe(FILE)})),
                "edges": listed(record({"edges_file": FILE}, {"edge_types_file": maybe(FILE), "enabled": FLAG})),
            },
        ),
        "components": mapped(ANYTHING),
        "run": record({}, {"tstart": number(), "tstop": number(0.0), "dt": number(0.0)}),
        "inputs": mapped(record({"input_type": FILE, "module": FILE})),
        "reports": mapped(record({}, {"module": FILE})),
        "output": mapped(ANYTHING),
        "node_sets_file": FILE,
        "node_sets": mapped(ANYTHING),
        "target_simulator": FILE,
    },
)
# Keys that bmtk and NEST write for other purposes, and keys that change nothing that is simulated here.
IGNORED = {"manifest", "network", "simulation", "config_path", "config_dir", "gid_table", "metadata", "version"}
IGNORED |= {"conditions"}
KNOWN = {"networks", "components", "run", "inputs", "reports", "output", "node_sets_file", "node_sets"}
MOST_TURNS = 10  # of variables in variables


@dataclass(frozen=True)
class Config:
    """A configuration with absolute paths.

    Attributes
    ----------
    path : Path
        The file that was read.
    entries : mapping
        Its entries, and those of the circuit that it refers to.
    """

    path: Path
    entries: Mapping[str, Any]

    def section(self, name: str) -> dict[str, Any]:
        """Return an entry that is an object, empty where it is missing."""
        return dict(self.entries.get(name) or {})

    def component(self, kind: str, name: str) -> dict[str, Any]:
        """Return the JSON object `name` in the folder of components `kind`; ValueError if there is none."""
        folder = self.section("components").get(kind)
        if not isinstance(folder, str):
            raise ValueError(f"{self.path}: components.{kind} is missing, the folder of {name}")
        found = _read(Path(folder) / name)
        if not isinstance(found, dict):
            raise ValueError(f"{Path(folder) / name}: must be an object of parameters")
        return found


def read_config(path: str | Path) -> Config:
    """Return a configuration, of a circuit or a simulation.

    Raises
    ------
    FileNotFoundError
        It, or the circuit that it refers to, is not there.
    ValueError
        It is no configuration, or has entries that are not supported; the message names file and entry.
    """
    path = as_path(path).absolute()
    entries = _resolved(path)
    if "simulation" in entries:  # a configuration that names a circuit and a simulation
        entries = {**_resolved(Path(entries["simulation"])), **entries}
    if "network" in entries:
        circuit = Path(entries["network"])
        entries = _merged(_resolved(circuit), entries)
    unknown = sorted(entries.keys() - KNOWN - IGNORED - {"target_simulator"})
    if unknown:
        raise ValueError(f"{path}: {unknown[0]}: not supported; supported are {', '.join(sorted(KNOWN))}")
    if "networks" not in entries:
        raise ValueError(f"{path}: networks is missing, and so is network, a circuit's configuration")
    return Config(path, entries)


def _merged(circuit: dict[str, Any], simulation: dict[str, Any]) -> dict[str, Any]:
    """Return the entries of both, those of the simulation last."""
    found = {**circuit, **simulation}
    for name in ("components", "node_sets"):
        if name in circuit and name in simulation:
            found[name] = {**circuit[name], **simulation[name]}
    return found


def _read(path: Path) -> Any:
    try:
        return read_json(path)
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: no such file") from None


def _resolved(path: Path) -> dict[str, Any]:
    """Return the entries of a file with its variables replaced, and its paths made absolute."""
    found = _read(path)
    try:
        kinds.check(found, CONFIG)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    variables = {f"${name.lstrip('$')}": value for name, value in found.get("manifest", {}).items()}
    entries: dict[str, Any] = _replaced({k: v for k, v in found.items() if k != "manifest"}, variables, path)
    return entries


def _replaced(value: Any, variables: Mapping[str, str], path: Path) -> Any:
    if isinstance(value, dict):
        return {key: _replaced(part, variables, path) for key, part in value.items()}
    if isinstance(value, list):
        return [_replaced(part, variables, path) for part in value]
    return _as_file(value, variables, path) if isinstance(value, str) else value


def _as_file(value: str, variables: Mapping[str, str], path: Path) -> str:
    """Return a text with variables replaced; as an absolute path where it is one."""
    text = value
    for _ in range(MOST_TURNS):
        # The longest first: $NETWORK_DIR is not $NETWORK.
        for name in sorted(variables, key=len, reverse=True):
            bare = name.lstrip("$")
            text = text.replace(f"${{{bare}}}", variables[name]).replace(name, variables[name])
    text = text.replace("${configdir}", str(path.parent)).replace("$configdir", str(path.parent))
    if "$" in text:
        raise ValueError(f"{path}: {value}: a variable that manifest does not define")
    is_path = "/" in text or text in (".", "..") or (Path(text).suffix in (".json", ".h5", ".csv") and "$" in value)
    return str((path.parent / text).resolve()) if is_path else _beside(text, path)


def _beside(text: str, path: Path) -> str:
    """Return the path of a file beside the configuration that is named alone, other texts as they are."""
    is_file = Path(text).suffix in (".json", ".h5", ".csv") and (path.parent / text).is_file()
    return str(path.parent / text) if is_file else text
