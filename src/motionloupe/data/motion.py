"""How one layer of a scene moves: a displacement known in closed form at every point.

Convention: places are (x, y) in pixels of the destination, (0, 0) the centre of the first pixel.
The point at p in frame a is at p + u(p) in frame b and at p + alpha u(p) in the frame magnified
alpha times, with u(p) = shift + matrix (p - centre) + waves(p).
"""

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from motionloupe.errors import UserError

Points = npt.NDArray[np.floating[Any]]
_CLOSE_ENOUGH = 1e-4  # pixels


def _none() -> Points:
    return np.zeros((0, 2))


@dataclass(frozen=True)
class Motion:
    """The displacement u(p) of a layer, in pixels from frame a to frame b."""

    shift: tuple[float, float] = (0.0, 0.0)
    matrix: tuple[tuple[float, float], tuple[float, float]] = ((0.0, 0.0), (0.0, 0.0))
    centre: tuple[float, float] = (0.0, 0.0)
    amplitudes: Points = field(default_factory=_none)  # (waves, 2), pixels
    wave_vectors: Points = field(default_factory=_none)  # (waves, 2), radians per pixel
    phases: Points = field(default_factory=lambda: np.zeros(0))

    @property
    def is_shift(self) -> bool:
        """Whether every point moves alike."""
        return not np.any(self.matrix) and len(self.phases) == 0

    @cached_property
    def gradient(self) -> float:
        """A bound on how fast the displacement changes, in pixels per pixel."""
        return float(np.linalg.norm(self.matrix, 2)) + self._steepness

    def displacement(self, x: Points, y: Points) -> tuple[Points, Points]:
        """u at the places (x, y) of frame a; arrays of any shapes that broadcast."""
        wave_x, wave_y = self._waves(x, y)
        (xx, xy), (yx, yy) = self.matrix
        from_x, from_y = x - self.centre[0], y - self.centre[1]
        return (
            self.shift[0] + xx * from_x + xy * from_y + wave_x,
            self.shift[1] + yx * from_x + yy * from_y + wave_y,
        )

    def origin(self, x: Points, y: Points, alpha: float) -> tuple[Points, Points]:
        """Where in frame a the point was that is at (x, y) in the frame at ``alpha``.

        The affine part is inverted as it is, the waves by a fixed point to 1e-4 pixels. Raises
        UserError where the motion may fold, so that no answer is unique.
        """
        if abs(alpha) * self.gradient >= 1.0:
            raise UserError(
                f"this scene's motion folds at alpha {alpha:g}; stay below {1 / self.gradient:.3g}"
            )
        inverse = np.linalg.inv(np.eye(2) + alpha * np.asarray(self.matrix))
        (xx, xy), (yx, yy) = inverse.tolist()
        to_x = x - (self.centre[0] + alpha * self.shift[0])
        to_y = y - (self.centre[1] + alpha * self.shift[1])
        at_x = self.centre[0] + xx * to_x + xy * to_y
        at_y = self.centre[1] + yx * to_x + yy * to_y
        for _ in range(self._rounds(alpha, float(np.linalg.norm(inverse, 2)))):
            wave_x, wave_y = self._waves(at_x, at_y)
            left_x, left_y = to_x - alpha * wave_x, to_y - alpha * wave_y
            at_x = self.centre[0] + xx * left_x + xy * left_y
            at_y = self.centre[1] + yx * left_x + yy * left_y
        return at_x, at_y

    def _rounds(self, alpha: float, growth: float) -> int:
        """How often to apply the fixed point; each time shrinks the error by a known rate."""
        first = abs(alpha) * growth * float(np.hypot(*self.amplitudes.T).sum())
        if first < _CLOSE_ENOUGH:
            return 0
        rate = abs(alpha) * growth * self._steepness
        return math.ceil(math.log(_CLOSE_ENOUGH / first) / math.log(rate)) if rate > 0 else 1

    @property
    def _steepness(self) -> float:
        """A bound on the gradient of the waves."""
        return float(np.hypot(*self.amplitudes.T) @ np.hypot(*self.wave_vectors.T))

    def _waves(self, x: Points, y: Points) -> tuple[Points, Points]:
        wave_x = wave_y = np.zeros((), dtype=np.result_type(x, y))
        rows = np.column_stack([self.amplitudes, self.wave_vectors, self.phases]).tolist()
        for along_x, along_y, vector_x, vector_y, phase in rows:
            height = np.sin(vector_x * x + (vector_y * y + phase))
            wave_x, wave_y = wave_x + along_x * height, wave_y + along_y * height
        return wave_x, wave_y


def turn_and_growth(
    degrees: float, growth: float
) -> tuple[tuple[float, float], tuple[float, float]]:
    """The matrix of a motion that turns by ``degrees`` and grows by the fraction ``growth``."""
    scale, angle = 1.0 + growth, math.radians(degrees)
    cosine, sine = scale * math.cos(angle), scale * math.sin(angle)
    return ((cosine - 1.0, -sine), (sine, cosine - 1.0))
