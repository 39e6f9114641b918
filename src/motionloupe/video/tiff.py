"""One TIFF of many pictures."""

import logging
import math
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import tifffile

from motionloupe.arrays import Image
from motionloupe.errors import UserError
from motionloupe.video.source import Selection
from motionloupe.video.stills import StillsReader, check_depth, three_channels

_LAB = tuple(getattr(tifffile.PHOTOMETRIC, name) for name in ("CIELAB", "ICCLAB", "ITULAB"))
_SILENT = 0  # OpenCV's LOG_LEVEL_SILENT


class TiffReader(StillsReader):
    """The pages of one TIFF, read one by one."""

    kind = "tiff"

    def __init__(self, path: Path, selection: Selection) -> None:
        try:
            self._tiff = tifffile.TiffFile(path)
        except (tifffile.TiffFileError, ValueError, OSError) as error:
            if path.stat().st_size == 0:
                raise UserError(f"{path} is empty (0 bytes)") from None
            raise UserError(f"{path} is not a TIFF that can be read: {error}") from None
        try:
            super().__init__(path, selection)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._tiff.close()

    def _count(self) -> int:
        with _complaints() as complaints:
            self._planes = self._contiguous()
            count = len(self._tiff.pages) if self._planes is None else len(self._planes)
        if complaints and self._planes is None:
            self.warnings.append(
                f"{self._path} is damaged: what comes after page {count} cannot be found"
            )
        return count

    def _contiguous(self) -> npt.NDArray[Any] | None:
        """(N, ...) the pictures of a file that lists only the first of them; None of others."""
        first = described(self._tiff)
        if first is None:
            return None
        beside = {
            axis: size
            for axis, size in zip(first.axes, first.shape, strict=True)
            if axis not in "YXS" and size > 1
        }
        if len(beside) > 1 and not beside.keys().isdisjoint("CZ"):
            sizes = " x ".join(map(str, beside.values()))
            raise UserError(
                f"{self._path} holds more than one series of pictures (axes {''.join(beside)}, "
                f"{sizes}): save one channel of one plane as a file of its own"
            )
        if not beside or len(self._tiff.pages) > 1:
            return None
        return self._mapped(first.dataoffset, math.prod(beside.values()))

    def _mapped(self, offset: int | None, count: int) -> npt.NDArray[Any]:
        """(count, ...) pictures that lie behind one another from ``offset`` on, or what is left."""
        page = self._tiff.pages.first
        kind = np.dtype(page.dtype).newbyteorder(self._tiff.byteorder)
        size = kind.itemsize * math.prod(page.shape)
        left = 0 if offset is None else (self._path.stat().st_size - offset) // size
        if offset is None or left < 1:
            raise UserError(
                f"{self._path} holds {count} pictures in one page, which cannot be read apart: "
                "save each as a page of its own"
            )
        if left < count:
            self.warnings.append(
                f"{self._path} is damaged: {count - left} of {count} pictures at its end are lost"
            )
        shape = (min(left, count), *page.shape)
        return np.memmap(self._path, kind, mode="r", offset=offset, shape=shape)

    def _read(self, number: int) -> Image | None:
        try:
            page = self._tiff.pages[0 if self._planes is not None else number]
            photometric = getattr(page, "photometric", None)
            if photometric == tifffile.PHOTOMETRIC.SEPARATED:
                return self._through_opencv(number)
            values = page.asarray() if self._planes is None else _native(self._planes[number])
        except (tifffile.TiffFileError, ValueError, OSError, IndexError, RuntimeError, zlib.error):
            return self._through_opencv(number)
        name = self._name(number)[0]
        if photometric in _LAB:
            raise UserError(f"{name} is CIELab: convert it to RGB first")
        check_depth(values, name)
        axes = getattr(page, "axes", "YXS"[: values.ndim])
        if axes == "SYX":
            values = np.moveaxis(values, 0, 2)
        elif axes not in ("YX", "YXS"):
            raise UserError(f"{name} has axes {axes}: one picture a page is needed")
        if photometric == tifffile.PHOTOMETRIC.PALETTE:
            colours = np.asarray(self._tiff.pages.first.colormap)
            values = np.moveaxis(colours[:, values], 0, 2)
        elif photometric == tifffile.PHOTOMETRIC.MINISWHITE:
            values = np.iinfo(values.dtype).max - values
        return three_channels(_upright(values, self._orientation(page)))

    def _orientation(self, page: Any) -> int:
        """1 to 8 as Exif counts; of a series only the first page may tell."""
        first = self._tiff.pages.first if _is_series(self._tiff) else page
        tags = (getattr(each, "tags", {}).get("Orientation") for each in (page, first))
        return next((int(tag.value) for tag in tags if tag is not None), 1)

    def _through_opencv(self, number: int) -> Image | None:
        """For shares of ink, and what tifffile leaves to a further package: LZW, PackBits, JPEG."""
        flags = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH
        set_level = _setter_of_level()
        level = set_level(_SILENT)  # what is lost is told once
        try:
            str(self._path).encode()  # a name that is not UTF-8 crashes OpenCV
            found, pages = cv2.imreadmulti(str(self._path), number, 1, flags=flags)
        except (cv2.error, UnicodeEncodeError):
            return None
        finally:
            set_level(level)
        return cv2.cvtColor(pages[0], cv2.COLOR_BGR2RGB) if found else None

    def _name(self, number: int) -> tuple[str, str]:
        return f"page {number + 1} of {self._path.name}", "tiff"


