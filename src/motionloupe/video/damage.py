"""What damage cost a video file, where it has been read to its end or to ``end``."""

from collections.abc import Iterator
from fractions import Fraction

import av
from av.container import InputContainer

from motionloupe.video.clock import Clock
from motionloupe.video.decoder import Decoder, counts_packets, open_container
from motionloupe.video.source import SourceInfo

_DELAY = 32  # packets that a decoder holds back


class Losses:
    """Compares what came of a file with what it says of itself; ``total``: how many frames."""

    def __init__(
        self,
        info: SourceInfo,
        container: InputContainer,
        decoder: Decoder,
        clock: Clock,
        total: int | None,
    ) -> None:
        self._info = info
        self._container = container
        self._decoder = decoder
        self._clock = clock
        self._total = total

    def told(self, last: float, *, whole: bool) -> Iterator[str]:
        """What was lost; ``last``: seconds of the last frame, ``whole``: all were read."""
        decoder, total = self._decoder, self._total
        counted = counts_packets(self._container)
        seen = max(decoder.packets, decoder.reach) if counted else decoder.packets
        missing = max((total or 0) - seen, 0)
        found = missing > 1 or decoder.damaged > 0 or decoder.gave_up
        if whole and found and (total or decoder.lost):
            yield f"{missing + decoder.lost} of {total or decoder.packets} frames are lost"
        elif early := self._early():
            yield f"{early} frames before the first that can be decoded are lost"
        if decoder.damaged:
            yield f"{decoder.damaged} places were skipped or patched by the decoder"
        if total is None and self._clock.holes:
            yield f"about {self._clock.holes} frames are missing between others"
        stated = self._stated_end() if whole and self._clock.constant else None
        slack = max(3 / float(self._info.rate), 0.25)
        if stated and stated - last > slack and not self._sound_reaches(stated - slack):
            yield f"frames end at {last:.3f} s of {stated:.3f} s"

    def _early(self) -> int:
        """Frames lost at the beginning, so far as the stream has one packet to a frame."""
        begins = (self._info.origin + Fraction(self._info.start)) / self._info.time_base
        early = self._decoder.early(begins)
        fields = self._decoder.packets - early > 1.5 * self._decoder.frames + _DELAY
        return 0 if fields else early

    def _stated_end(self) -> float | None:
        """Where a Matroska file, which counts no frames, says that its longest track ends."""
        if "matroska" not in self._container.format.name or not self._container.duration:
            return None
        return float(self._container.duration / av.time_base - self._info.origin)

    def _sound_reaches(self, seconds: float) -> bool:
        """Whether there is sound at this time: then it is no cut that ends the pictures before."""
        with open_container(self._info.path) as container:
            tracks = container.streams.audio
            packets = container.demux(tracks) if tracks else ()
            try:
                return any(
                    packet.pts is not None
                    and float((packet.pts + (packet.duration or 0)) * packet.time_base) >= seconds
                    for packet in packets
                )
            except av.error.FFmpegError:
                return False
