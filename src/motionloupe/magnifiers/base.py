"""The contract that every method keeps.

A method says four things and no more (:class:`motionloupe.magnifiers.streaming.Method`): how a
frame is analysed, what motion leads from one analysed frame to another, how that motion is followed
through time, and how a frame is drawn with part of the motion magnified. Options, dtypes and errors
live here, modes and buffers in ``streaming``, once.
"""

import math
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, TypedDict, get_args

import torch

from motionloupe.alpha import Alpha, AlphaByFrame, Factors
from motionloupe.arrays import Image, check_image, from_tensor, to_tensor
from motionloupe.errors import UserError
from motionloupe.magnifiers.streaming import (
    Analysis,
    Follower,
    Method,
    Mode,
    check_same_size,
    stream_all,
    stream_band,
    stream_whole,
)
from motionloupe.temporal import (
    FilterKind,
    StreamingFilter,
    WholeFilter,
    band_edges,
    check_filter,
    design,
)


class Common(TypedDict, total=False):
    """The options that every method takes; see :class:`Magnifier`."""

    mode: Mode
    band: tuple[float, float] | None
    filter: FilterKind | None
    device: str


class Magnifier(Method[Analysis]):
    """A method of motion magnification.

    Options common to all: ``mode``, "static" (motion against the reference, by default the first
    frame) or "dynamic" (motion against the previous frame); ``band``, (low, high) in hertz, to
    magnify only motion of these frequencies; ``filter``, the temporal filter that cuts the band out
    (None lets the band decide); ``device``, where torch computes.
    """

    pairwise: ClassVar[bool] = True
    """Whether two frames are enough (:meth:`pair`)."""
    takes_band: ClassVar[bool] = True
    """Whether motion can be filtered in time."""
    draws_reference: ClassVar[bool] = False
    """Whether pictures are made of the reference's pixels instead of the frame's."""
    redraws: ClassVar[bool] = False
    """Whether every pixel is drawn anew, so that even a still picture comes back only nearly."""

    def __init__(
        self,
        *,
        mode: Mode = "static",
        band: tuple[float, float] | None = None,
        filter: FilterKind | None = None,
        device: str = "cpu",
    ) -> None:
        if mode not in get_args(Mode):
            raise UserError(f"the mode must be one of {', '.join(get_args(Mode))}, found {mode!r}")
        if filter is not None and band is None:
            raise UserError("a filter needs a band: give the band in hertz too")
        if band is not None and not self.takes_band:
            raise UserError("this method cannot magnify a band; leave the band away, or use phase")
        self.mode: Mode = mode
        check_filter(filter)
        self.band = None if band is None else band_edges(band)
        self.filter: FilterKind | None = filter
        self.device = device_named(device)
        self.only_alpha: float | None = None
        """The one factor that it can magnify by; None for any."""
        self.warnings: list[str] = []
        """What the user should know of how this method was set up, a line each."""

    def temporal_filter(self, fps: float) -> StreamingFilter | WholeFilter | None:
        """The filter that cuts the magnified part out of the motion; None magnifies all of it."""
        if self.band is None:
            return None
        return design(self.filter, self.band, fps, self._warn)

    def pair(self, reference: Image, frame: Image, alpha: Alpha = 10.0) -> Image:
        """Draw ``frame`` with its motion against ``reference`` magnified ``alpha`` times.

        Both are (H, W, 3) RGB, uint8, uint16 or float in [0, 1], of one size; ``alpha`` is a number
        or a map (H, W). Returns the frame's dtype. Raises UserError.
        """
        if not self.pairwise:
            raise UserError("this method needs a sequence: use stream() instead of pair()")
        if self.band is not None:
            raise UserError("a band needs a sequence: use stream() instead of pair()")
        check_image(reference, "reference")
        check_image(frame)
        check_same_size(reference, frame)
        factor = Factors(alpha, self.device).of(frame)
        with torch.inference_mode():
            before = self.analyse(to_tensor(reference, self.device))
            now = self.analyse(to_tensor(frame, self.device))
            motion = self.motion(before, now)
            return from_tensor(self.render(before, now, motion, motion, factor), frame.dtype)

    def stream(
        self,
        frames: Iterable[Image],
        alpha: Alpha | AlphaByFrame = 10.0,
        fps: float = 30.0,
        *,
        reference: Image | None = None,
    ) -> Iterator[Image]:
        """Magnify a sequence: one frame out for each frame in, in step, with bounded memory.

        ``frames`` as in :meth:`pair`; ``alpha`` may also be a function from a frame to its factor,
        called for every frame in order, just before it is drawn; ``fps`` is the true rate in hertz;
        ``reference`` replaces the first frame as the reference of static mode. A band may hold
        frames back (the filter's delay) but the sequence comes out whole and in step. The filter
        "ideal" reads everything first and keeps it in a temporary file. Raises UserError, for the
        options at once.
        """
        if not (math.isfinite(fps) and fps > 0):
            raise UserError(f"fps must be a positive number of frames per second, found {fps}")
        if reference is not None:
            if self.mode == "dynamic":
                raise UserError(
                    "mode dynamic compares with the previous frame: leave out reference"
                )
            check_image(reference, "reference")
        factors = Factors(alpha, self.device)
        temporal = self.temporal_filter(fps)
        follower = Follower(self, reference)
        if temporal is None:
            return stream_all(self, frames, factors, follower)
        if isinstance(temporal, WholeFilter):
            return stream_whole(self, frames, factors, follower, temporal)
        return stream_band(self, frames, factors, follower, temporal)

    def _warn(self, line: str) -> None:
        if line not in self.warnings:
            self.warnings.append(line)


def device_named(name: Any) -> torch.device:
    """Where torch computes. Raises UserError where it has no such device here."""
    try:
        device = torch.device(name)
        torch.empty(0, device=device).cpu()
    except (RuntimeError, AssertionError, TypeError):
        raise UserError(f"torch has no device {name!r} here; use cpu, or cuda with a GPU") from None
    return device
