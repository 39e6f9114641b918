"""The training loop of both papers. It reads from top to bottom."""

import math
from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from motionloupe.errors import UserError
from motionloupe.networks.weights import save_weights
from motionloupe.training.alone import alone
from motionloupe.training.checkpoints import State, fresh, restore, save
from motionloupe.training.config import Config, Optimiser, Report, Unsupervised
from motionloupe.training.distributed import joined
from motionloupe.training.log import Log, Means
from motionloupe.training.replay import Replayed
from motionloupe.training.samples import Sample, Samples, SecondLooks, batches

CHECKPOINT = "checkpoint.safetensors"
WEIGHTS = "weights.safetensors"


def train(
    config: Config,
    samples: Samples,
    held_out: Samples,
    output: Path,
    *,
    about_data: str = "",
    tell: Callable[[str], None] = print,
) -> None:
    """Train until ``config.optimiser.steps``; where ``output`` holds a checkpoint, go on from it.

    ``output`` receives checkpoint.safetensors (to go on), weights.safetensors (the best so far on
    ``held_out``, to magnify with; at first those that it begins with), log.jsonl and pictures of
    held-out samples. Under torchrun every process takes its share of each batch. Raises UserError,
    also where another run writes there.
    """
    check_report(config.report)
    with (
        joined(config.data.batch) as process,
        alone(output) if process.first else nullcontext(),
        ExitStack() as stack,
    ):
        checkpoint = output / CHECKPOINT
        state = fresh(config, process.device, begin=not checkpoint.is_file())
        state.about_data = about_data
        notes = restore(state, checkpoint) if checkpoint.is_file() else []
        log = stack.enter_context(Log(output, state.step, tell)) if process.first else None
        learner = process.share(state.task)
        means = Means(process)
        stop = config.optimiser.steps
        if log:
            for note in notes:
                tell(note)
            if state.step == 0:  # random weights are where the curve begins, but none to keep
                first = _judge if config.network.start else validate
                first(state, held_out, log, process.device)
        for batch in batches(_looked_at(samples, config), config.data, state.step, stop, process):
            means.add(learn(learner, state, batch))
            last = state.step == stop
            if last or state.step % config.report.log == 0:
                values = means.take() | {"rate": rate_at(state.step - 1, config.optimiser)}
                if log:
                    log.write("train", state.step, values)
            if log and (last or state.step % config.report.validate == 0):
                _judge(state, held_out, log, process.device)
            if log and (last or state.step % config.report.save == 0):
                save(state, checkpoint)
            means.go_on()


def _judge(state: State, held_out: Samples, log: Log, device: torch.device) -> None:
    """Validate, and keep the weights if they are the best so far."""
    values = validate(state, held_out, log, device)
    if values["loss"] < state.best:
        state.best = values["loss"]
        export(state, values, log.folder / WEIGHTS)


def _looked_at(samples: Samples, config: Config) -> Samples:
    """The samples as a run takes them: each several times, and with a second look if it has any."""
    replayed = Replayed(samples, config.data.replays)
    if isinstance(config.loss, Unsupervised) and config.loss.second:
        return SecondLooks(replayed, config.data, config.loss.second_from)
    return replayed


def check_report(report: Report) -> None:
    """Raise UserError unless a resumed run would repeat the lines of its log."""
    if report.save % report.log or report.validate % report.log:
        raise UserError(
            f"save ({report.save}) and validate ({report.validate}) must be multiples of log "
            f"({report.log})"
        )


def learn(learner: nn.Module, state: State, batch: Sample) -> dict[str, Tensor]:
    """One step of the optimiser; the losses before it. Raises UserError if they are not finite."""
    options, task = state.config.optimiser, state.task
    task.train()
    task.network.train(not options.frozen_norms)  # nothing else there depends on the mode
    for group in state.optimiser.param_groups:
        group["lr"] = rate_at(state.step, options)
    state.optimiser.zero_grad(set_to_none=True)
    device = batch["a"].device.type
    with torch.autocast(device, dtype=torch.bfloat16, enabled=options.autocast):
        losses: dict[str, Tensor] = learner(batch)
    if not bool(torch.isfinite(losses["loss"])):
        raise UserError(
            f"the loss became {losses['loss'].item()} at step {state.step}: go on from the last "
            "checkpoint with a lower rate or a clip in another output folder"
        )
    losses["loss"].backward()  # type: ignore[no-untyped-call]
    if options.clip:
        nn.utils.clip_grad_norm_(task.network.parameters(), options.clip)
    state.optimiser.step()
    state.step += 1
    state.average.update(task.network, state.step)
    return losses


def rate_at(step: int, options: Optimiser) -> float:
    """The learning rate of a step, counted from 0."""
    rise = min(1.0, (step + 1) / options.warmup) if options.warmup else 1.0
    if options.schedule == "constant":
        return options.rate * rise
    done = min(1.0, step / options.steps)
    return options.rate * rise * (0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * done)))


@torch.no_grad()
def validate(state: State, held_out: Samples, log: Log, device: torch.device) -> dict[str, float]:
    """Mean losses of the averaged weights over the held-out samples; the first become a picture.

    Raises UserError where the weights have become useless.
    """
    task, config = state.task.eval(), state.config
    total: dict[str, float] = {}
    count = config.report.scenes
    sheet: list[list[Tensor]] = []
    with state.average.within(task.network):
        for number in range(count):
            sample = held_out[number]
            batch = {name: part[None].to(device) for name, part in sample.items()}
            for name, value in task(batch).items():
                total[name] = total.get(name, 0.0) + float(value) / count
            if number < 4:
                twin = "_perturbed" if "y_perturbed" in batch else ""
                names = ("a", f"b{twin}", f"y{twin}")  # of real frames nobody knows y
                shown = [batch[name] for name in names if name in batch]
                sheet.append([*shown, task.answer(batch)])
    log.write("validation", state.step, total)
    if not math.isfinite(total["loss"]):
        raise UserError(
            f"the loss on held-out samples became {total['loss']} at step {state.step}: go on from "
            "an earlier checkpoint with a lower rate or a clip in another output folder"
        )
    log.picture(state.step, [torch.cat(row) for row in zip(*sheet, strict=True)])
    return total


def export(state: State, values: dict[str, float], path: Path) -> None:
    """The averaged weights in half precision, with the card of the run."""
    network = state.config.network
    card: dict[str, Any] = {
        "task": state.config.task,
        "step": state.step,
        "held_out": values,
        "data": state.about_data,
        "config": state.config.as_table(),
    }
    save_weights(path, network.name, network.options, state.average.weights, card)
