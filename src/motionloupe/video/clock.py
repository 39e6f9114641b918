"""Places in time for the frames of a video file."""

from fractions import Fraction

import av


class Clock:
    """Gives every frame a place in time, later than the last one's.

    A first frame without a time is placed at ``begins``, in units of the time base. AVI stores no
    times but counts packets (``by_order``): there the decoder's delay is taken off the count.
    """

    def __init__(self, base: Fraction, rate: Fraction, begins: int, *, by_order: bool) -> None:
        self._step = max(round(1 / (rate * base)), 1)
        self._by_order = by_order
        self._delay: int | None = None
        self._steps = self._jumps = self._jumped = 0
        self._expected = begins
        self._last: int | None = None
        self.mended = 0

    def place(self, frame: av.VideoFrame) -> tuple[int, int]:
        """(pts, duration) in units of the time base; a missing or repeated pts is replaced."""
        pts = self._counted(frame.dts) if self._by_order else frame.pts
        if pts is None:
            pts = self._expected
        elif self._last is not None and pts <= self._last:
            pts = self._expected
            self.mended += 1
        duration = frame.duration or 0
        if frame.pts is None and not self._by_order:
            duration = self._step
        if self._last is not None:
            self._count_step((pts - self._last) / self._step)
        self._last = pts
        self._expected = pts + (duration or self._step)
        return pts, duration

    @property
    def holes(self) -> int:
        """Frames missing from a constant rate; 0 where the rate is variable by nature."""
        return self._jumped if self.constant else 0

    @property
    def constant(self) -> bool:
        """Whether frames follow one another at the rate, but for a few holes."""
        return self._jumps * 20 <= self._steps

    def _count_step(self, frames: float) -> None:
        self._steps += 1
        if frames > 1.6:
            self._jumps += 1
            self._jumped += round(frames) - 1

    def _counted(self, dts: int | None) -> int | None:
        if dts is None:
            return None
        if self._delay is None:
            self._delay = dts
        return dts - self._delay
