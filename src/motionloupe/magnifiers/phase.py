"""Phase-based magnification (Wadhwa, Rubinstein, Durand and Freeman 2013).

The luma is split into a complex steerable pyramid; where the picture moves, the phases of the
subbands turn, and turning them further draws the picture moved further. Chroma stays.

Range: a subband of wavelength w carries a picture about w / 4 (octave) or w / 2 (half-octave) far
before its window shows (the paper's section 3.4), so the finest details fall behind first; no phase
is clamped, which measured worse. Motion itself must stay below half the wavelength of what moves,
unless it is followed through time (a band). Between, motion comes out a few per cent too small,
because a subband's phase follows its carrier and not its envelope: 4 to 10 % for half-octave, 7 to
14 % for octave at the default blur (textures, up to 10 pixels).
"""

import math
from dataclasses import dataclass
from typing import Any, Unpack, get_args

import torch
from torch import Tensor
from torch.nn import functional

from motionloupe.alpha import resized
from motionloupe.arrays import luma
from motionloupe.errors import UserError
from motionloupe.magnifiers.base import Common, Magnifier
from motionloupe.pyramids.steerable import (
    Bandwidth,
    SteerablePyramid,
    fast_size,
    in_parts,
    steerable_pyramid,
)
from motionloupe.temporal import Signal

_BORDER = 16  # pixels of reflection around the frame, so that its edges do not meet
_LARGEST_SIGMA = 50.0


@dataclass
class Bands:
    """A frame and the subbands of its luma: (1, 3, H, W), and (orientations, h, w) for each."""

    frame: Tensor
    subbands: list[Tensor]


class Phase(Magnifier[Bands]):
    """Phase-based magnification.

    ``pyramid``: "half-octave", "octave" (2.5 times as fast, falls shorter) or "quarter-octave"
    (twice as slow, hardly better). ``sigma``: the blur of the phases, weighted by the energy of the
    subband, in samples of that subband; 0 for none. More blur gives less noise and slightly less
    motion.
    """

    def __init__(
        self, *, pyramid: Bandwidth = "half-octave", sigma: float = 2.0, **common: Unpack[Common]
    ) -> None:
        super().__init__(**common)
        if pyramid not in get_args(Bandwidth):
            known = ", ".join(get_args(Bandwidth))
            raise UserError(f"the pyramid must be one of {known}, found {pyramid!r}")
        if not 0 <= sigma <= _LARGEST_SIGMA:
            raise UserError(f"sigma must be between 0 and {_LARGEST_SIGMA:g}, found {sigma}")
        self.pyramid: Bandwidth = pyramid
        self.sigma = sigma

    def analyse(self, frame: Tensor) -> Bands:
        grey = luma(frame)
        height, width = grey.shape[-2:]
        padded = functional.pad(grey, _padding(height, width), mode="reflect")[0, 0]
        return Bands(frame, self._pyramid(grey[0, 0]).analyse(padded))

    def motion(self, reference: Bands, current: Bands) -> Signal:
        """Phase differences in (-pi, pi], one (orientations, h', w') per ring, blurred.

        With a blur of 2 samples or more they are kept at half the subband's resolution, from 4 at a
        quarter: a blurred phase holds no more.
        """
        step = _step(self.sigma)
        differences = []
        for before, now in zip(reference.subbands, current.subbands, strict=True):
            pairs = in_parts(before, now)
            turned = [blurred_phase(b.conj() * n, self.sigma, step) for b, n in pairs]
            differences.append(torch.cat(turned))
        return differences

    def track(self, reference: Bands, previous: Bands, last: Signal, current: Bands) -> Signal:
        """The sum of the differences from frame to frame: it unwraps, and follows long ways."""
        steps = self.motion(previous, current)
        return [before + step for before, step in zip(last, steps, strict=True)]

    def render(
        self,
        reference: Bands,
        current: Bands,
        motion: Signal,
        band: Signal,
        alpha: Tensor,
    ) -> Tensor:
        """The frame plus what turning its subbands by (alpha - 1) band changes of its luma.

        The residuals of the pyramid take no part, so at alpha 1 nothing changes at all.
        """
        height, width = current.frame.shape[-2:]
        left, right, top, bottom = _padding(height, width)
        factor = alpha - 1
        if factor.numel() > 1:
            factor = functional.pad(factor, (left, right, top, bottom), mode="reflect")
        pairs = zip(current.subbands, band, strict=True)
        changes = (_change(subband, phase, factor) for subband, phase in pairs)
        change = self._pyramid(current.frame[0, 0]).synthesise(changes)
        return current.frame + change[top : top + height, left : left + width]

    def _pyramid(self, plane: Tensor) -> SteerablePyramid:
        height, width = plane.shape
        left, right, top, bottom = _padding(height, width)
        return steerable_pyramid(
            height + top + bottom, width + left + right, self.pyramid, plane.device
        )


