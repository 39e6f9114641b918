"""Write a result as a video file or as a folder of pictures."""

import os
from abc import ABC, abstractmethod
from fractions import Fraction
from pathlib import Path
from typing import Self

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.stream import VideoStream

from motionloupe.arrays import Image
from motionloupe.errors import UserError
from motionloupe.video.colour import (
    DYNAMIC,
    tags_to_write,
    to_lossless,
    to_yuv,
    with_depth,
)
from motionloupe.video.decoder import rate_or_none
from motionloupe.video.encoding import Encoding, encoding_for
from motionloupe.video.images import IMAGE_SUFFIXES
from motionloupe.video.sound import Sound
from motionloupe.video.source import SourceInfo
from motionloupe.video.target import (
    NUMBER,
    Draft,
    check_folder,
    check_target,
    explained,
    numbered_name,
)

_PNG_DEPTHS = (8, 10, 12, 16)  # what PNG does not have is kept in 16
_ROUNDED = 0.1  # of the time between two frames by which one may be moved in silence
_NAMES = "%06d.png"


class Writer(ABC):
    """A context manager that takes pictures in order and leaves a complete result, or nothing."""

    def __init__(self, draft: Draft) -> None:
        self.warnings: list[str] = []
        self._draft = draft
        self._size: tuple[int, int] | None = None

    def write(self, image: Image, pts: int, duration: int = 0) -> None:
        """Add a picture, (H, W, 3) RGB uint8 or uint16, at ``pts`` in the source's time base.

        The first one sets the size. Raises UserError where it cannot be stored.
        """
        if image.dtype not in (np.uint8, np.uint16):
            raise TypeError(f"pictures are written from uint8 or uint16, found {image.dtype}")
        size = image.shape[1], image.shape[0]
        if self._size is None:
            self._begin(*size)
            self._size = size
        elif size != self._size:
            raise UserError(
                f"all pictures of a video must have one size: the first is {self._size[0]} x "
                f"{self._size[1]}, this one {size[0]} x {size[1]}"
            )
        self._add(image, pts, duration)

    def end_sound(self) -> None:  # noqa: B027 (folders have none)
        """Let the sound end with the last picture written, though the source goes on."""

    @abstractmethod
    def _begin(self, width: int, height: int) -> None: ...

    @abstractmethod
    def _add(self, image: Image, pts: int, duration: int) -> None: ...

    @abstractmethod
    def _finish(self) -> None:
        """Complete the draft and give it its name."""

    def _abandon(self) -> None:  # noqa: B027 (most need nothing)
        """Let go of what is open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                if self._size is None:
                    raise UserError("there is nothing to write: no picture came")
                self._finish()
        finally:
            try:
                self._abandon()
            finally:
                self._draft.discard()


def numbered(target: Path) -> bool:
    """Whether a name is a pattern of numbered pictures, such as out/%05d.png."""
    return NUMBER.search(target.name) is not None


def place_of(target: Path) -> Path:
    """What a target fills: the folder of a pattern of pictures, else itself."""
    return target.parent if numbered(target) else target


def open_writer(
    target: str | Path,
    info: SourceInfo,
    *,
    lossless: bool = False,
    depth: int | None = None,
    sound: bool = True,
    force: bool = False,
) -> Writer:
    """Open ``target`` for the result of the source that ``info`` describes.

    A name ending in .mp4, .m4v, .mov, .mkv or .avi is a video (H.264; FFV1 where ``lossless``, in
    .mkv or .avi); a name without suffix or ending in "/" is a folder of PNG, and so is a pattern
    like out/%05d.png. ``depth`` is bits per channel, by default 8. ``sound`` copies the source's
    tracks; ``force`` replaces what is there. Raises UserError before anything is written.
    """
    depth, chosen = 8 if depth is None else depth, depth is not None
    writer = _opened(target, info, lossless=lossless, depth=depth, sound=sound, force=force)
    if info.colour.transfer in DYNAMIC and info.depth > 8 and not chosen:
        writer.warnings.append(
            f"{info.path} is of high dynamic range ({DYNAMIC[info.colour.transfer]}), which shows "
            "bands in the 8 bits that are written: --depth 10 keeps it smooth"
        )
    return writer


def _opened(
    target: str | Path, info: SourceInfo, *, lossless: bool, depth: int, sound: bool, force: bool
) -> Writer:
    text, path = str(target), Path(target)
    pattern = numbered(path)
    if pattern or not path.suffix or text.endswith(("/", os.sep)) or path.is_dir():
        name = path.name if pattern else _NAMES
        if Path(name).suffix.lower() != ".png":
            raise UserError(f"pictures are written as PNG: end {path.name} in .png")
        if depth not in _PNG_DEPTHS:
            raise UserError(f"the depth of pictures must be 8 or 16 bits, found {depth}")
        return FolderWriter(path.parent if pattern else path, info, name, depth, force)
    if path.suffix.lower() in IMAGE_SUFFIXES:
        raise UserError(
            f"{path.name} is one picture: name a folder, or a pattern such as %05d{path.suffix}"
        )
    encoding = encoding_for(path.suffix.lower(), depth, lossless, info.rate)
    check_target(path, info.path, force=force)
    tracks = Sound(info, encoding.form, path.suffix) if sound and info.sound else None
    try:
        return VideoWriter(path, info, encoding, tracks, force)
    except BaseException:
        if tracks is not None:
            tracks.close()
        raise


class FolderWriter(Writer):
    """Writes PNG, 8 or 16 bit, numbered from 0."""

    def __init__(self, path: Path, info: SourceInfo, name: str, depth: int, force: bool) -> None:
        check_folder(path, info.path, force=force)
        super().__init__(Draft(path, folder=True, force=force))
        self._path, self._name = path, name
        self._depth = 8 if depth <= 8 else 16
        self._count = 0

    def _begin(self, width: int, height: int) -> None:
        pass

    def _add(self, image: Image, pts: int, duration: int) -> None:
        picture = cv2.cvtColor(with_depth(image, self._depth), cv2.COLOR_RGB2BGR)
        _, data = cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 3])
        with explained(self._path):
            (self._draft.path / numbered_name(self._name, self._count)).write_bytes(data.tobytes())
        self._count += 1

    def _finish(self) -> None:
        self._draft.keep_folder(self._name)


class VideoWriter(Writer):
    """Writes one video file with the source's time stamps, colour tags and sound."""

    def __init__(
        self,
        path: Path,
        info: SourceInfo,
        encoding: Encoding,
        sound: Sound | None,
        force: bool,
    ) -> None:
        super().__init__(Draft(path, force=force))
        self._path = path
        self._info = info
        self._encoding = encoding
        self._sound = sound
        self._base = encoding.time_base(info)
        self._shift = round(info.shift / info.time_base)
        self._last: int | None = None
        self._ends = 0  # where the last picture ends
        self._sound_ends: Fraction | None = None
        self._container: OutputContainer | None = None

    def end_sound(self) -> None:
        self._sound_ends = self._ends * self._base

    def _begin(self, width: int, height: int) -> None:
        encoding, info = self._encoding, self._info
        self._tags = tags_to_write(info.colour, height)
        self._format = encoding.pixel_format(width, height)
        if "444" in self._format and not encoding.lossless:
            self.warnings.append(
                f"{width} x {height} is an odd size: {self._path} keeps it with full colour "
                "resolution (4:4:4), which some older players refuse"
            )
        with explained(self._path):
            self._container = av.open(
                os.fspath(self._draft.path),
                "w",
                format=encoding.form,
                container_options=encoding.container_options(self._base),
            )
            self._container.metadata.update(info.metadata)
            self._stream = encoding.add_to(self._container, info, width, height)
            if info.language:
                self._stream.metadata["language"] = info.language
            self._describe_colour(self._stream)
            if self._sound is not None:
                self._sound.add_to(self._container)
            self._container.start_encoding()

    def _describe_colour(self, stream: VideoStream) -> None:
        context, tags = stream.codec_context, self._tags
        context.color_primaries, context.color_trc = tags.primaries, tags.transfer
        if self._encoding.lossless:
            context.color_range = 2
            return
        context.colorspace = tags.matrix
        context.color_range = 2 if tags.full_range else 1

    def _add(self, image: Image, pts: int, duration: int) -> None:
        if self._encoding.lossless:
            frame = to_lossless(image, self._encoding.depth)
        else:
            frame = to_yuv(image, self._tags, self._format)
        frame.pts, frame.duration = self._place(pts, duration)
        self._ends = frame.pts + frame.duration
        frame.time_base = self._base
        with explained(self._path):
            self._mux(frame)

    def _place(self, pts: int, duration: int) -> tuple[int, int]:
        """Time in the output's units, later than the last frame's."""
        ratio = self._info.time_base / self._base
        exact = (pts - self._shift) * ratio
        place = round(exact)
        length = round((duration or 1 / (self._info.rate * self._info.time_base)) * ratio)
        if self._last is not None:
            place = max(place, self._last + 1)
        if abs(place - exact) * self._base * self._info.rate > _ROUNDED:
            self._warn_once(
                f"{self._path.suffix} has no room for the times of all frames: some were moved; "
                "write a .mp4 file to keep them"
            )
        self._last = place
        return place, max(length, 1)

    def _warn_once(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)

    def _mux(self, frame: av.VideoFrame | None) -> None:
        container = self._container
        if container is None:
            return
        for packet in self._stream.encode(frame):
            container.mux(packet)
            base = rate_or_none(packet.time_base)
            if self._sound is not None and packet.pts is not None and base is not None:
                self._sound.advance(container, packet.pts * base)

    def _finish(self) -> None:
        if self._container is None:
            return
        with explained(self._path):
            self._mux(None)
            if self._sound is not None:
                self._sound.advance(self._container, self._sound_ends)
                self.warnings += self._sound.warnings
            container, self._container = self._container, None
            container.close()
        self._draft.keep()

    def _abandon(self) -> None:
        container, self._container = self._container, None
        if self._sound is not None:
            self._sound.close()
        if container is not None:
            try:
                container.close()
            except (OSError, av.error.FFmpegError, ValueError):
                return  # the file goes anyway
