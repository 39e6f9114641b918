"""What no method can magnify in a video: cuts, scenes that leave, blank frames."""

import cv2
import numpy as np
import numpy.typing as npt

from motionloupe.arrays import Image
from motionloupe.video import Frame

_SIDE = 64  # pixels of the small pictures that are compared
_BLANK = 2 / 255  # standard deviation of light below which a small picture shows nothing
_ALIKE = 0.5  # correlation below which two small pictures do not show the same

Small = npt.NDArray[np.float32]


class Footage:
    """Looks at the frames as they pass; ``warnings`` tells what was seen.

    ``reference`` is the picture that all are compared with, without it the first; with ``dynamic``
    each is compared with the one before. Frames are told apart by the correlation of small pictures
    of their light: real motion leaves .85 and more from one frame to the next, cuts .2 to .5.
    """

    def __init__(self, reference: Image | None = None, *, dynamic: bool = False) -> None:
        self._reference = None if reference is None else _small(reference)
        self._dynamic = dynamic
        self._previous: Small | None = None
        self._cuts: list[float] = []
        self._left: float | None = None
        self._shown = False  # something that the reference does not show, since it is blank

    def see(self, frame: Frame) -> None:
        now = _small(frame.image)
        if self._reference is None:
            self._reference = now
        if self._previous is not None and not _alike(self._previous, now):
            self._cuts.append(frame.seconds)
        if self._left is None and not _alike(self._reference, now):
            self._left = frame.seconds
        self._shown = self._shown or (_blank(self._reference) and not _blank(now))
        self._previous = now

    @property
    def warnings(self) -> list[str]:
        if self._shown and not self._dynamic:
            return [
                "the frame that the others are compared with shows nothing: begin later with "
                "--start, or choose another with --reference"
            ]
        if self._cuts:
            more = len(self._cuts) - 1
            times = f" and {more} more time{'s' * (more > 1)}" if more else ""
            return [
                f"the picture changes altogether at {self._cuts[0]:.2f} s{times}, as at a cut: "
                "magnify each shot by itself, with --start and --end"
            ]
        if self._left is not None and not self._dynamic:
            return [
                f"at {self._left:.2f} s hardly anything is where it was in the frame that it is "
                "compared with: choose another with --reference, a shorter piece with --start and "
                "--end, or --mode dynamic"
            ]
        return []


def _small(picture: Image) -> Small:
    height, width = picture.shape[:2]
    scale = min(1.0, _SIDE / max(height, width))
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    light = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).mean(axis=-1, dtype=np.float32)
    whole = np.iinfo(picture.dtype).max if picture.dtype.kind == "u" else 1
    return np.asarray(light / whole, np.float32)


def _blank(small: Small) -> bool:
    return bool(small.std() < _BLANK)


def _alike(a: Small, b: Small) -> bool:
    """Whether two small pictures may show the same; what is blank has nothing to compare."""
    if _blank(a) or _blank(b):
        return True
    return bool(np.corrcoef(a.ravel(), b.ravel())[0, 1] >= _ALIKE)
