"""Photographs and cut-outs made on the spot, so that no test needs a file."""

import numpy as np

from tests.scenes import texture, to_uint8


def photographs(count: int = 3, height: int = 200, width: int = 260) -> list[np.ndarray]:
    return [to_uint8(texture(height, width, seed)) for seed in range(count)]


def cutouts(count: int = 3, side: int = 60) -> list[np.ndarray]:
    """Textured discs of several sizes, (h, w, 4) RGBA uint8."""
    found = []
    for number in range(count):
        size = side + 14 * number
        y, x = np.mgrid[:size, :size] - (size - 1) / 2
        cover = np.clip(size / 2 - 2 - np.hypot(x, y), 0, 1)
        colour = to_uint8(texture(size, size, 100 + number))
        found.append(np.dstack([colour, to_uint8(cover)]))
    return found
