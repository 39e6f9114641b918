"""Oh et al. 2018: a network magnifies the difference of learned shapes."""

from pathlib import Path
from typing import NamedTuple, Unpack

import torch
from torch import Tensor

from motionloupe.errors import UserError
from motionloupe.magnifiers.base import Common, Magnifier
from motionloupe.networks.oh2018 import Oh2018 as Network
from motionloupe.networks.precision import in_half
from motionloupe.networks.weights import find_weights, load_weights
from motionloupe.temporal import Signal


class Encoded(NamedTuple):
    """A frame with what the encoder makes of it."""

    frame: Tensor
    texture: Tensor
    shape: Tensor


class Oh2018(Magnifier[Encoded]):
    """Learning-based motion magnification (Oh et al. 2018).

    ``weights`` is a safetensors file written by ``motionloupe train oh2018``; without it the one
    that the package ships. A band filters the shapes in time (equation 4 of the paper): the frame
    keeps its own texture and all of its motion, and the band is magnified on top.
    """

    redraws = True

    def __init__(self, *, weights: str | Path | None = None, **common: Unpack[Common]) -> None:
        super().__init__(**common)
        path = find_weights("oh2018", weights)
        trained = load_weights(path, self.device)
        if not isinstance(trained.network, Network):
            raise UserError(f"{path} holds weights of {trained.name}, expected oh2018")
        self.network = trained.network
        self.card = trained.card

    def analyse(self, frame: Tensor) -> Encoded:
        return Encoded(frame, *self.network.encode(frame))

    def motion(self, reference: Encoded, current: Encoded) -> Signal:
        return [current.shape - reference.shape]

    def render(
        self,
        reference: Encoded,
        current: Encoded,
        motion: Signal,
        band: Signal,
        alpha: Tensor,
    ) -> Tensor:
        frame = current.frame
        if bool((alpha == 1.0).all()):
            return frame
        with in_half(self.device):
            shape = self.network.manipulate(current.shape, band[0], alpha)
            drawn = self.network.decode(current.texture, shape, (frame.shape[-2], frame.shape[-1]))
        return torch.where(alpha == 1.0, frame, drawn)
