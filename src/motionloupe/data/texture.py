"""A texture as a continuous function: a cubic B-spline whose coefficients are its texels.

Moving such a function is exact, for any displacement: only the places where it is evaluated change,
and no picture is ever resampled from a picture. Its kernel has a variance of a third of a texel.

Textures are planar, (channels, rows, columns) float32. Beyond its texels a texture is endless
(mirrored at the outermost texels' centres) or empty.
"""

import math

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from motionloupe.data.motion import Points
from motionloupe.data.photometry import Plane

KERNEL_VARIANCE = 1.0 / 3.0


def spline_weights(fraction: float) -> Plane:
    """Weights of the four texels around a place, ``fraction`` in [0, 1) past the second."""
    t, s = fraction, 1.0 - fraction
    weights = [s**3, 4 - 6 * t**2 + 3 * t**3, 4 - 6 * s**2 + 3 * s**3, t**3]
    return np.array(weights, dtype=np.float32) / np.float32(6.0)


def on_grid(
    texture: Plane, row: float, column: float, height: int, width: int, *, endless: bool
) -> Plane:
    """Values at row + 0, 1, 2, ... and column + 0, 1, 2, ...; the two need not be whole."""
    top, left = math.floor(row), math.floor(column)
    window = _window(texture, top - 1, left - 1, height + 3, width + 3, endless=endless)
    across, down = spline_weights(column - left), spline_weights(row - top)
    moved = filter_planes(window, across, down, anchor=1)
    return moved[:, 1 : 1 + height, 1 : 1 + width]


def anywhere(texture: Plane, rows: Points, columns: Points, *, endless: bool) -> Plane:
    """Values at any places, two arrays of one shape (h, w), given in texels: (channels, h, w).

    Four bilinear samples at shifted places make the sixteen taps of the spline (Sigg and Hadwiger
    2005).
    """
    near_x, far_x, share_x = _pairs(columns, texture.shape[2])
    near_y, far_y, share_y = _pairs(rows, texture.shape[1])
    places = [np.stack([x, y], axis=-1) for y in (near_y, far_y) for x in (near_x, far_x)]
    samples = functional.grid_sample(
        torch.from_numpy(texture)[None],
        torch.from_numpy(np.concatenate(places)[None]),
        mode="bilinear",
        padding_mode="reflection" if endless else "zeros",
        align_corners=True,
    )
    parts = samples[0].reshape(texture.shape[0], 4, *rows.shape).numpy()
    upper = parts[:, 0] + share_x * (parts[:, 1] - parts[:, 0])
    lower = parts[:, 2] + share_x * (parts[:, 3] - parts[:, 2])
    values: Plane = upper + share_y * (lower - upper)
    return values


def filter_planes(planes: Plane, across: Plane, down: Plane, anchor: int) -> Plane:
    """Separable correlation of every plane, in one sweep over planes stacked as one picture.

    Rows within a kernel's length of a plane's top or bottom are wrong: they see its neighbour.
    """
    stacked = np.ascontiguousarray(planes).reshape(-1, planes.shape[2])
    filtered = cv2.sepFilter2D(stacked, -1, across, down, anchor=(anchor, anchor))
    return np.asarray(filtered, dtype=np.float32).reshape(planes.shape)


def _pairs(places: Points, count: int) -> tuple[Plane, Plane, Plane]:
    """The two bilinear places of a row of four taps, in [-1, 1], and the share of the second."""
    whole = np.floor(places.astype(np.float32))
    t = places.astype(np.float32) - whole
    s = 1.0 - t
    first, fourth = s * s * s, t * t * t
    second, third = 4.0 - 6.0 * t * t + 3.0 * fourth, 4.0 - 6.0 * s * s + 3.0 * first
    scale = 2.0 / max(count - 1, 1)
    low = (whole + (second / (first + second) - 1.0)) * scale - 1.0
    high = (whole + (fourth / (third + fourth) + 1.0)) * scale - 1.0
    return low, high, (third + fourth) / 6.0


def _window(
    texture: Plane, top: int, left: int, height: int, width: int, *, endless: bool
) -> Plane:
    """Texels from (top, left) on, also beyond the texture's rim."""
    rows, columns = texture.shape[1:]
    if endless:
        if top >= 0 and left >= 0 and top + height <= rows and left + width <= columns:
            return texture[:, top : top + height, left : left + width]
        down = _mirrored(np.arange(top, top + height), rows)
        across = _mirrored(np.arange(left, left + width), columns)
        return texture[:, down[:, None], across[None, :]]
    window = np.zeros((texture.shape[0], height, width), np.float32)
    low_y, high_y = max(top, 0), min(top + height, rows)
    low_x, high_x = max(left, 0), min(left + width, columns)
    if low_y < high_y and low_x < high_x:
        target = window[:, low_y - top : high_y - top, low_x - left : high_x - left]
        target[:] = texture[:, low_y:high_y, low_x:high_x]
    return window


def _mirrored(index: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.int64]:
    period = max(2 * count - 2, 1)
    folded = index % period
    return np.minimum(folded, period - folded)
