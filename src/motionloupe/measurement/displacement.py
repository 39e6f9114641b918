"""How far a region has moved between two pictures, to a few thousandths of a pixel.

One translation for the whole region, and one change of its light, found by Gauss-Newton
registration (Lucas and Kanade 1981) on spline-interpolated luma, started from phase correlation. It
shares no code with any magnifier or flow estimator, so it can judge them.
"""

import math
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.interpolate import BSpline

from motionloupe.arrays import LUMA, Image, full_scale, is_picture_type
from motionloupe.boxes import Box, box_within
from motionloupe.errors import UserError

_ROUNDS = 30
_CLOSE_ENOUGH = 1e-5  # pixels
ALIKE = 0.5
"""The likeness of a region in two pictures below which its motion is chance."""
_MOST_GAIN = 2.0  # of the light from one frame to the next; beyond, two pictures differ otherwise
_CHANCE = 4.0  # deviations of what noise alone is steep by
_SURE = 0.9  # the likeness of what has been found beyond doubt
_NEAR = 1.0  # pixels
_BORDER = 8  # pixels at the region's edge that may have entered or left it
_SPOT = 3.0  # pixels: deviation of the Gauss bell under which what is left is averaged
_NEGLIGIBLE = 0.4 / 255  # of the light: what 8 bits leave
_USUAL = 2.0  # times the median: more counts the less
_SAMPLING = 0.1  # pixels: what sampling may err by, along hard edges
_ASTRAY = 6.0  # times the median: no noise, and seldom left by a codec
_MOST_TOLD = 0.5  # of what tells of motion must be left, or it is not known what strays
_QUINTIC = BSpline.basis_element([-3, -2, -1, 0, 1, 2, 3])


def luma(image: Image) -> npt.NDArray[np.float64]:
    """(H, W, 3) or (H, W) of any accepted dtype -> (H, W) float64 in [0, 1]. Raises UserError."""
    if not is_picture_type(image.dtype) or image.shape[2:] not in ((), (3,)):
        raise UserError(
            "a picture to measure is (height, width) or (height, width, 3), of uint8, uint16 or "
            f"float, found {image.shape} of {image.dtype}"
        )
    values = image.astype(np.float64) / full_scale(image.dtype)
    grey: npt.NDArray[np.float64] = values @ np.array(LUMA) if values.ndim == 3 else values
    return grey


class Registration(NamedTuple):
    """``dx`` and ``dy`` in pixels; ``likeness`` is 1 for equal pictures, about 0 for two noises.

    ``whole``: whether motion both ways can be told. Otherwise it is told across the edges alone and
    counts as none along them; ``best`` is where the two are most alike, along them by chance.
    ``astray``: whether a part of it does otherwise, as a highlight that wanders. Such a part does
    not count as long as the rest tells most of the motion.
    """

    dx: float
    dy: float
    likeness: float
    whole: bool
    best: tuple[float, float]
    astray: bool = False


def displacement(reference: Image, frame: Image, box: Box | None = None) -> tuple[float, float]:
    """(dx, dy) in pixels, x right and y down, by which ``box`` moved between the two.

    ``box`` is (x, y, width, height); without it the whole picture counts. Good to about a third of
    the region's size, in small ones less: what is left of it inside a border of 8 pixels and the
    motion on every side must still hold texture. Raises UserError where the region is too small,
    outside, or has moved too far, and where it has no texture in one of the two.
    """
    found = register(reference, frame, box)
    return found.dx, found.dy


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
    splines = ndimage.spline_filter(b, order=5, mode="mirror")
    found = _refine(a, splines, np.array([start_x, start_y]))
    if found is None or (found.likeness < _SURE and math.hypot(start_x, start_y) > _NEAR):
        # Where there is more noise than texture, peaks mislead.
        near = _refine(a, splines, np.zeros(2))
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
    a: npt.NDArray[np.float64], splines: npt.NDArray[np.float64], start: npt.NDArray[Any]
) -> Registration | None:
    """Gauss-Newton on sum of (g b(p + d) + o - a(p))^2 over what stays inside; None if little does.

    The gain g and the offset o are those of the light; ``splines`` are b's coefficients. Where only
    noise tells of the motion in one direction, along an edge say, that is told as none.
    """
    found = _descended(a, splines, start, np.eye(2))
    if found is None:
        return None
    weak, best = found.untold(), (float(found.d[0]), float(found.d[1]))
    if weak is None:
        astray = _strays(found)
        x, y = map(float, _of_most(a, splines, found) if astray else found.d)
        return Registration(x, y, found.likeness, True, (x, y), astray)
    found = _descended(a, splines, start, np.array([[-weak[1]], [weak[0]]])) or found
    return Registration(float(found.d[0]), float(found.d[1]), found.likeness, False, best)


