"""The papers as tasks: a batch goes in, the loss and its parts come out.

A batch holds ``a``, ``b`` and, for synthetic scenes, ``b_perturbed``, ``y``, ``y_perturbed``, all
(B, 3, H, W) in [0, 1], and the total factors ``alpha`` (B, 1, 1, 1).
"""

from typing import Any, cast

import torch
from torch import Tensor, nn

from motionloupe.errors import UserError
from motionloupe.flow import load_flow
from motionloupe.flow.pwclite import PwcLite
from motionloupe.flow.warp import backward_warp
from motionloupe.networks import build
from motionloupe.networks.oh2018 import Oh2018
from motionloupe.networks.splat import FlowmagSplat
from motionloupe.training.config import Config, FlowLoss, OhLoss, TruthLoss, Unsupervised
from motionloupe.training.flow_losses import robust_distance, unsupervised
from motionloupe.training.losses import (
    MagnificationLoss,
    MotionGap,
    decomposition_regularisers,
    dissimilarity,
    l1,
    multiscale_l1,
    relative_error,
)
from motionloupe.training.second_look import second_look

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
        losses = {"picture": l1(drawn, truth), **parts}
        loss = losses["picture"] + weights.regulariser * losses.get("regularisers", 0.0)
        if weights.structure:
            losses["structure"] = dissimilarity(drawn, truth)
            loss = loss + weights.structure * losses["structure"]
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
        answer = self.answer(batch)
        if not bool(torch.isfinite(answer).all()):  # no flow leads there; sampling it may crash
            lost = torch.full_like(answer.sum(), torch.nan)
            return {"loss": lost, "motion": lost, "colour": lost}
        with torch.autocast(answer.device.type, enabled=False):  # sub-pixel flow needs float32
            terms = self.teacher(batch["a"], batch["b"], answer.float(), batch["alpha"])
        loss = terms.motion + self.colour * terms.colour
        return {"loss": loss, "motion": terms.motion, "colour": terms.colour}


def needed(config: Config) -> tuple[str, ...]:
    """The parts of a scene that the loss looks at."""
    if isinstance(config.loss, FlowLoss | Unsupervised):
        return ("a", "b")
    if isinstance(config.loss, TruthLoss):
        motion = ("backward_flow",) if config.loss.displacement else ()
        return ("a", "b", "y", *motion)
    plain = ("b",) if config.loss.regulariser else ()
    return ("a", *plain, "b_perturbed", "y_perturbed")


class TruthTask(Task):
    """A generator of FlowMag's interface, held to the truth of synthetic scenes."""

    def __init__(self, network: nn.Module, gap: MotionGap, options: TruthLoss) -> None:
        super().__init__()
        self.network = network
        self.gap = gap
        self.options = options

    def forward(self, batch: Batch) -> Losses:
        weights = self.options
        answer, found = self._drawn(batch)
        losses = {"picture": multiscale_l1(answer, batch["y"], weights.scales)}
        loss = losses["picture"]
        if weights.motion:
            with torch.autocast(answer.device.type, enabled=False):  # sub-pixel flow needs float32
                losses["gap"] = self.gap(batch["a"], answer, batch["y"])
            loss = loss + weights.motion * losses["gap"]
        if weights.structure:
            losses["structure"] = dissimilarity(answer, batch["y"])
            loss = loss + weights.structure * losses["structure"]
        if found is not None:
            losses["displacement"] = relative_error(found, -batch["backward_flow"])
            loss = loss + weights.displacement * losses["displacement"]
        return {"loss": loss, **losses}

    def _drawn(self, batch: Batch) -> tuple[Tensor, Tensor | None]:
        """The answer and, where it is taught, the motion that the generator found."""
        if not self.options.displacement:
            return self.answer(batch).float(), None
        network = cast(FlowmagSplat, self.network)
        drawn = network.explained(batch["a"], batch["b"], batch["alpha"])
        return drawn.picture.float(), drawn.motion


