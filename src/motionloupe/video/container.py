"""Video files: any container and codec that FFmpeg reads."""

import math
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from motionloupe.arrays import Image
from motionloupe.errors import UserError
from motionloupe.video.clock import Clock
from motionloupe.video.colour import depth_of, tags_of, to_rgb, why_unreadable
from motionloupe.video.damage import Losses
from motionloupe.video.decoder import (
    Decoder,
    counts_packets,
    mean_rate,
    mirrored,
    open_container,
    rate_or_none,
    said_of,
    tagged_end,
    untimed,
    video_stream,
)
from motionloupe.video.source import ColourTags, Frame, Reader, Selection, SourceInfo, as_rate

_FALLBACK_RATE = Fraction(30)
_ARBITRARY_CLOCKS = ("mpeg", "mpegts", "vob")  # their time starts anywhere
_LEAD = 1.0  # seconds before ``start`` where decoding begins, so that the decoder has settled


class VideoReader(Reader):
    """Reads one video file; see :func:`motionloupe.video.open_reader`."""

    def __init__(self, path: Path, selection: Selection) -> None:
        self.warnings: list[str] = []
        self._path = path
        self._selection = selection
        self._measured = True  # whether the length is that of the pictures
        self._open(seek=selection.start > _LEAD)
        try:
            self._first = self._next_frame()
            if self._first is None or self._late():
                self.close()
                self._open(seek=False)
                self._first = self._next_frame()
            if self._first is None:
                raise UserError(f"{path} has a video track, but no frame of it could be decoded")
            self._describe(self._first)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._container.close()

    def __iter__(self) -> Iterator[Frame]:
        if self._first is None:
            raise RuntimeError("a reader gives its frames once: open another one")
        index, last = 0, 0.0
        frame: av.VideoFrame | None = self._first
        self._first = None
        while frame is not None:
            pts, duration = self._clock.place(frame)
            last = float(pts * self.info.time_base - self.info.origin)
            if self.info.end is not None and last >= self.info.end:
                break
            if (frame.width, frame.height) != self._coded_size:
                raise self._changed_size(frame, last)
            if last >= self.info.start or not self.info.start:
                yield Frame(self._picture(frame), index, pts, duration, last)
                index += 1
            else:
                self._decoder.damaged = 0  # a seek may land between frames that need each other
            frame = self._next_frame()
        self._report(last, whole=frame is None)
        if index == 0:
            if frame is None:
                raise self._selection.starts_beyond(self._path, last)
            raise self._selection.between_frames(self._path)

    # ---- opening ------------------------------------------------------------------------------

    def _open(self, *, seek: bool) -> None:
        self._container = open_container(self._path)
        try:
            self._stream = video_stream(self._container, self._path)
            self._sought = seek and self._seek()
        except BaseException:
            self._container.close()
            raise
        self._decoder = Decoder(self._container, self._stream)
        self._frames = iter(self._decoder)

    def _seek(self) -> bool:
        base = rate_or_none(self._stream.time_base)
        if base is None or self._counted:
            return False
        target = self._origin() + Fraction(self._selection.start - _LEAD)
        try:
            self._container.seek(int(target / base), stream=self._stream)
        except av.error.FFmpegError:
            return False
        return True

    @property
    def _counted(self) -> bool:
        """Whether the container counts packets instead of telling their times."""
        return counts_packets(self._container)

    def _late(self) -> bool:
        """Whether a seek landed where the beginning of the selection is lost, or time unknown."""
        if not self._sought or self._first is None:
            return False
        base = rate_or_none(self._first.time_base)
        if self._first.pts is None or base is None:
            return True
        seconds = self._first.pts * base - self._origin()
        return seconds > self._selection.start

    def _origin(self, first: av.VideoFrame | None = None) -> Fraction:
        """Seconds on the file's clock where reading begins; no later than its ``first`` frame.

        Sound may lead in before 0, which moves nothing, but where a clock starts anywhere, 0 is
        nowhere.
        """
        begins = Fraction(self._container.start_time or 0, av.time_base)
        if not self._arbitrary:
            begins = max(begins, Fraction(0))
        base = rate_or_none(first.time_base) if first is not None else None
        if first is None or first.pts is None or base is None:
            return begins
        return min(begins, first.pts * base)

    @property
    def _arbitrary(self) -> bool:
        return self._container.format.name in _ARBITRARY_CLOCKS

    def _next_frame(self) -> av.VideoFrame | None:
        return next(self._frames, None)

    # ---- what the file is ---------------------------------------------------------------------

    def _describe(self, first: av.VideoFrame) -> None:
        self._coded_size = first.width, first.height
        self._colour: ColourTags = tags_of(first)
        if reason := why_unreadable(first.format, self._colour):
            raise UserError(f"{self._path} cannot be read: {reason}")
        self._turns = self._quarter_turns(first)
        self._mirrored = mirrored(first)
        self._size = self._selection.size(first.width, first.height)
        if first.interlaced_frame:
            self.warnings.append(
                f"{self._path} is interlaced: both fields are kept as one frame; "
                "deinterlace it first for clean edges"
            )
        base = rate_or_none(self._stream.time_base) or Fraction(1, 90000)
        whole, rate, origin = self._timing(first, base)
        self._clock = Clock(base, rate, round(origin / base), by_order=self._counted)
        sideways = self._turns % 2 == 1
        aspect = rate_or_none(self._stream.sample_aspect_ratio) or Fraction(1)
        start, end = self._selection.start, self._selection.end
        self.info = SourceInfo(
            path=self._path,
            kind="video",
            width=self._size[sideways],
            height=self._size[not sideways],
            fps=self._selection.fps or float(rate),
            rate=rate,
            time_base=base,
            depth=depth_of(first.format),
            rotation=self._turns * 90,
            codec=self._stream.codec_context.name,
            pixel_format=first.format.name,
            container=self._container.format.name,
            colour=self._colour,
            aspect=1 / aspect if sideways else aspect,
            sound=tuple(_codec_name(stream) for stream in self._container.streams.audio),
            start=start,
            end=end,
            origin=origin,
            shift=self._shift(origin),
            metadata=said_of(self._container),
            language=self._stream.metadata.get("language", "").removeprefix("und"),
        )
        self._add_extent(whole)

    def _timing(
        self, first: av.VideoFrame, base: Fraction
    ) -> tuple[Fraction | None, Fraction, Fraction]:
        """How long the pictures last, their rate, and where on the file's clock they begin."""
        whole = self._duration(base)
        hidden = first.pts is None and "matroska" in self._container.format.name
        count, earliest = untimed(self._path) if hidden else (0, None)
        timed = first.pts is not None or earliest is not None or self._counted
        rate = self._rate(whole, timed=timed)
        origin = self._origin(None if self._sought else first)
        if earliest is not None:
            origin = min(origin, earliest * base - count / rate)
        return whole, rate, origin

    def _shift(self, origin: Fraction) -> Fraction:
        if self._selection.start > 0:
            return origin + Fraction(self._selection.start)
        return origin if self._arbitrary or origin < 0 else Fraction(0)

    def _duration(self, base: Fraction) -> Fraction | None:
        """How long the pictures last; of Matroska, where only the longest track is stated, more."""
        if self._stream.duration:
            return self._stream.duration * base
        if not self._container.duration:
            return None
        if "matroska" not in self._container.format.name:
            return Fraction(self._container.duration, av.time_base)
        ends = tagged_end(self._stream)
        self._measured = ends is not None or not self._container.streams.audio
        ends = ends or Fraction(self._container.duration, av.time_base)
        return max(ends - (self._stream.start_time or 0) * base, Fraction(0)) or None

    def _rate(self, duration: Fraction | None, *, timed: bool) -> Fraction:
        stream = self._stream
        stated = rate_or_none(stream.average_rate)
        if stated is None and "matroska" in self._container.format.name:
            stated = mean_rate(self._path)  # what FFmpeg would guess is the clock's: 1000
        stated = stated or rate_or_none(stream.guessed_rate) or rate_or_none(stream.base_rate)
        if stream.frames > 1 and duration and not self._counted:
            mean = stream.frames / duration
            # An edit list hides frames that are counted: a part cut out of a file without loss.
            hidden = "mov" in self._container.format.name and stated is not None and mean > stated
            if stated is None or (abs(mean / stated - 1) > Fraction(2, 100) and not hidden):
                return as_rate(mean)
        if stated is not None and timed:
            return stated
        if self._selection.fps is not None:
            return as_rate(self._selection.fps)
        rate = stated or _FALLBACK_RATE
        self.warnings.append(
            f"{self._path} does not state when its frames were taken: {float(rate):g} frames per "
            "second are assumed; give the true rate with fps"
        )
        return rate

    def _add_extent(self, whole: Fraction | None) -> None:
        """Set ``frames`` and ``duration`` of the part that is read, where they can be known."""
        start, end = self._selection.start, self._selection.end
        frames = self._stream.frames or None
        if frames and whole and "mov" in self._container.format.name:  # an edit list hides some
            frames = min(frames, round(whole * self.info.rate))
        duration = None if whole is None else float(whole)
        if start or end is not None:
            frames = None
        if whole is not None and (start or end is not None):
            first = (self._stream.start_time or 0) * self.info.time_base - self.info.origin
            begins = max(float(first), 0.0)
            ends = begins + float(whole)
            if start >= ends:
                raise UserError(
                    f"start is {start:g} s but {self._path} ends at {ends:.3f} s: "
                    "choose an earlier start"
                )
            duration = max(min(ends, math.inf if end is None else end) - max(start, begins), 0.0)
            frames = round(duration * float(self.info.rate))
        self.info = replace(self.info, frames=frames, duration=duration)

    def _quarter_turns(self, frame: av.VideoFrame) -> int:
        turns, rest = divmod(round(frame.rotation), 90)
        if rest:
            self.warnings.append(
                f"{self._path} is flagged as turned by {frame.rotation} degrees: "
                "only right angles are applied"
            )
            return 0
        return turns % 4

    # ---- one frame ----------------------------------------------------------------------------

    def _picture(self, frame: av.VideoFrame) -> Image:
        image = to_rgb(frame, self._colour)
        if (frame.width, frame.height) != self._size:
            image = resized(image, self._size)
        upright = np.rot90(image, self._turns)
        if self._mirrored:
            upright = np.flip(upright, axis=self._turns % 2)
        return np.ascontiguousarray(upright)

    def _changed_size(self, frame: av.VideoFrame, seconds: float) -> UserError:
        return UserError(
            f"the size changes at {seconds:.3f} s of {self._path}, from "
            f"{self._coded_size[0]} x {self._coded_size[1]} to {frame.width} x {frame.height}: "
            f"read up to there with end {seconds:.3f}"
        )

    # ---- what was lost ------------------------------------------------------------------------

    def _report(self, last: float, *, whole: bool) -> None:
        """Say what damage cost, where the file has been read to its end or to ``end``."""
        if self._clock.mended:
            self.warnings.append(
                f"{self._path}: {self._clock.mended} frames had no usable time stamp and were "
                "placed by the frame rate"
            )
        total = self.info.frames if self._measured else None
        losses = Losses(self.info, self._container, self._decoder, self._clock, total)
        if damage := ", ".join(losses.told(last, whole=whole)):
            self.warnings.append(f"{self._path} is damaged: {damage}")


def resized(image: Image, size: tuple[int, int]) -> Image:
    """The picture at (width, height): averaged when smaller, cubic when larger."""
    smaller = size[0] < image.shape[1]
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)


def _codec_name(stream: av.AudioStream) -> str:
    context = stream.codec_context
    return "unknown" if context is None else context.codec.canonical_name
