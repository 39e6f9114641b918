"""What teaches optical flow without labels (Liu et al. 2020, section 3; Meister et al. 2018).

Convention: pictures (B, 3, H, W) in [0, 1], flow (B, 2, H, W) in pixels with x first.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from motionloupe.arrays import luma
from motionloupe.flow.filters import reflected
from motionloupe.flow.warp import backward_warp, inside
from motionloupe.training.config import Photometric, Unsupervised
from motionloupe.training.losses import masked_mean

_NOISE = 0.9  # levels of 255: smaller differences between neighbours hardly count
_ALIKE = 0.1  # squared difference of two census signatures that counts half
_AGREE, _SLACK = 0.01, 0.5  # share of the squared flows, and squared pixels, that may disagree
_ENOUGH = 0.5  # share of a picture that must be visible
_BRIGHT, _TEXTURED = 0.01**2, 0.03**2  # the constants of SSIM
_STRUCTURE = 0.85  # weight of SSIM beside L1


class Terms(NamedTuple):
    """What a flow costs, and ``visible`` (B, 1, H, W), 1 where it was judged."""

    photometric: Tensor
    smoothness: Tensor
    visible: Tensor


def census(grey: Tensor, reach: int = 1) -> Tensor:
    """How each pixel of (B, 1, H, W) differs from its neighbours, softly between -1 and 1.

    Brightness and contrast hardly matter. (B, (2 reach + 1)^2 - 1, H, W), mirrored at the edge.
    """
    levels, (height, width) = 255.0 * grey, grey.shape[-2:]
    wide = reflected(levels, reach, reach, reach, reach)
    places = [(y, x) for y in range(2 * reach + 1) for x in range(2 * reach + 1)]
    places.remove((reach, reach))
    around = [wide[..., y : y + height, x : x + width] for y, x in places]
    difference = torch.cat(around, dim=1) - levels
    return difference / (difference.square() + _NOISE**2).sqrt()


def dissimilar(a: Tensor, b: Tensor, kind: Photometric) -> Tensor:
    """What each pixel of two pictures costs for not being alike: (B, C, H, W), 0 where they are."""
    if kind == "census":
        squares = (census(luma(a)) - census(luma(b))).square()
        return (squares / (_ALIKE + squares)).mean(dim=1, keepdim=True)
    return _STRUCTURE * _unlike(a, b) + (1 - _STRUCTURE) * (a - b).abs()


def _unlike(a: Tensor, b: Tensor) -> Tensor:
    """(1 - SSIM) / 2 over 3 x 3 pixels."""

    def mean(values: Tensor) -> Tensor:
        return functional.avg_pool2d(reflected(values, 1, 1, 1, 1), 3, 1)

    mean_a, mean_b = mean(a), mean(b)
    spread_a, spread_b = mean(a * a) - mean_a**2, mean(b * b) - mean_b**2
    shared = mean(a * b) - mean_a * mean_b
    above = (2 * mean_a * mean_b + _BRIGHT) * (2 * shared + _TEXTURED)
    below = (mean_a**2 + mean_b**2 + _BRIGHT) * (spread_a + spread_b + _TEXTURED)
    return ((1 - above / below) / 2).clamp(0.0, 1.0)


def judgeable(flow: Tensor, back: Tensor) -> Tensor:
    """What is :func:`visible`; where that is less than half of a picture, all of it.

    Else a network could hide everything, by flows that are wrong enough, and nothing would cost.
    """
    seen = visible(flow, back)
    enough = seen.mean(dim=(1, 2, 3), keepdim=True) >= _ENOUGH
    return torch.where(enough, seen, torch.ones_like(seen))


def visible(flow: Tensor, back: Tensor) -> Tensor:
    """(B, 1, H, W), 0 where a point leaves the frame or the flow back does not return there."""
    returned = backward_warp(back, flow)
    gap = (flow + returned).square().sum(dim=1, keepdim=True)
    size = (flow.square() + returned.square()).sum(dim=1, keepdim=True)
    return (gap < _AGREE * size + _SLACK).to(flow.dtype) * inside(flow)


def roughness(flow: Tensor, picture: Tensor, edges: float) -> Tensor:
    """Mean |second difference| of the flow, in pixels; e^(-edges x |slope|) where there are edges.

    A flow that is constant, or grows evenly, costs nothing.
    """
    total = flow.new_zeros(())
    for axis in (-1, -2):
        slope = picture.diff(dim=axis).abs().mean(dim=1, keepdim=True)
        count = slope.shape[axis]
        strongest = torch.maximum(
            slope.narrow(axis, 0, count - 1), slope.narrow(axis, 1, count - 1)
        )
        total = total + (flow.diff(2, dim=axis).abs() * torch.exp(-edges * strongest)).mean()
    return total / 2


def unsupervised(
    flows: list[Tensor], a: Tensor, b: Tensor, back: Tensor, options: Unsupervised
) -> Terms:
    """What flows from ``a`` to ``b`` cost, finest first, each at half the resolution of the last.

    Where there are fewer flows than scales, the last serves the others too.
    ``back`` is the finest flow from ``b`` to ``a``: it tells which points are hidden, and those are
    not judged. Pictures are compared after ``b`` is brought back by the flow, through the spline at
    full resolution, for bilinear sampling has its minimum beside the truth.
    """
    with torch.no_grad():
        seen = judgeable(flows[0], back)
    cost = a.new_zeros(())
    for level in range(options.scales):
        flow, scale = flows[min(level, len(flows) - 1)], 1 << level
        small_a, small_b, small_seen, small_flow = (
            functional.avg_pool2d(part, scale) for part in (a, b, seen, flow / scale)
        )
        returned = backward_warp(
            small_b, small_flow, interpolation="bilinear" if level else "bicubic"
        )
        unlike = dissimilar(small_a, returned, options.photometric)
        cost = cost + masked_mean(unlike, small_seen)
    return Terms(cost, roughness(flows[0], a, options.edges), seen)


def robust_distance(flow: Tensor, teacher: Tensor, counts: Tensor) -> Tensor:
    """Mean (|difference| + 0.01)^0.4 where ``counts`` is 1: what is far off weighs little more."""
    return masked_mean(((flow - teacher).abs() + 0.01) ** 0.4, counts)
