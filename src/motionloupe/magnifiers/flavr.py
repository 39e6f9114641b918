"""FLAVR (Kalluri 2023): a 3-D U-Net that magnifies two frames by the one factor of its training."""

from pathlib import Path
from typing import Unpack

import torch
from torch import Tensor

from motionloupe.errors import UserError
from motionloupe.magnifiers.base import Common, Magnifier
from motionloupe.networks.flavr import FlavrUNet
from motionloupe.networks.weights import load_weights
from motionloupe.temporal import Signal


class Flavr(Magnifier[Tensor]):
    """FLAVR's network from a file of ``weights`` that ``train flowmag --config flavr`` wrote.

    It sees two frames and no motion, so it takes no band; any factor but its own (``only_alpha``)
    and 1 is refused.
    """

    takes_band = False

    def __init__(self, *, weights: str | Path, **common: Unpack[Common]) -> None:
        super().__init__(**common)
        trained = load_weights(weights, self.device)
        if not isinstance(trained.network, FlavrUNet):
            raise UserError(f"{weights} holds weights of {trained.name}, expected flavr")
        self.network = trained.network
        self.card = trained.card
        self.only_alpha = trained.network.alpha

    def analyse(self, frame: Tensor) -> Tensor:
        return frame

    def motion(self, reference: Tensor, current: Tensor) -> Signal:
        return []  # the network sees the two frames themselves

    def render(
        self, reference: Tensor, current: Tensor, motion: Signal, band: Signal, alpha: Tensor
    ) -> Tensor:
        still = alpha == 1.0
        if bool(still.all()):
            return current
        if not bool((still | (alpha == self.only_alpha)).all()):
            raise UserError(
                f"these weights of flavr magnify {self.only_alpha:g} times and by no other factor; "
                "train others, or take another method"
            )
        return torch.where(still, current, self.network(reference, current))
