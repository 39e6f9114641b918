"""Layers laid over each other in linear light, as a camera would see them.

Layers are evaluated on a grid finer than the destination's, laid over each other, blurred by the
camera's Gaussian and reduced to the destination's pixels. The blur of the textures' own spline
counts towards that Gaussian.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from motionloupe.data.motion import Motion, Points
from motionloupe.data.photometry import Plane, display
from motionloupe.data.texture import KERNEL_VARIANCE, anywhere, filter_planes, on_grid

_TAILS = 4.0  # standard deviations of the Gaussian that are kept
_RIM_STEP = 4  # texels between the points whose places bound a deformed layer


@dataclass(frozen=True)
class Layer:
    """A texture, its place in frame a, and its motion.

    ``texture`` has 3 planes and is endless (a background), or 4 and is a cut-out: RGB multiplied
    by cover, and cover. Linear light, one texel per sample of the fine grid. ``corner`` is the
    place of the first texel's centre in frame a, (x, y) in pixels of the destination.
    """

    texture: Plane
    corner: tuple[float, float]
    motion: Motion

    @property
    def endless(self) -> bool:
        return len(self.texture) == 3


@dataclass(frozen=True)
class Camera:
    """The destination: its size in pixels, samples per pixel, and its Gaussian in pixels."""

    width: int
    height: int
    supersample: int = 2
    blur: float = 0.5

    @cached_property
    def kernel(self) -> Plane:
        """Taps of the Gaussian around a pixel's centre, on the fine grid."""
        variance = max((self.blur * self.supersample) ** 2 - KERNEL_VARIANCE, 1e-4)
        tail = math.ceil(_TAILS * math.sqrt(variance) - 0.5)
        middle = (self.supersample - 1) / 2
        away = np.arange(-tail, self.supersample + tail) - middle
        taps = np.exp(-(away**2) / (2 * variance))
        kernel: Plane = (taps / taps.sum()).astype(np.float32)
        return kernel

    @property
    def tail(self) -> int:
        """Taps of the kernel before the pixel's first sample."""
        return (len(self.kernel) - self.supersample) // 2

    @cached_property
    def margin(self) -> int:
        """Pixels of the destination that are drawn around the frame, for the Gaussian to see."""
        return math.ceil((self.tail + 1) / self.supersample)

    @property
    def fine_shape(self) -> tuple[int, int]:
        """Rows and columns of the fine grid, with the margin."""
        rows, columns = self.height + 2 * self.margin, self.width + 2 * self.margin
        return rows * self.supersample, columns * self.supersample

    def place(self, index: npt.NDArray[np.int64]) -> Points:
        """Places in the destination, in pixels, of rows or columns of the fine grid."""
        return (index + 0.5) / self.supersample - 0.5 - self.margin

    def index(self, place: float) -> float:
        """The inverse of :meth:`place`."""
        return (place + 0.5 + self.margin) * self.supersample - 0.5

    def reduce(self, fine: Plane) -> Plane:
        """Fine grid -> destination: (3, height, width)."""
        blurred = filter_planes(fine, self.kernel, self.kernel, anchor=self.tail)
        first, step = self.margin * self.supersample, self.supersample
        kept = blurred[:, first::step, first::step][:, : self.height, : self.width]
        return np.ascontiguousarray(kept)


class Picture(NamedTuple):
    """What the camera saw: display values (3, H, W), and which layer each pixel (H, W) shows."""

    frame: Plane
    owner: npt.NDArray[np.int16]


class _Box(NamedTuple):
    top: int
    bottom: int
    left: int
    right: int


def render(layers: list[Layer], camera: Camera, alpha: float) -> Picture:
    """The frame with every layer's motion magnified ``alpha`` times: 0 is frame a, 1 frame b.

    The first layer must be endless. A pixel belongs to the last layer that covers half of it.
    """
    rows, columns = camera.fine_shape
    step = camera.supersample
    fine = np.empty((3, rows, columns), np.float32)
    owner = np.zeros((rows // step, columns // step), np.int16)
    for number, layer in enumerate(layers):
        box = _Box(0, rows, 0, columns) if layer.endless else _extent(layer, camera, alpha)
        if box.top >= box.bottom or box.left >= box.right:
            continue
        drawn = _draw(layer, camera, alpha, box)
        behind = fine[:, box.top : box.bottom, box.left : box.right]
        if layer.endless:
            behind[:] = drawn
            continue
        behind *= 1.0 - drawn[3]
        behind += drawn[:3]
        coarse = owner[box.top // step : box.bottom // step, box.left // step : box.right // step]
        cover = cv2.resize(drawn[3], coarse.shape[::-1], interpolation=cv2.INTER_AREA)
        coarse[np.asarray(cover) > 0.5] = number
    edge = camera.margin
    inner = owner[edge : edge + camera.height, edge : edge + camera.width]
    return Picture(display(camera.reduce(fine)), inner)


def _draw(layer: Layer, camera: Camera, alpha: float, box: _Box) -> Plane:
    """A layer's values within a box of the fine grid."""
    height, width = box.bottom - box.top, box.right - box.left
    if layer.motion.is_shift or alpha == 0:
        dx, dy = layer.motion.shift
        row = box.top - camera.index(layer.corner[1] + alpha * dy)
        column = box.left - camera.index(layer.corner[0] + alpha * dx)
        return on_grid(layer.texture, row, column, height, width, endless=layer.endless)
    x = camera.place(np.arange(box.left, box.right))[None, :].astype(np.float32)
    y = camera.place(np.arange(box.top, box.bottom))[:, None].astype(np.float32)
    at_x, at_y = layer.motion.origin(x, y, alpha)
    rows = (at_y - layer.corner[1]) * camera.supersample
    columns = (at_x - layer.corner[0]) * camera.supersample
    return anywhere(layer.texture, *np.broadcast_arrays(rows, columns), endless=layer.endless)


def _extent(layer: Layer, camera: Camera, alpha: float) -> _Box:
    """The part of the fine grid that a cut-out may touch, in whole pixels of the destination."""
    height, width = layer.texture.shape[1:]
    step = max(height, width) if layer.motion.is_shift else _RIM_STEP
    along_x = np.append(np.arange(-2.0, width + 1, step), width + 1.0)
    along_y = np.append(np.arange(-2.0, height + 1, step), height + 1.0)
    across, down = np.ones(len(along_x)), np.ones(len(along_y))
    rim_x = np.concatenate([along_x, along_x, -2.0 * down, (width + 1) * down])
    rim_y = np.concatenate([-2.0 * across, (height + 1) * across, along_y, along_y])
    x = layer.corner[0] + rim_x / camera.supersample
    y = layer.corner[1] + rim_y / camera.supersample
    u, v = layer.motion.displacement(x, y)
    rows, columns = camera.fine_shape
    return _Box(*_span(y + alpha * v, camera, rows), *_span(x + alpha * u, camera, columns))


def _span(places: Points, camera: Camera, limit: int) -> tuple[int, int]:
    step = camera.supersample
    low = math.floor(camera.index(float(places.min())) / step) * step
    high = math.ceil((camera.index(float(places.max())) + 1) / step) * step
    return max(low, 0), min(high, limit)
