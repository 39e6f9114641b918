"""What the networks are taught: the losses of FlowMag and of Oh et al., and of the truth.

Convention: pictures (B, 3, H, W) in [0, 1], flow (B, 2, H, W) in pixels with x first, total factors
alpha (B, 1, 1, 1) or (B, 1, H, W).
"""

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from motionloupe.evaluation.metrics import ssim
from motionloupe.flow.warp import backward_warp, inside, splat_sum
from motionloupe.training.config import Border

_HARDLY = 0.02  # pixels: less motion than this does not count for more
_LANDED = 0.5  # of a pixel: enough to be seen, were nothing in front
_FAINT = 1e-3  # a share of the weight that is as good as none
_NOTHING = 1e-12  # a sum of weights where nothing landed


class MotionTerms(NamedTuple):
    """Equations 3 and 4 of FlowMag, before they are weighted."""

    motion: Tensor
    colour: Tensor


class MagnificationLoss(nn.Module):
    """FlowMag's loss: the flow of the answer is alpha times the flow of the input.

    Equation 3, the motion: mean | F(a, answer) - alpha F(a, b) | in pixels. Equation 4, the colour:
    mean | W(answer, F(a, answer)) - W(b, F(a, b)) |, both drawn back onto the reference. The
    estimator is frozen: gradients pass through it to the answer and never to its weights.

    ``border`` says what counts where a wanted place lies outside the frame: "reflect" counts all,
    warped with reflection as the authors do; "valid" leaves those pixels out of both terms.
    """

    def __init__(self, estimator: nn.Module, border: Border = "reflect") -> None:
        super().__init__()
        self.estimator = estimator.eval().requires_grad_(False)
        self.border = border

    def train(self, mode: bool = True) -> "MagnificationLoss":
        """The estimator's batch norms must never drift, whatever the trainer calls."""
        super().train(mode)
        self.estimator.eval()
        return self

    def forward(
        self, reference: Tensor, frame: Tensor, answer: Tensor, alpha: Tensor
    ) -> MotionTerms:
        if not bool(torch.isfinite(answer).all()):
            return MotionTerms(_lost(answer), _lost(answer))
        with torch.autocast(answer.device.type, enabled=False):  # sub-pixel flow needs float32
            answer = answer.float()
            with torch.no_grad():
                source = self.estimator(reference, frame)
                wanted = alpha * source
                shown = backward_warp(frame, source)
                everywhere = torch.ones_like(source[:, :1])
                counts = inside(wanted) if self.border == "valid" else everywhere
            flow = self.estimator(reference, answer)
            drawn = backward_warp(answer, flow)
        return MotionTerms(
            masked_mean((flow - wanted).abs(), counts), masked_mean((drawn - shown).abs(), counts)
        )


class SeveralEstimators(nn.Module):
    """The mean of FlowMag's loss through several estimators: what pleases one may fool another."""

    def __init__(self, losses: Iterable[MagnificationLoss]) -> None:
        super().__init__()
        self.losses = nn.ModuleList(losses)

    def forward(
        self, reference: Tensor, frame: Tensor, answer: Tensor, alpha: Tensor
    ) -> MotionTerms:
        terms = [loss(reference, frame, answer, alpha) for loss in self.losses]
        return MotionTerms(*(torch.stack(term).mean() for term in zip(*terms, strict=True)))


class MotionGap(nn.Module):
    """Mean | F(a, answer) - F(a, truth) | in pixels, where the true flow ends inside the frame.

    The estimator F is frozen: gradients pass through it to the answer.
    """

    def __init__(self, estimator: nn.Module) -> None:
        super().__init__()
        self.estimator = estimator.eval().requires_grad_(False)

    def forward(self, reference: Tensor, answer: Tensor, truth: Tensor) -> Tensor:
        if not bool(torch.isfinite(answer).all()):
            return _lost(answer)
        with torch.autocast(answer.device.type, enabled=False):  # sub-pixel flow needs float32
            with torch.no_grad():
                wanted = self.estimator(reference, truth)
                counts = inside(wanted)
            flow = self.estimator(reference, answer.float())
        return masked_mean((flow - wanted).abs(), counts)


