"""Pictures at a constant rate, wherever they lie."""

from abc import abstractmethod
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from motionloupe.arrays import Image
from motionloupe.errors import UserError
from motionloupe.video.colour import RGB
from motionloupe.video.container import resized
from motionloupe.video.source import ColourTags, Frame, Reader, Selection, SourceInfo, as_rate

_SRGB = ColourTags(primaries=1, transfer=13, matrix=RGB, full_range=True)


class StillsReader(Reader):
    """Reads numbered pictures at a constant rate."""

    kind = "images"

    def __init__(self, path: Path, selection: Selection) -> None:
        self.warnings: list[str] = []
        self._path = path
        self._selection = selection
        fps = selection.fps
        if fps is None:
            fps = 30.0
            self.warnings.append(
                f"{path} has no frame rate: 30 frames per second are assumed; "
                "give the true rate with fps"
            )
        self._rate = as_rate(fps)
        count = self._count()
        self._range = self._numbers(count)
        self._unreadable: list[int] = []
        first = self._first_image()
        self._shape, self._dtype = first.shape, first.dtype
        width, height = selection.size(first.shape[1], first.shape[0])
        self.info = SourceInfo(
            path=path,
            kind=self.kind,
            width=width,
            height=height,
            fps=fps,
            rate=self._rate,
            time_base=1 / self._rate,
            depth=8 if first.dtype == np.uint8 else 16,
            frames=len(self._range),
            duration=len(self._range) / float(self._rate),
            codec=self._name(self._range[0])[1],
            pixel_format=str(first.dtype),
            container=self.kind,
            colour=_SRGB,
            start=selection.start,
            end=selection.end,
            shift=Fraction(selection.start),
        )

    def __iter__(self) -> Iterator[Frame]:
        self._unreadable = []
        index = 0
        for number in self._range:
            image = self._read(number)
            if image is None:
                self._unreadable.append(number)
                continue
            self._check_alike(image, number)
            size = self.info.width, self.info.height
            if (image.shape[1], image.shape[0]) != size:
                image = resized(image, size)
            yield Frame(image, index, number, 1, float(number / self._rate))
            index += 1
        if self._unreadable:
            first = self._name(self._unreadable[0])[0]
            self.warnings.append(
                f"{self._path} is damaged: {len(self._unreadable)} of {len(self._range)} pictures "
                f"cannot be read and are left out, the first is {first}"
            )

    def close(self) -> None:
        pass

    @abstractmethod
    def _count(self) -> int: ...

    @abstractmethod
    def _read(self, number: int) -> Image | None:
        """Picture ``number`` as RGB; None where it is damaged."""

    @abstractmethod
    def _name(self, number: int) -> tuple[str, str]:
        """How to call a picture in a message, and its format."""

    def _numbers(self, count: int) -> range:
        start, end = self._selection.start, self._selection.end
        low = int(np.ceil(start * float(self._rate) - 1e-6))
        high = count
        if end is not None:
            high = min(count, int(np.ceil(end * float(self._rate) - 1e-6)))
        if low >= count:
            raise self._selection.starts_beyond(self._path, (count - 1) / float(self._rate))
        if low >= high:
            raise self._selection.between_frames(self._path)
        return range(low, high)

    def _first_image(self) -> Image:
        for number in self._range:
            image = self._read(number)
            if image is not None:
                return image
        raise UserError(f"no picture of {self._path} can be read: all are damaged")

    def _check_alike(self, image: Image, number: int) -> None:
        if image.shape != self._shape:
            raise UserError(
                f"all pictures must have one size: {self._name(number)[0]} "
                f"({float(number / self._rate):.3f} s) is {image.shape[1]} x {image.shape[0]}, "
                f"the first is {self._shape[1]} x {self._shape[0]}"
            )
        if image.dtype != self._dtype:
            raise UserError(
                f"all pictures must have one depth: {self._name(number)[0]} is {image.dtype}, "
                f"the first is {self._dtype}"
            )


def check_depth(values: npt.NDArray[Any], name: str) -> None:
    if values.dtype not in (np.uint8, np.uint16):
        raise UserError(f"{name} must be of 8 or 16 bit, found {values.dtype}")


def three_channels(values: npt.NDArray[Any]) -> Image:
    """Grey and alpha channels to RGB, contiguous."""
    if values.ndim == 2:
        values = values[..., None]
    if values.shape[2] < 3:
        values = np.repeat(values[..., :1], 3, axis=2)
    return np.ascontiguousarray(values[..., :3])