class _Match(NamedTuple):
    """The displacement ``d``, how alike that makes the two, and the ``residual`` (H, W) it leaves.

    ``normal`` are the squared slopes (2, 2) of one picture, ``slopes`` (2, pixels) themselves.
    """

    d: npt.NDArray[np.float64]
    likeness: float
    normal: npt.NDArray[np.float64]
    residual: npt.NDArray[np.float64]
    slopes: npt.NDArray[np.float64]

    def untold(self) -> npt.NDArray[np.float64] | None:
        """The direction (2,) in which the picture is no steeper than its noise; None if in none."""
        values, vectors = np.linalg.eigh(self.normal)
        weak: npt.NDArray[np.float64] = vectors[:, 0]
        pixels, rough = self.residual.size, weak @ _slopes(self.residual)
        noise = 0.5 * float(np.mean(rough**2)) * pixels  # that of two pictures is in what is left
        return weak if values[0] < (1 + _CHANCE * math.sqrt(2 / pixels)) * noise else None


def _descended(
    a: npt.NDArray[np.float64],
    splines: npt.NDArray[np.float64],
    start: npt.NDArray[Any],
    ways: npt.NDArray[np.float64],
) -> _Match | None:
    """The best match by moving along ``ways`` (2, 1 or 2) from ``start``."""
    d = ways @ ways.T @ start.astype(np.float64)
    best: _Match | None = None
    least = np.inf
    for _ in range(_ROUNDS):
        margin = _BORDER + np.ceil(np.abs(d)).astype(int)
        if min(a.shape[0] - 2 * margin[1], a.shape[1] - 2 * margin[0]) < 3:
            break
        inner, moved = _overlaid(a, splines, d, margin)
        gain, lit = _lit(moved[1:-1, 1:-1], inner)
        residual = inner - lit
        slopes = gain * _slopes(moved)
        told = slopes - _explained(slopes, lit)
        normal = told @ told.T
        error = float(np.mean(residual**2))
        if error < least:
            least = error
            energy = float(np.var(inner) + np.var(lit))
            likeness = 1.0 - error / energy if energy else 0.0
            best = _Match(d.copy(), likeness, normal, residual, slopes)
        steps = told @ residual.ravel()
        step, *_ = np.linalg.lstsq(ways.T @ normal @ ways, ways.T @ steps, rcond=None)
        d = d + ways @ step
        if best is not None and np.abs(step).max() < _CLOSE_ENOUGH:
            return best._replace(d=d)
    return best


