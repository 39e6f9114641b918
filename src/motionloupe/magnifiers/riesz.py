"""Riesz pyramid magnification: Wadhwa, Rubinstein, Durand and Freeman, ICCP 2014."""

from dataclasses import dataclass
from functools import cached_property
from typing import Unpack

import torch
from torch import Tensor

from motionloupe.alpha import resized
from motionloupe.arrays import luma
from motionloupe.errors import UserError
from motionloupe.magnifiers.base import Common, Magnifier
from motionloupe.pyramids.filtering import gaussian
from motionloupe.pyramids.laplacian import enlarged, halved
from motionloupe.pyramids.riesz import build, collapse, phase_difference
from motionloupe.temporal import Signal

_FLAT = 1e-8  # mean squared amplitude, a fortieth of 1 in 255: below, a place has no phase
_UNAMBIGUOUS = 0.5  # radians: phases around this one have surely not wrapped
_CROSS = 0.01  # share of a second orientation from which motion across the first is believed


@dataclass(frozen=True)
class Weave:
    """How the waves of one level lie, averaged over a neighbourhood; see :class:`Riesz`."""

    energy: Tensor  # (1, 1, h, w) squared amplitude, which weights the average
    solver: Tensor  # (1, 3, h / 2, w / 2) xx, xy, yy: weighted phase -> phase per component
    shape: Tensor  # (1, 3, h, w) xx, xy, yy: the orientation tensor, of trace 1


class RieszFrame:
    """A frame: its picture, the levels of its Riesz pyramid and, once asked for, their weaves."""

    def __init__(self, picture: Tensor, sigma: float) -> None:
        self.picture = picture
        self.levels, _ = build(luma(picture))
        self._sigma = sigma

    @cached_property
    def weaves(self) -> list[Weave]:
        return [_weave(level, self._sigma) for level in self.levels]


class Riesz(Magnifier[RieszFrame]):
    """Local phase and orientation from a Riesz pyramid; luma moves, colour stays.

    ``sigma`` is the reach, in pixels of each level, of the blur that steadies phases, weighted by
    squared amplitude; 1 to 50.

    The paper averages the phase vectors themselves. Waves of many orientations then lose half their
    motion, for each shows only the part along itself (the aperture problem; on an isotropic texture
    a gain of 10 becomes 6). Here the blur solves for the one phase vector that explains all waves
    of a neighbourhood, as Lucas and Kanade do for motion: gain 0.95 to 1 on the same texture.

    Range: a band holds about one octave, so its phase means one motion while the magnified motion
    alpha d stays below about half the shortest wavelength that carries contrast: within a tenth up
    to some 4 pixels on natural texture; beyond it fine detail lags and blurs.
    """

    def __init__(self, *, sigma: float = 3.0, **common: Unpack[Common]) -> None:
        super().__init__(**common)
        if not 1 <= sigma <= 50:
            raise UserError(f"sigma must be 1 to 50 pixels, found {sigma}")
        self.sigma = sigma

    def analyse(self, frame: Tensor) -> RieszFrame:
        return RieszFrame(frame, self.sigma)

    def motion(self, reference: RieszFrame, current: RieszFrame) -> Signal:
        """For each level a smooth field of phase vectors, (1, 2, h / 2, w / 2)."""
        return [
            self._steadied(phase_difference(before, after), weave)
            for before, after, weave in zip(
                reference.levels, current.levels, reference.weaves, strict=True
            )
        ]

    def track(
        self, reference: RieszFrame, previous: RieszFrame, last: Signal, current: RieszFrame
    ) -> Signal:
        """Phase unwrapped in time: the reference is first turned by most of the last motion.

        So phase may go beyond pi from the reference, as long as it does not from frame to frame.
        Where it stayed small nothing is turned, and nothing drifts, for every frame is held
        against the reference itself; sums of the differences from frame to frame would drift.
        """
        tracked = []
        for before, after, weave, phase in zip(
            reference.levels, current.levels, reference.weaves, last, strict=True
        ):
            length = phase.square().sum(dim=1, keepdim=True).sqrt_()
            known = phase * (1 - _UNAMBIGUOUS / length.clamp(min=_UNAMBIGUOUS))
            if known.any():
                before = _turned(before, enlarged(known, *before.shape[-2:]), weave.shape)
            tracked.append(known + self._steadied(phase_difference(before, after), weave))
        return tracked

    def render(
        self,
        reference: RieszFrame,
        current: RieszFrame,
        motion: Signal,
        band: Signal,
        alpha: Tensor,
    ) -> Tensor:
        changes = []
        for level, weave, phase in zip(current.levels, reference.weaves, band, strict=True):
            size = level.shape[-2:]
            turn = enlarged(phase, *size) * (resized(alpha, *size) - 1)
            cosine, sine = _cosine_and_sine(turn, weave.shape)
            along = (turn * level[:, 1:]).sum(dim=1, keepdim=True)
            changes.append(level[:, :1] * (cosine - 1) - along * sine)
        return current.picture + collapse(changes)

    def _steadied(self, phase: Tensor, weave: Weave) -> Tensor:
        x, y = _channels(_blurred(phase * weave.energy, self.sigma))
        xx, xy, yy = _channels(weave.solver)
        return torch.cat([xx * x + xy * y, xy * x + yy * y], dim=1)


