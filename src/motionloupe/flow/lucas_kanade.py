"""Dense optical flow without learned weights: Lucas and Kanade 1981, iterated, coarse to fine."""

import math

import torch
from torch import Tensor
from torch.nn import functional

from motionloupe.errors import UserError
from motionloupe.flow.base import FlowEstimator
from motionloupe.flow.filters import (
    along_x,
    along_y,
    blurred_and_halved,
    gaussian,
    halved,
    in_strips,
    separable,
)
from motionloupe.flow.warp import backward_warp, inside

_COARSEST = 16  # pixels a side below which the pyramid ends
_HALVING = 1.0  # pixels, sigma of the blur before halving
_FLAT = 1e-5  # squared slope that counts as none, on the finest level
_FLAT_SHARE = 0.02  # of a picture's own squared slope, which is not flat if all of it is faint
_ALONG = 3e-3  # share of an edge's squared slope that holds back motion along the edge
_MARGIN = 2  # pixels at the edge whose slopes reach beyond the picture
_SLOPE = (1.0 / 12, -8.0 / 12, 0.0, 8.0 / 12, -1.0 / 12)  # first derivative, fourth order


class LucasKanade(FlowEstimator):
    """Least squares over a Gaussian window of standard deviation ``window`` pixels at every pixel.

    All three colours count. Every level of the pyramid solves ``iterations`` times for the whole
    flow, not for its increment, which keeps the iteration stable (Le Besnerais and Champagnat
    2005). Zero, exactly, for equal frames. Good for motion of 0.01 to some 20 pixels.
    """

    zero_at_rest = True

    def __init__(
        self, *, iterations: int = 2, zero_correct: bool = False, window: float = 4.0
    ) -> None:
        super().__init__(iterations, zero_correct)
        if not (math.isfinite(window) and window >= 1):
            raise UserError(f"window must be at least 1 pixel, found {window}")
        self.window = float(window)

    def estimate(self, a: Tensor, b: Tensor) -> Tensor:
        with torch.autocast(a.device.type, enabled=False):
            if a.dtype not in (torch.float32, torch.float64):
                a, b = a.float(), b.float()
            levels = list(zip(_pyramid(a), _pyramid(b), strict=True))
            flow, flat = torch.zeros_like(levels[-1][0][:, :2]), _flat(a)
            for number, (level_a, level_b) in reversed(list(enumerate(levels))):
                none = (flat * 4.0**number).clamp(min=_FLAT)
                flow = self._refined(level_a, level_b, _enlarged(flow, level_a), none)
            return flow

    def _refined(self, a: Tensor, b: Tensor, flow: Tensor, flat: Tensor) -> Tensor:
        for step in range(self.iterations):
            # The last step decides; bilinear sampling would bias it by some per cent.
            last = step == self.iterations - 1
            moved = backward_warp(b, flow, interpolation="bicubic" if last else "bilinear")
            x, y = _slopes((a + moved) / 2)
            sums = in_strips(_products, a - moved, x, y, flow, _within(flow))
            flow = _solved(sums, flow, self.window, flat)
        return flow


def _products(difference: Tensor, x: Tensor, y: Tensor, flow: Tensor, within: Tensor) -> Tensor:
    """What :func:`_solved` sums up in its windows, at half resolution; only ``within`` counts.

    xx, xy, yy of the slopes, and their products with r + g f, all summed over colours.
    """
    u, v = flow.chunk(2, dim=1)
    change = difference + x * u + y * v
    pairs = ((x, x), (x, y), (y, y), (x, change), (y, change))
    products = torch.cat([(p * q).sum(dim=1, keepdim=True) for p, q in pairs], dim=1)
    return halved(products * within)


def _within(flow: Tensor) -> Tensor:
    """1 where flow leads to a pixel of the picture and slopes are known, 0 elsewhere.

    They are not known at the margin, where mirrored pixels look like edges along the border.
    """
    known = inside(flow)[..., _MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
    return functional.pad(known, (_MARGIN,) * 4)


def _flat(image: Tensor) -> Tensor:
    """The squared slope that counts as none, summed over colours, per pixel: (B, 1, 1, 1).

    It holds on every level, in pixels of the finest: seen from afar the faintest gradient is steep,
    and a codec that lifts it by a level of 255 would seem to move it by pixels.
    """
    squares = [image.diff(dim=dim).square().sum(dim=(1, 2, 3), keepdim=True) for dim in (-1, -2)]
    typical = (squares[0] + squares[1]).detach() / (2 * image[0, 0].numel())
    return (_FLAT_SHARE * typical).clamp(max=_FLAT)


def _solved(sums: Tensor, flow: Tensor, window: float, flat: Tensor) -> Tensor:
    """Solve for the flow around each pixel, at half resolution: windowed sums are smooth.

    With A the windowed sum of slope times slope, the answer is f + (A + s)^-1 (sum w g (r + g f) -
    A f), with f the ``flow`` so far, r the difference, g the slopes and s the stiffness, which
    keeps the ``flow`` of the coarser level where squared slopes are not above ``flat``.
    """
    sums = separable(sums, gaussian(window / 2))
    xx, xy, yy, xr, yr = sums.unbind(dim=1)
    u, v = halved(flow).unbind(dim=1)
    right, down = xr - xx * u - xy * v, yr - xy * u - yy * v
    stiffness = flat[:, 0] + _ALONG * (xx + yy)
    xx, yy = xx + stiffness, yy + stiffness
    determinant = xx * yy - xy * xy
    u = u + (yy * right - xy * down) / determinant
    v = v + (xx * down - xy * right) / determinant
    doubled = functional.interpolate(torch.stack([u, v], dim=1), scale_factor=2, mode="bilinear")
    return doubled[..., : flow.shape[-2], : flow.shape[-1]]


def _pyramid(image: Tensor) -> list[Tensor]:
    levels = [image]
    while min(levels[-1].shape[-2:]) >= 2 * _COARSEST:
        levels.append(blurred_and_halved(levels[-1], gaussian(_HALVING)))
    return levels


def _enlarged(flow: Tensor, like: Tensor) -> Tensor:
    """The flow of the next coarser level on the grid of ``like``."""
    if flow.shape[-2:] == like.shape[-2:]:
        return flow
    doubled = 2.0 * functional.interpolate(flow, scale_factor=2, mode="bilinear")
    return doubled[..., : like.shape[-2], : like.shape[-1]]


def _slopes(image: Tensor) -> tuple[Tensor, Tensor]:
    """Derivatives along x and y, per pixel."""
    return along_x(image, _SLOPE), along_y(image, _SLOPE)
