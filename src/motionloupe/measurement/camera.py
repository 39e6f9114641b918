"""How the camera has moved since a reference frame, from everything that stands still.

Corners of the reference are followed into a frame; what most of them agree on is the camera's
doing. It is found in two rounds: the second follows the corners in the frame as the first has drawn
it back, where the error of following, a few hundredths of a pixel, is least.
"""

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from motionloupe.arrays import Image
from motionloupe.boxes import Box
from motionloupe.errors import UserError
from motionloupe.flow.warp import backward_warp, inside
from motionloupe.measurement.corners import Grey, as_grey, corners, follow
from motionloupe.measurement.displacement import check_region
from motionloupe.measurement.homography import FEWEST, Floats, Homography, agreed

_APART = 0.012  # of the frame's longer side between two corners, so that they are everywhere
_SAME_LIGHT = 0.02  # of the full scale in brightness, and of its contrast: no other exposure
_EXPLAINED = 0.8  # share of a difference that may be left if it was the light's
_ALONG = 0.3  # pixels from where the camera alone would have taken a corner


class Drift(NamedTuple):
    """How far a frame's corners have gone with the camera, pixels in the median, and how many."""

    pixels: float
    share: float
    """Of the reference's corners: 1 where all of the picture moves together, or rests."""


class Camera:
    """Where a camera looks, against a ``reference`` picture (H, W, 3).

    With ``box`` (x, y, width, height) only what lies in it counts as standing still. Raises
    UserError where the reference shows too little to go by.
    """

    def __init__(self, reference: Image, box: Box | None = None) -> None:
        self._reference = as_grey(reference)
        height, width = self._reference.shape
        self._size = width, height
        within = None
        if box is not None:
            x, y, wide, high = check_region(box, width, height)
            within = np.zeros_like(self._reference)
            within[y : y + high, x : x + wide] = 1
        apart = max(5.0, _APART * max(self._size))
        self._corners = corners(self._reference, apart=apart, within=within)
        if len(self._corners) < FEWEST:
            raise UserError(
                "the frame that the others are aligned with shows too little to go by: choose "
                "another with --reference, or a larger part with --still"
            )
        self._last: Homography = np.eye(3)

    def moved(self, frame: Image) -> Homography | None:
        """Where the pixels of the reference are in ``frame``; None where that cannot be found."""
        now = as_grey(frame)
        found = self._followed(now, self._last)
        if found is None:
            found = self._followed(now, np.eye(3))
        if found is None:
            found = self._followed(_lit_alike(now, self._reference), self._last)
        if found is None:
            return None
        picture = torch.from_numpy(now.astype(np.float32))[None, None]
        back = displacement_of(found, *now.shape)
        drawn = backward_warp(picture, back, interpolation="bicubic")
        again = drawn[0, 0].round().clamp(0, 255).byte().numpy()
        seen = inside(back)[0, 0].numpy() > 0
        rest = self._followed(_lit_alike(again, self._reference, seen), np.eye(3))
        self._last = found if rest is None else found @ rest
        return self._last

    def drift(self, frame: Image) -> Drift | None:
        """A quick look, to a tenth of a pixel; None where nothing can be told."""
        before, after = self._pairs(as_grey(frame), self._last)
        found = agreed(before, after, self._size)
        if found is None:
            return None
        self._last = found
        carried = cv2.perspectiveTransform(before[None], found)[0]
        along = np.linalg.norm(carried - after, axis=1) < _ALONG
        far = float(np.median(np.linalg.norm(carried - before, axis=1)))
        return Drift(far, float(along.sum() / len(self._corners)))

    def _followed(self, frame: Grey, near: Homography) -> Homography | None:
        return agreed(*self._pairs(frame, near), self._size)

    def _pairs(self, frame: Grey, near: Homography) -> tuple[Floats, Floats]:
        """Where the corners that can be found in the frame were, and where they are."""
        start = cv2.perspectiveTransform(self._corners[None], near)[0]
        moved, good = follow(self._reference, frame, self._corners, start)
        return self._corners[good].astype(np.float64), moved[good].astype(np.float64)


def _lit_alike(frame: Grey, reference: Grey, where: npt.NDArray[np.bool_] | None = None) -> Grey:
    """``frame`` in the light of ``reference``, by brightness and contrast of what both show.

    Corners cannot be followed to a fraction of a pixel from one exposure into another.
    """
    now, then = (each if where is None else each[where] for each in (frame, reference))
    if not now.size or not now.any():
        return frame
    (mean, spread), (wanted, width) = ((float(x.mean()), float(x.std())) for x in (now, then))
    gain = width / spread if spread > 0 else 1.0
    if abs(mean - wanted) < _SAME_LIGHT * 255 and abs(gain - 1) < _SAME_LIGHT:
        return frame
    lit: Grey = ((frame - mean) * gain + wanted).round().clip(0, 255).astype(np.uint8)
    if where is not None:  # they are aligned: is it the light that differs, or what is seen?
        off, left = (np.median(np.abs(each[where] - then.astype(float))) for each in (frame, lit))
        return lit if left < _EXPLAINED * off else frame
    return lit


def displacement_of(moved: Homography, height: int, width: int) -> Tensor:
    """(1, 2, H, W) pixels: from each pixel of the reference to where it is in the frame."""
    x = torch.arange(width, dtype=torch.float64)
    y = torch.arange(height, dtype=torch.float64).unsqueeze(1)
    (a, b, c), (d, e, f), (g, h, i) = moved.tolist()
    depth = g * x + h * y + i
    places = torch.stack([(a * x + b * y + c) / depth - x, (d * x + e * y + f) / depth - y])
    return places.float().unsqueeze(0)
