"""Pictures taken by a camera that is held in a hand: how it moved is known exactly."""

import numpy as np

from benchmarks.stabilisation import about_middle, distances, seen_by
from tests.scenes import texture, to_uint8

MARGIN = 24
STILL = np.eye(3)  # a camera at rest


def world(height: int = 144, width: int = 192, seed: int = 0) -> np.ndarray:
    """What there is to see, (H, W, 3) in [0, 1], ``MARGIN`` larger than a frame on every side."""
    return texture(height + 2 * MARGIN, width + 2 * MARGIN, seed)


def shaken(strength: float, rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """A homography (3, 3) from a resting camera's pixels to a shaken one's; shifts in pixels."""
    turn, zoom = 0.001 * strength * rng.uniform(-1, 1, 2)
    dx, dy = strength * rng.uniform(-1, 1, 2)
    tilt = 2e-6 * strength * rng.uniform(-1, 1, 2)
    moved = np.array([[1 + zoom, -turn, dx], [turn, 1 + zoom, dy], [*tilt, 1]])
    return about_middle(moved, height, width)


def taken(seen: np.ndarray, camera: np.ndarray, noise: float = 0.0, seed: int = 0) -> np.ndarray:
    """The uint8 frame of a ``world`` by a ``camera``; ``noise`` in levels of 255."""
    picture = seen_by(camera, seen, MARGIN)
    rng = np.random.default_rng(seed)
    return to_uint8(picture + noise / 255 * rng.standard_normal(picture.shape))


def astray(found: np.ndarray, true: np.ndarray, height: int, width: int) -> float:
    """The largest distance in pixels between where two homographies put a point of the frame."""
    return float(distances(found, true, height, width).max())
