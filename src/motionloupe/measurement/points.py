"""Motion at the points of a video that can be followed: how much there is, and where most.

Points are corners (Shi and Tomasi 1994) followed by pyramidal Lucas-Kanade, forwards and back; a
point that does not come back to where it began is dropped.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from motionloupe.arrays import Image
from motionloupe.boxes import Box
from motionloupe.measurement.corners import Points, as_grey, corners, follow

_PAIRS = 48  # pairs measured of a video whose length is known
_NEIGHBOURS = 5
_SIDE = 96  # pixels of the region around a place


@dataclass(frozen=True)
class MotionStatistics:
    """Distance in pixels that points move from one frame to the next, over ``pairs`` of frames."""

    median: float
    percentile_99: float
    pairs: int

    def __str__(self) -> str:
        return (
            f"{self.median:.3f} px per frame in the median, {self.percentile_99:.3f} px at the "
            f"99th percentile ({self.pairs} pairs of frames)"
        )


@dataclass(frozen=True)
class Place:
    """A point and how it moves: standard deviation in x and y over time, in pixels."""

    x: float
    y: float
    across: float
    down: float

    def box(self, columns: int, rows: int) -> Box:
        """(x, y, width, height) of a region around it, within a picture of this size."""
        width, height = min(_SIDE, columns), min(_SIDE, rows)
        left = min(max(round(self.x) - width // 2, 0), columns - width)
        top = min(max(round(self.y) - height // 2, 0), rows - height)
        return left, top, width, height


def motion_statistics(
    images: Iterable[Image], expected: int | None = None
) -> MotionStatistics | None:
    """Motion between neighbouring frames; None where nothing has texture to follow.

    ``expected`` frames spread the sample of pairs over the whole video; without it the sample gets
    sparser as the video goes on.
    """
    stride = max(1, (expected or 0) // _PAIRS)
    distances: list[npt.NDArray[np.float64]] = []
    before: npt.NDArray[np.uint8] | None = None
    since = 0
    for image in images:
        wanted, since = since % stride == 0, since + 1
        if before is None and not wanted:
            continue
        grey = as_grey(image)
        if before is not None:
            moved = _moves(before, grey)
            if len(moved):
                distances.append(np.hypot(*moved.T))
                stride *= 2 if not expected and len(distances) % _PAIRS == 0 else 1
        before = grey if wanted else None
    if not distances:
        return None
    every = np.concatenate(distances)
    return MotionStatistics(
        float(np.median(every)), float(np.percentile(every, 99)), len(distances)
    )


def liveliest_place(images: Iterable[Image], expected: int | None = None) -> Place | None:
    """Where the picture moves most against its first frame; None without texture or motion.

    A point counts as lively as the median of its neighbours, so that one lost point cannot win.
    """
    stride = max(1, (expected or 0) // (2 * _PAIRS))
    first: npt.NDArray[np.uint8] | None = None
    points: Points = np.empty((0, 2), np.float32)
    paths: list[npt.NDArray[np.float64]] = []
    for index, image in enumerate(images):
        if index % stride:
            continue
        grey = as_grey(image)
        if first is None:
            first, points = grey, corners(grey)
            continue
        if not len(points):
            return None
        moved, good = follow(first, grey, points)
        paths.append(np.where(good[:, None], moved - points, np.nan))
    if not paths:
        return None
    every = np.stack(paths)
    kept = np.isfinite(every[..., 0]).mean(axis=0) > 0.9
    if kept.sum() < _NEIGHBOURS:
        return None
    spread = np.nanstd(every[:, kept], axis=0)
    return _best(points[kept].astype(np.float64), spread)


def _best(points: npt.NDArray[np.float64], spread: npt.NDArray[np.float64]) -> Place | None:
    apart = np.linalg.norm(points[:, None] - points[None], axis=2)
    near = np.argsort(apart, axis=1)[:, :_NEIGHBOURS]
    common = np.median(spread[near], axis=1)
    best = int(np.argmax(np.hypot(*common.T)))
    if not common[best].any():
        return None
    (x, y), (across, down) = points[best], common[best]
    return Place(float(x), float(y), float(across), float(down))


def _moves(before: npt.NDArray[np.uint8], after: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    points = corners(before)
    if not len(points):
        return np.empty((0, 2))
    moved, good = follow(before, after, points)
    moves: npt.NDArray[np.float64] = (moved - points)[good].astype(np.float64)
    return moves
