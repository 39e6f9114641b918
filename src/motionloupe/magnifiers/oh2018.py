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

ENSEMBLES = (1, 2, 4, 8)
"""Of how many views of the frames a picture can be the mean."""


class Encoded(NamedTuple):
    """A frame with what the encoder makes of each view of it: texture and shape."""

    frame: Tensor
    views: list[tuple[Tensor, Tensor]]


class _View(NamedTuple):
    """A picture (B, C, H, W) left and right ``mirrored``, then turned by quarters of a circle."""

    mirrored: bool
    turns: int

    def of(self, picture: Tensor) -> Tensor:
        return _turned(picture.flip(-1) if self.mirrored else picture, self.turns)

    def undone(self, picture: Tensor) -> Tensor:
        upright = _turned(picture, -self.turns)
        return upright.flip(-1) if self.mirrored else upright


def _turned(picture: Tensor, turns: int) -> Tensor:
    return torch.rot90(picture, turns, (-2, -1)) if turns else picture  # torch copies even then


_VIEWS = [_View(mirrored, turns) for turns in (0, 2, 1, 3) for mirrored in (False, True)]


class Oh2018(Magnifier[Encoded]):
    """Learning-based motion magnification (Oh et al. 2018).

    ``weights`` is a safetensors file written by ``motionloupe train oh2018``; without it the one
    that the package ships. A band filters the shapes in time (equation 4 of the paper): the frame
    keeps its own texture and all of its motion, and the band is magnified on top.
    """

    redraws = True

    def __init__(
        self,
        *,
        weights: str | Path | None = None,
        ensemble: int = 1,
        **common: Unpack[Common],
    ) -> None:
        super().__init__(**common)
        if ensemble not in ENSEMBLES:
            raise UserError(f"the ensemble must be one of 1, 2, 4 and 8 views, found {ensemble}")
        self.views = _VIEWS[:ensemble]
        path = find_weights("oh2018", weights)
        trained = load_weights(path, self.device)
        if not isinstance(trained.network, Network):
            raise UserError(f"{path} holds weights of {trained.name}, expected oh2018")
        self.network = trained.network
        self.card = trained.card

    def analyse(self, frame: Tensor) -> Encoded:
        return Encoded(frame, [self.network.encode(view.of(frame)) for view in self.views])

    def motion(self, reference: Encoded, current: Encoded) -> Signal:
        pairs = zip(reference.views, current.views, strict=True)
        return [shape - before for (_, before), (_, shape) in pairs]

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
        height, width = frame.shape[-2:]
        answers = []
        for view, (texture, shape), part in zip(self.views, current.views, band, strict=True):
            high, wide = (width, height) if view.turns % 2 else (height, width)
            with in_half(self.device):
                drawn = self.network.manipulate(shape, part, view.of(alpha))
                answers.append(view.undone(self.network.decode(texture, drawn, (high, wide))))
        return torch.where(alpha == 1.0, frame, torch.stack(answers).mean(dim=0))
