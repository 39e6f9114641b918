"""Pictures as video: a folder, a glob, one picture, a multi-page TIFF; 8 or 16 bit."""

import logging
import re
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from glob import glob
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import tifffile

from motionloupe.arrays import Image
from motionloupe.errors import UserError
from motionloupe.video.colour import RGB
from motionloupe.video.container import resized
from motionloupe.video.source import ColourTags, Frame, Reader, Selection, SourceInfo, as_rate

TIFF_SUFFIXES = (".tif", ".tiff")
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", *TIFF_SUFFIXES)
_LAB = tuple(getattr(tifffile.PHOTOMETRIC, name) for name in ("CIELAB", "ICCLAB", "ITULAB"))
_SILENT = 0  # OpenCV's LOG_LEVEL_SILENT
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


class FolderReader(StillsReader):
    """The pictures of a folder, those that match a glob, or one picture."""

    def __init__(self, path: Path, selection: Selection) -> None:
        self._files = pictures_of(path)
        super().__init__(path, selection)

    def _count(self) -> int:
        return len(self._files)

    def _read(self, number: int) -> Image | None:
        try:
            data = np.fromfile(self._files[number], np.uint8)
        except OSError as error:
            raise UserError(f"{self._files[number]} cannot be read: {error.strerror}") from None
        if data.size == 0:
            return None
        # Without alpha, upright by the Exif tag, in the depth that the file has.
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
        if picture is None:
            return None
        _check_depth(picture, self._name(number)[0])
        return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)

    def _name(self, number: int) -> tuple[str, str]:
        file = self._files[number]
        return file.name, file.suffix.lower().lstrip(".")


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
            count = len(self._tiff.pages)
        if complaints:
            self.warnings.append(
                f"{self._path} is damaged: what comes after page {count} cannot be found"
            )
        return count

    def _read(self, number: int) -> Image | None:
        try:
            page = self._tiff.pages[number]
            photometric = getattr(page, "photometric", None)
            if photometric == tifffile.PHOTOMETRIC.SEPARATED:
                return self._through_opencv(number)
            values = page.asarray()
        except (tifffile.TiffFileError, ValueError, OSError, IndexError, RuntimeError):
            return self._through_opencv(number)
        name = self._name(number)[0]
        if photometric in _LAB:
            raise UserError(f"{name} is CIELab: convert it to RGB first")
        _check_depth(values, name)
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
        return _three_channels(values)

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


def has_glob(text: str) -> bool:
    return any(mark in text for mark in "*?[")


def animation(path: Path) -> str:
    """ "png" or "webp" for a picture that is a sequence of them, "" for others."""
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError:
        return ""  # whoever reads it will say why not
    if head.startswith(b"\x89PNG"):
        return "png" if b"acTL" in head.partition(b"IDAT")[0] else ""
    flags = head[20] if len(head) > 20 and head[8:16] == b"WEBPVP8X" else 0
    return "webp" if flags & 2 else ""


def natural(path: Path) -> list[Any]:
    """A key that sorts frame2 before frame10."""
    parts = re.split(r"(\d+)", path.name)
    return [(int(part), "") if part.isdecimal() else (-1, part.lower()) for part in parts]


def pictures_of(path: Path) -> list[Path]:
    """The files of a folder of pictures, or of those that match a glob. Raises UserError."""
    if path.is_file():
        return [path]
    if path.is_dir():
        found = [file for file in path.iterdir() if not file.name.startswith(".")]
    else:
        found = [Path(name) for name in glob(str(path))]
    files = [file for file in found if file.is_file() and file.suffix.lower() in IMAGE_SUFFIXES]
    if not files:
        known = " ".join(suffix.lstrip(".") for suffix in IMAGE_SUFFIXES)
        where = f"the folder {path} holds" if path.is_dir() else f"{path} matches"
        raise UserError(f"{where} no pictures ({known})")
    return sorted(files, key=lambda file: (natural(file), file.name))


def _check_depth(values: npt.NDArray[Any], name: str) -> None:
    if values.dtype not in (np.uint8, np.uint16):
        raise UserError(f"{name} must be of 8 or 16 bit, found {values.dtype}")


def _three_channels(values: npt.NDArray[Any]) -> Image:
    """Grey and alpha channels to RGB, contiguous."""
    if values.ndim == 2:
        values = values[..., None]
    if values.shape[2] < 3:
        values = np.repeat(values[..., :1], 3, axis=2)
    return np.ascontiguousarray(values[..., :3])
