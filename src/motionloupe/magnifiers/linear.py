"""Linear Eulerian magnification: Wu et al., "Eulerian Video Magnification", SIGGRAPH 2012.

Every level of a Laplacian pyramid is a signal in time whose change is added back, several times.
The pyramid is linear, so it is taken of the change alone, after the filter in time.
"""

from typing import Unpack

import torch
from torch import Tensor

from motionloupe.alpha import resized
from motionloupe.arrays import luma
from motionloupe.errors import UserError
from motionloupe.magnifiers.base import Common, Magnifier
from motionloupe.pyramids.laplacian import band_count, build, enlarged, halved
from motionloupe.temporal import Signal

FINEST_WAVELENGTH = 4.0  # pixels at the middle of the finest level; doubles from level to level


class Linear(Magnifier[Tensor]):
    """Change amplified level by level, less where waves are too short to bear it.

    ``lambda_c``, the spatial wavelength in pixels from which on the whole factor is given; a level
    of wavelength l below it gets at most alpha l / lambda_c (section 3.2 of the paper, with
    delta = lambda_c / (8 alpha)), never less than 1. 0 gives all levels the whole factor.
    ``chroma``, from 0 to 1, the share of the gain that colour gets beside luma.

    The finest level is mostly noise: it is left alone unless lambda_c is 4 or less, and so is the
    low-pass rest. A level's wavelength is 4 pixels at the finest, twice that at the next; the
    paper's count from the diagonal of the picture comes to nearly the same.

    Range: the method is the first order of a Taylor series. A wave of l pixels that moves by d
    comes out moved by atan2(alpha sin p, 1 + alpha (cos p - 1)) l / 2 pi, with p = 2 pi d / l.
    This is within a tenth of alpha d while alpha d < l / 11; the paper's bound l / 8 allows 15 %,
    and beyond it contrast grows in place of motion. Detail shorter than lambda_c falls short by
    design.
    """

    def __init__(
        self, *, lambda_c: float = 16.0, chroma: float = 0.1, **common: Unpack[Common]
    ) -> None:
        super().__init__(**common)
        if not 0 <= lambda_c < float("inf"):
            raise UserError(f"lambda_c must be a wavelength in pixels, 0 or more, found {lambda_c}")
        if not 0 <= chroma <= 1:
            raise UserError(f"chroma must lie between 0 and 1, found {chroma}")
        self.lambda_c = lambda_c
        self.chroma = chroma

    def analyse(self, frame: Tensor) -> Tensor:
        return frame

    def motion(self, reference: Tensor, current: Tensor) -> Signal:
        return [current - reference]

    def render(
        self, reference: Tensor, current: Tensor, motion: Signal, band: Signal, alpha: Tensor
    ) -> Tensor:
        change = band[0]
        drawn = current
        if alpha.min() < 1:
            drawn = drawn + (alpha - 1).clamp(max=0) * change
        if alpha.max() > 1:
            drawn = drawn + self._amplified(change, alpha)
        return drawn

    def gain(self, level: int, alpha: Tensor) -> Tensor:
        """What is added of a level's change, 0 or more; alpha is the total factor."""
        wavelength = FINEST_WAVELENGTH * 2**level
        if level == 0 and self.lambda_c > wavelength:
            return torch.zeros_like(alpha)
        share = min(1.0, wavelength / self.lambda_c) if self.lambda_c else 1.0
        return (share * alpha - 1).clamp(min=0)

    def _amplified(self, change: Tensor, alpha: Tensor) -> Tensor:
        """The sum over the levels of gain times change, (1, 3, H, W)."""
        height, width = change.shape[-2:]
        skip = self.lambda_c > FINEST_WAVELENGTH  # then nothing is asked of the finest level
        toned = self._toned(halved(change) if skip else change)
        levels, rest = build(toned, band_count(height, width) - skip)
        total = torch.zeros_like(rest)
        for index in reversed(range(len(levels))):
            size = levels[index].shape[-2:]
            gain = resized(self.gain(index + skip, alpha), *size)
            total = enlarged(total, *size).addcmul_(levels[index], gain)
        return enlarged(total, height, width) if skip else total

    def _toned(self, change: Tensor) -> Tensor:
        """Colour weakened against luma: I and Q of YIQ times ``chroma``, without the detour."""
        if self.chroma == 1:
            return change
        return (change * self.chroma).add_(luma(change), alpha=1 - self.chroma)
