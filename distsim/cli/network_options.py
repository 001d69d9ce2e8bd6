"""The options of a network's subcommand, made from its `NetworkModel`, and the `RunRequest` made from them."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..networks.base import NetworkModel
from ..networks.explain import has_lists, option_text, parameter_help
from ..networks.parameters import fields_of
from ..networks.registry import Source
from ..parallel import InputError, on_root
from ..runs.pictures import warn
from ..runs.problems import Problems
from ..runs.request import MAX_RATE, CheckpointSchedule, Recording, RunRequest
from ..runs.request_file import from_toml
from .parser import literally
from .types import duration, number, path, seed

ALL = "all"  # the variants


def add_network_options(parser: argparse.ArgumentParser, model: NetworkModel) -> None:
    """Add all options with which `model` is run."""
    network = parser.add_argument_group("network")
    fields = fields_of(model)
    for option in model.options:
        names = option.parameters or (option.name,)
        text = option.text or option_text(fields[names[0]])
        how: dict[str, Any] = {"dest": f"option_{option.key}", "help": literally(text)}
        if option.sets:
            how |= {"action": "store_true", "default": None}
        elif option.choices:
            how |= {"choices": tuple(option.choices)}
        else:
            how |= {"metavar": "VALUE"}
        network.add_argument(option.flag, **how)
    if model.variants:
        each = ", ".join(f"{name} {variant.text}".rstrip() for name, variant in model.variants.items())
        known = list(model.variants)
        text = f"{model.variant_text}: {each}; all: one after another into DIR/{known[0]} ... DIR/{known[-1]}, "
        text += "and their figure into DIR"
        network.add_argument(f"--{model.variant_option}", dest="variant", choices=(*known, ALL), help=literally(text))
    if fields:
        text = f"any parameter below{', lists as [1, 2]' if has_lists(model) else ''}; repeatable"
        network.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help=text)
    _add_run_options(parser.add_argument_group("run"), model)
    _add_output_options(parser.add_argument_group("output"), model)
    parser.epilog = parameter_help(model)
    parser.set_defaults(model=model, source=None)
    parser.set_defaults(**({} if model.variants else {"variant": None}), **({} if fields else {"set": []}))


def _add_run_options(run: argparse._ArgumentGroup, model: NetworkModel) -> None:
    at_least_0, above_0 = number(0.0), number(0.0, excluded=True)
    text = "TOML file with any of these settings, as `distsim config` writes it and a run's folder holds it; "
    text += "options win"
    run.add_argument("--config", type=path, metavar="FILE", help=text)
    text = f"warm-up, not recorded, ms ({model.t_presim:g})"
    run.add_argument("--t-presim", type=at_least_0, metavar="MS", help=text)
    text = f"simulated time after it, ms ({_t_sim_text(model)})"
    run.add_argument("--t-sim", type=at_least_0, metavar="MS", help=text)
    run.add_argument("--dt", type=above_0, metavar="MS", help="resolution, ms (0.1)")
    run.add_argument("--seed", type=seed, help="fixes every random number, 0 to 2^64 - 1 (1)")
    text = "fixes all that is drawn during the run instead of --seed: the same network, other noise"
    run.add_argument("--noise-seed", type=seed, metavar="SEED", help=text)
    text = "stop with exit code 3, keeping what was recorded, where the neurons of a population fire faster on average "
    text += f"over 100 ms, spikes/s; 0: at no rate ({MAX_RATE:g})"
    run.add_argument("--max-rate", type=at_least_0, metavar="HZ", help=text)
    text = "report at the end how long each rank worked and waited, and what that implies"
    run.add_argument("--profile", action="store_true", default=None, help=text)
    add_checkpoint_options(run, "default: none")
    text = "resume the run in --out if it has the same settings and is not complete; start it if there is none"
    run.add_argument("--resume", choices=("auto",), help=text)


def _add_output_options(out: argparse._ArgumentGroup, model: NetworkModel) -> None:
    text = f"folder of the run (default results/{model.name}-1, -2, ...)"
    out.add_argument("--out", type=path, metavar="DIR", help=text)
    out.add_argument("--overwrite", action="store_true", help="replace an earlier run in DIR")
    out.add_argument("--no-record", action="store_true", help="record nothing (spikes are still counted, for rates)")
    out.add_argument("--no-plots", action="store_true", help="write no figures")
    first, second = (*model.populations, "E", "I")[:2]
    text = f"record spikes of these neurons only, e.g. {second} '{first}[:100]' '{first}[-5:]' '{first}[1,5,7]'"
    out.add_argument("--record-spikes", nargs="+", action="extend", metavar="POP[a:b]", help=text)
    text = "record V_m of these neurons (ids from 0, b excluded)"
    out.add_argument("--record-voltages", nargs="+", action="extend", metavar="POP[a:b]", help=text)
    text = "time between samples of V_m, ms (default dt)"
    out.add_argument("--voltage-interval", type=number(0.0, excluded=True), metavar="MS", help=text)


def add_checkpoint_options(parser: Any, default: str) -> None:
    """Add the options on checkpoints and wall time."""
    text = f"model time between two checkpoints, e.g. 10s, 500ms ({default})"
    parser.add_argument("--checkpoint-every", type=duration, metavar="TIME", help=text)
    text = f"wall time between two checkpoints, e.g. 10min ({default})"
    parser.add_argument("--checkpoint-wall", type=duration, metavar="TIME", help=text)
    text = "stop with a checkpoint and exit code 75 after this wall time, e.g. 23h50m"
    parser.add_argument("--max-wall", type=duration, metavar="TIME", help=text)


def _t_sim_text(model: NetworkModel) -> str:
    """Return the default of --t-sim, which may depend on the variant."""
    usual = f"{model.t_sim:g}"
    ends = {name: f"{variant.t_sim:g}" for name, variant in model.variants.items() if variant.t_sim is not None}
    others = [f"{model.variant_option} {name}: {end}" for name, end in ends.items() if end != usual]
    return ", ".join([usual, *others])


# --- from options to a request ----------------------------------------------------------------------------------------


def request_of(args: argparse.Namespace, variant: str | None, comm: Any, problems: Problems) -> tuple[RunRequest, dict]:
    """Return the request made from the options, its parameters still as they were typed (collective).

    Parameters
    ----------
    args : Namespace
        The options of a network's subcommand.
    variant : str or None
        The variant to run.
    comm : communicator
        The ranks; rank 0 reads the file of --config.
    problems : Problems
        Gets what is wrong.

    Returns
    -------
    request : RunRequest
        The request.
    given : dict of str to str
        How each parameter was given, for messages.
    """
    model, config = args.model, {}
    if args.config is not None:
        with problems.noted():
            config = _read_config(args, comm)
    if variant is None and "variant" in config:
        variant = _known_variant(model, config["variant"], args.config, problems)
    chosen = model.variants[variant] if variant is not None else None
    parameters: Mapping[str, Any] = {}
    given: dict[str, str] = {}
    with problems.noted():
        parameters, given = _parameters(args, config, variant)
    t_sim = chosen.t_sim if chosen is not None and (args.variant or "t_sim" not in config) else None
    t_sim = config.get("t_sim", model.t_sim) if t_sim is None else t_sim
    request = RunRequest(
        network=model.name,
        parameters=parameters,
        t_presim=float(_first(args.t_presim, config.get("t_presim"), model.t_presim)),
        t_sim=float(_first(args.t_sim, t_sim)),
        dt=float(_first(args.dt, config.get("dt"), 0.1)),
        seed=_first(args.seed, config.get("seed"), 1),
        noise_seed=args.noise_seed if args.noise_seed is not None else config.get("noise_seed"),
        variant=variant,
        source=args.source,
        recording=_recording(args, config.get("recording", {}), problems),
        max_rate=float(_first(args.max_rate, config.get("max_rate"), MAX_RATE)),
        checkpoints=checkpoints_of(args).or_else(CheckpointSchedule(**config.get("checkpoints", {}))),
        plots=not args.no_plots and config.get("plots", True),
        profile=bool(_first(args.profile, config.get("profile"), False)),
    )
    return request, given


def checkpoints_of(args: argparse.Namespace) -> CheckpointSchedule:
    """Return the schedule of checkpoints that the options give."""
    return CheckpointSchedule(args.checkpoint_every, args.checkpoint_wall)


def _first(*values: Any) -> Any:
    """Return the first value that is given."""
    return next(value for value in values if value is not None)


def _read_config(args: argparse.Namespace, comm: Any) -> dict[str, Any]:
    """Return the entries of the file of --config, which must be of the same network."""

    def read() -> dict[str, Any]:
        try:
            return from_toml(Path(args.config).read_text(encoding="utf8"))
        except OSError as error:
            raise InputError(f"--config {args.config}: cannot be read ({error.strerror or error})") from None
        except UnicodeDecodeError:
            raise InputError(f"--config {args.config}: not a text file") from None
        except ValueError as error:
            raise InputError("\n".join(f"--config {args.config}: {line}" for line in str(error).splitlines())) from None

    found = on_root(comm, read)
    if found.get("network", args.model.name) != args.model.name:
        raise InputError(f"--config {args.config}: of the network {found['network']!r}, not {args.model.name!r}")
    _warn_of_other_source(args, found.get("source", {}), comm)
    return found


def _warn_of_other_source(args: argparse.Namespace, kept: Mapping[str, str], comm: Any) -> None:
    source: Source | None = args.source
    if source is not None and kept.get("sha256", source.sha256) != source.sha256 and comm.rank == 0:
        warn(f"{source.path} has changed since --config {args.config} was written")


def _known_variant(model: NetworkModel, name: str, config: str, problems: Problems) -> str | None:
    if name in model.variants:
        return name
    problems.found.append(f"--config {config}: variant {name!r}: must be one of {', '.join(model.variants) or 'none'}")
    return None


def _parameters(args: argparse.Namespace, config: Mapping, variant: str | None) -> tuple[dict, dict[str, str]]:
    """Return the parameters that file, variant and options set, and how each was given; InputError if two options set
    the same one."""
    model = args.model
    values = dict(config.get("parameters", {}))
    given = {name: f"--config {args.config}: parameters.{name}" for name in values}
    typed: dict[str, str] = {}
    if variant is not None and args.variant is not None:
        how = f"--{model.variant_option} {variant}"
        values |= model.variants[variant].parameters
        typed |= dict.fromkeys(model.variants[variant].parameters, how)
    for option in model.options:
        value = getattr(args, f"option_{option.key}")
        if value is None:
            continue
        how = option.flag if option.sets else f"{option.flag} {value}"
        _check_excluded(args, option)
        for name, setting in option.settings(value).items():
            if name in typed:
                raise InputError(f"{how}: {typed[name]} sets {name}, too: give either of them")
            values[name], typed[name] = setting, how
    for name, value in settings(args.set).items():
        if name in typed:
            raise InputError(f"--set {name}={value}: {typed[name]} sets it, too: give either of them")
        values[name] = value
        given.pop(name, None)
    return values, {**given, **typed}


def _check_excluded(args: argparse.Namespace, option: Any) -> None:
    others = [other for other in option.excludes if getattr(args, f"option_{other.replace('-', '_')}") is not None]
    if others:
        names = " and ".join(f"--{other}" for other in option.excludes)
        raise InputError(f"{option.flag} sets {' and '.join(option.parameters)}: give either it or {names}")


def settings(texts: Sequence[str]) -> dict[str, str]:
    """Return --set NAME=VALUE ... as a dictionary."""
    values: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise InputError(f"--set {text}: must be NAME=VALUE")
        if name in values:
            raise InputError(f"--set {text}: {name} is set twice")
        values[name] = value
    return values


def _recording(args: argparse.Namespace, config: Mapping[str, Any], problems: Problems) -> Recording:
    """Return which neurons are recorded."""
    if args.voltage_interval is not None and not (args.record_voltages or config.get("voltages")):
        problems.found.append("--voltage-interval: there are no --record-voltages")
    if args.no_record and not (args.record_spikes or args.record_voltages):
        return Recording.nothing()
    if args.no_record:
        problems.found.append("--no-record excludes --record-spikes and --record-voltages")
    spikes, voltages = (
        typed if typed is not None else config.get(name)
        for name, typed in (("spikes", args.record_spikes), ("voltages", args.record_voltages))
    )
    interval = args.voltage_interval if args.voltage_interval is not None else config.get("voltage_interval")
    if interval is not None and voltages is None and args.voltage_interval is None:
        problems.found.append(f"--config {args.config}: recording.voltage_interval: there are no recording.voltages")
    chosen = {"spikes": spikes, "voltages": voltages, "others": config.get("others")}
    return Recording(
        **{key: None if each is None else tuple(each) for key, each in chosen.items()}, voltage_interval=interval
    )
