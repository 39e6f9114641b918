"""Changes of a pair of frames that leave its lesson whole: the same view and colours for both.

Both frames are sampled once, at the same places, from the cubic spline through their pixels, so
that their motion is that of the originals seen through the view, also where it is a hundredth of a
pixel. A view never reaches beyond the frame: there are no corners to fill.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from motionloupe.data.photometry import (
    Bytes,
    Plane,
    add_photon_noise,
    draw_colour_change,
)
from motionloupe.errors import UserError

_REACH = 12  # pixels around a view that its spline depends on

Range = tuple[float, float]


@dataclass(frozen=True)
class Augment:
    """What may be changed. The defaults follow Pan et al. 2023; :data:`PLAIN` changes nothing.

    Raises UserError for a value that makes no sense.
    """

    crop: Range = (0.7, 1.0)
    """Share of the window's area that is enlarged to fill it."""
    turn: float = 15.0
    """Up to so many degrees, either way."""
    flip: bool = True
    """Whether frames are mirrored at random, left to right and top to bottom."""
    colour: float = 0.4
    """Strength of the change of contrast, saturation, hue, brightness and gamma."""
    noise: Range = (0.0, 0.0)
    """Photon noise that is added to each frame: at mid grey, levels of 255."""

    def __post_init__(self) -> None:
        if not 0.05 <= self.crop[0] <= self.crop[1] <= 1:
            raise UserError(
                "crop must rise and lie between 0.05 and 1, found "
                f"{self.crop[0]:g} to {self.crop[1]:g}"
            )
        if not 0 <= self.turn <= 45:
            raise UserError(f"turn must be 0 to 45 degrees, found {self.turn:g}")
        if not 0 <= self.colour <= 2:
            raise UserError(f"colour must be 0 to 2, found {self.colour:g}")
        if not 0 <= self.noise[0] <= self.noise[1] < math.inf:
            raise UserError(
                f"noise must rise and be 0 or more, found {self.noise[0]:g} to {self.noise[1]:g}"
            )

    def __call__(self, frames: Sequence[Bytes], size: int, rng: np.random.Generator) -> list[Plane]:
        """Frames of one size, (H, W, 3) RGB uint8 -> (3, size, size) display values in [0, 1]."""
        height, width = frames[0].shape[:2]
        view = self.draw_view(height, width, size, rng)
        change = draw_colour_change(self.colour, rng) if self.colour else None
        strength = float(rng.uniform(*self.noise))
        seen = [np.clip(view(frame), 0.0, 1.0) for frame in frames]
        if change:
            seen = [change(frame) for frame in seen]
        if strength:
            seen = [np.clip(add_photon_noise(f, strength, rng), 0.0, 1.0) for f in seen]
        return seen

    def draw_view(self, height: int, width: int, size: int, rng: np.random.Generator) -> "View":
        """A square view within a frame: at its own scale or, by ``crop``, closer."""
        angle = math.radians(float(rng.uniform(-self.turn, self.turn)))
        flips = np.where(rng.random(2) < 0.5, -1.0, 1.0) if self.flip else np.ones(2)
        area = float(rng.uniform(*self.crop))
        places = rng.random(2)
        spread = math.cos(angle) + abs(math.sin(angle))  # of a turned square of side 1
        fits = (min(height, width) - 1) / (spread * (size - 1))
        scale = math.sqrt(area) * min(1.0, fits)
        cos, sin = scale * math.cos(angle), scale * math.sin(angle)
        matrix = np.array([[cos, -sin], [sin, cos]]) @ np.diag(flips)
        reach = scale * spread * (size - 1)
        corner = places * (np.array([height - 1, width - 1]) - reach)
        if scale == 1.0 and angle == 0.0:
            corner = np.round(corner)  # pixels as they are
        middle = np.full(2, (size - 1) / 2)
        return View(matrix, corner + reach / 2 - matrix @ middle, size)


PLAIN = Augment(crop=(1.0, 1.0), turn=0.0, flip=False, colour=0.0)


@dataclass(frozen=True)
class View:
    """A square look at a frame: the place (row, column) that pixel p shows is matrix @ p + offset.

    Motion d in the frame is motion matrix^-1 @ d in the view, (row, column) alike.
    """

    matrix: npt.NDArray[np.float64]
    offset: npt.NDArray[np.float64]
    size: int

    def __call__(self, frame: Bytes) -> Plane:
        """(H, W, 3) uint8 -> (3, size, size); the spline may overshoot [0, 1] a little."""
        last = self.size - 1
        corners = np.array([[0, 0], [0, last], [last, 0], [last, last]]) @ self.matrix.T
        ends = np.array(frame.shape[:2])
        low = np.clip(np.floor((corners + self.offset).min(axis=0)) - _REACH, 0, ends).astype(int)
        high = np.clip(np.ceil((corners + self.offset).max(axis=0)) + _REACH + 1, 0, ends)
        bottom, right = high.astype(int)
        part = frame[low[0] : bottom, low[1] : right].astype(np.float32) / np.float32(255.0)
        view = np.empty((3, self.size, self.size), np.float32)
        for colour, plane in enumerate(view):
            ndimage.affine_transform(
                np.ascontiguousarray(part[..., colour]),
                self.matrix,
                self.offset - low,
                plane.shape,
                plane,
                order=3,
                mode="mirror",
            )
        return view