def _overlaid(
    a: npt.NDArray[np.float64],
    splines: npt.NDArray[np.float64],
    d: npt.NDArray[np.float64],
    margin: npt.NDArray[Any],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """``a`` but for its margin (across, down), and what lies there once ``d`` is taken out.

    The second has one pixel more on each side, so that the slopes are central everywhere.
    """
    top, left = int(margin[1]), int(margin[0])
    inner = a[top : a.shape[0] - top, left : a.shape[1] - left]
    moved = _sampled(splines, 0, top - 1, inner.shape[0] + 2, float(d[1]))
    return inner, _sampled(moved, 1, left - 1, inner.shape[1] + 2, float(d[0]))


def _strays(found: _Match) -> bool:
    """Whether what is left is far more in some place: not noise, nor sampling along hard edges."""
    steep = np.square(_SAMPLING * found.slopes).sum(axis=0).reshape(found.residual.shape)
    around = _spread(found.residual**2)
    return bool((around > _ASTRAY**2 * (_usual(around) + _spread(steep))).any())


def _heed(residual: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """How much each pixel (H x W,) counts by what is left around it.

    Noise leaves as much everywhere; a highlight, a shadow or another motion, more in its place.
    """
    around = _spread(residual**2)
    usual = _usual(around)
    return np.minimum(_USUAL**2 * usual / np.maximum(around, usual), 1.0).ravel()


def _spread(squares: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(
        cv2.GaussianBlur(squares, (0, 0), _SPOT, borderType=cv2.BORDER_REFLECT), np.float64
    )


def _usual(around: npt.NDArray[np.float64]) -> float:
    return max(float(np.median(around)), _NEGLIGIBLE**2)


def _of_most(
    a: npt.NDArray[np.float64], splines: npt.NDArray[np.float64], found: _Match
) -> npt.NDArray[np.float64]:
    """The displacement of what does not stray; that found, where too little would tell of it.

    Gauss-Newton on the displacement, a gain and an offset, each time by the weights of the last.
    """
    d, heed = found.d, np.ones(1)
    margin = _BORDER + np.ceil(np.abs(d) + _NEAR).astype(int)
    if min(a.shape[0] - 2 * margin[1], a.shape[1] - 2 * margin[0]) < 2 * _BORDER:
        return d
    for _ in range(_ROUNDS):
        inner, moved = _overlaid(a, splines, d, margin)
        within = moved[1:-1, 1:-1]
        light = np.stack([np.ones(within.size), within.ravel() - within.mean()])
        columns, wanted = np.concatenate([light, _slopes(moved)]), (inner - within).ravel()
        weights, *_ = np.linalg.lstsq((columns * heed) @ columns.T, (columns * heed) @ wanted, None)
        heed = _heed((wanted - weights @ columns).reshape(within.shape))
        step = weights[2:] / (1.0 + weights[1])
        d = d + step
        if not np.abs(d - found.d).max() <= _NEAR:  # nor is NaN
            return found.d
        if np.abs(step).max() < _CLOSE_ENOUGH:
            break
    told, whole = (_told(columns, by) for by in (heed, np.ones_like(heed)))
    share = float(np.linalg.eigvals(np.linalg.pinv(whole) @ told).real.min())
    return d if share > _MOST_TOLD else found.d


def _told(
    columns: npt.NDArray[np.float64], heed: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """The squared slopes (2, 2), columns 2 and 3, beside what columns 0 and 1 explain."""
    normal = (columns * heed) @ columns.T
    light, across = normal[:2, :2], normal[:2, 2:]
    return np.asarray(normal[2:, 2:] - across.T @ np.linalg.pinv(light) @ across)


def _lit(
    moved: npt.NDArray[np.float64], wanted: npt.NDArray[np.float64]
) -> tuple[float, npt.NDArray[np.float64]]:
    """The gain of the light from one picture to another, and the first in the second's light."""
    level, mean, spread = moved - moved.mean(), float(wanted.mean()), float(moved.std())
    gain = float(wanted.std()) / spread if spread else 1.0  # of contrasts: noise is in both alike
    gain = gain if 1 / _MOST_GAIN < gain < _MOST_GAIN else 1.0
    return gain, mean + gain * level


def _slopes(picture: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(2, pixels): central differences across and down, of all but the rim."""
    across = 0.5 * (picture[1:-1, 2:] - picture[1:-1, :-2])
    down = 0.5 * (picture[2:, 1:-1] - picture[:-2, 1:-1])
    return np.stack([across.ravel(), down.ravel()])


def _explained(
    slopes: npt.NDArray[np.float64], lit: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """The part of the slopes that a change of light would explain as well."""
    level = lit.ravel() - lit.mean()
    share = (slopes @ level) / max(float(level @ level), 1e-30)
    explained: npt.NDArray[np.float64] = slopes.mean(axis=1, keepdims=True) + share[:, None] * level
    return explained


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
