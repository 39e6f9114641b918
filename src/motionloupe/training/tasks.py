"""The papers as tasks: a batch goes in, the loss and its parts come out.

A batch holds ``a``, ``b`` and, for synthetic scenes, ``b_perturbed``, ``y``, ``y_perturbed``, all
(B, 3, H, W) in [0, 1], and the total factors ``alpha`` (B, 1, 1, 1).
"""

from typing import Any, cast

import torch
from torch import Tensor, nn

from motionloupe.errors import UserError
from motionloupe.flow import load_flow
from motionloupe.networks import build
from motionloupe.networks.flavr import FlavrUNet
from motionloupe.networks.oh2018 import Oh2018
from motionloupe.networks.splat import FlowmagSplat
from motionloupe.training.config import Config, FlowLoss, MixedLoss, OhLoss, TruthLoss
from motionloupe.training.losses import (
    MagnificationLoss,
    MotionGap,
    decomposition_regularisers,
    dissimilarity,
    multiscale_l1,
    relative_error,
)

Batch = dict[str, Tensor]
Losses = dict[str, Tensor]
"""``loss``, the sum to be lowered, and its parts."""


class Task(nn.Module):
    """A network and its lesson: ``answer`` magnifies a batch, ``forward`` gives the losses."""

    network: nn.Module

    def answer(self, batch: Batch) -> Tensor:
        answer: Tensor = self.network(batch["a"], batch["b"], batch["alpha"])
        return answer


