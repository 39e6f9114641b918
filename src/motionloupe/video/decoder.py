"""Frames of one container, past whatever damage the decoder survives."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from stat import S_ISREG
from typing import Any, cast

import av
import numpy as np
from av.container import InputContainer
from av.filter import Graph
from av.packet import Packet
from av.stream import Disposition
from av.video.stream import VideoStream

from motionloupe.errors import UserError
from motionloupe.video.source import as_rate

# Titles need not be UTF-8. From version 19 on PyAV bears that by itself.
_LENIENT: dict[str, Any] = (
    {} if int(av.__version__.split(".")[0]) >= 19 else {"metadata_errors": "replace"}
)
_PATIENCE = 16  # unreadable packets in a row after which the rest of a file is given up
_OF_THE_FILE = {  # and not of what was recorded
    "major_brand",
    "minor_version",
    "compatible_brands",
    "encoder",
    "software",
    "duration",
    "timecode",
    "handler_name",
    "vendor_id",
}
_REORDERED = 16  # frames that a codec may store in another order at most
_KINDS = 8  # more kinds of side data than a frame has that PyAV does not know


def rate_or_none(rate: object) -> Fraction | None:
    """A rate or time base as a Fraction; None where the container leaves it unset.

    Unset ones are None or of value 0, and newer versions of PyAV give rationals of their own.
    """
    if not rate:
        return None
    value = Fraction(rate.numerator, rate.denominator)  # type: ignore[attr-defined]
    return value if value > 0 else None


def open_container(path: Path) -> InputContainer:
    """Open a media file; UserError with the likely reason where it is none."""
    try:
        found = path.stat()
        if not S_ISREG(found.st_mode):
            raise UserError(f"{path} is a stream, and is read more than once: save it as a file")
        if found.st_size == 0:
            raise UserError(f"{path} is empty (0 bytes)")
        with path.open("rb") as file:
            head = file.read(4096)
    except PermissionError:
        raise UserError(f"{path} may not be read: ask for permission to read it") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    try:
        container: InputContainer = av.open(os.fspath(path.absolute()), **_LENIENT)
    except (av.error.FFmpegError, ValueError) as error:
        raise UserError(_why_not(path, head, error)) from None
    if container.format.name == "tty":
        container.close()
        raise UserError(_why_not(path, head, None))
    return container


def _why_not(path: Path, head: bytes, error: Exception | None) -> str:
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free"):
        return (
            f"{path} is cut short or damaged: the index of the recording is missing; "
            "copy the file again, or repair it"
        )
    if b"\0" not in head and not head.startswith((b"\xff", b"\x1a")):
        return f"{path} is not a video but text; give a video, a folder of images or a TIFF"
    reason = getattr(error, "strerror", None) or "no known format"
    return f"{path} is not a video that can be read ({reason}), or its beginning is damaged"


def video_stream(container: InputContainer, path: Path) -> VideoStream:
    """The stream to read; UserError where there is none, or no decoder for it."""
    stream = container.streams.best("video")
    if stream is None or stream.disposition & Disposition.attached_pic:
        found = "only sound" if container.streams.audio else "no pictures"
        raise UserError(f"{path} has {found}: a video track is needed")
    if getattr(stream, "codec_context", None) is None:
        raise UserError(f"{path} holds video in a codec that this build of FFmpeg cannot read")
    return cast(VideoStream, stream)


def counts_packets(container: InputContainer) -> bool:
    """Whether a container counts packets instead of telling their times."""
    return container.format.name == "avi"


class Decoder:
    """Decodes a stream frame by frame and counts what was lost on the way."""

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        self._container = container
        self._stream = stream
        stream.thread_type = "AUTO"
        self.packets = 0
        self.frames = 0
        self.reach = 0  # where AVI, which counts packets, says that they end
        self.damaged = 0  # packets refused and frames patched up by the decoder
        self.gave_up = False
        self._first: int | None = None  # when the first frame is shown
        self._before: list[int] = []  # when packets are shown that come before it

    @property
    def lost(self) -> int:
        """Packets that gave no frame, so far as the stream has one packet to a frame."""
        return max(self.packets - self.frames, 0)

    def early(self, since: Fraction) -> int:
        """Packets shown from ``since``, in units of the time base, to the first frame."""
        first = self._first
        return 0 if first is None else sum(since <= pts < first for pts in self._before)

    def __iter__(self) -> Iterator[av.VideoFrame]:
        for packet in self._demuxed():
            if packet.size and not packet.is_discard:
                self.packets += 1
                self.reach = max(self.reach, (packet.dts or 0) + 1)
                if packet.pts is not None and (self._first is None or packet.pts < self._first):
                    self._before.append(packet.pts)
            for frame in self._decoded(packet):
                if not self.frames:
                    self._first = frame.pts
                self.frames += 1
                self.damaged += frame.is_corrupt
                yield frame

    def _demuxed(self) -> "Iterator[Packet[VideoStream]]":
        failures = 0
        packets = self._container.demux(self._stream)
        while failures < _PATIENCE:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except av.error.FFmpegError:
                failures += 1
                self.damaged += 1
                packets = self._container.demux(self._stream)
                continue
            failures = 0
            yield packet
        self.gave_up = True
        yield cast("Packet[VideoStream]", Packet())  # empty: the decoder gives what it holds

    def _decoded(self, packet: "Packet[VideoStream]") -> list[av.VideoFrame]:
        flushing = not packet.size
        for _ in range(_PATIENCE if flushing else 1):
            try:
                return self._stream.decode(packet if not flushing else None)
            except EOFError:
                return []
            except av.error.FFmpegError:
                self.damaged += 1
        return []


def mirrored(frame: av.VideoFrame) -> bool:
    """Whether the display matrix (a b, c d; x' = ax + cy, y' = bx + dy) turns left into right."""
    matrix = _side_data(frame).get("DISPLAYMATRIX")
    if matrix is None:
        return False
    a, b, _, c, d = np.frombuffer(cast(bytes, matrix), np.int32)[:5].astype(float)
    return bool(a * d - b * c < 0)


def _side_data(frame: av.VideoFrame) -> Mapping[Any, object]:
    """What comes with a frame, but for kinds that PyAV does not know and gives nothing for: Exif.

    Its error names the kind by FFmpeg's number.
    """
    for _ in range(_KINDS):
        try:
            return cast("Mapping[Any, object]", frame.side_data)
        except ValueError as error:
            kind = str(error).split()[0]
        try:
            frame = _without(frame, kind)
        except (av.error.FFmpegError, ValueError):
            break
    return {}


def _without(frame: av.VideoFrame, kind: str) -> av.VideoFrame:
    """The frame without side data of this kind."""
    graph = Graph()
    source = graph.add_buffer(
        width=frame.width,
        height=frame.height,
        format=frame.format,
        time_base=frame.time_base or Fraction(1),
    )
    graph.link_nodes(
        source, graph.add("sidedata", mode="delete", type=kind), graph.add("buffersink")
    )
    graph.configure()
    graph.push(frame)
    return cast(av.VideoFrame, graph.pull())


def said_of(container: InputContainer) -> dict[str, str]:
    """What a file says of itself that holds for a copy too: title, place, time of recording."""
    said = dict(container.metadata)
    return {
        key: text
        for key, text in said.items()
        if key.lower() not in _OF_THE_FILE
        and not (key[-4:-3] == "-" and key[:-4] in said)  # the same once more, by language
    }


def tagged_end(stream: VideoStream) -> Fraction | None:
    """Seconds at which a track of Matroska ends, where its tags tell: "00:00:02.040000000"."""
    text = stream.metadata.get("DURATION", "").strip()
    parts = re.fullmatch(r"(\d+):(\d+):(\d+(?:\.\d+)?)", text)
    if parts is None:
        return None
    hours, minutes, seconds = map(Fraction, parts.groups())
    return (hours * 60 + minutes) * 60 + seconds or None


def mean_rate(path: Path) -> Fraction | None:
    """Frames per second of a video on average, by the times of all its packets, undecoded."""
    with open_container(path) as container:
        stream = video_stream(container, path)
        base = rate_or_none(stream.time_base)
        times: set[int] = set()
        with suppress(av.error.FFmpegError):  # of a damaged one, as far as it goes
            for packet in container.demux(stream):
                if packet.pts is not None:
                    times.add(packet.pts)
    if base is None or len(times) < 2:
        return None
    return as_rate((len(times) - 1) / ((max(times) - min(times)) * base))


def untimed(path: Path) -> tuple[int, int | None]:
    """How many packets at the beginning of a video have no time, and the earliest of the others.

    Matroska that was cut may begin below 0, which FFmpeg reads as no time at all.
    """
    count = 0
    known: list[int] = []
    with open_container(path) as container, suppress(av.error.FFmpegError):
        for packet in container.demux(video_stream(container, path)):
            if packet.pts is not None:
                known.append(packet.pts)
            elif packet.size:
                count += 1
            if len(known) == _REORDERED:
                break
    return count, min(known, default=None)


def packets_before(path: Path, pts: int) -> int:
    """How many pictures of a video are on view before the time ``pts``, undecoded."""
    count = 0
    with open_container(path) as container:
        for packet in container.demux(video_stream(container, path)):
            if packet.dts is not None and packet.dts >= pts:
                break  # what comes later is shown later
            shown = packet.dts if packet.pts is None else packet.pts
            count += shown is not None and shown < pts and not packet.is_discard
    return count
