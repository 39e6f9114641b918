"""How a method walks through a sequence: modes, bands, delays and buffers, once for all.

Convention: with m the motion of the current frame against its reference and b the part of m that is
magnified (all of it without a band), the frame is drawn at the motion m + (alpha - 1) b.
"""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Generic, Literal, TypeVar

import torch
from torch import Tensor

from motionloupe.alpha import Factors
from motionloupe.arrays import Image, check_image, from_tensor, to_tensor
from motionloupe.errors import UserError
from motionloupe.spool import Spool
from motionloupe.temporal import Signal, StreamingFilter, WholeFilter

Mode = Literal["static", "dynamic"]
Analysis = TypeVar("Analysis")


class Method(ABC, Generic[Analysis]):
    """What a method says: these four things and no more."""

    mode: Mode
    device: torch.device

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


@dataclass(frozen=True)
class _Step(Generic[Analysis]):
    """One frame, analysed, with its motion and what that motion is measured against."""

    against: Analysis
    now: Analysis
    motion: Signal


class Follower(Generic[Analysis]):
    """Walks through the frames and measures each one's motion by the method's mode."""

    def __init__(self, method: Method[Analysis], reference: Image | None) -> None:
        self._method = method
        self._given = reference
        self._first: Image | None = reference
        self._reference: Analysis | None = None
        self._previous: tuple[Analysis, Signal] | None = None

    def twin(self) -> "Follower[Analysis]":
        """A follower that starts afresh."""
        return Follower(self._method, self._given)

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
        if tracked or self._method.mode == "dynamic":  # an analysis is large: keep none for nothing
            self._previous = now, motion
        return _Step(against, now, motion)

    def _measure(self, now: Analysis, tracked: bool) -> tuple[Analysis, Signal]:
        method, previous = self._method, self._previous
        if method.mode == "dynamic":
            against = now if previous is None else previous[0]
            return against, method.motion(against, now)
        if self._reference is None:
            self._reference = now
            if self._given is not None:
                self._reference = method.analyse(to_tensor(self._given, method.device))
        reference = self._reference
        if tracked and previous is not None:
            return reference, method.track(reference, *previous, now)
        return reference, method.motion(reference, now)


class _Drawer(Generic[Analysis]):
    """Draws the frames that a filter has answered for; frames that wait, wait as pictures."""

    def __init__(self, method: Method[Analysis], factors: Factors) -> None:
        self._method = method
        self._factors = factors
        self._waiting: deque[Image] = deque()
        self._reference: Analysis | None = None  # static mode: the one reference
        self._newest: tuple[Image, _Step[Analysis]] | None = None
        self._before: Analysis | None = None  # dynamic mode: the frame drawn last
        self._own: Signal | None = None  # dynamic mode: the first frame's motion, which is none

    def hold(self, frame: Image, step: _Step[Analysis]) -> None:
        self._factors.admit(frame)
        frame = frame.copy()  # whoever gave it may use its memory again
        self._waiting.append(frame)
        self._newest = frame, step
        if self._method.mode == "static":
            self._reference = step.against
        elif self._before is None and len(self._waiting) == 1:
            self._own = step.motion

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
            if self._own is not None:  # it is large: let go of it
                motion, self._own = self._own, None
            against = now if self._before is None else self._before
            self._before = now
        drawn = self._method.render(against, now, motion, band, alpha)
        return from_tensor(drawn, frame.dtype)

    def _analysed(self, frame: Image) -> Analysis:
        """Analyse again rather than keep: an analysis is 10 to 60 times as large as a picture."""
        if self._newest is not None and self._newest[0] is frame:
            return self._newest[1].now
        return self._method.analyse(to_tensor(frame, self._method.device))


class _Known:
    """Motion as filters should see it: in dynamic mode the first frame's, which nobody knows, is
    taken to be the second's. As 0 it would be a jolt, which a filter magnifies.
    """

    def __init__(self, mode: Mode) -> None:
        self._waits = mode == "dynamic"
        self._first: Signal | None = None

    def of(self, motion: Signal) -> list[Signal]:
        """What is known once the next frame's is: one for each frame, one frame late at most."""
        if self._waits:
            self._waits, self._first = False, motion
            return []
        begun, self._first = self._first is not None, None
        return [motion, motion] if begun else [motion]

    def rest(self) -> list[Signal]:
        """Of a single frame, its own."""
        return [] if self._first is None else [self._first]


def stream_all(
    method: Method[Analysis],
    frames: Iterable[Image],
    factors: Factors,
    follower: Follower[Analysis],
) -> Iterator[Image]:
    def drawn(frame: Image) -> Image:  # forgets its step, of which only the follower may hold on
        follower.admit(frame)
        alpha = factors.of(frame)
        with torch.inference_mode():
            step = follower.step(frame, tracked=False)
            picture = method.render(step.against, step.now, step.motion, step.motion, alpha)
            return from_tensor(picture, frame.dtype)

    yield from map(drawn, frames)


def stream_band(
    method: Method[Analysis],
    frames: Iterable[Image],
    factors: Factors,
    follower: Follower[Analysis],
    temporal: StreamingFilter,
) -> Iterator[Image]:
    drawer = _Drawer(method, factors)
    known = _Known(method.mode)
    for frame in frames:
        with torch.inference_mode():
            step = follower.step(frame, tracked=True)
            drawer.hold(frame, step)
            ready = [pair for motion in known.of(step.motion) for pair in temporal.push(motion)]
        yield from drawer.draw(ready)
    with torch.inference_mode():
        ready = [pair for motion in known.rest() for pair in temporal.push(motion)]
    yield from drawer.draw(chain(ready, temporal.finish()))


def stream_whole(
    method: Method[Analysis],
    frames: Iterable[Image],
    factors: Factors,
    follower: Follower[Analysis],
    temporal: WholeFilter,
) -> Iterator[Image]:
    with Spool() as spool:
        again = follower.twin()
        for frame in frames:
            follower.admit(frame)
            factors.admit(frame)
            spool.append(frame)
        temporal.begin(len(spool))
        known = _Known(method.mode)
        for frame in spool:
            with torch.inference_mode():
                for motion in known.of(follower.step(frame, tracked=True).motion):
                    temporal.observe(motion)
        for motion in known.rest():
            temporal.observe(motion)
        for index, frame in enumerate(spool):
            alpha = factors.of(frame)
            with torch.inference_mode():
                step = again.step(frame, tracked=True)
                band = temporal.at(index)
                drawn = method.render(step.against, step.now, step.motion, band, alpha)
                picture = from_tensor(drawn, frame.dtype)
            yield picture


def check_same_size(first: Image, frame: Image) -> None:
    """Raise UserError unless two frames are of one size."""
    if first.shape != frame.shape:
        raise UserError(
            f"all frames must have one size: the first is {first.shape[1]} x {first.shape[0]}, "
            f"this one {frame.shape[1]} x {frame.shape[0]}"
        )
