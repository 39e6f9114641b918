"""How good a magnified frame is: its picture against the truth, its motion against the wanted one.

Pictures are (B, 3, H, W) in [0, 1], flows (B, 2, H, W) in pixels. Every metric gives one number for
each picture of the batch, (B,), in the dtype of its input. ``border`` leaves out so many pixels at
each side of the frame; ``mask``, (B, 1, H, W) or (H, W), weighs the pixels (bool or 0 to 1): those
that left the frame can be left out. A picture of which nothing is left gives NaN.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from motionloupe.errors import UserError
from motionloupe.flow.base import length
from motionloupe.flow.warp import backward_warp

_SSIM_SPREAD = 1.5
_SSIM_RADIUS = 5
_SSIM_K1, _SSIM_K2 = 0.01, 0.03
_AT_REST = 1e-4  # pixels, keeps the ratio of motions finite


def ssim(picture: Tensor, truth: Tensor, *, border: int = 0, mask: Tensor | None = None) -> Tensor:
    """Structural similarity (Wang et al. 2004), mean over channels and places; 1 is perfect.

    Gaussian weights of standard deviation 1.5 over 11 x 11 pixels, only where all of them lie
    within the frame.
    """
    _check_same(picture, truth)
    if min(picture.shape[-2:]) < 2 * _SSIM_RADIUS + 1:
        raise UserError(
            f"SSIM needs 11 x 11 pixels, found {picture.shape[-1]} x {picture.shape[-2]}"
        )
    quality = ssim_map(picture, truth).mean(dim=1, keepdim=True)
    weights = _weights(picture, border, mask)
    inner = slice(_SSIM_RADIUS, -_SSIM_RADIUS)
    return _mean(quality, weights[..., inner, inner])


def ssim_map(picture: Tensor, truth: Tensor) -> Tensor:
    """SSIM at every place that has its whole window: (B, C, H - 10, W - 10)."""
    products = [picture, truth, picture * picture, truth * truth, picture * truth]
    mean_x, mean_y, xx, yy, xy = _blurred(torch.stack(products))
    c1, c2 = _SSIM_K1**2, _SSIM_K2**2
    variance_x, variance_y = xx - mean_x**2, yy - mean_y**2
    shared = (2 * mean_x * mean_y + c1) * (2 * (xy - mean_x * mean_y) + c2)
    quality: Tensor = shared / ((mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2))
    return quality


def rmse(picture: Tensor, truth: Tensor, *, border: int = 0, mask: Tensor | None = None) -> Tensor:
    """Root of the mean squared difference, in levels of 255."""
    return 255.0 * _squared(picture, truth, border, mask).sqrt()


def psnr(picture: Tensor, truth: Tensor, *, border: int = 0, mask: Tensor | None = None) -> Tensor:
    """Peak signal to noise, in dB for a peak of 1; infinite for equal pictures."""
    return -10.0 * _squared(picture, truth, border, mask).log10()


def flow_l1(flow: Tensor, wanted: Tensor, *, border: int = 0, mask: Tensor | None = None) -> Tensor:
    """Mean absolute difference of flows over both components, in pixels."""
    _check_same(flow, wanted)
    difference = (flow - wanted).abs().mean(dim=1, keepdim=True)
    return _mean(difference, _weights(flow, border, mask))


def end_point_error(
    flow: Tensor, wanted: Tensor, *, border: int = 0, mask: Tensor | None = None
) -> Tensor:
    """Mean distance between the ends of flows, in pixels.

    Between the flow of an answer and that of the true frame it is the motion gap.
    """
    _check_same(flow, wanted)
    return _mean(length(flow - wanted), _weights(flow, border, mask))


def motion_error(
    flow_out: Tensor,
    flow_in: Tensor,
    alpha: Tensor | float,
    *,
    border: int = 0,
    mask: Tensor | None = None,
) -> Tensor:
    """FlowMag's motion error: L1 of the answer's flow against alpha times the input's, in pixels.

    ``alpha`` is a number, or a tensor that broadcasts with (B, 1, H, W).
    """
    return flow_l1(flow_out, alpha * flow_in, border=border, mask=mask)


def magnification_error(
    flow_out: Tensor,
    flow_in: Tensor,
    alpha: Tensor | float,
    *,
    border: int = 0,
    mask: Tensor | None = None,
) -> Tensor:
    """FlowMag's magnification error: mean of | |F_out| / (|F_in| + 1e-4) - alpha |.

    ``alpha`` as for :func:`motion_error`. Where hardly anything moves the ratio says nothing: mask
    such pixels out.
    """
    _check_same(flow_out, flow_in)
    off = (length(flow_out) / (length(flow_in) + _AT_REST) - alpha).abs()
    return _mean(off, _weights(flow_out, border, mask))


def motion_gain(
    flow_out: Tensor, wanted: Tensor, *, border: int = 0, mask: Tensor | None = None
) -> Tensor:
    """Measured over wanted motion: the factor on ``wanted`` that fits the answer's flow best.

    Least squares over all places, so 1 is right; NaN where nothing should move.
    """
    _check_same(flow_out, wanted)
    weights = _weights(flow_out, border, mask)
    along = _mean((flow_out * wanted).sum(dim=1, keepdim=True), weights)
    return along / _mean((wanted * wanted).sum(dim=1, keepdim=True), weights)


def photometric_error(
    answer: Tensor,
    flow_out: Tensor,
    frame: Tensor,
    flow_in: Tensor,
    *,
    border: int = 0,
    mask: Tensor | None = None,
) -> Tensor:
    """How far the colours of an answer are from the frame's, both drawn back onto the reference.

    Mean | W(answer, F_out) - W(frame, F_in) | in levels of 255 (FlowMag, equation 4). It needs no
    true picture.
    """
    _check_same(answer, frame)
    off = (backward_warp(answer, flow_out) - backward_warp(frame, flow_in)).abs()
    return 255.0 * _mean(off.mean(dim=1, keepdim=True), _weights(answer, border, mask))


@dataclass(frozen=True)
class Summary:
    """Many values of a metric in a few numbers."""

    mean: float
    standard_deviation: float
    """Of the sample (n - 1); NaN for fewer than two values."""
    standard_error: float
    """Of the mean; NaN for fewer than two groups."""
    n: int
    groups: int
    """How many of the values stand for themselves."""

    def __str__(self) -> str:
        return f"{self.mean:.4g}{self.plus_minus} (n = {self.n})"

    @property
    def plus_minus(self) -> str:
        """ " ± " and the standard error in two digits; empty where there is none."""
        error = self.standard_error
        if math.isnan(error):
            return ""
        return f" ± {error:.0f}" if error >= 9.95 else f" ± {error:#.2g}"


def summarise(values: Iterable[float] | Tensor, groups: Sequence[str] = ()) -> Summary:
    """Mean, spread and number of values that are not NaN.

    Values of one group, by its name, need not be independent, as frames of one video are not: their
    deviations add up before they are squared (the cluster-robust standard error). Without groups,
    or where the name is empty, every value is one of its own.
    """
    numbers = values.double().cpu().numpy() if isinstance(values, Tensor) else list(values)
    found = np.asarray(numbers, dtype=np.float64).ravel()
    kept = found[~np.isnan(found)]
    if not len(kept):
        return Summary(math.nan, math.nan, math.nan, 0, 0)
    names = [name or number for number, name in enumerate(groups or [""] * len(found))]
    names = [name for name, value in zip(names, found, strict=True) if not np.isnan(value)]
    order = {name: number for number, name in enumerate(dict.fromkeys(names))}
    spread = error = math.nan
    with np.errstate(invalid="ignore"):  # infinite values have no spread
        if len(kept) > 1:
            spread = float(kept.std(ddof=1))
        if (count := len(order)) > 1:
            sums = np.bincount([order[name] for name in names], kept - kept.mean())
            error = math.sqrt(count / (count - 1) * float((sums**2).sum())) / len(kept)
    return Summary(float(kept.mean()), spread, error, len(kept), len(order))


def _squared(picture: Tensor, truth: Tensor, border: int, mask: Tensor | None) -> Tensor:
    _check_same(picture, truth)
    squared = ((picture - truth) ** 2).mean(dim=1, keepdim=True)
    return _mean(squared, _weights(picture, border, mask))


def _mean(values: Tensor, weights: Tensor) -> Tensor:
    """Mean over places of (B, 1, H, W); values without weight may be anything, NaN too."""
    counted = torch.where(weights > 0, values, 0.0) * weights
    return counted.sum(dim=(1, 2, 3)) / weights.expand_as(values).sum(dim=(1, 2, 3))


def _weights(like: Tensor, border: int, mask: Tensor | None) -> Tensor:
    """(B or 1, 1, H, W) in the dtype of ``like``. Raises UserError."""
    height, width = like.shape[-2:]
    if not 0 <= border <= (min(height, width) - 1) // 2:
        raise UserError(f"a border of {border} pixels leaves nothing of {width} x {height}")
    weights = like.new_ones((1, 1, height, width))
    if border:
        weights = functional.pad(
            weights[..., border : height - border, border : width - border], (border,) * 4
        )
    if mask is None:
        return weights
    if mask.shape[-2:] != (height, width):
        raise UserError(
            f"the mask is {mask.shape[-1]} x {mask.shape[-2]}, the pictures {width} x {height}"
        )
    return weights * mask.to(like).reshape(-1, 1, height, width)


def _blurred(pictures: Tensor) -> Tensor:
    """(..., H, W) under the SSIM window: (..., H - 10, W - 10)."""
    away = torch.arange(-_SSIM_RADIUS, _SSIM_RADIUS + 1, dtype=torch.float64)
    taps = torch.exp(-(away**2) / (2 * _SSIM_SPREAD**2))
    taps = (taps / taps.sum()).to(pictures)
    flat = pictures.reshape(1, -1, *pictures.shape[-2:])
    flat = flat.contiguous(memory_format=torch.channels_last)  # many times faster on a CPU
    planes = flat.shape[1]
    for shape in ((1, 1, -1, 1), (1, 1, 1, -1)):
        kernel = taps.reshape(shape).repeat(planes, 1, 1, 1)
        flat = functional.conv2d(flat, kernel, groups=planes)
    return flat.reshape(*pictures.shape[:-2], *flat.shape[-2:])


def _check_same(first: Tensor, second: Tensor) -> None:
    if first.shape != second.shape or first.ndim != 4:
        raise UserError(
            "a metric compares two batches (B, C, H, W) of one shape, found "
            f"{tuple(first.shape)} and {tuple(second.shape)}"
        )