def _lost(answer: Tensor) -> Tensor:
    """What an answer that is not finite costs: no flow leads there, and sampling it may crash."""
    return torch.full_like(answer.sum(), torch.nan)


def multiscale_l1(answer: Tensor, truth: Tensor, scales: int) -> Tensor:
    """Mean absolute difference, averaged over ``scales`` resolutions, each half the last.

    The coarse ones draw an answer whose motion falls short by more than the texture is wide.
    """
    total = l1(answer, truth)
    for _ in range(scales - 1):
        answer, truth = functional.avg_pool2d(answer, 2), functional.avg_pool2d(truth, 2)
        total = total + l1(answer, truth)
    return total / scales


def relative_error(motion: Tensor, truth: Tensor) -> Tensor:
    """Mean distance between two flows over the size of the true one, so small motion counts too."""
    size = truth.square().sum(dim=1, keepdim=True).mean(dim=(2, 3), keepdim=True).sqrt()
    distance = (motion - truth).square().sum(dim=1, keepdim=True).add(1e-8).sqrt()
    return (distance / (size + _HARDLY)).mean()


def wrong_front(importance: Tensor, displacement: Tensor, seen: Tensor) -> Tensor:
    """How surprising is what lies in front, to a splat of this ``importance`` (B, 1, H, W).

    Pixels are carried along the true ``displacement`` (B, 2, H, W); ``seen`` (B, 1, H, W) is 1 for
    those that can be seen there, 0 for the hidden ones. Mean of -log of the share of the weight
    that falls from seen pixels, over the places where both kinds land; 0 where there is none.
    """
    weight = importance.exp()
    parts = torch.cat([seen * weight, weight, seen, 1.0 - seen], dim=1)
    front, all_of_it, shown, hidden = splat_sum(parts, displacement).chunk(4, dim=1)
    meet = ((shown > _LANDED) & (hidden > _LANDED)).to(weight.dtype)
    share = front / all_of_it.clamp(min=_NOTHING)
    return masked_mean(-share.clamp(min=_FAINT).log(), meet)


def masked_mean(values: Tensor, counts: Tensor) -> Tensor:
    """Mean of (B, C, H, W) over the pixels where ``counts`` (B, 1, H, W) is 1; 0 where none is.

    Each sample weighs the same, so that a batch shared out to processes has the same mean.
    """
    sums = (values * counts).mean(dim=1).sum(dim=(1, 2))
    return (sums / counts.sum(dim=(1, 2, 3)).clamp(min=1.0)).mean()


def l1(first: Tensor, second: Tensor) -> Tensor:
    """Mean absolute difference."""
    return (first - second).abs().mean()


def dissimilarity(answer: Tensor, truth: Tensor) -> Tensor:
    """1 - SSIM, mean over the batch: a blur costs more by it than by L1."""
    with torch.autocast(answer.device.type, enabled=False):  # variances are small differences
        return 1.0 - ssim(answer.float(), truth.float()).mean()


def decomposition_regularisers(
    textures: tuple[Tensor, Tensor, Tensor, Tensor], shapes: tuple[Tensor, Tensor]
) -> Tensor:
    """L1(V_a, V_b) + L1(V'_b, V'_Y) + L1(M_b, M'_b).

    ``textures`` V_a, V_b, V'_b, V'_Y and ``shapes`` M_b, M'_b; a prime marks the twin whose colours
    are perturbed: colour belongs to the texture, motion to the shape.
    """
    plain_a, plain_b, twin_b, twin_y = textures
    return l1(plain_a, plain_b) + l1(twin_b, twin_y) + l1(*shapes)