def _channels(x: Tensor) -> list[Tensor]:
    return [x[:, index : index + 1] for index in range(x.shape[1])]


def _blurred(x: Tensor, sigma: float) -> Tensor:
    """Halved and blurred, so that both together are a Gaussian of ``sigma`` pixels of x."""
    half = (sigma**2 - 1) ** 0.5 / 2  # the binomial filter has variance 1
    return gaussian(halved(x), half) if half > 0 else halved(x)


def _weave(level: Tensor, sigma: float) -> Weave:
    energy = level.square().sum(dim=1, keepdim=True)
    r1, r2 = level[:, 1:2], level[:, 2:3]
    mean = _blurred(torch.cat([r1 * r1, r1 * r2, r2 * r2, energy], dim=1), sigma)
    xx, xy, yy, weight = _channels(mean)
    trace = (xx + yy).clamp(min=1e-30)
    xx, xy, yy = xx / trace, xy / trace, yy / trace
    # the inverse of the orientation tensor, which has trace 1, with _CROSS on its diagonal
    scale = (1 + _CROSS) / (xx * yy - xy * xy + _CROSS + _CROSS**2) / (weight + _FLAT)
    solver = torch.cat([(1 + _CROSS - xx) * scale, -xy * scale, (1 + _CROSS - yy) * scale], dim=1)
    shape = enlarged(torch.cat([xx, xy, yy], dim=1), *level.shape[-2:])
    return Weave(energy, solver, shape)


def _cosine_and_sine(turn: Tensor, shape: Tensor) -> tuple[Tensor, Tensor]:
    """cos(s) and sin(s) / s, with s the part of ``turn`` that lies along the waves."""
    x, y = _channels(turn)
    xx, xy, yy = _channels(shape)
    s = (xx * x * x + 2 * xy * x * y + yy * y * y).clamp(min=1e-12).sqrt_()
    return torch.cos(s), torch.sin(s).div_(s)


def _turned(level: Tensor, turn: Tensor, shape: Tensor) -> Tensor:
    """A level (I, R1, R2) with its phase moved on by ``turn``."""
    cosine, sine = _cosine_and_sine(turn, shape)
    even, odd = level[:, :1], level[:, 1:]
    x, y = _channels(turn)
    xx, xy, yy = _channels(shape)
    along = torch.cat([xx * x + xy * y, xy * x + yy * y], dim=1)
    even_moved = even * cosine - (turn * odd).sum(dim=1, keepdim=True) * sine
    return torch.cat([even_moved, odd * cosine + even * along * sine], dim=1)
