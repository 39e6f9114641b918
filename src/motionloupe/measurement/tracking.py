"""Where a region is, frame after frame."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from motionloupe.arrays import Image
from motionloupe.boxes import Box
from motionloupe.errors import UserError
from motionloupe.measurement.displacement import displacement


@dataclass(frozen=True)
class Track:
    """Displacement over time: ``seconds``, and ``dx`` (right) and ``dy`` (down) in pixels."""

    seconds: npt.NDArray[np.float64]
    dx: npt.NDArray[np.float64]
    dy: npt.NDArray[np.float64]


def track(
    frames: Iterable[tuple[float, Image]],
    box: Box | None = None,
    reference: Image | None = None,
) -> Track:
    """Follow ``box`` = (x, y, width, height) through (seconds, picture) pairs.

    Displacement is measured against ``reference``, by default the first picture, so that errors do
    not add up. Only one picture beside the reference is held. Raises UserError as ``displacement``
    does, and without frames.
    """
    seconds: list[float] = []
    moved: list[tuple[float, float]] = []
    for moment, image in frames:
        reference = image if reference is None else reference
        seconds.append(moment)
        moved.append(displacement(reference, image, box))
    if not moved:
        raise UserError("there is no frame to measure")
    dx, dy = np.array(moved, np.float64).T
    return Track(np.array(seconds, np.float64), dx, dy)
