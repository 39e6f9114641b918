"""Pictures taken by a camera that is held in a hand: how it moved is known exactly."""

import cv2
import numpy as np
from scipy import ndimage

from tests.scenes import texture, to_uint8

MARGIN = 24


def world(height: int = 144, width: int = 192, seed: int = 0) -> np.ndarray:
    """What there is to see, (H, W, 3) in [0, 1], ``MARGIN`` larger than a frame on every side."""
    return texture(height + 2 * MARGIN, width + 2 * MARGIN, seed)


def shaken(strength: float, rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """A homography (3, 3) from a resting camera's pixels to a shaken one's; shifts in pixels."""
    x, y = (width - 1) / 2, (height - 1) / 2
    turn, zoom = 0.001 * strength * rng.uniform(-1, 1, 2)
    dx, dy = strength * rng.uniform(-1, 1, 2)
    tilt = 2e-6 * strength * rng.uniform(-1, 1, 2)
    to_middle = np.array([[1, 0, -x], [0, 1, -y], [0, 0, 1]])
    moved = np.array([[1 + zoom, -turn, dx], [turn, 1 + zoom, dy], [*tilt, 1]])
    return np.linalg.inv(to_middle) @ moved @ to_middle


def taken(seen: np.ndarray, camera: np.ndarray, noise: float = 0.0, seed: int = 0) -> np.ndarray:
    """The uint8 frame of a ``world`` by a ``camera``; ``noise`` in levels of 255."""
    height, width = (side - 2 * MARGIN for side in seen.shape[:2])
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    places = np.stack([x.ravel(), y.ravel()], axis=1)[None]
    back = cv2.perspectiveTransform(places, np.linalg.inv(camera))[0].T + MARGIN
    rows, columns = back[1].reshape(height, width), back[0].reshape(height, width)
    channels = [ndimage.map_coordinates(seen[..., c], [rows, columns], order=5) for c in range(3)]
    picture = np.stack(channels, axis=-1)
    rng = np.random.default_rng(seed)
    return to_uint8(picture + noise / 255 * rng.standard_normal(picture.shape))


def astray(found: np.ndarray, true: np.ndarray, height: int, width: int) -> float:
    """The largest distance in pixels between where two homographies put a point of the frame."""
    x, y = np.meshgrid(np.linspace(0, width - 1, 9), np.linspace(0, height - 1, 7))
    places = np.stack([x.ravel(), y.ravel()], axis=1)[None]
    apart = cv2.perspectiveTransform(places, found) - cv2.perspectiveTransform(places, true)
    return float(np.linalg.norm(apart, axis=-1).max())
