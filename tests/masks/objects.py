"""Scenes of objects whose motion and masks are known."""

import numpy as np

from tests.scenes import shifted, texture, to_uint8

HEIGHT, WIDTH = 97, 129  # odd, as methods and masks must not care
ROWS, COLUMNS = np.mgrid[:HEIGHT, :WIDTH]
LEFT, RIGHT = (8, 24, 48, 48), (72, 24, 48, 48)  # x, y, width, height of two squares


def square(box, dx=0.0):
    """Share of each pixel that a square covers, moved by ``dx`` pixels to the right."""
    x, y, width, height = box
    across = np.clip(np.minimum(COLUMNS - x - dx + 1, x + width + dx - COLUMNS), 0, 1)
    return across * ((y <= ROWS) & (y + height > ROWS))


def inner(box):
    """The part of a square that never shows its edges."""
    x, y, width, height = box
    return x + 7, y + 7, width - 14, height - 14


def trembling_squares(motion):
    """uint8 frames: two textured squares, moved alike by each of ``motion`` pixels, on grey."""
    surface = texture(HEIGHT, WIDTH)
    frames = []
    for dx in motion:
        cover = (square(LEFT, dx) + square(RIGHT, dx))[..., None]
        frames.append(to_uint8(0.4 * (1 - cover) + shifted(surface, dx) * cover))
    return frames


def ellipse(dx=0.0, dy=0.0, radii=(18, 22), centre=(45, 50)):
    """(H, W) in [0, 1], soft over about a pixel."""
    far = np.hypot((COLUMNS - centre[0] - dx) / radii[0], (ROWS - centre[1] - dy) / radii[1])
    return 1 / (1 + np.exp(4 * (far - 1) * radii[0] / 2))


def travelling(dx, dy=0.0, noise=0.0, seed=0):
    """A uint8 frame of a textured ellipse before another texture that stands still."""
    cover = ellipse(dx, dy)[..., None]
    frame = texture(HEIGHT, WIDTH, 1) * (1 - cover)
    frame += shifted(texture(HEIGHT, WIDTH, 2)[..., ::-1], dx, dy) * cover
    return to_uint8(frame + noise * np.random.default_rng(seed).standard_normal(frame.shape))


def overlap(a, b):
    """Intersection over union of two masks."""
    return (a & b).sum() / (a | b).sum()
