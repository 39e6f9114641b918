"""From a configuration to its task: the network, its lesson, and what that looks at."""

from typing import Any

from torch import nn

from motionloupe.errors import UserError
from motionloupe.flow import load_flow
from motionloupe.flow.learned import FlowNetwork
from motionloupe.networks import build
from motionloupe.networks.flavr import FlavrUNet
from motionloupe.networks.oh2018 import Oh2018
from motionloupe.networks.splat import FlowmagSplat
from motionloupe.training.config import (
    Config,
    FlowLoss,
    MixedLoss,
    OhLoss,
    TruthLoss,
    Unsupervised,
)
from motionloupe.training.losses import MagnificationLoss, MotionGap, SeveralEstimators
from motionloupe.training.tasks import (
    FlowmagTask,
    FlowTask,
    MixedTask,
    OhTask,
    Task,
    TruthTask,
)


def needed(config: Config) -> tuple[str, ...]:
    """The parts of a scene that the loss looks at."""
    if isinstance(config.loss, FlowLoss | Unsupervised):
        return ("a", "b")
    truth = config.loss.truth if isinstance(config.loss, MixedLoss) else config.loss
    if isinstance(truth, TruthLoss):
        motion = ("backward_flow",) if truth.displacement or truth.front else ()
        front = ("b_seen_in_y",) if truth.front else ()
        return ("a", "b", "y", *motion, *front)
    plain = ("b",) if truth.regulariser else ()
    return ("a", *plain, "b_perturbed", "y_perturbed")


def judged(config: Config) -> tuple[str, ...]:
    """The parts of a held-out scene: those of the loss, and the truth that is reported or shown."""
    truth = "flow" if isinstance(config.loss, Unsupervised) else "y"
    return tuple(dict.fromkeys((*needed(config), truth)))


def build_task(config: Config) -> Task:
    """The task of a configuration, with a network of random weights. Raises UserError."""
    network = build(config.network.name, config.network.options)
    if isinstance(config.loss, OhLoss):
        if not isinstance(network, Oh2018):
            raise UserError(f"the task oh2018 trains the network oh2018, not {config.network.name}")
        return OhTask(network, config.loss, motion_gap(config.loss))
    if isinstance(config.loss, Unsupervised):
        if not isinstance(network, FlowNetwork):
            raise UserError(f"the task flow trains a network of flow, not {config.network.name}")
        return FlowTask(network, config.loss)
    if isinstance(network, Oh2018 | FlowNetwork):
        raise UserError(
            f"the task flowmag trains a generator, not {config.network.name}: name another network"
        )
    loss = config.loss
    if isinstance(network, FlavrUNet):
        _check_one_factor(network, config)
    if isinstance(loss, FlowLoss):
        return flowmag_task(network, loss)
    if isinstance(loss, TruthLoss):
        return truth_task(network, loss)
    flow = flowmag_task(network, loss.flow)
    return MixedTask(flow, truth_task(network, loss.truth), loss.weight)


def motion_gap(loss: OhLoss | TruthLoss) -> MotionGap | None:
    """The meter of the motion gap, where it counts. Raises UserError if it cannot be had."""
    if not loss.motion:
        return None
    return MotionGap(load_flow(loss.flow, iterations=loss.iterations))


def truth_task(network: nn.Module, loss: TruthLoss) -> TruthTask:
    """The lesson of true pictures for a generator. Raises UserError where it cannot learn it."""
    if (loss.displacement or loss.front) and not isinstance(network, FlowmagSplat):
        raise UserError(
            "this network finds no displacement and puts nothing in front: leave both at 0, or "
            "train flowmag-splat"
        )
    return TruthTask(network, motion_gap(loss), loss)


def _check_one_factor(network: FlavrUNet, config: Config) -> None:
    """Raise UserError where the samples would show a network of one factor another one."""
    if not isinstance(config.loss, TruthLoss):
        raise UserError("flavr learns from the truth of scenes: start from the configuration flavr")
    alpha = tuple(config.data.scene.get("alpha", ()))
    if alpha != (network.alpha, network.alpha):
        raise UserError(
            f"this flavr magnifies {network.alpha:g} times: set alpha = [{network.alpha:g}, "
            f"{network.alpha:g}] of the scenes, found {list(alpha)}"
        )


def flowmag_task(network: nn.Module, loss: FlowLoss) -> FlowmagTask:
    """FlowMag's lesson for a generator. Raises UserError where an estimator cannot be had."""
    options: dict[str, Any] = {"zero_correct": loss.zero_correct}
    if loss.iterations:
        options["iterations"] = loss.iterations
    names = [name.strip() for name in loss.flow.split(",")]
    teachers = [MagnificationLoss(load_flow(name, **options), loss.border) for name in names]
    teacher = teachers[0] if len(teachers) == 1 else SeveralEstimators(teachers)
    return FlowmagTask(network, teacher, loss.colour)