class OhTask(Task):
    """Oh et al.: the reference a and the colour-perturbed b give the perturbed truth y."""

    def __init__(self, network: Oh2018, options: OhLoss) -> None:
        super().__init__()
        self.network = network
        self.options = options
        self.gap = motion_gap(options)

    def answer(self, batch: Batch) -> Tensor:
        answer: Tensor = self.network(batch["a"], batch["b_perturbed"], batch["alpha"])
        return answer

    def forward(self, batch: Batch) -> Losses:
        weights, truth = self.options, batch["y_perturbed"]
        if weights.regulariser:
            drawn, apart = self._taken_apart(batch)
            parts = {"regularisers": apart}
        else:
            drawn, parts = self.answer(batch).float(), {}
        losses = {"picture": multiscale_l1(drawn, truth, weights.scales), **parts}
        loss = losses["picture"] + weights.regulariser * losses.get("regularisers", 0.0)
        if weights.structure:
            losses["structure"] = dissimilarity(drawn, truth)
            loss = loss + weights.structure * losses["structure"]
        if self.gap:  # seen from the frame in the colours of the truth
            losses["gap"] = self.gap(batch["b_perturbed"], drawn, truth)
            loss = loss + weights.motion * losses["gap"]
        return {"loss": loss, **losses}

    def _taken_apart(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The answer, and the regularisers of what its encoder made of every frame."""
        network = cast(Oh2018, self.network)
        names = ("a", "b", "b_perturbed", "y_perturbed")
        texture, shape = network.encode(torch.cat([batch[name] for name in names]))
        v_a, v_b, v_twin, v_y = texture.chunk(4)
        m_a, m_b, m_twin, _ = shape.chunk(4)
        drawn = network.decode(
            v_twin,
            network.manipulate(m_twin, m_twin - m_a, batch["alpha"]),
            (batch["a"].shape[-2], batch["a"].shape[-1]),
        )
        apart = decomposition_regularisers(
            (v_a.float(), v_b.float(), v_twin.float(), v_y.float()),
            (m_b.float(), m_twin.float()),
        )
        return drawn.float(), apart


class FlowmagTask(Task):
    """FlowMag: no truth; the flow of the answer is held to alpha times the flow of the input."""

    def __init__(self, network: nn.Module, teacher: MagnificationLoss, colour: float) -> None:
        super().__init__()
        self.network = network
        self.teacher = teacher
        self.colour = colour

    def forward(self, batch: Batch) -> Losses:
        return self.judge(self.answer(batch), batch)

    def judge(self, answer: Tensor, batch: Batch) -> Losses:
        """The losses of an answer (B, 3, H, W)."""
        if not bool(torch.isfinite(answer).all()):  # no flow leads there; sampling it may crash
            lost = torch.full_like(answer.sum(), torch.nan)
            return {"loss": lost, "motion": lost, "colour": lost}
        with torch.autocast(answer.device.type, enabled=False):  # sub-pixel flow needs float32
            terms = self.teacher(batch["a"], batch["b"], answer.float(), batch["alpha"])
        loss = terms.motion + self.colour * terms.colour
        return {"loss": loss, "motion": terms.motion, "colour": terms.colour}


def needed(config: Config) -> tuple[str, ...]:
    """The parts of a scene that the loss looks at."""
    if isinstance(config.loss, FlowLoss):
        return ("a", "b")
    truth = config.loss.truth if isinstance(config.loss, MixedLoss) else config.loss
    if isinstance(truth, TruthLoss):
        motion = ("backward_flow",) if truth.displacement else ()
        return ("a", "b", "y", *motion)
    plain = ("b",) if truth.regulariser else ()
    return ("a", *plain, "b_perturbed", "y_perturbed")


class TruthTask(Task):
    """A generator of FlowMag's interface, held to the truth of synthetic scenes."""

    def __init__(self, network: nn.Module, gap: MotionGap | None, options: TruthLoss) -> None:
        """``gap`` measures what ``options.motion`` weighs, unless that is 0."""
        super().__init__()
        self.network = network
        self.gap = gap
        self.options = options

    def forward(self, batch: Batch) -> Losses:
        return self.judge(*self.drawn(batch), batch)

    def drawn(self, batch: Batch) -> tuple[Tensor, Tensor | None]:
        """The answer and, where it is taught, the motion that the generator found."""
        if not self.options.displacement:
            return self.answer(batch).float(), None
        network = cast(FlowmagSplat, self.network)
        drawn = network.explained(batch["a"], batch["b"], batch["alpha"])
        return drawn.picture.float(), drawn.motion

    def judge(self, answer: Tensor, found: Tensor | None, batch: Batch) -> Losses:
        """The losses of an answer (B, 3, H, W) and of a motion (B, 2, H, W)."""
        weights = self.options
        losses = {"picture": multiscale_l1(answer, batch["y"], weights.scales)}
        loss = losses["picture"]
        if self.gap:
            losses["gap"] = self.gap(batch["a"], answer, batch["y"])
            loss = loss + weights.motion * losses["gap"]
        if weights.structure:
            losses["structure"] = dissimilarity(answer, batch["y"])
            loss = loss + weights.structure * losses["structure"]
        if found is not None:
            losses["displacement"] = relative_error(found, -batch["backward_flow"])
            loss = loss + weights.displacement * losses["displacement"]
        return {"loss": loss, **losses}


class MixedTask(Task):
    """FlowMag's loss on the real pairs of a batch, the truth on its scenes: ``known`` tells them.

    Every part is given as it counts in the loss: weighted, and by its share of the batch.
    """

    def __init__(self, flow: FlowmagTask, truth: TruthTask, weight: float) -> None:
        super().__init__()
        self.network = truth.network
        self.flow, self.truth, self.weight = flow, truth, weight

    def forward(self, batch: Batch) -> Losses:
        answer, found = self.truth.drawn(batch)
        known = batch["known"].flatten() > 0.5
        share = float(known.float().mean())
        flow = truth = answer.sum() * 0.0
        if share < 1:
            flow = self.flow.judge(answer[~known], _chosen(batch, ~known))["loss"]
        if share > 0:
            motion = None if found is None else found[known]
            truth = self.truth.judge(answer[known], motion, _chosen(batch, known))["loss"]
        flow, truth = (1.0 - share) * self.weight * flow, share * truth
        return {"loss": flow + truth, "flow": flow, "truth": truth}


def _chosen(batch: Batch, which: Tensor) -> Batch:
    return {name: part[which] for name, part in batch.items()}


def build_task(config: Config) -> Task:
    """The task of a configuration, with a network of random weights. Raises UserError."""
    network = build(config.network.name, config.network.options)
    if isinstance(config.loss, OhLoss):
        if not isinstance(network, Oh2018):
            raise UserError(f"the task oh2018 trains the network oh2018, not {config.network.name}")
        return OhTask(network, config.loss)
    if isinstance(network, Oh2018):
        raise UserError("the task flowmag trains a generator, not oh2018: name another network")
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
    if loss.displacement and not isinstance(network, FlowmagSplat):
        raise UserError("this network finds no displacement: leave it at 0, or train flowmag-splat")
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
    """FlowMag's lesson for a generator. Raises UserError where the estimator cannot be had."""
    options: dict[str, Any] = {"zero_correct": loss.zero_correct}
    if loss.iterations:
        options["iterations"] = loss.iterations
    teacher = MagnificationLoss(load_flow(loss.flow, **options), loss.border)
    return FlowmagTask(network, teacher, loss.colour)
