"""From a box or a point to the object there."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from motionloupe.arrays import Image, from_tensor, to_tensor
from motionloupe.boxes import Box, box_within
from motionloupe.errors import UserError

Point = tuple[float, float]
_ROUNDS = 5
_LONGEST = 480  # pixels; time grows with their number, from seconds to minutes
_LEAST_SIDE = 4


class Segmenter(Protocol):
    """Finds one object in a picture (H, W, 3)."""

    def segment(
        self, image: Image, *, box: Box | None = None, points: Sequence[Point] = ()
    ) -> npt.NDArray[Any]:
        """The object in ``box`` (x, y, width, height), or under all ``points`` (x, y): (H, W) bool.

        Both are in pixels and within the picture. Raises UserError where it cannot.
        """
        ...


class GrabCut:
    """Rother, Kolmogorov and Blake 2004, by OpenCV: colours inside the box against those outside.

    Needs no weights; takes boxes only. Good where object and background differ in colour. Pictures
    whose longer side exceeds 480 pixels are made smaller for it, which costs a pixel at the edges.
    """

    def segment(
        self, image: Image, *, box: Box | None = None, points: Sequence[Point] = ()
    ) -> npt.NDArray[np.bool_]:
        if box is None or points:
            raise UserError("GrabCut takes a box, not points")
        height, width = image.shape[:2]
        shrink = min(_LONGEST / max(width, height), 1.0)
        size = max(round(width * shrink), 1), max(round(height * shrink), 1)
        pixels = cv2.cvtColor(from_tensor(to_tensor(image), np.uint8), cv2.COLOR_RGB2BGR)
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        labels = np.zeros(pixels.shape[:2], np.uint8)
        models = np.zeros((1, 65)), np.zeros((1, 65))
        within = [min(round(box[axis] * shrink), size[axis] - 1) for axis in (0, 1)]
        within += [max(round(side * shrink), 1) for side in box[2:]]
        if within[2] * within[3] >= size[0] * size[1]:
            raise UserError("the box is the whole frame; leave some background around the object")
        with _same_chance():
            cv2.grabCut(pixels, labels, within, *models, _ROUNDS, cv2.GC_INIT_WITH_RECT)
        found = ((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)).astype(np.float32)
        enlarged: npt.NDArray[np.bool_] = cv2.resize(found, (width, height)) > 0.5
        return enlarged


@contextmanager
def _same_chance() -> Iterator[None]:
    """OpenCV's random numbers are the same in here, always, and go on at random behind it."""
    randu: Any = cv2.randu
    after = randu(np.zeros((1, 1), np.int32), 0, 2**31 - 1).item()
    cv2.setRNGSeed(0)
    try:
        yield
    finally:
        cv2.setRNGSeed(after)


def check_box(box: Box, width: int, height: int) -> Box:
    """``box`` in plain numbers; UserError unless it lies within a frame of this size."""
    return box_within(box, width, height, _LEAST_SIDE)


def check_point(point: Point, width: int, height: int) -> None:
    """Raise UserError unless the point lies within a frame of this size."""
    x, y = point
    if not (0 <= x <= width - 1 and 0 <= y <= height - 1):
        raise UserError(
            f"the point {x:g},{y:g} lies outside the frame of {width} x {height} pixels"
        )
