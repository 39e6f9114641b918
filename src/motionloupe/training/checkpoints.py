"""Everything that a run needs to go on as if it had never stopped.

That is the network, the average of its weights, the optimiser's moments and the number of the step.
There is no random state: samples are a pure function of their number, and nothing else is random.
"""

import json
import math
from dataclasses import MISSING, asdict, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.optim import Adam, Optimizer

from motionloupe.errors import UserError
from motionloupe.flow.motion_finder import FinderNetwork
from motionloupe.networks import channels_last
from motionloupe.networks.splat import FlowmagSplat
from motionloupe.networks.weights import load_weights
from motionloupe.stored import file_of, read_tensors, write_atomically
from motionloupe.training.average import WeightAverage
from motionloupe.training.config import Config
from motionloupe.training.lessons import build_task
from motionloupe.training.muon import Muon
from motionloupe.training.tasks import Task

MAY_CHANGE = {("report",), ("data", "workers"), ("optimiser", "steps")}
"""What a resumed run may be told anew."""


@dataclass
class State:
    """A run between two steps."""

    config: Config
    task: Task
    optimiser: Optimizer
    average: WeightAverage
    step: int = 0
    best: float = math.inf  # loss of the best validation so far
    about_data: str = ""


def fresh(config: Config, device: torch.device, *, begin: bool = True) -> State:
    """A run before its first step; random weights follow from the seed. Raises UserError.

    Unless it is to ``begin``, what it was told to start from is not read.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(config.data.seed)
        task = build_task(config).to(device)
    if begin and config.network.start:
        _begin_with(file_of(config.network.start), task, config.network.name)
    if config.optimiser.channels_last:
        channels_last(task.network)
    rule = Muon if config.optimiser.rule == "muon" else Adam
    optimiser = rule(task.network.parameters(), lr=config.optimiser.rate)
    return State(config, task, optimiser, WeightAverage(task.network, config.optimiser.ema))


def _begin_with(path: Path, task: Task, name: str) -> None:
    trained = load_weights(path)
    begun, given = task.network, trained.network
    if isinstance(begun, FlowmagSplat) and isinstance(given, FinderNetwork):
        begun, given = begun.finder, given.finder
    try:
        begun.load_state_dict(given.state_dict())
    except RuntimeError:
        raise UserError(
            f"{path} holds {trained.name} {trained.options or ''}, which does not fit {name} as "
            "this run wants it"
        ) from None


def save(state: State, path: Path) -> None:
    """Write a checkpoint that appears whole or not at all. Raises UserError for useless weights."""
    if not all(bool(part.isfinite().all()) for part in state.task.network.parameters()):
        raise UserError(
            f"the weights are no longer finite at step {state.step}: go on from the last "
            "checkpoint with a lower rate or a clip in another output folder"
        )
    tensors = {f"network.{k}": v for k, v in state.task.network.state_dict().items()}
    tensors |= {f"average.{k}": v for k, v in state.average.weights.items()}
    for name, parameter in state.task.network.named_parameters():
        for kind, value in state.optimiser.state[parameter].items():
            tensors[f"optimiser.{kind}.{name}"] = value
    run = {"config": state.config.as_table(), "step": state.step, "best": state.best}
    write_atomically(path, tensors, {"run": run})


def restore(state: State, path: Path) -> list[str]:
    """Bring a fresh state to where a checkpoint was written; what is to be told of it.

    Raises UserError for another run's.
    """
    tensors, metadata = read_tensors(path)
    run = metadata.get("run")
    if not isinstance(run, dict):
        raise UserError(f"{path} is not a checkpoint of a run: choose another output folder")
    old = _completed(run["config"], state.config)
    _check_same(old, _stored(state.config.as_table()), path)
    try:
        state.task.network.load_state_dict(_part(tensors, "network."))
    except RuntimeError:
        raise UserError(f"{path} does not fit the network {state.config.network.name}") from None
    for name, value in _part(tensors, "average.").items():
        state.average.weights[name].copy_(value)
    moments = _part(tensors, "optimiser.")
    if run["step"] and not moments:
        raise UserError(f"{path} was written by an older version: begin in another output folder")
    parameters = dict(state.task.network.named_parameters())
    for key, moment in moments.items():
        kind, _, name = key.partition(".")
        parameter = parameters[name]
        if kind != "step":  # laid out in memory as the parameter is
            moment = torch.empty_like(parameter).copy_(moment)
        state.optimiser.state[parameter][kind] = moment
    state.step, state.best = run["step"], run["best"]
    return _told(state, old)


def _told(state: State, old: dict[str, Any]) -> list[str]:
    """What follows from what a resumed run was told anew."""
    notes, before, now = [], old["optimiser"]["steps"], state.config.optimiser
    if state.step >= now.steps:
        notes.append(f"{state.step} of {now.steps} steps are done: there is nothing to go on with")
    elif before != now.steps and now.schedule == "cosine":
        notes.append(
            f"{now.steps} steps instead of {before}: from here on the rate is that of the new pace"
        )
    if old["report"]["scenes"] != state.config.report.scenes:
        state.best = math.inf
        notes.append("validated on other scenes than before: the best weights are sought anew")
    return notes


def _completed(old: dict[str, Any], config: Any) -> dict[str, Any]:
    """The table of an earlier run, with the defaults of those options that came after it."""
    complete = dict(old)
    for option in fields(config):
        if option.name not in old:
            if option.default is not MISSING:
                complete[option.name] = _stored(option.default)
            elif option.default_factory is not MISSING:
                complete[option.name] = _stored(option.default_factory())
        elif isinstance(old[option.name], dict) and is_dataclass(getattr(config, option.name)):
            complete[option.name] = _completed(old[option.name], getattr(config, option.name))
    return complete


def _stored(table: Any) -> Any:
    """A table as it comes back from a file."""
    return json.loads(json.dumps(table, default=asdict))


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _check_same(old: Any, new: Any, path: Path, at: tuple[str, ...] = ()) -> None:
    if at in MAY_CHANGE:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            _check_same(old.get(key), new.get(key), path, (*at, key))
    elif old != new:
        raise UserError(
            f"{path} belongs to a run with {'.'.join(at)} = {old!r}, now {new!r}: "
            "choose another output folder, or go on with its configuration"
        )
