"""Open any source by what it is."""

import math
from pathlib import Path
from typing import Any

from motionloupe.arrays import Image
from motionloupe.errors import UserError
from motionloupe.video.container import VideoReader
from motionloupe.video.decoder import packets_before
from motionloupe.video.images import (
    IMAGE_SUFFIXES,
    TIFF_SUFFIXES,
    FolderReader,
    animation,
    has_glob,
)
from motionloupe.video.source import Frame, Reader, Selection, SourceInfo
from motionloupe.video.tiff import TiffReader


def open_reader(
    source: str | Path,
    *,
    fps: float | None = None,
    start: float | None = None,
    end: float | None = None,
    scale: float = 1.0,
) -> Reader:
    """Open a video, a GIF or APNG, a folder or glob of pictures, a picture, or a multi-page TIFF.

    ``fps`` says the true rate in hertz and leaves the time stamps of a video as they are; for
    pictures it is their rate. ``start`` and ``end`` are seconds from the beginning, ``end`` not
    included; ``scale`` multiplies both sides. Frames come upright (the rotation flag is applied).
    Damage is read past where the decoder can, and told in ``warnings``. Raises UserError.
    """
    selection = Selection(fps, start or 0.0, end, scale)
    path = Path(source)
    if not str(source):
        raise UserError("a source must be named, found an empty name")
    if not path.exists():
        if has_glob(str(source)):
            return FolderReader(path, selection)
        raise UserError(f"there is no file or folder {path}")
    if path.is_dir():
        return FolderReader(path, selection)
    if path.suffix.lower() in TIFF_SUFFIXES:
        return TiffReader(path, selection)
    if path.suffix.lower() in IMAGE_SUFFIXES:
        if not (kind := animation(path)):
            return FolderReader(path, selection)
        if kind == "webp":
            raise UserError(f"{path} is an animated WebP, which cannot be read: make it a GIF")
    return VideoReader(path, selection)


def read_frame(
    source: str | Path,
    number: int | None = None,
    seconds: float | None = None,
    *,
    fps: float | None = None,
    start: float | None = None,
    end: float | None = None,
    scale: float = 1.0,
) -> Frame:
    """One frame: ``number`` from the first frame read, or the one on view at ``seconds``.

    Give one of the two; the rest as in :func:`open_reader`. Raises UserError.
    """
    _check_choice(number, seconds)
    found: Frame | None = None
    with open_reader(source, fps=fps, start=start, end=end, scale=scale) as reader:
        for frame in reader:
            if seconds is not None and frame.seconds > seconds + 1e-9:
                if found is None:
                    raise _none_at(seconds, source, f"begins at {frame.seconds:.3f} s")
                return found
            found = frame
            if frame.index == number:
                return frame
        info = reader.info
    if found is None:
        raise UserError(f"there is no frame in {source}")
    if number is not None:
        raise UserError(f"there is no frame {number} in {source}: the last one is {found.index}")
    ends = found.seconds + info.lasts(found.duration)
    if seconds is not None and seconds > ends + 1e-9:
        raise _none_at(seconds, source, f"ends at {ends:.3f} s")
    return found


def read_reference(source: str | Path, which: int | str | None, cut: dict[str, Any]) -> Image:
    """The picture of a frame by its number, or its time as "2.5s"; None: the first. UserError."""
    text = "0" if which is None else str(which).strip()
    try:
        if text.endswith("s"):
            return read_frame(source, seconds=float(text[:-1]), **cut).image
        return read_frame(source, number=int(text), **cut).image
    except ValueError:
        raise UserError(
            f"the reference must be a frame's number (12) or its time (2.5s), found {which!r}"
        ) from None


def frames_before(info: SourceInfo, frame: Frame) -> int:
    """How many frames of the whole source come before one of its frames; nothing is decoded."""
    return packets_before(info.path, frame.pts) if info.kind == "video" else frame.pts


def _check_choice(number: int | None, seconds: float | None) -> None:
    if (number is None) == (seconds is None):
        raise UserError("a frame is chosen by its number or by seconds: give one of the two")
    if seconds is not None and not math.isfinite(seconds):
        raise UserError(f"the time of a frame must be a number of seconds, found {seconds:g}")
    if number is not None and number < 0:
        raise UserError(f"the number of a frame must be 0 or more, found {number}")


def _none_at(seconds: float, source: str | Path, bound: str) -> UserError:
    return UserError(f"there is no frame at {seconds:g} s of what is read of {source}: it {bound}")
