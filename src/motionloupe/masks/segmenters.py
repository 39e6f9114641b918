"""From a box or a point to the object there."""

from collections.abc import Sequence
from typing import Any, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from motionloupe.arrays import Image, from_tensor, to_tensor
from motionloupe.errors import UserError

Box = tuple[int, int, int, int]
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
        cv2.setRNGSeed(0)  # the colour models start at random
        within = [min(round(box[axis] * shrink), size[axis] - 1) for axis in (0, 1)]
        within += [max(round(side * shrink), 1) for side in box[2:]]
        if within[2] * within[3] >= size[0] * size[1]:
            raise UserError("the box is the whole frame; leave some background around the object")
        cv2.grabCut(pixels, labels, within, *models, _ROUNDS, cv2.GC_INIT_WITH_RECT)
        found = ((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)).astype(np.float32)
        enlarged: npt.NDArray[np.bool_] = cv2.resize(found, (width, height)) > 0.5
        return enlarged


def check_box(box: Box, width: int, height: int) -> None:
    """Raise UserError unless the box lies within a frame of this size."""
    if len(box) != 4 or any(number != int(number) for number in box):
        raise UserError(f"a box is x, y, width and height in whole pixels, found {box}")
    x, y, across, down = box
    if min(across, down) < _LEAST_SIDE:
        raise UserError(
            f"a box needs {_LEAST_SIDE} x {_LEAST_SIDE} pixels, found {across} x {down}"
        )
    if x < 0 or y < 0 or x + across > width or y + down > height:
        raise UserError(
            f"the box {x},{y},{across},{down} leaves the frame of {width} x {height} pixels"
        )


def check_point(point: Point, width: int, height: int) -> None:
    """Raise UserError unless the point lies within a frame of this size."""
    x, y = point
    if not (0 <= x <= width - 1 and 0 <= y <= height - 1):
        raise UserError(
            f"the point {x:g},{y:g} lies outside the frame of {width} x {height} pixels"
        )
