"""Objects that lie still are magnified in a part of the frame; the rest need not be computed."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from motionloupe.alpha import Alpha
from motionloupe.arrays import Image
from motionloupe.masks.aim import Aim

Part = tuple[slice, slice]
"""Rows and columns of a frame."""

_AROUND = 160  # pixels beyond which a picture hardly depends on what is there
_GRID = 32  # pixels that networks and pyramids halve together
_WORTH_IT = 0.7  # share of the frame from which on a part saves too little


def part_to_draw(aim: Aim, around: int = _AROUND) -> Part | None:
    """Where ``aim`` changes frames, and ``around`` pixels on all sides.

    None where that differs from frame to frame, or is most of the frame.
    """
    changed = aim.changed()
    if changed is None or not changed.any():
        return None
    rows, columns = changed.nonzero()
    height, width = changed.shape
    part = _with(around, rows, height), _with(around, columns, width)
    area = (part[0].stop - part[0].start) * (part[1].stop - part[1].start)
    return part if area <= _WORTH_IT * changed.size else None


def _with(around: int, places: npt.NDArray[np.intp], size: int) -> slice:
    first, last = int(places.min()) - around, int(places.max()) + 1 + around
    return slice(max(first // _GRID * _GRID, 0), min(-(-last // _GRID) * _GRID, size))


class Window:
    """An :class:`Aim` for a method that is given one ``part`` of every frame.

    ``originals`` are the whole frames, once more: one is taken for every frame that is drawn, and
    :meth:`finish` puts the picture of the part into it. The rest is the source's own.
    """

    def __init__(self, aim: Aim, part: Part, originals: Iterator[Image]) -> None:
        self._aim = aim
        self._part = part
        self._originals = originals
        self._whole: Image | None = None

    def of(self, frame: Image) -> Image:
        """What the method is given of a frame."""
        return np.ascontiguousarray(frame[self._part])

    def __call__(self, frame: Image) -> Alpha:
        self._whole = next(self._originals)
        return np.asarray(self._aim(self._whole))[self._part]

    def finish(self, picture: Image) -> Image:
        """The whole frame with the ``picture`` of its part, and its background as chosen."""
        assert self._whole is not None  # a picture comes after its factor was asked for
        whole = self._whole.copy()
        whole[self._part] = picture
        return self._aim.finish(whole)

    @property
    def warnings(self) -> list[str]:
        return self._aim.warnings
