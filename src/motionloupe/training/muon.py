"""Muon (Jordan et al. 2024): steps whose every direction is equally long.

The momentum of a kernel, as a matrix (outputs, inputs x height x width), is replaced by the nearest
matrix with orthonormal rows or columns. What has but one direction, biases and scales, is left to
Adam. Steps are as long, in root mean square, as Adam's usually are, so that one rate suits both
(Liu et al. 2025).
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

_MOMENTUM = 0.95
_MEAN, _SQUARE, _TINY = 0.9, 0.999, 1e-8  # Adam's
_LENGTH = 0.2  # root mean square of Adam's steps over the rate
_FIRST, _THIRD, _FIFTH = 3.4445, -4.7750, 2.0315  # Jordan's polynomial, and how often
_TIMES = 4


class Muon(torch.optim.Optimizer):
    """Muon for kernels and matrices, Adam for the rest, at one rate ``lr``."""

    def __init__(self, parameters: Iterable[nn.Parameter], lr: float) -> None:
        super().__init__(parameters, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """One step. ``closure`` is never called; nothing here evaluates the loss again."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    is_matrix = min(len(parameter), parameter[0].numel()) > 1
                    take = self._turned if parameter.ndim > 1 and is_matrix else self._scaled
                    parameter.add_(take(parameter, parameter.grad), alpha=-group["lr"])

    def _turned(self, parameter: Tensor, gradient: Tensor) -> Tensor:
        state = self.state[parameter]
        if not state:
            state["momentum"] = torch.zeros_like(parameter)
        momentum: Tensor = state["momentum"].mul_(_MOMENTUM).add_(gradient)
        ahead = (gradient + _MOMENTUM * momentum).reshape(len(parameter), -1)
        step: Tensor = orthogonal(ahead) * _LENGTH * max(ahead.shape) ** 0.5
        return step.reshape(parameter.shape)

    def _scaled(self, parameter: Tensor, gradient: Tensor) -> Tensor:
        state = self.state[parameter]
        if not state:
            state["step"] = torch.zeros(())
            state |= {kind: torch.zeros_like(parameter) for kind in ("exp_avg", "exp_avg_sq")}
        state["step"] += 1
        count = float(state["step"])
        mean: Tensor = state["exp_avg"].lerp_(gradient, 1 - _MEAN)
        square: Tensor = state["exp_avg_sq"].lerp_(gradient.square(), 1 - _SQUARE)
        deviation = (square / (1 - _SQUARE**count)).sqrt() + _TINY
        step: Tensor = mean / (1 - _MEAN**count) / deviation
        return step


def orthogonal(matrix: Tensor) -> Tensor:
    """Near U V' of the singular value decomposition U S V' of a (rows, columns) matrix.

    Singular values of more than 0.006 of the matrix's norm become 0.68 to 1.18.
    """
    wide: Tensor = matrix if len(matrix) <= matrix.shape[1] else matrix.T
    wide = wide / torch.linalg.matrix_norm(wide).clamp(min=1e-7)
    for _ in range(_TIMES):
        square = wide @ wide.T
        wide = _FIRST * wide + (_THIRD * square + _FIFTH * square @ square) @ wide
    return wide if len(matrix) <= matrix.shape[1] else wide.T
