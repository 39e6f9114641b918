"""What most of a set of points agree on: a homography, or as much of one as they can tell.

Of a camera that turns, and of a flat scene, the picture changes by a homography exactly (Hartley
and Zisserman 2004, chapter 8).
"""

import math

import cv2
import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares

Floats = npt.NDArray[np.float64]
Homography = npt.NDArray[np.float64]
"""(3, 3): places of one picture to those of another, in pixels, x first."""

FEWEST = 12  # points that must agree
_SHARE = 0.2  # of the points, which must agree too
_MOST = 0.5  # of the points: no other motion has more
_ASTRAY = (0.1, 0.4, 1.5)  # pixels from what the others do: moves by itself, or was followed badly
_SUREST = 0.003  # pixels, the least by which points can be trusted to err
_UNSURE = 0.05  # pixels at a corner of the picture that a richer model may err for lack of points
_WORSE, _FARTHER = 1.2, 0.25  # times the median misfit of a richer model, and pixels more: beyond,
# a poorer one is wrong, for points that err cannot make so much
_ROUNDS = 3
_TO_DEVIATION = 1.48  # median of what is normally distributed -> its standard deviation

# Of x' = ((1 + p0) x + p1 y + p2) / (1 + p6 x + p7 y), y' = (p3 x + (1 + p4) y + p5) / (...)
_SIMILARITY = np.zeros((8, 4))
_SIMILARITY[[0, 4, 1, 3, 2, 5], [0, 0, 1, 1, 2, 3]] = [1, 1, -1, 1, 1, 1]
_MODELS = (np.eye(8), np.eye(8)[:, :6], _SIMILARITY, np.eye(8)[:, [2, 5]])
"""Homography, affinity, similarity and shift: which of the eight numbers may change, and how."""


def agreed(before: Floats, after: Floats, size: tuple[int, int]) -> Homography | None:
    """Where most of the points ``before`` (N, 2) went, who are ``after`` (N, 2) now; in pixels.

    By the richest model that is sure where the corners of a picture of ``size`` (width, height) go,
    unless it is far from explaining the points as a richer one does.
    What moves by itself is outvoted, however little it moves. None where too few agree.
    """
    if len(before) < FEWEST:
        return None
    for astray in _ASTRAY:  # the closest that most can agree on: two motions make no third
        _, votes = cv2.findHomography(before, after, cv2.USAC_ACCURATE, astray, maxIters=2000)
        if votes is not None and votes.mean() > _MOST:
            break
    if votes is None or votes.sum() < max(FEWEST, _SHARE * len(before)):
        return None
    middle, half = (np.array(size) - 1.0) / 2.0, max(size) / 2.0
    unit = np.array([[1, 0, -middle[0]], [0, 1, -middle[1]], [0, 0, half]]) / half
    kept = votes.ravel() > 0
    near, far = ((points[kept] - middle) / half for points in (before, after))
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * middle / half
    numbers, most = np.zeros(8), math.inf
    for model in _MODELS:
        fitted, covariance = _fitted(near, far, model, half, astray / half)
        miss = float(np.median(np.abs(_carried(near, fitted) - far)))
        if miss > most:
            break
        numbers, most = fitted, min(most, _WORSE * miss + _FARTHER / half)
        slopes = _slopes(corners, numbers) @ model
        variance = np.einsum("nik,kl,nil->n", slopes, covariance, slopes).max()
        if half * np.sqrt(variance) < _UNSURE:
            break
    answer = np.linalg.inv(unit) @ _matrix(numbers) @ unit
    return np.asarray(answer / answer[2, 2], np.float64)


def _fitted(
    before: Floats, after: Floats, model: Floats, half: float, width: float
) -> tuple[Floats, Floats]:
    """The eight numbers by a ``model`` of fewer, and the covariance of these.

    Least squares under a Cauchy loss as wide as the usual error, first of ``width``, for points in
    units of ``half`` pixels.
    """

    def rest(own: Floats) -> Floats:
        return (_carried(before, model @ own) - after).ravel()

    def slopes(own: Floats) -> Floats:
        return (_slopes(before, model @ own) @ model).reshape(-1, model.shape[1])

    own = np.zeros(model.shape[1])
    for _ in range(_ROUNDS):
        own = least_squares(rest, own, slopes, loss="cauchy", f_scale=width).x
        width = max(_TO_DEVIATION * float(np.median(np.abs(rest(own)))), _SUREST / half)
    weights = 1.0 / (1.0 + (rest(own) / width) ** 2)
    normal = slopes(own).T @ (weights[:, None] * slopes(own))
    return model @ own, width**2 * np.asarray(np.linalg.pinv(normal), np.float64)


def _matrix(numbers: Floats) -> Homography:
    return np.append(numbers, 0.0).reshape(3, 3) + np.eye(3)


def _carried(points: Floats, numbers: Floats) -> Floats:
    """Where the points (N, 2) go."""
    carried: Floats = np.c_[points, np.ones(len(points))] @ _matrix(numbers).T
    return carried[:, :2] / carried[:, 2:]


def _slopes(points: Floats, numbers: Floats) -> Floats:
    """(N, 2, 8): how the places that points are carried to change with each of the numbers."""
    homogeneous = np.c_[points, np.ones(len(points))]
    scale = 1.0 / (homogeneous @ _matrix(numbers)[2])
    slopes = np.zeros((len(points), 2, 8))
    slopes[:, 0, 0:3] = slopes[:, 1, 3:6] = homogeneous * scale[:, None]
    outer = _carried(points, numbers)[:, :, None] * points[:, None, :]
    slopes[:, :, 6:8] = -outer * scale[:, None, None]
    return slopes
