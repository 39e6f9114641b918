"""How a video file is encoded: what each container takes, and the settings."""

import math
import os
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

from av.codec.context import Flags
from av.container import OutputContainer
from av.video.stream import VideoStream

from motionloupe.errors import UserError
from motionloupe.video.source import SourceInfo

_FORMS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".avi": "avi"}
_LOSSLESS = (".mkv", ".avi")
_DEPTHS = {False: (8, 10), True: (8, 10, 12, 16)}
_FASTEST = {"matroska": 1000, "avi": 1000}  # frames a second that they can tell apart
_THREADS = min(4, os.cpu_count() or 1)  # each one holds frames


@dataclass(frozen=True)
class Encoding:
    """One way to encode, in one kind of container."""

    form: str
    depth: int
    lossless: bool

    @property
    def codec(self) -> str:
        return "ffv1" if self.lossless else "libx264"

    @property
    def options(self) -> dict[str, str]:
        if self.lossless:
            return {"level": "3", "slicecrc": "1"}
        # Measured at 1280 x 720: as near to the source as "fast" at a quarter of its time, and
        # half as large again.
        options = {"crf": "15", "preset": "superfast"}
        if self.form == "avi":
            options["bf"] = "0"  # AVI has no order of presentation
        return options

    def pixel_format(self, width: int, height: int) -> str:
        if self.lossless:
            return "bgr0" if self.depth == 8 else f"gbrp{self.depth}le"
        layout = "444" if width % 2 or height % 2 else "420"
        return f"yuv{layout}p" if self.depth == 8 else f"yuv{layout}p{self.depth}le"

    def time_base(self, info: SourceInfo) -> Fraction:
        """The source's own, but AVI counts frames at one rate and Matroska milliseconds."""
        if self.form == "matroska":
            return Fraction(1, 1000)
        return 1 / info.rate if self.form == "avi" else info.time_base

    def container_options(self, base: Fraction) -> dict[str, str]:
        if self.form in ("mp4", "mov"):
            scale = str(base.denominator)
            return {"video_track_timescale": scale, "movie_timescale": scale}
        return {}

    def add_to(
        self,
        container: OutputContainer,
        info: SourceInfo,
        width: int,
        height: int,
    ) -> VideoStream:
        """Add the video track to a container whose header is not yet written."""
        stream = container.add_stream(self.codec, rate=info.rate, options=self.options)
        stream = cast(VideoStream, stream)
        stream.time_base = self.time_base(info)
        context = stream.codec_context
        context.width, context.height = width, height
        context.pix_fmt = self.pixel_format(width, height)
        context.time_base = self.time_base(info)
        context.sample_aspect_ratio = info.aspect
        context.thread_count = _THREADS
        context.flags |= int(Flags.frame_duration)  # the last frame's too
        return stream


def encoding_for(suffix: str, depth: int, lossless: bool, rate: Fraction) -> Encoding:
    """The encoding for a file name's suffix, at ``rate`` hertz; UserError where there is none."""
    form = _FORMS.get(suffix)
    if form is None:
        known = ", ".join(_FORMS)
        raise UserError(
            f"a video cannot be written as {suffix}: use one of {known}, "
            "or a name without suffix for a folder of PNG"
        )
    if lossless and suffix not in _LOSSLESS:
        raise UserError(f"lossless video needs {' or '.join(_LOSSLESS)}, found {suffix}")
    if depth not in _DEPTHS[lossless]:
        known = ", ".join(map(str, _DEPTHS[lossless]))
        way_out = "" if lossless else " (12 and 16 with lossless, 16 as a folder of PNG)"
        raise UserError(f"depth must be one of {known} bits here, found {depth}{way_out}")
    if rate > _FASTEST.get(form, math.inf):
        raise UserError(
            f"{suffix} holds {_FASTEST[form]} frames a second at most, found {float(rate):g}: "
            "write a .mp4 file, or a folder of PNG, which is lossless too"
        )
    return Encoding(form, depth, lossless)
