"""One run in a folder, from its start or from where it stopped; and the exit codes of runs."""

from __future__ import annotations

import argparse
import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..parallel import FaultError, InputError, cause, on_root
from ..results import folder
from ..runs.signals import Signals
from ..runs.watch import Keeping
from .options import MODELS
from .prepare import config_of, prepare, prepare_again

STOPPED = 75  # the exit code of a run that stops before its end, to be resumed: EX_TEMPFAIL
GUARDED = 3  # the exit code of a run that the guard has ended: runaway activity, state that is not finite


def single_command(args: argparse.Namespace, comm) -> int:
    """Run one network, or go on with it (--resume auto)."""
    from ..runs import resume

    prepared = parameters, network, options = prepare(args, comm)
    config = {**config_of(args.model, parameters, options), "keeping": spared(args)}
    keeping = keeping_of(config, args, network)
    found = "nothing"
    if args.resume:
        if args.out is None or args.overwrite:
            raise InputError("--resume auto: needs --out, and no --overwrite")
        on_root(comm, lambda: folder.await_end(Path(args.out)))
        found = on_root(comm, lambda: resume.look(Path(args.out), config))
    if found == "complete":
        finding = on_root(comm, lambda: resume.finding_of(Path(args.out)))
        say(comm, f"{args.out}: the run {finding or 'is complete'}, nothing to do")
        return GUARDED if finding else 0
    if found == "unfinished":
        out = Path(args.out)
        with taken(out, on_root(comm, lambda: folder.noted_config(out)), comm):
            origin = resume.latest(out, comm)
            if origin is None:
                say(comm, f"{out}: there is no checkpoint, the run starts again")
                on_root(comm, lambda: (folder.clear(out), folder.note_config(out, config)))
            return execute(args.model, prepared, out, comm, keeping, config, origin)
    out = on_root(comm, lambda: folder.claim(args.out, args.model.NAME, args.overwrite, config=config))
    return execute(args.model, prepared, out, comm, keeping, config)


@contextmanager
def taken(out: Path, config: Mapping[str, Any], comm) -> Iterator[None]:
    """Claim the folder of an earlier run for a ``with`` statement, and give it back after an `InputError` (collective).

    `config` is what the earlier run was asked to do. An `InputError` within says that the run cannot be resumed: the
    folder is then left as it was.
    """
    before = on_root(comm, lambda: folder.claim_again(out, config))
    try:
        yield
    except InputError:
        on_root(comm, lambda: folder.give_back(out, before))
        raise


def resume_command(args: argparse.Namespace, comm) -> int:
    """Go on with the run in a folder, or extend it."""
    from ..runs import resume

    out = Path(args.folder)
    on_root(comm, lambda: folder.await_end(out))
    config = on_root(comm, lambda: resume.earlier_config(out))
    asked = copy.deepcopy(config)
    model = model_of(config, out)
    t_sim = config["options"]["t_sim"] if args.t_sim is None else args.t_sim
    was_complete = on_root(comm, lambda: resume.is_complete(out))
    finding = on_root(comm, lambda: resume.finding_of(out)) if was_complete else None
    if args.max_rate is not None:
        config["options"]["max_rate"] = args.max_rate
    elif finding:
        raise InputError(f"{out}: the run {finding}; --max-rate 0 goes on with it")
    if was_complete and not finding:
        if t_sim == config["options"]["t_sim"]:
            say(comm, f"{out}: the run is complete, nothing to do (--t-sim extends it)")
            return 0
        if t_sim < config["options"]["t_sim"]:
            raise InputError(f"--t-sim {t_sim:g}: the run is complete with {config['options']['t_sim']:g} ms")
    prepared = parameters, network, options = prepare_earlier(out, model, config, t_sim, comm)
    new = {**config_of(model, parameters, options), "keeping": {**config.get("keeping", {}), **spared(args)}}
    keeping = keeping_of(new, args, network)
    with taken(out, asked, comm):
        origin = resume.latest(out, comm)
        if origin is None:
            raise InputError(f"{out}: there is no checkpoint to go on from; start the run again with --overwrite")
        done = network.grid.ms(origin.state.facts["step"]) - options.t_presim
        if done > t_sim:
            raise InputError(f"--t-sim {t_sim:g}: {done:g} ms are simulated already")
        return execute(model, prepared, out, comm, keeping, new, origin)


def model_of(config: Mapping[str, Any], out: Path):
    """Return the network model of an earlier run in `out`; InputError if this version does not know it."""
    panel = config["options"]["panel"]
    for model in MODELS:
        if config["network"] == model.NAME and panel in (None, *getattr(model, "PANELS", ())):
            return model
    known = ", ".join(model.NAME for model in MODELS)
    of_panel = "" if panel is None else f", panel {panel!r}"
    raise InputError(f"{out}: holds a run of the network {config['network']!r}{of_panel}; this version knows {known}")


def prepare_earlier(out: Path, model, config: Mapping[str, Any], t_sim: float, comm) -> tuple:
    """Call `prepare_again`, and name the folder `out` in its InputError."""
    try:
        return prepare_again(model, config, t_sim, comm)
    except InputError as error:
        raise InputError("\n".join(f"{out}: {line}" for line in str(error).splitlines())) from None


def execute(model, prepared: tuple, out: Path, comm, keeping: Keeping, config: dict, origin=None) -> int:
    """Run, from the start or from a checkpoint; the exit code."""
    from ..runs import resume, run

    try:
        with Signals(comm.rank == 0) as signals:
            result = run.run(model, *prepared, out, comm, None, run.Care(keeping, config, signals, origin))
    except (OSError, MemoryError) as error:
        raise FaultError("\n".join([cause(error), *resume.remedy(out)])) from error
    return code_of(result)


def code_of(result: dict | None) -> int:
    """The exit code of a run, or of the panels of a figure, by its summary."""
    if result is None:
        return STOPPED
    return GUARDED if any("stopped" in each for each in (result, *result.get("panels", {}).values())) else 0


def spared(args: argparse.Namespace) -> dict[str, float]:
    """How much of a run may be lost, s of model time and of wall time, as far as the options say."""
    values = {"every": args.checkpoint_every, "wall": args.checkpoint_wall}
    return {name: value for name, value in values.items() if value is not None}


def keeping_of(config: dict, args: argparse.Namespace, network) -> Keeping:
    """The same with the model time in steps; and how long this process may take."""
    every = config["keeping"].get("every")
    try:
        steps = None if every is None else network.grid.steps(every * 1e3, "--checkpoint-every")
    except ValueError as error:
        raise InputError(str(error)) from None
    return Keeping(steps, config["keeping"].get("wall"), args.max_wall)


def say(comm, text: str) -> None:
    if comm.rank == 0:
        print(text, flush=True)
