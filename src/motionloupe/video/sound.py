"""Sound tracks, copied packet by packet with their timing."""

import io
from collections import deque
from collections.abc import Iterator
from fractions import Fraction

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream

from motionloupe.errors import UserError
from motionloupe.video.decoder import open_container, rate_or_none
from motionloupe.video.source import SourceInfo


class Sound:
    """The sound of a source on its way to a container of ``form``; raises UserError if none fits.

    Packets outside ``start`` and ``end`` are left out whole, and the rest is shifted like the
    frames. Nothing is kept: packets are read as the pictures advance.
    """

    def __init__(self, info: SourceInfo, form: str, suffix: str) -> None:
        self.warnings: list[str] = []
        self._info = info
        self._form = form
        self._container = open_container(info.path)
        self._tracks: dict[int, AudioStream] = {}
        self._held: deque[Packet[Stream]] = deque()
        try:
            self._sources = [stream for stream in self._container.streams.audio]
            self._try_out(form, suffix)
        except BaseException:
            self.close()
            raise
        self._packets = self._selected()

    def add_to(self, output: OutputContainer) -> None:
        """Add the tracks to a container whose header is not yet written."""
        for source in self._sources:
            track = output.add_stream_from_template(source)
            track.metadata.update(source.metadata)
            track.disposition = source.disposition
            self._tracks[source.index] = track

    def advance(self, output: OutputContainer, seconds: Fraction | None) -> None:
        """Write the packets up to ``seconds`` on the output's clock; None writes all the rest."""
        while True:
            packet = self._held.popleft() if self._held else next(self._packets, None)
            if packet is None:
                return
            if seconds is not None and _seconds(packet) > seconds:
                self._held.append(packet)
                return
            packet.stream = self._tracks[packet.stream_index]
            output.mux(packet)

    def close(self) -> None:
        self._container.close()

    def _is_lead_in(self, packet: "Packet[Stream]") -> bool:
        """Whether a packet is silence before time 0 that only QuickTime's edit lists can hide.

        Any other container would move pictures and sound to make room for it.
        """
        from_mov = "mov" in self._container.format.name
        return from_mov and self._form not in ("mp4", "mov") and _seconds(packet) < 0

    def _try_out(self, form: str, suffix: str) -> None:
        """Write a header to memory: the container's own word on whether it takes these codecs."""
        codecs = ", ".join(self._info.sound) or "unknown"
        try:
            with av.open(io.BytesIO(), "w", format=form) as trial:
                self.add_to(trial)
                trial.start_encoding()
        except (av.error.FFmpegError, ValueError, AttributeError) as error:
            raise UserError(
                f"a {suffix} file cannot hold the sound of {self._info.path} ({codecs}): "
                "write a .mkv file, or leave the sound out"
            ) from error

    def _selected(self) -> "Iterator[Packet[Stream]]":
        info = self._info
        shifts = {
            source.index: round(info.shift / base)
            for source in self._sources
            if (base := rate_or_none(source.time_base))
        }
        try:
            for packet in self._container.demux(*self._sources):
                if not packet.size or (packet.pts is None and packet.dts is None):
                    continue
                at = float(_seconds(packet) - info.origin)
                if (
                    self._is_lead_in(packet)
                    or (info.start and at < info.start)
                    or (info.end is not None and at >= info.end)
                ):
                    continue
                shift = shifts.get(packet.stream_index, 0)
                packet.pts = None if packet.pts is None else packet.pts - shift
                packet.dts = None if packet.dts is None else packet.dts - shift
                yield packet
        except av.error.FFmpegError as error:
            self.warnings.append(f"the sound of {info.path} is damaged and ends early ({error})")


def _seconds(packet: "Packet[Stream]") -> Fraction:
    stamp = packet.pts if packet.pts is not None else packet.dts
    return Fraction(stamp or 0) * (rate_or_none(packet.time_base) or 0)
