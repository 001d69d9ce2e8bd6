"""What the options of a network's subcommand mean: parameters, a network, how it is run."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..description.elements import Selection
from ..description.grid import TimeGrid, resolution
from ..description.network import Network
from ..networks import microcircuit
from ..networks.parameters import make
from ..parallel import InputError
from .problems import Problems


def prepare(args: argparse.Namespace, comm) -> tuple:
    """Parameters, network and `run.Options` that the arguments mean, checked."""
    return assemble(args, network_parameters, comm)


def prepare_again(model, config: Mapping[str, Any], t_sim: float, comm) -> tuple:
    """The same of the `config` of an earlier run (see `config_of`), which is to last for `t_sim` ms."""
    options = config["options"]
    kept = {name: options[name] for name in ("t_presim", "dt", "seed", "panel", "profile", "max_rate")}
    kept |= {"model": model, "t_sim": t_sim, "no_plots": not options["plots"], "problems": []}
    args = argparse.Namespace(**kept, **options["recording"])
    return assemble(args, lambda _: (config["parameters"], {}), comm)


def config_of(model, parameters, options) -> dict[str, Any]:
    """All that a run was asked to do, exactly, fit for JSON: the network's name, parameters and options."""
    values = {name: np.asarray(value).tolist() for name, value in dataclasses.asdict(parameters).items()}
    said = dataclasses.asdict(options)
    del said["figures"]  # they follow from the others
    return {"network": model.NAME, "parameters": values, "options": json.loads(json.dumps(said))}


def assemble(args: argparse.Namespace, values_of: Callable[[argparse.Namespace], tuple], comm) -> tuple:
    """Parameters, network and `run.Options` of the run's options in `args` and the values of the parameters, which
    `values_of` gives together with how they were given (see `make`)."""
    from ..engine.check import check_network
    from ..runs import pictures, run

    t_sim = default_t_sim(args) if args.t_sim is None else args.t_sim
    problems, parameters = Problems(args.problems), None
    with problems.noted():
        parameters = make(args.model.Parameters, *values_of(args))
    check_times(args, t_sim, problems)
    network = described(args, parameters, problems)
    if network is not None:
        set_recorders(network, args, problems)
    problems.say()
    with problems.noted():
        check_network(network, comm)
    problems.say()
    recording = {name: getattr(args, name) for name in ("no_record", "record_spikes", "record_voltages")}
    recording["voltage_interval"] = args.voltage_interval
    figures = pictures.describe(args.model, parameters, args.t_presim, t_sim, args.panel, comm)
    how = {"plots": not args.no_plots, "figures": figures, "profile": args.profile, "panel": args.panel}
    times = (args.t_presim, t_sim, args.dt)
    return parameters, network, run.Options(*times, args.seed, recording, **how, max_rate=args.max_rate)


def check_times(args: argparse.Namespace, t_sim: float, problems: Problems) -> None:
    with problems.noted():
        grid = TimeGrid(resolution(args.dt))
        for name, time in (("--t-presim", args.t_presim), ("--t-sim", t_sim)):
            with problems.noted():
                grid.steps(time, name)


def described(args: argparse.Namespace, parameters, problems: Problems) -> Network | None:
    """The network; where something is wrong with it, that of the default parameters, to go on with, or None."""
    found = Problems()
    with np.errstate(all="ignore"):
        if parameters is not None:
            with found.noted():
                return args.model.describe(parameters, args.dt, args.t_presim)
            # Of wrong times a network says so once more.
            problems.found += [] if problems.found else found.found
        with found.noted():
            return args.model.describe(args.model.Parameters(), args.dt, args.t_presim)
    return None


def default_t_sim(args: argparse.Namespace) -> float:
    return args.model.T_SIM if args.panel is None else float(args.model.PANELS[args.panel]["t_range"][1])


