"""FlowMag (Pan et al. 2023): a network trained through optical flow draws the magnified frame."""

from pathlib import Path
from typing import Unpack

import torch
from torch import Tensor

from motionloupe.errors import UserError
from motionloupe.flow.light import seen_in_its_light
from motionloupe.flow.warp import backward_warp
from motionloupe.magnifiers.base import Common, Magnifier
from motionloupe.networks.alpha_encoding import as_map
from motionloupe.networks.folding import folded
from motionloupe.networks.precision import in_half
from motionloupe.networks.splat import FlowmagSplat
from motionloupe.networks.unet import FlowmagUNet
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

    ``weights`` is a safetensors file written by ``motionloupe train flowmag`` or ``adapt``; without
    it the one that the package ships. Its network finds the motion of every pixel and carries it
    on, so that it takes any factor and a band in time. The paper's own network sees two frames and
    no motion: it takes no band, and reaches factors above 16 by n passes of alpha^(1/n), each
    against the same reference.
    """

    def __init__(self, *, weights: str | Path | None = None, **common: Unpack[Common]) -> None:
        super().__init__(**common)
        path = find_weights("flowmag", weights)
        trained = load_weights(path, self.device)
        if not isinstance(trained.network, FlowmagSplat | FlowmagUNet):
            raise UserError(
                f"{path} holds weights of {trained.name}, expected a network of flowmag"
            )
        self.network = folded(trained.network)
        self.card = trained.card
        if self.band is not None and not isinstance(self.network, FlowmagSplat):
            raise UserError(f"{trained.name} in {path} knows no motion: leave the band away")

    def analyse(self, frame: Tensor) -> Tensor:
        return frame

    def motion(self, reference: Tensor, current: Tensor) -> Signal:
        if not isinstance(self.network, FlowmagSplat):
            return []  # the network sees the two frames themselves
        network = self.network

        def find(reference: Tensor) -> Signal:
            with in_half(self.device):
                return list(network.find(reference, current))

        def left(reference: Tensor, motion: Signal) -> Tensor:
            return backward_warp(reference, -motion[0].float()) - current

        return seen_in_its_light(find, left, reference, current)

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
        if not isinstance(self.network, FlowmagSplat):  # in float32: it must see small differences
            drawn = self._in_passes(reference, current, alpha)
            return torch.where(alpha == 1.0, current, drawn)
        with in_half(self.device):
            drawn = self.network.draw(current, (alpha - 1.0) * band[0], motion[1])
        return drawn.clamp(0.0, 1.0).to(current.dtype)

    def _in_passes(self, reference: Tensor, current: Tensor, alpha: Tensor) -> Tensor:
        count, factor = passes(as_map(alpha, current))
        for _ in range(count):
            current = self.network(reference, current, factor).clamp(0.0, 1.0)
        return current