def _change(subband: Tensor, phase: Tensor, factor: Tensor) -> Tensor:
    """What turning a subband by ``factor`` times ``phase`` adds to it, (orientations, h, w)."""
    height, width = subband.shape[-2:]
    change, factor = torch.empty_like(subband), resized(factor, height, width)[0]
    for values, part, angle in in_parts(subband, change, phase):
        if angle.shape[-2:] != (height, width):
            angle = functional.interpolate(angle[None], size=(height, width), mode="bilinear")[0]
        angle = angle * factor
        turn = torch.complex(torch.cos(angle).sub_(1), torch.sin(angle))
        torch.mul(turn, values, out=part)
    return change


def blurred_phase(values: Tensor, sigma: float, step: int) -> Tensor:
    """The phase of (C, h, w) complex values after a Gaussian blur, at every ``step``-th of them.

    h and w divide by ``step``. A mean of complex numbers weighs each phase by its modulus, and is
    not upset where phases wrap.
    """
    for dim in (-2, -1):
        values = _summed(values, step, dim)
    parts = torch.view_as_real(values).movedim(-1, 0).contiguous()
    if sigma > 0:
        # The sum of step x step values is itself a blur, of variance (step^2 - 1) / 12.
        deviation = ((sigma**2 - (step**2 - 1) / 12) ** 0.5) / step
        for dim in (-2, -1):
            parts = _gaussian(parts, deviation, dim)
    return torch.atan2(parts[1], parts[0])


def _summed(values: Tensor, step: int, dim: int) -> Tensor:
    parts = [values[_every(step, first, dim)] for first in range(step)]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def _gaussian(values: Tensor, deviation: float, dim: int) -> Tensor:
    """Not normalised, with zeros outside. (torch's convolution is ten times as slow for this.)"""
    blurry = values.clone()
    size = values.shape[dim]
    for away in range(1, min(int(2.5 * deviation + 0.5), size - 1) + 1):
        weight = math.exp(-0.5 * (away / deviation) ** 2)
        near, far = values.narrow(dim, 0, size - away), values.narrow(dim, away, size - away)
        blurry.narrow(dim, away, size - away).add_(near, alpha=weight)
        blurry.narrow(dim, 0, size - away).add_(far, alpha=weight)
    return blurry


def _every(step: int, first: int, dim: int) -> tuple[Any, ...]:
    return (..., slice(first, None, step), *[slice(None)] * (-1 - dim))


def _step(sigma: float) -> int:
    return 1 if sigma < 2 else 2 if sigma < 4 else 4


def _padding(height: int, width: int) -> tuple[int, int, int, int]:
    """Reflection at left, right, top and bottom, up to sizes that are quick to transform."""
    x, y = (fast_size(size + 2 * min(_BORDER, size // 2)) - size for size in (width, height))
    return x // 2, x - x // 2, y // 2, y - y // 2