def network_parameters(args: argparse.Namespace) -> tuple[dict, dict[str, str]]:
    """Parameters from the network's own options and from --set, and the options that say them, as they are typed;
    InputError if one is given twice."""
    given = microcircuit_parameters(args) if args.model is microcircuit else plain_parameters(args)
    from_options = {name: value for name, (value, _) in given.items()}
    options = {name: option for name, (_, option) in given.items()}
    from_set = settings(args.set)
    twice = sorted(set(from_options) & set(from_set))
    if twice:
        raise InputError(
            f"--set {twice[0]}={from_set[twice[0]]}: {options[twice[0]]} sets it, too: give either of them"
        )
    return {**from_options, **from_set}, options


def microcircuit_parameters(args: argparse.Namespace) -> dict[str, tuple]:
    """Network parameters that the options of the microcircuit stand for: their values, and the options as typed."""
    if args.scale is not None and (args.n_scaling is not None or args.k_scaling is not None):
        raise InputError("--scale sets both scalings: give either it or --n-scaling and --k-scaling")
    scale = f"--scale {args.scale}"
    values = {
        "N_scaling": (args.scale, scale)
        if args.scale is not None
        else (args.n_scaling, f"--n-scaling {args.n_scaling}"),
        "K_scaling": (args.scale, scale)
        if args.scale is not None
        else (args.k_scaling, f"--k-scaling {args.k_scaling}"),
        "poisson_input": (None if args.input is None else args.input == "poisson", f"--input {args.input}"),
        "thalamic_input": (args.thalamus or None, "--thalamus"),
        "dc_input": (args.dc_stimulus or None, "--dc-stimulus"),
        "V0_type": (args.v0, f"--v0 {args.v0}"),
    }
    return {name: given for name, given in values.items() if given[0] is not None}


def plain_parameters(args: argparse.Namespace) -> dict[str, tuple]:
    """Return the same for the options of a network with SHORTCUTS, and for the panel."""
    values = {name: getattr(args, f"parameter_{name}") for name in args.model.SHORTCUTS}
    given = {
        name: (value, f"--{name.replace('_', '-')} {value}") for name, value in values.items() if value is not None
    }
    if args.panel is None:
        return given
    panel = args.model.PANELS[args.panel]
    twice = [name for name in ("g", "nu_ext_over_nu_thr") if name in given]
    if twice:
        raise InputError(f"{given[twice[0]][1]}: the panel sets {twice[0]}: give either it or --panel")
    return {**given, **{name: (panel[name], f"--panel {args.panel}") for name in ("g", "nu_ext_over_nu_thr")}}


def settings(texts: Sequence[str]) -> dict[str, str]:
    """--set NAME=VALUE ... as a dictionary."""
    values = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise InputError(f"--set {text}: must be NAME=VALUE")
        if name in values:
            raise InputError(f"--set {text}: {name} is set twice")
        values[name] = value
    return values


def set_recorders(network: Network, args: argparse.Namespace, problems: Problems) -> None:
    """Replace what the model records by what the options say."""
    if args.no_record or args.record_spikes:
        network.spike_recorders.clear()
    if args.voltage_interval is not None and not args.record_voltages:
        problems.found.append("--voltage-interval: there are no --record-voltages")
    interval = None
    with problems.noted():
        if args.voltage_interval is not None and network.grid.steps(args.voltage_interval, "--voltage-interval"):
            interval = args.voltage_interval
    if args.no_record and (args.record_spikes or args.record_voltages):
        problems.found.append("--no-record excludes --record-spikes and --record-voltages")
    for text in args.record_spikes or []:
        with problems.noted():
            network.record_spikes(selection(network, "--record-spikes", text))
    for text in args.record_voltages or []:
        with problems.noted():
            network.record_voltages(selection(network, "--record-voltages", text), interval)


def selection(network: Network, option: str, text: str) -> Selection:
    """'L4E' or 'L4E[10:20]' or 'L4E[:100:2]' as a selection."""
    try:
        chosen = network.select(text)
    except ValueError as error:
        raise InputError(f"{option} {error}") from None
    if not len(chosen):
        raise InputError(f"{option} {text}: selects none of the {len(chosen.population)} neurons")
    return chosen
