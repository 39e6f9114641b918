"""Corners of a picture (Shi and Tomasi 1994), followed into another by pyramidal Lucas-Kanade."""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from motionloupe.arrays import Image
from motionloupe.errors import UserError
from motionloupe.measurement.displacement import luma

Grey = npt.NDArray[np.uint8]
Points = npt.NDArray[np.float32]
"""(N, 2): x and y in pixels."""

_MOST = 600
_WINDOW = (21, 21)
_COMES_BACK = 0.2  # pixels


def as_grey(image: Image) -> Grey:
    """(H, W, 3) of any accepted dtype -> (H, W)."""
    return np.round(luma(image) * 255.0).clip(0, 255).astype(np.uint8)


def corners(grey: Grey, *, apart: float = 5.0, within: Grey | None = None) -> Points:
    """Corners at least ``apart`` pixels from each other, at most 600, where ``within`` is not 0."""
    found: Any = cv2.goodFeaturesToTrack(
        grey, _MOST, qualityLevel=0.01, minDistance=apart, mask=within
    )
    return np.empty((0, 2), np.float32) if found is None else found.reshape(-1, 2)


def follow(
    before: Grey, after: Grey, points: Points, near: Points | None = None
) -> tuple[Points, npt.NDArray[np.bool_]]:
    """Where the points went, and which of them came back when followed the other way.

    ``near`` is where they may be looked for first; without it they are where they were. Raises
    UserError for pictures of two sizes.
    """
    if before.shape != after.shape:
        raise UserError(f"the pictures differ in size: {before.shape} and {after.shape}")
    precise = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 50, 1e-4)
    settings: dict[str, Any] = {"winSize": _WINDOW, "maxLevel": 4, "criteria": precise}
    settings["flags"] = cv2.OPTFLOW_USE_INITIAL_FLOW
    lucas_kanade: Any = cv2.calcOpticalFlowPyrLK
    start = points.reshape(-1, 1, 2)
    guess = start.copy() if near is None else near.reshape(-1, 1, 2).copy()
    moved, forward, _ = lucas_kanade(before, after, start, guess, **settings)
    back, backward, _ = lucas_kanade(after, before, moved, start.copy(), **settings)
    missed = np.linalg.norm((back - start).reshape(-1, 2), axis=1)
    good = (forward.ravel() > 0) & (backward.ravel() > 0) & (missed < _COMES_BACK)
    return moved.reshape(-1, 2), good
