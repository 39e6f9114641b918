"""How far a region has moved between two pictures, to a few thousandths of a pixel.

One translation for the whole region, found by Gauss-Newton registration (Lucas and Kanade 1981) on
spline-interpolated luma, started from phase correlation. It shares no code with any magnifier or
flow estimator, so it can judge them.
"""

import math
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.interpolate import BSpline

from motionloupe.arrays import LUMA, Image, full_scale
from motionloupe.boxes import Box, box_within
from motionloupe.errors import UserError

_ROUNDS = 30
_CLOSE_ENOUGH = 1e-5  # pixels
ALIKE = 0.5
"""The likeness of a region in two pictures below which its motion is chance."""
_SURE = 0.9  # the likeness of what has been found beyond doubt
_NEAR = 1.0  # pixels
_BORDER = 8  # pixels at the region's edge that may have entered or left it
_QUINTIC = BSpline.basis_element([-3, -2, -1, 0, 1, 2, 3])


def luma(image: Image) -> npt.NDArray[np.float64]:
    """(H, W, 3) or (H, W) of any accepted dtype -> (H, W) float64 in [0, 1]. Raises UserError."""
    known = image.dtype.kind == "f" or image.dtype.newbyteorder("=") in (np.uint8, np.uint16)
    if not known or image.shape[2:] not in ((), (3,)):
        raise UserError(
            "a picture to measure is (height, width) or (height, width, 3), of uint8, uint16 or "
            f"float, found {image.shape} of {image.dtype}"
        )
    values = image.astype(np.float64) / full_scale(image.dtype)
    grey: npt.NDArray[np.float64] = values @ np.array(LUMA) if values.ndim == 3 else values
    return grey


class Registration(NamedTuple):
    """``dx`` and ``dy`` in pixels; ``likeness`` is 1 for equal pictures, about 0 for two noises."""

    dx: float
    dy: float
    likeness: float


def displacement(reference: Image, frame: Image, box: Box | None = None) -> tuple[float, float]:
    """(dx, dy) in pixels, x right and y down, by which ``box`` moved between the two.

    ``box`` is (x, y, width, height); without it the whole picture counts. Good to about a third of
    the region's size, in small ones less: what is left of it inside a border of 8 pixels and the
    motion on every side must still hold texture. Raises UserError where the region is too small,
    outside, or has moved too far, and where it has no texture in one of the two.
    """
    dx, dy, _ = register(reference, frame, box)
    return dx, dy


def register(reference: Image, frame: Image, box: Box | None = None) -> Registration:
    """The same, and how alike the region is in the two once that motion is taken out."""
    rows, columns = reference.shape[:2]
    if (rows, columns) != frame.shape[:2]:
        raise UserError(f"the pictures differ in size: {reference.shape} and {frame.shape}")
    x, y, width, height = check_region((0, 0, columns, rows) if box is None else box, columns, rows)
    a = luma(reference[y : y + height, x : x + width])
    b = luma(frame[y : y + height, x : x + width])
    if not (a.std() >= 1e-4 and b.std() >= 1e-4):  # nor is NaN
        raise UserError("the region has no texture to follow; choose another")
    window = cv2.createHanningWindow((width, height), cv2.CV_64F)
    (start_x, start_y), _ = cv2.phaseCorrelate(a - a.mean(), b - b.mean(), window)
    found = _refine(a, b, np.array([start_x, start_y]))
    if found is None or (found.likeness < _SURE and math.hypot(start_x, start_y) > _NEAR):
        near = _refine(a, b, np.zeros(2))  # where there is more noise than texture, peaks mislead
        if near is not None and near.likeness > (ALIKE if found is None else found.likeness):
            return near
    if found is None:
        raise UserError(
            f"the region of {width} x {height} pixels has moved too far to be measured in it; "
            "choose a larger one"
        )
    return found


def check_region(box: Box, columns: int, rows: int) -> Box:
    """``box`` in plain numbers; UserError unless a picture of this size has it, large enough."""
    return box_within(box, columns, rows, 2 * _BORDER + 8)


def _refine(
    a: npt.NDArray[np.float64], b: npt.NDArray[np.float64], start: npt.NDArray[Any]
) -> Registration | None:
    """Gauss-Newton on sum of (b(p + d) - a(p))^2 over the pixels that stay inside; None if few."""
    splines = ndimage.spline_filter(b, order=5, mode="mirror")
    d = start.astype(np.float64)
    best, best_error, likeness = d.copy(), np.inf, 0.0
    for _ in range(_ROUNDS):
        margin = _BORDER + np.ceil(np.abs(d)).astype(int)
        if min(a.shape[0] - 2 * margin[1], a.shape[1] - 2 * margin[0]) < 1:
            break
        top, left = int(margin[1]), int(margin[0])
        inner = a[top : a.shape[0] - top, left : a.shape[1] - left]
        # One pixel more on each side, so that the slopes are central everywhere.
        moved = _sampled(splines, 0, top - 1, inner.shape[0] + 2, float(d[1]))
        moved = _sampled(moved, 1, left - 1, inner.shape[1] + 2, float(d[0]))
        across = 0.5 * (moved[1:-1, 2:] - moved[1:-1, :-2])
        down = 0.5 * (moved[2:, 1:-1] - moved[:-2, 1:-1])
        residual = (inner - moved[1:-1, 1:-1]).ravel()
        error = float(np.mean(residual**2))
        if error < best_error:
            best, best_error = d.copy(), error
            energy = float(np.var(inner) + np.var(moved[1:-1, 1:-1]))
            likeness = 1.0 - error / energy if energy else 0.0
        slopes = np.stack([across.ravel(), down.ravel()])
        step, *_ = np.linalg.lstsq(slopes @ slopes.T, slopes @ residual, rcond=None)
        d = d + step
        if np.abs(step).max() < _CLOSE_ENOUGH:
            return Registration(float(d[0]), float(d[1]), likeness)
    if not np.isfinite(best_error):
        return None
    return Registration(float(best[0]), float(best[1]), likeness)


def _sampled(
    splines: npt.NDArray[np.float64], axis: int, first: int, count: int, offset: float
) -> npt.NDArray[np.float64]:
    """``count`` values along ``axis`` at first + offset, first + 1 + offset, ..."""
    whole = int(np.floor(offset))
    weights = _QUINTIC(offset - whole - np.arange(-2, 4))
    lines = np.moveaxis(splines, axis, 0)
    begin = first + whole - 2
    total = sum(
        weight * lines[begin + tap : begin + tap + count] for tap, weight in enumerate(weights)
    )
    return np.moveaxis(np.asarray(total), 0, axis)
