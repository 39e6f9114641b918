"""What a video is, once its container is out of the way."""

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from motionloupe.arrays import Image


@dataclass(frozen=True)
class ColourTags:
    """Colour description as ITU-T H.273 code points (FFmpeg's numbers); 2 is "unspecified"."""

    primaries: int = 2
    transfer: int = 2
    matrix: int = 2
    full_range: bool = False


@dataclass(frozen=True)
class SourceInfo:
    """What is known of a source before its frames are read.

    Sizes are in pixels after rotation and ``scale``; ``fps`` is the true rate in hertz (the user's
    where given), ``rate`` the container's; ``frames`` and ``duration`` (seconds) are None where
    the container does not say.
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
    rotation: int = 0
    codec: str = ""
    pixel_format: str = ""
    container: str = ""
    colour: ColourTags = field(default_factory=ColourTags)
    sound: tuple[str, ...] = ()  # codec of each sound track
    start: float = 0.0  # --start and --end in seconds, so that sound is cut alike
    end: float | None = None


@dataclass(frozen=True)
class Frame:
    """One picture, upright, (H, W, 3) RGB uint8 or uint16, with its place in time."""

    image: Image
    index: int
    pts: int  # in units of the source's time_base
    duration: int  # likewise; 0 where unknown
    seconds: float
