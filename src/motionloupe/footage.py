"""What goes wrong before any method has begun: cuts, scenes that leave, blank frames, shake."""

from contextlib import suppress

import cv2
import numpy as np
import numpy.typing as npt

from motionloupe.arrays import Image, full_scale
from motionloupe.errors import UserError
from motionloupe.measurement.camera import Camera
from motionloupe.video import Frame

_SIDE = 64  # pixels of the small pictures that are compared
_BLANK = 2 / 255  # standard deviation of light below which a small picture shows nothing
_ALIKE = 0.5  # correlation below which two small pictures do not show the same

_LOOK = 4  # frames from one look at the camera to the next, after as many looks at the first
_LOOK_SIDE = 480  # pixels of the pictures that it looks at
_TOGETHER = 0.6  # share of the picture that moves alike if the camera does

Pattern = npt.NDArray[np.float64]


class Footage:
    """Looks at the frames as they pass; ``warnings`` tells what was seen.

    ``reference`` is the picture that all are compared with, without it the first; with ``dynamic``
    each is compared with the one before. Frames are told apart by the correlation of small pictures
    of their light: real motion leaves .85 and more from one frame to the next, cuts .2 to .5.
    """

    def __init__(self, reference: Image | None = None, *, dynamic: bool = False) -> None:
        self._reference = None if reference is None else _pattern(reference)
        self._dynamic = dynamic
        self._previous: Pattern | None = None
        self._cuts: list[float] = []
        self._left: float | None = None
        self._unlike_blank = False  # something was seen, but the reference shows nothing

    def see(self, frame: Frame) -> None:
        now = _pattern(frame.image)
        if self._previous is not None and not _alike(self._previous, now):
            self._cuts.append(frame.seconds)
        self._previous = now
        if not self._dynamic:
            self._compare(now, frame.seconds)

    def _compare(self, now: Pattern, seconds: float) -> None:
        if self._reference is None:
            self._reference = now
        if not self._reference.any():
            self._unlike_blank = self._unlike_blank or bool(now.any())
        elif self._left is None and not _alike(self._reference, now):
            self._left = seconds

    @property
    def warnings(self) -> list[str]:
        """A line on the worst of what was seen, if anything was."""
        if self._unlike_blank:
            return [
                "the frame that the others are compared with shows nothing: begin later with "
                "--start, or choose another with --reference"
            ]
        if self._cuts:
            more = len(self._cuts) - 1
            times = f" and {more} more time{'s' * (more > 1)}" if more else ""
            return [
                f"the picture changes altogether at {self._cuts[0]:.2f} s{times}, as at a cut: "
                "take each shot by itself, with --start and --end"
            ]
        if self._left is not None:
            return [
                f"at {self._left:.2f} s hardly anything is where it was in the frame that it is "
                "compared with: choose another with --reference, a shorter piece with --start and "
                "--end, or --mode dynamic"
            ]
        return []


class Shake:
    """Looks whether the camera stood still; ``warnings`` tells if not.

    Most of the picture then moves together against the ``reference``, without it the first frame,
    by ``least`` pixels or more.
    """

    def __init__(self, reference: Image | None, least: float) -> None:
        self._least = least
        self._reference = reference
        self._camera: Camera | None = None
        self._seen = 0
        self._farthest = 0.0

    def see(self, frame: Frame) -> None:
        self._seen += 1
        if self._seen == 1:
            self._begin(frame.image if self._reference is None else self._reference)
        elif self._camera is not None and (self._seen <= _LOOK or self._seen % _LOOK == 0):
            picture, scale = _reduced(frame.image, _LOOK_SIDE)
            drift = self._camera.drift(picture)
            if drift is not None and drift.share > _TOGETHER:
                self._farthest = max(self._farthest, drift.pixels / scale)

    def _begin(self, reference: Image) -> None:
        with suppress(UserError):  # it shows nothing to go by
            self._camera = Camera(_reduced(reference, _LOOK_SIDE)[0])

    @property
    def warnings(self) -> list[str]:
        if self._farthest < self._least:
            return []
        return [
            f"most of the picture moves together, by up to {self._farthest:.2g} pixels: where that "
            "is the camera's doing, --stabilise takes it out"
        ]


def _reduced(picture: Image, side: int) -> tuple[Image, float]:
    """The picture with a longer side of ``side`` pixels at most, and its scale."""
    height, width = picture.shape[:2]
    scale = min(1.0, side / max(height, width))
    if scale == 1.0:
        return picture, scale
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA)), scale


def _pattern(picture: Image) -> Pattern:
    """A small picture of the light, of mean 0 and length 1; all 0 where it shows nothing."""
    light = _reduced(picture, _SIDE)[0].mean(axis=-1, dtype=np.float64)
    pattern: Pattern = (light - light.mean()) / full_scale(picture.dtype)
    if pattern.std() < _BLANK:
        return np.zeros_like(pattern)
    pattern /= np.linalg.norm(pattern)
    return pattern


def _alike(a: Pattern, b: Pattern) -> bool:
    """Whether two patterns may be of the same; what is blank has nothing to compare."""
    return not a.any() or not b.any() or bool(np.vdot(a, b) >= _ALIKE)
