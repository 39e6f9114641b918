"""FlowMag (Pan et al. 2023): a network trained through optical flow draws the magnified frame."""

from pathlib import Path
from typing import Unpack

import torch
from torch import Tensor

from motionloupe.errors import UserError
from motionloupe.magnifiers.base import Common, Magnifier
from motionloupe.networks.alpha_encoding import as_map
from motionloupe.networks.weights import find_weights, load_weights
from motionloupe.temporal import Signal

LARGEST_PASS = 16.0
"""The largest factor that the networks are trained for; more takes several passes."""


def passes(alpha: Tensor, largest: float = LARGEST_PASS) -> tuple[int, Tensor]:
    """n and alpha^(1/n), the fewest equal passes whose factors stay within ``largest``.

    A map takes as many passes as its largest factor asks for.
    """
    top = float(alpha.max())
    count = 1
    while top > largest**count * (1.0 + 1e-6):
        count += 1
    return count, alpha if count == 1 else alpha ** (1.0 / count)


class FlowMag(Magnifier[Tensor]):
    """Self-supervised motion magnification through optical flow (Pan et al. 2023).

    ``weights`` is a safetensors file written by ``motionloupe train flowmag``; without it the one
    that the package ships. Factors above 16 are reached by n passes of alpha^(1/n), each against
    the same reference.
    """

    takes_band = False

    def __init__(self, *, weights: str | Path | None = None, **common: Unpack[Common]) -> None:
        super().__init__(**common)
        path = find_weights("flowmag", weights)
        trained = load_weights(path, self.device)
        if trained.name == "oh2018":
            raise UserError(f"{path} holds weights of oh2018, expected a network of flowmag")
        self.network = trained.network
        self.card = trained.card

    def analyse(self, frame: Tensor) -> Tensor:
        return frame

    def motion(self, reference: Tensor, current: Tensor) -> Signal:
        return []  # the network sees the two frames themselves

    def render(
        self,
        reference: Tensor,
        current: Tensor,
        motion: Signal,
        band: Signal,
        alpha: Tensor,
    ) -> Tensor:
        if bool((alpha == 1.0).all()):
            return current
        count, factor = passes(as_map(alpha, current))
        drawn = current
        for _ in range(count):
            drawn = self.network(reference, drawn, factor).clamp(0.0, 1.0)
        return torch.where(alpha == 1.0, current, drawn)
