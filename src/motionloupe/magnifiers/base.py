"""The contract that every method keeps.

A method says four things and no more: how a frame is analysed, what motion leads from one analysed
frame to another, how that motion is followed through time, and how a frame is drawn with part of
the motion magnified. Modes, bands, delays, buffers, dtypes and errors live here, once.

Convention: with m the motion of the current frame against its reference and b the part of m that is
magnified (all of it without a band), the frame is drawn at the motion m + (alpha - 1) b.
"""

import math
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Literal, TypedDict, TypeVar, get_args

import torch
from torch import Tensor

from motionloupe.alpha import Alpha, AlphaByFrame, Factors
from motionloupe.arrays import Image, check_image, from_tensor, to_tensor
from motionloupe.errors import UserError
from motionloupe.spool import Spool
from motionloupe.temporal import FilterKind, Signal, StreamingFilter, WholeFilter, design

Mode = Literal["static", "dynamic"]
Analysis = TypeVar("Analysis")


class Common(TypedDict, total=False):
    """The options that every method takes; see :class:`Magnifier`."""

    mode: Mode
    band: tuple[float, float] | None
    filter: FilterKind | None
    device: str


class Magnifier(ABC, Generic[Analysis]):
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
        self.band = band
        self.filter: FilterKind | None = filter
        self.device = _device(device)
        self.only_alpha: float | None = None
        """The one factor that it can magnify by; None for any."""
        self.warnings: list[str] = []
        """What the user should know of how this method was set up, a line each."""

    # ---- what a method says -------------------------------------------------------------------

    @abstractmethod
    def analyse(self, frame: Tensor) -> Analysis:
        """(1, 3, H, W) RGB in [0, 1] -> whatever the method needs to know of a frame."""

    @abstractmethod
    def motion(self, reference: Analysis, current: Analysis) -> Signal:
        """The motion that leads from ``reference`` to ``current``; zero for equal frames."""

    def track(
        self, reference: Analysis, previous: Analysis, last: Signal, current: Analysis
    ) -> Signal:
        """The motion of ``current`` against ``reference``; ``last`` is the ``previous`` frame's.

        Used where motion is filtered in time, so that a method can unwrap or accumulate.
        """
        return self.motion(reference, current)

    @abstractmethod
    def render(
        self,
        reference: Analysis,
        current: Analysis,
        motion: Signal,
        band: Signal,
        alpha: Tensor,
    ) -> Tensor:
        """Draw ``current`` at motion + (alpha - 1) band: (1, 3, H, W), not clamped.

        ``alpha`` is (1, 1, 1, 1) or (1, 1, H, W), a map on the pixels of ``current``. At alpha 1
        the frame comes back as it is.
        """

    def temporal_filter(self, fps: float) -> StreamingFilter | WholeFilter | None:
        """The filter that cuts the magnified part out of the motion; None magnifies all of it."""
        if self.band is None:
            return None
        return design(self.filter, self.band, fps, self._warn)

    # ---- what a user calls --------------------------------------------------------------------

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
        follower = _Follower(self, reference)
        if temporal is None:
            return self._stream_all(frames, factors, follower)
        if isinstance(temporal, WholeFilter):
            return self._stream_whole(frames, factors, follower, temporal)
        return self._stream_band(frames, factors, follower, temporal)

    def _warn(self, line: str) -> None:
        if line not in self.warnings:
            self.warnings.append(line)

    # ---- how it is done -----------------------------------------------------------------------

    def _stream_all(
        self, frames: Iterable[Image], factors: Factors, follower: "_Follower[Analysis]"
    ) -> Iterator[Image]:
        for frame in frames:
            follower.admit(frame)
            alpha = factors.of(frame)
            with torch.inference_mode():
                step = follower.step(frame, tracked=False)
                drawn = self.render(step.against, step.now, step.motion, step.motion, alpha)
                picture = from_tensor(drawn, frame.dtype)
            yield picture

    def _stream_band(
        self,
        frames: Iterable[Image],
        factors: Factors,
        follower: "_Follower[Analysis]",
        temporal: StreamingFilter,
    ) -> Iterator[Image]:
        drawer = _Drawer(self, factors)
        for frame in frames:
            with torch.inference_mode():
                step = follower.step(frame, tracked=True)
                drawer.hold(frame, step)
                ready = temporal.push(step.motion)
            yield from drawer.draw(ready)
        with torch.inference_mode():
            ready = temporal.finish()
        yield from drawer.draw(ready)

    def _stream_whole(
        self,
        frames: Iterable[Image],
        factors: Factors,
        follower: "_Follower[Analysis]",
        temporal: WholeFilter,
    ) -> Iterator[Image]:
        with Spool() as spool:
            again = follower.twin()
            for frame in frames:
                follower.admit(frame)
                factors.admit(frame)
                spool.append(frame)
            temporal.begin(len(spool))
            for frame in spool:
                with torch.inference_mode():
                    temporal.observe(follower.step(frame, tracked=True).motion)
            for index, frame in enumerate(spool):
                alpha = factors.of(frame)
                with torch.inference_mode():
                    step = again.step(frame, tracked=True)
                    band = temporal.at(index)
                    drawn = self.render(step.against, step.now, step.motion, band, alpha)
                    picture = from_tensor(drawn, frame.dtype)
                yield picture


