"""Masks from files and arrays: one for the whole video, or one for each frame."""

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from motionloupe.arrays import Image
from motionloupe.errors import UserError
from motionloupe.masks.shapes import INSIDE, Weights
from motionloupe.video import Reader, open_reader

_FAINT = 0.05  # compression smears black and white; so much counts as none
_ANY_RATE = 30.0  # masks have no times of their own
_ASPECT = 0.01  # share by which a mask's shape may differ from the frames'


class Masks:
    """The masks of one region, fitted to the frames: read from a file, or given as an array.

    ``still`` is the one mask, or None where each frame has its own, which :meth:`at` reads in turn,
    but the first ``skip``.
    """

    def __init__(
        self,
        mask: str | Path | npt.NDArray[Any],
        size: tuple[int, int],
        skip: int = 0,
    ) -> None:
        self.warnings: list[str] = []
        self.still: Weights | None = None
        self._size = size
        self._name = "the mask" if isinstance(mask, np.ndarray) else str(mask)
        self._close: Callable[[], None] | None = None
        self._count = 0
        self._last: Weights | None = None
        self._masks = self._opened(mask, skip)

    def at(self, frame: Image) -> Weights:
        """The mask of the next frame; beyond the end, the last one."""
        found = next(self._masks, None)
        if found is not None:
            self._last = self._fitted(found)
            self._count += 1
        elif self._last is None:
            raise UserError(f"{self._name} has no mask that can be read for the first frame")
        else:
            self._warn(f"{self._name} ends after {self._count} masks: the last one stays")
        assert self._last is not None
        return self._last

    def close(self) -> None:
        if self._close is not None:
            self._close()

    def _opened(self, mask: str | Path | npt.NDArray[Any], skip: int) -> Iterator[Weights]:
        if isinstance(mask, np.ndarray):
            return self._from_array(mask, skip)
        if Path(mask).suffix.lower() == ".npy":
            return self._from_array(_loaded(Path(mask)), skip)
        with open_reader(mask, fps=_ANY_RATE) as reader:
            stills = reader.info.kind != "video"
            first = list(islice(reader, 2))
        if len(first) == 1:
            self.still = self._whole(_lightness(first[0].image))
            return iter(())
        # Opened before anything is written, read as the frames come.
        reader = open_reader(mask, fps=_ANY_RATE, start=skip / _ANY_RATE if stills else None)
        self._close = reader.close
        try:
            self._check_shape(reader.info.width, reader.info.height)
        except UserError:
            reader.close()
            raise
        return self._from_frames(reader, skip, stills)

    def _from_frames(self, reader: Reader, number: int, stills: bool) -> Iterator[Weights]:
        """A mask for every frame from ``number`` on; for a picture that is lost, its neighbour."""
        # Pictures are counted, lost ones too; of a video's times nothing is known.
        for frame in reader if stills else islice(reader, number, None):
            weights = _lightness(frame.image)
            while stills and number < frame.pts:
                self._warn(f"{self._name}: mask {number} cannot be read, the next one stands in")
                yield weights
                number += 1
            yield weights
            number += 1
        for text in reader.warnings if not stills else ():
            self._warn(text)

    def _from_array(self, array: npt.NDArray[Any], first: int) -> Iterator[Weights]:
        if array.ndim not in (2, 3) or 0 in array.shape:
            raise UserError(
                f"{self._name} must have shape (height, width) or (frames, height, width), "
                f"found {array.shape}"
            )
        full = _full(array, self._name)
        if array.ndim == 2:
            self.still = self._whole(_scaled(array, full, self._name))
            return iter(())
        self._check_shape(array.shape[2], array.shape[1])
        if first >= len(array):
            raise UserError(
                f"{self._name} has {len(array)} masks, the start is at frame {first}: "
                "it needs one for each frame of the whole source"
            )
        return (_scaled(one, full, self._name) for one in array[first:])

    def _whole(self, weights: Weights) -> Weights:
        """A still mask: fitted, and with something in it."""
        fitted = self._fitted(weights)
        if fitted.max() < INSIDE:
            raise UserError(
                f"{self._name} is empty: white is magnified, its lightest pixel is "
                f"{fitted.max():.0%} of white"
            )
        return fitted

    def _fitted(self, weights: Weights) -> Weights:
        height, width = weights.shape
        if (width, height) == self._size:
            return weights
        self._check_shape(width, height)
        smaller = self._size[0] < width
        how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
        return cv2.resize(weights, self._size, interpolation=how).astype(np.float32)

    def _check_shape(self, width: int, height: int) -> None:
        """Masks of the frames' shape are resized, with a warning; others raise UserError."""
        across, down = self._size
        if (width, height) == self._size:
            return
        sizes = f"{self._name} is {width} x {height}, the frames are {across} x {down}"
        if abs(height * across / width - down) > max(1.0, _ASPECT * down):
            raise UserError(f"{sizes}: draw the mask on a frame of this video")
        self._warn(f"{sizes}: the mask is resized")

    def _warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)


def _loaded(path: Path) -> npt.NDArray[Any]:
    if not path.exists():
        raise UserError(f"there is no file or folder {path}")
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        reason = (str(error).strip() or "it is empty").splitlines()[0]
        raise UserError(f"{path} is not an array that can be read ({reason})") from None
    return np.asanyarray(array)


def _full(array: npt.NDArray[Any], name: str) -> float:
    """The value that means white: 1 for truth values, fractions and labels 0 and 1; else 255."""
    if array.dtype.kind not in "buif":
        raise UserError(f"{name} must hold truth values or numbers, found {array.dtype}")
    if array.dtype.kind in "bf" or array.max() <= 1:
        return 1.0
    return 65535.0 if array.dtype == np.uint16 else 255.0


def _scaled(array: npt.NDArray[Any], full: float, name: str) -> Weights:
    weights: Weights = np.asarray(array, np.float32) / np.float32(full)
    if not (np.isfinite(weights).all() and weights.min() >= 0 and weights.max() <= 1):
        raise UserError(
            f"{name} must lie between 0 and {full:g}, found {np.min(array):g} to {np.max(array):g}"
        )
    return weights


def _lightness(image: Image) -> Weights:
    """(H, W, 3) integers -> (H, W): 0 for black and nearly so, 1 for white and nearly so."""
    grey = image.mean(axis=2, dtype=np.float32) / np.iinfo(image.dtype).max
    stretched: Weights = np.clip((grey - _FAINT) / (1 - 2 * _FAINT), 0, 1)
    return stretched