def judged(config: Config) -> tuple[str, ...]:
    """The parts of a held-out scene: those of the loss, and the truth that is reported or shown."""
    truth = "flow" if isinstance(config.loss, Unsupervised) else "y"
    return tuple(dict.fromkeys((*needed(config), truth)))


class FlowTask(Task):
    """Optical flow without labels; where a batch knows its ``flow``, the errors are told too.

    In training, batches with numbers ``second`` are looked at once more, changed by them.
    """

    network: PwcLite

    def __init__(self, network: PwcLite, options: Unsupervised) -> None:
        super().__init__()
        self.network = network
        self.options = options

    def answer(self, batch: Batch) -> Tensor:
        """The second picture brought back onto the first."""
        flow = self.network(batch["a"], batch["b"])[0]
        return backward_warp(batch["b"], flow, interpolation="bicubic").clamp(0.0, 1.0)

    def forward(self, batch: Batch) -> Losses:
        a, b = torch.cat([batch["a"], batch["b"]]), torch.cat([batch["b"], batch["a"]])
        flows = self.network(a, b)
        there, back = flows[0].chunk(2)
        if not bool(torch.isfinite(flows[0]).all()):  # sampling there may crash
            return {"loss": torch.full_like(a.sum(), torch.nan)}
        with torch.autocast(a.device.type, enabled=False):  # sub-pixel flow needs float32
            terms = unsupervised(flows, a, b, torch.cat([back, there]), self.options)
        losses = {"photometric": terms.photometric, "smoothness": terms.smoothness}
        loss = terms.photometric + self.options.smoothness * terms.smoothness
        if self.training and self.options.second and "second" in batch:
            losses["second"] = self._second(batch, there.detach(), terms.visible.chunk(2)[0])
            loss = loss + self.options.second * losses["second"]
        if "flow" in batch:
            truth = batch["flow"]
            losses["epe"] = (there - truth).detach().square().sum(dim=1).sqrt().mean()
            losses["relative"] = relative_error(there.detach(), truth)
        return {"loss": loss, **losses}

    def _second(self, batch: Batch, flow: Tensor, visible: Tensor) -> Tensor:
        """How far the flow of changed views is from the one that their change tells."""
        numbers = batch["second"]
        if not bool(numbers.all()):
            return flow.new_zeros(())
        with torch.no_grad():
            look = second_look(batch["a"], batch["b"], flow, visible, numbers)
        found = self.network(look.a, look.b)[0]
        return robust_distance(found, look.flow, look.known)


def build_task(config: Config) -> Task:
    """The task of a configuration, with a network of random weights. Raises UserError."""
    network = build(config.network.name, config.network.options)
    if isinstance(config.loss, OhLoss):
        if not isinstance(network, Oh2018):
            raise UserError(f"the task oh2018 trains the network oh2018, not {config.network.name}")
        return OhTask(network, config.loss)
    if isinstance(config.loss, Unsupervised):
        if not isinstance(network, PwcLite):
            raise UserError(f"the task flow trains the network pwc-lite, not {config.network.name}")
        return FlowTask(network, config.loss)
    if isinstance(network, Oh2018 | PwcLite):
        raise UserError(
            f"the task flowmag trains a generator, not {config.network.name}: name another network"
        )
    loss = config.loss
    if isinstance(loss, TruthLoss):
        if loss.displacement and not isinstance(network, FlowmagSplat):
            raise UserError(f"{config.network.name} finds no displacement: leave it at 0")
        estimator = load_flow(loss.flow, iterations=loss.iterations)
        return TruthTask(network, MotionGap(estimator), loss)
    return flowmag_task(network, loss)


def flowmag_task(network: nn.Module, loss: FlowLoss) -> FlowmagTask:
    """FlowMag's lesson for a generator. Raises UserError where the estimator cannot be had."""
    options: dict[str, Any] = {"zero_correct": loss.zero_correct}
    if loss.iterations:
        options["iterations"] = loss.iterations
    teacher = MagnificationLoss(load_flow(loss.flow, **options), loss.border)
    return FlowmagTask(network, teacher, loss.colour)
