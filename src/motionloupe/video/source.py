"""What a video is, once its container is out of the way."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Self

from motionloupe.arrays import SMALLEST_SIDE, Image
from motionloupe.errors import UserError

_LARGEST_SIDE = 16384  # what H.264 can hold


@dataclass(frozen=True)
class ColourTags:
    """Colour description as ITU-T H.273 code points (FFmpeg's numbers); 2 is "unspecified".

    Matrix 0 says that the source holds RGB.
    """

    primaries: int = 2
    transfer: int = 2
    matrix: int = 2
    full_range: bool = False


@dataclass(frozen=True)
class SourceInfo:
    """What is known of a source before its frames are read.

    Sizes are in pixels after rotation and ``scale``; ``fps`` is the true rate in hertz (the user's
    where given), ``rate`` the container's; ``frames`` and ``duration`` (seconds) are of the part
    that is read, and None where the container does not say.
    """

    path: Path
    kind: str  # "video", "images" or "tiff"
    width: int
    height: int
    fps: float
    rate: Fraction
    time_base: Fraction
    depth: int  # bits per channel: 8, 10, 12 or 16
    frames: int | None = None
    duration: float | None = None
    rotation: int = 0  # degrees counterclockwise that made the frames upright
    codec: str = ""
    pixel_format: str = ""
    container: str = ""
    colour: ColourTags = field(default_factory=ColourTags)
    aspect: Fraction = Fraction(1)  # width over height of one pixel
    sound: tuple[str, ...] = ()  # codec of each sound track
    start: float = 0.0  # --start and --end in seconds, so that sound is cut alike
    end: float | None = None
    origin: Fraction = Fraction(0)  # seconds on the file's own clock where ``Frame.seconds`` is 0
    shift: Fraction = Fraction(0)  # seconds that a writer takes off every time stamp
    metadata: dict[str, str] = field(default_factory=dict, hash=False)  # title and the like
    language: str = ""  # of the pictures, by ISO 639; "" where unknown

    @property
    def clock(self) -> float:
        """True seconds in a second of the file: below 1 for high-speed footage."""
        return float(self.rate) / self.fps

    def lasts(self, duration: int) -> float:
        """Seconds that a frame of this ``duration`` is on view; 0 is unknown: one step."""
        return duration * float(self.time_base) or 1.0 / float(self.rate)


@dataclass(frozen=True)
class Frame:
    """One picture, upright, (H, W, 3) RGB uint8 or uint16, with its place in time."""

    image: Image
    index: int
    pts: int  # in units of the source's time_base
    duration: int  # likewise; 0 where unknown
    seconds: float


@dataclass(frozen=True)
class Place:
    """A frame's place in time, without its picture; see :class:`Frame`."""

    pts: int
    duration: int
    seconds: float


def as_rate(fps: float | Fraction) -> Fraction:
    """Frames per second as a fraction that files can hold; so slow ones, a week apart, too."""
    near = Fraction(fps if fps >= 1 else 1 / fps).limit_denominator(100_000)
    return near if fps >= 1 else 1 / near


@dataclass(frozen=True)
class Selection:
    """The part of a source that is read: seconds from its beginning, and a factor on its size."""

    fps: float | None = None
    start: float = 0.0
    end: float | None = None
    scale: float = 1.0

    def __post_init__(self) -> None:
        if self.fps is not None and not (math.isfinite(self.fps) and self.fps > 0):
            raise UserError(
                f"fps must be a positive number of frames per second, found {self.fps:g}"
            )
        if not (math.isfinite(self.scale) and self.scale > 0):
            raise UserError(f"scale must be a positive factor, found {self.scale:g}")
        if not (math.isfinite(self.start) and self.start >= 0):
            raise UserError(f"start must be 0 or more seconds, found {self.start:g}")
        if self.end is not None and not math.isfinite(self.end):
            raise UserError(f"end must be a number of seconds, found {self.end:g}")
        if self.end is not None and not self.end > self.start:
            raise UserError(
                f"end must come after start: found start {self.start:g} s and end {self.end:g} s"
            )

    def size(self, width: int, height: int) -> tuple[int, int]:
        """The size in pixels after ``scale``; UserError under 16 a side, or enlarged past 16384."""
        scaled = round(width * self.scale), round(height * self.scale)
        if min(scaled) < SMALLEST_SIDE:
            how = f" at scale {self.scale:g}" if self.scale != 1 else ""
            raise UserError(
                f"frames must have at least {SMALLEST_SIDE} x {SMALLEST_SIDE} pixels, "
                f"found {scaled[0]} x {scaled[1]}{how}"
            )
        if self.scale > 1 and max(scaled) > _LARGEST_SIDE:
            raise UserError(
                f"scale {self.scale:g} would make frames of {scaled[0]} x {scaled[1]} pixels; "
                f"the most is {_LARGEST_SIDE} a side"
            )
        return scaled

    def between_frames(self, path: Path) -> UserError:
        return UserError(
            f"no frame of {path} lies between {self.start:g} and {self.end:g} s: choose a later end"
        )

    def starts_beyond(self, path: Path, last: float) -> UserError:
        return UserError(
            f"start is {self.start:g} s but the last frame of {path} is at {last:.3f} s: "
            "choose an earlier start"
        )


class Reader(ABC):
    """A context manager that gives the frames of a source one at a time, once.

    ``warnings`` fills as reading goes. Iterating raises UserError where the source cannot be read
    on as a video of one size.
    """

    info: SourceInfo
    warnings: list[str]

    @abstractmethod
    def __iter__(self) -> Iterator[Frame]: ...

    @abstractmethod
    def close(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