def described(tiff: tifffile.TiffFile) -> tifffile.TiffPageSeries | None:
    """The first series of pictures, where the program that wrote them tells what they are."""
    if not _is_series(tiff):
        return None
    if tiff.is_shaped and len(tiff.pages) > 1 and "axes" not in tiff.pages.first.description:
        return None  # there is no more to know, and finding every series takes long
    try:
        first = tiff.series[0]
        return None if first.is_multifile else first  # of OME's parts each is read by itself
    except (tifffile.TiffFileError, ValueError, LookupError, OSError, RuntimeError):
        return None  # what is damaged is told page by page


def _is_series(tiff: tifffile.TiffFile) -> bool:
    return bool(tiff.is_imagej or tiff.is_ome or tiff.is_shaped)


def holds_more(path: Path) -> bool:
    """Whether a TIFF holds further pictures after its first, not only smaller copies of it."""
    try:
        with _complaints(), tifffile.TiffFile(path) as tiff:
            if tiff.pages.is_multipage:
                return not tifffile.TiffPage(tiff, index=1).is_reduced
            first = described(tiff)
            return first is not None and first.size > tiff.pages.first.size
    except (tifffile.TiffFileError, ValueError, LookupError, OSError, RuntimeError):
        return False


def _native(plane: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.array(plane, plane.dtype.newbyteorder("="))


def _upright(values: npt.NDArray[Any], orientation: int) -> npt.NDArray[Any]:
    if orientation in (3, 4, 6, 7):
        values = values[::-1]
    if orientation in (2, 3, 7, 8):
        values = values[:, ::-1]
    return values.swapaxes(0, 1) if orientation in (5, 6, 7, 8) else values


def _setter_of_level() -> Callable[[int], int]:
    """How loud OpenCV's log is; it gives what it was before. OpenCV 5 has moved it."""
    home: Any = cv2.utils.logging if hasattr(cv2.utils, "logging") else cv2
    setter: Callable[[int], int] = home.setLogLevel
    return setter


@contextmanager
def _complaints() -> Iterator[list[str]]:
    """What tifffile logs meanwhile, which it would print."""
    found: list[str] = []
    logger, keeper = logging.getLogger("tifffile"), logging.Handler(logging.WARNING)
    keeper.emit = lambda record: found.append(record.getMessage())  # type: ignore[method-assign]
    spread, logger.propagate = logger.propagate, False
    logger.addHandler(keeper)
    try:
        yield found
    finally:
        logger.removeHandler(keeper)
        logger.propagate = spread
