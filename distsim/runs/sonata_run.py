"""Run a SONATA simulation: build, simulate until tstop, and write its output folder."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, NamedTuple

from ..circuits.config import Config, read_config
from ..circuits.load import network_of
from ..description.network import Network
from ..parallel import InputError, on_root
from ..recording.report_files import SPIKES, file_of
from ..simulation.simulation import Simulation


class Output(NamedTuple):
    """The output of a simulation: its folder, copies of files by the names that it asks for, whether to overwrite."""

    folder: Path
    copies: dict[str, str]
    overwrite: bool


def run_sonata(path: str, out: str | None, overwrite: bool, seed: int, comm: Any) -> Path:
    """Run the simulation of a configuration; return its output folder (collective).

    Raises
    ------
    InputError
        On all ranks: something is missing, damaged or not supported.
    """
    config, network = _described(path, comm)
    run = config.section("run")
    if "tstop" not in run:
        raise InputError(f"{config.path}: run.tstop is missing, the end of the simulation (ms)")
    if run.get("tstart", 0.0) != 0.0:
        raise InputError(f"{config.path}: run.tstart: must be 0, not {run['tstart']}")
    output = output_of(config, out, overwrite)
    say = print if comm.rank == 0 else (lambda *args, **kwargs: None)
    try:
        simulation = Simulation(network, seed, comm)
        say(f"{config.path.name}: {network.n_neurons:,} neurons, {simulation.n_synapses:,} synapses", flush=True)
        simulation.run(float(run["tstop"]))
        folder = simulation.save(output.folder, config.path.stem, output.overwrite)
    except ValueError as error:
        raise InputError(str(error)) from None
    on_root(comm, lambda: _copy(folder, output.copies))
    say(f"{simulation.n_spikes:,} spikes in {simulation.time:g} ms; files in {folder}", flush=True)
    return folder


def _described(path: str, comm: Any) -> tuple[Config, Network]:
    """Return configuration and network; InputError on all ranks where one of them cannot read it (collective)."""
    problem, found = None, None
    try:
        config = read_config(path)
        found = config, network_of(config)
    except (OSError, ValueError, TypeError) as error:
        problem = str(error)
    problems = [each for each in comm.allgather(problem) if each]
    if problems or found is None:
        raise InputError(problems[0])
    return found


def output_of(config: Config, out: str | None, overwrite: bool) -> Output:
    """Return where a simulation writes; the command line comes before the configuration."""
    section = config.section("output")
    folder = out if out is not None else section.get("output_dir")
    if folder is None:
        raise InputError(f"{config.path}: output.output_dir is missing; give --out")
    copies = {}
    if isinstance(section.get("spikes_file"), str):
        copies[SPIKES] = Path(section["spikes_file"]).name
    for name, entry in config.section("reports").items():
        if isinstance(entry.get("file_name"), str) and entry.get("enabled", True):
            copies[file_of(name)] = Path(entry["file_name"]).name
    may = overwrite or (out is None and bool(section.get("overwrite_output_dir", True)))
    return Output(Path(folder), {kept: name for kept, name in copies.items() if kept != name}, may)


def _copy(folder: Path, copies: dict[str, str]) -> None:
    """Give files also the names that the configuration asks for."""
    for kept, name in copies.items():
        if (folder / kept).exists():
            shutil.copyfile(folder / kept, folder / name)
