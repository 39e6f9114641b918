"""The papers as tasks: a batch goes in, the loss and its parts come out.

A batch holds ``a``, ``b`` and, for synthetic scenes, ``b_perturbed``, ``y``, ``y_perturbed``, all
(B, 3, H, W) in [0, 1], and the total factors ``alpha`` (B, 1, 1, 1).
"""

from typing import cast

import torch
from torch import Tensor, nn

from motionloupe.flow.learned import FlowNetwork
from motionloupe.flow.motion_finder import Found
from motionloupe.flow.warp import backward_warp
from motionloupe.networks.oh2018 import Oh2018
from motionloupe.networks.splat import FlowmagSplat
from motionloupe.training.config import OhLoss, TruthLoss, Unsupervised
from motionloupe.training.flow_losses import robust_distance, unsupervised
from motionloupe.training.losses import (
    MagnificationLoss,
    MotionGap,
    SeveralEstimators,
    decomposition_regularisers,
    dissimilarity,
    multiscale_l1,
    relative_error,
    wrong_front,
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


def compared(
    answer: Tensor,
    truth: Tensor,
    reference: Tensor,
    weights: OhLoss | TruthLoss,
    gap: MotionGap | None,
) -> Losses:
    """What an answer costs beside the true picture; motion is seen from the ``reference``."""
    losses = {"picture": multiscale_l1(answer, truth, weights.scales)}
    loss = losses["picture"]
    if gap:
        losses["gap"] = gap(reference, answer, truth)
        loss = loss + weights.motion * losses["gap"]
    if weights.structure:
        losses["structure"] = dissimilarity(answer, truth)
        loss = loss + weights.structure * losses["structure"]
    return {"loss": loss, **losses}


class OhTask(Task):
    """Oh et al.: the reference a and the colour-perturbed b give the perturbed truth y."""

    def __init__(self, network: Oh2018, options: OhLoss, gap: MotionGap | None = None) -> None:
        """``gap`` measures what ``options.motion`` weighs, unless that is 0."""
        super().__init__()
        self.network = network
        self.options = options
        self.gap = gap

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
        seen_from = batch["b_perturbed"]  # in the colours of the truth
        losses = {**compared(drawn, truth, seen_from, weights, self.gap), **parts}
        loss = losses.pop("loss") + weights.regulariser * losses.get("regularisers", 0.0)
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

    def __init__(
        self, network: nn.Module, teacher: MagnificationLoss | SeveralEstimators, colour: float
    ) -> None:
        super().__init__()
        self.network = network
        self.teacher = teacher
        self.colour = colour

    def forward(self, batch: Batch) -> Losses:
        return self.judge(self.answer(batch), batch)

    def judge(self, answer: Tensor, batch: Batch) -> Losses:
        """The losses of an answer (B, 3, H, W)."""
        terms = self.teacher(batch["a"], batch["b"], answer, batch["alpha"])
        loss = terms.motion + self.colour * terms.colour
        return {"loss": loss, "motion": terms.motion, "colour": terms.colour}


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

    def drawn(self, batch: Batch) -> tuple[Tensor, Found | None]:
        """The answer and, where it is taught, what the generator found to draw it."""
        if not (self.options.displacement or self.options.front):
            return self.answer(batch).float(), None
        network = cast(FlowmagSplat, self.network)
        drawn = network.explained(batch["a"], batch["b"], batch["alpha"])
        return drawn.picture.float(), drawn.found

    def judge(self, answer: Tensor, found: Found | None, batch: Batch) -> Losses:
        """The losses of an answer (B, 3, H, W) and of what was found, (B, 2 or 1, H, W)."""
        weights = self.options
        losses = compared(answer, batch["y"], batch["a"], weights, self.gap)
        if found is None:
            return losses
        motion, loss = -batch["backward_flow"], losses.pop("loss")
        if weights.displacement:
            losses["displacement"] = relative_error(found.motion, motion)
            loss = loss + weights.displacement * losses["displacement"]
        if weights.front:
            farther = (batch["alpha"] - 1.0) * motion
            losses["front"] = wrong_front(found.importance, farther, batch["b_seen_in_y"])
            loss = loss + weights.front * losses["front"]
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
            of_scenes = None if found is None else Found(*(part[known] for part in found))
            truth = self.truth.judge(answer[known], of_scenes, _chosen(batch, known))["loss"]
        flow, truth = (1.0 - share) * self.weight * flow, share * truth
        return {"loss": flow + truth, "flow": flow, "truth": truth}


def _chosen(batch: Batch, which: Tensor) -> Batch:
    return {name: part[which] for name, part in batch.items()}


class FlowTask(Task):
    """Optical flow without labels; where a batch knows its ``flow``, the errors are told too.

    In training, batches with numbers ``second`` are looked at once more, changed by them.
    """

    network: FlowNetwork

    def __init__(self, network: FlowNetwork, options: Unsupervised) -> None:
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
