"""Light and sensor: linear light, photon noise, 8-bit quantisation, and changes of colour.

Pictures here are planar, (3, H, W) RGB float32. "Display" values are sRGB-encoded, as in a file.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from motionloupe.arrays import LUMA
from motionloupe.errors import UserError

Plane = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]

_LEVELS = np.arange(256) / 255.0
_TO_LINEAR = np.where(
    _LEVELS <= 0.04045, _LEVELS / 12.92, ((_LEVELS + 0.055) / 1.055) ** 2.4
).astype(np.float32)


def decoded(path: Path, flags: int) -> Bytes:
    """A picture as OpenCV reads it with ``flags``; 16 bits become 8, rounded. Raises UserError."""
    try:
        data = np.fromfile(path, dtype=np.uint8)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    picture = cv2.imdecode(data, flags) if data.size else None
    if picture is None:
        raise UserError(f"{path}: not a picture that can be read; repair it or take it away")
    levels = np.asarray(picture)
    if levels.dtype == np.uint16:
        return ((levels.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if levels.dtype != np.uint8:
        raise UserError(f"{path}: must be of 8 or 16 bits, found {levels.dtype}")
    return levels.astype(np.uint8, copy=False)


def linear_light(picture: Bytes) -> Plane:
    """sRGB bytes of any shape -> linear light in [0, 1]."""
    return np.asarray(cv2.LUT(picture, _TO_LINEAR), dtype=np.float32)


def display(linear: Plane) -> Plane:
    """Linear light, clipped to [0, 1] -> sRGB display values in [0, 1]."""
    light = np.clip(linear, 0.0, 1.0)
    encoded = np.power(light, np.float32(1 / 2.4))
    encoded *= np.float32(1.055)
    encoded -= np.float32(0.055)
    return np.where(light <= np.float32(0.0031308), light * np.float32(12.92), encoded)


def noise_level(factor: float) -> float:
    """The strength at mid grey of noise whose variance is ``factor`` x the pixel value (0..255).

    Oh et al. 2018 state noise as that factor (Table A.2).
    """
    return float(np.sqrt(factor * 127.5))


def add_photon_noise(picture: Plane, strength: float, rng: np.random.Generator) -> Plane:
    """Noise whose variance grows with the display value, as photon noise does.

    ``strength`` is its standard deviation at mid grey, in levels of 255. Not clipped.
    """
    spread = np.sqrt(np.maximum(picture, 0.0) * np.float32(2.0)) * np.float32(strength / 255.0)
    noisy: Plane = picture + spread * rng.standard_normal(picture.shape, dtype=np.float32)
    return noisy


def quantise(picture: Plane, rng: np.random.Generator) -> Plane:
    """Round to 8 bits at random, up or down, so that the mean is kept; clipped to [0, 1]."""
    levels = np.floor(picture * np.float32(255.0) + rng.random(picture.shape, dtype=np.float32))
    rounded: Plane = np.clip(levels, 0.0, 255.0) / np.float32(255.0)
    return rounded


@dataclass(frozen=True)
class ColourChange:
    """A global change of colour: clip(matrix . rgb + offset) ** gamma on display values."""

    matrix: npt.NDArray[np.float64]  # (3, 3)
    offset: float
    gamma: float

    def __call__(self, picture: Plane) -> Plane:
        matrix = self.matrix.astype(np.float32)
        mixed = (matrix @ picture.reshape(3, -1)).reshape(picture.shape) + np.float32(self.offset)
        changed: Plane = np.power(np.clip(mixed, 0.0, 1.0), np.float32(self.gamma))
        return changed


def draw_colour_change(strength: float, rng: np.random.Generator) -> ColourChange:
    """Contrast, saturation, hue, brightness and gamma, each at random; 0 changes nothing."""
    contrast, saturation, hue, brightness, gamma = strength * rng.uniform(-1.0, 1.0, 5)
    grey = np.tile(LUMA, (3, 1))
    saturate = np.exp(saturation) * (np.eye(3) - grey) + grey
    matrix = np.exp(contrast) * _turn_hue(0.8 * hue) @ saturate
    offset = 0.5 * (1.0 - np.exp(contrast)) + 0.3 * brightness
    return ColourChange(matrix, float(offset), float(np.exp(gamma)))


def _turn_hue(angle: float) -> npt.NDArray[np.float64]:
    """Rotation about the grey axis (Rodrigues)."""
    cross = np.array([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]]) / np.sqrt(3.0)
    rotation: npt.NDArray[np.float64] = (
        np.eye(3) + np.sin(angle) * cross + (1.0 - np.cos(angle)) * cross @ cross
    )
    return rotation