@dataclass(frozen=True)
class _Step(Generic[Analysis]):
    """One frame, analysed, with its motion and what that motion is measured against."""

    against: Analysis
    now: Analysis
    motion: Signal


class _Follower(Generic[Analysis]):
    """Walks through the frames and measures each one's motion by the method's mode."""

    def __init__(self, method: Magnifier[Analysis], reference: Image | None) -> None:
        self._method = method
        self._given = reference
        self._first: Image | None = reference
        self._reference: Analysis | None = None
        self._previous: _Step[Analysis] | None = None

    def twin(self) -> "_Follower[Analysis]":
        """A follower that starts afresh."""
        return _Follower(self._method, self._given)

    def admit(self, frame: Image) -> None:
        """Raise UserError unless the frame is a picture of the first one's size."""
        check_image(frame)
        if self._first is None:
            self._first = frame
        check_same_size(self._first, frame)

    def step(self, frame: Image, *, tracked: bool) -> _Step[Analysis]:
        self.admit(frame)
        now = self._method.analyse(to_tensor(frame, self._method.device))
        against, motion = self._measure(now, tracked)
        self._previous = _Step(against, now, motion)
        return self._previous

    def _measure(self, now: Analysis, tracked: bool) -> tuple[Analysis, Signal]:
        method, previous = self._method, self._previous
        if method.mode == "dynamic":
            against = now if previous is None else previous.now
            return against, method.motion(against, now)
        if self._reference is None:
            self._reference = now
            if self._given is not None:
                self._reference = method.analyse(to_tensor(self._given, method.device))
        reference = self._reference
        if tracked and previous is not None:
            return reference, method.track(reference, previous.now, previous.motion, now)
        return reference, method.motion(reference, now)


class _Drawer(Generic[Analysis]):
    """Draws the frames that a filter has answered for; frames that wait, wait as pictures."""

    def __init__(self, method: Magnifier[Analysis], factors: Factors) -> None:
        self._method = method
        self._factors = factors
        self._waiting: deque[Image] = deque()
        self._reference: Analysis | None = None  # static mode: the one reference
        self._newest: tuple[Image, _Step[Analysis]] | None = None
        self._before: Analysis | None = None  # dynamic mode: the frame drawn last

    def hold(self, frame: Image, step: _Step[Analysis]) -> None:
        self._factors.admit(frame)
        self._waiting.append(frame)
        self._newest = frame, step
        if self._method.mode == "static":
            self._reference = step.against

    def draw(self, ready: Iterable[tuple[Signal, Signal]]) -> Iterator[Image]:
        for motion, band in ready:
            frame = self._waiting.popleft()
            alpha = self._factors.of(frame)
            with torch.inference_mode():
                picture = self._picture(frame, motion, band, alpha)
            yield picture

    def _picture(self, frame: Image, motion: Signal, band: Signal, alpha: Tensor) -> Image:
        now = self._analysed(frame)
        against = self._reference
        if against is None:
            against = now if self._before is None else self._before
            self._before = now
        drawn = self._method.render(against, now, motion, band, alpha)
        return from_tensor(drawn, frame.dtype)

    def _analysed(self, frame: Image) -> Analysis:
        """Analyse again rather than keep: an analysis is 10 to 60 times as large as a picture."""
        if self._newest is not None and self._newest[0] is frame:
            return self._newest[1].now
        return self._method.analyse(to_tensor(frame, self._method.device))


def check_same_size(first: Image, frame: Image) -> None:
    """Raise UserError unless two frames are of one size."""
    if first.shape != frame.shape:
        raise UserError(
            f"all frames must have one size: the first is {first.shape[1]} x {first.shape[0]}, "
            f"this one {frame.shape[1]} x {frame.shape[0]}"
        )


def _device(name: Any) -> torch.device:
    try:
        device = torch.device(name)
        torch.empty(0, device=device).cpu()
    except (RuntimeError, AssertionError, TypeError):
        raise UserError(f"torch has no device {name!r} here; use cpu, or cuda with a GPU") from None
    return device
