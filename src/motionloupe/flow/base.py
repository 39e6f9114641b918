"""What every optical flow estimator keeps."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from motionloupe.arrays import SMALLEST_SIDE, is_whole
from motionloupe.errors import UserError


class FlowEstimator(nn.Module, ABC):
    """Optical flow, frozen for good.

    ``estimator(a, b)`` with two pictures (B, 3, H, W), RGB in [0, 1], of 16 x 16 or more, gives
    (B, 2, H, W): the pixels, x right then y down, by which each point of ``a`` has moved in ``b``.
    Gradients reach both pictures, unless it is not ``differentiable``, and never the estimator: its
    weights are buffers, not parameters, so no optimiser finds them and ``requires_grad_`` cannot
    wake them; it is in eval mode always.

    ``iterations`` trades time for accuracy. ``zero_correct`` answers F(a, b) - F(a, a), without
    gradient through the second term: many estimators see a small motion between equal frames.
    """

    zero_at_rest: ClassVar[bool] = False
    """Whether equal frames give exactly zero, so that there is nothing to correct."""
    differentiable: ClassVar[bool] = True

    def __init__(self, iterations: int, zero_correct: bool) -> None:
        super().__init__()
        if not (is_whole(iterations) and iterations >= 1):
            raise UserError(f"iterations must be a whole number from 1 up, found {iterations!r}")
        self.iterations = int(iterations)
        self.zero_correct = zero_correct
        self.train(False)

    @abstractmethod
    def estimate(self, a: Tensor, b: Tensor) -> Tensor:
        """The flow as the method finds it, without correction."""

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        if a.shape != b.shape or a.ndim != 4 or a.shape[1] != 3:
            raise UserError(
                "optical flow needs two pictures of one shape (batch, 3, height, width), "
                f"found {tuple(a.shape)} and {tuple(b.shape)}"
            )
        if min(a.shape[-2:]) < SMALLEST_SIDE:
            raise UserError(
                f"optical flow needs at least {SMALLEST_SIDE} x {SMALLEST_SIDE} pixels, "
                f"found {a.shape[-1]} x {a.shape[-2]}"
            )
        if (
            not self.differentiable
            and torch.is_grad_enabled()
            and (a.requires_grad or b.requires_grad)
        ):
            raise UserError("this optical flow has no gradients, so it cannot teach: use another")
        flow = self.estimate(a, b)
        if not self.zero_correct or self.zero_at_rest:
            return flow
        with torch.no_grad():
            at_rest = self.estimate(a, a)
        return flow - at_rest

    def train(self, mode: bool = True) -> Self:
        """Stay in eval mode, whatever a trainer calls."""
        return super().train(False)


class FromReference:
    """Motion from one picture to others; what the estimator sees at rest is measured once.

    ``reference`` is (B, 3, H, W); :meth:`to` answers F(reference, frame) - F(reference, reference).
    """

    def __init__(self, estimator: FlowEstimator, reference: Tensor) -> None:
        self.reference = reference
        self._estimator = estimator
        self._at_rest: Tensor | None = None
        if not (estimator.zero_at_rest or estimator.zero_correct):
            with torch.no_grad():
                self._at_rest = estimator(reference, reference)

    def to(self, frame: Tensor) -> Tensor:
        """(B, 2, H, W) pixels."""
        flow: Tensor = self._estimator(self.reference, frame)
        return flow if self._at_rest is None else flow - self._at_rest


def freeze(network: nn.Module) -> nn.Module:
    """Turn every parameter into a buffer of the same name, in place."""
    for module in network.modules():
        own: dict[str, Any] = dict(module.named_parameters(recurse=False))
        for name, parameter in own.items():
            delattr(module, name)
            module.register_buffer(name, parameter.detach())
    return network.eval()


def length(flow: Tensor) -> Tensor:
    """(B, 2, H, W) -> (B, 1, H, W), in pixels. torch's norm takes 80 times as long for this."""
    return torch.hypot(flow[:, :1], flow[:, 1:])
