"""Filters in time over a method's motion signal, streaming and with bounded memory."""

from collections.abc import Iterable
from typing import Literal, Protocol, runtime_checkable

from torch import Tensor

Signal = list[Tensor]
"""The motion of one frame: tensors whose number and shapes a method chooses and keeps."""
FilterKind = Literal["fir", "butterworth", "iir", "ideal"]


class StreamingFilter(Protocol):
    """Signals go in one by one; pairs (signal, its part within the band) come out in order."""

    delay: int
    """How many frames must have followed a frame before its answer comes."""

    def push(self, motion: Signal) -> Iterable[tuple[Signal, Signal]]: ...

    def finish(self) -> Iterable[tuple[Signal, Signal]]: ...


@runtime_checkable
class WholeFilter(Protocol):
    """A filter that must see every frame before it answers for the first."""

    def observe(self, motion: Signal) -> None: ...

    def settle(self) -> None: ...

    def at(self, index: int) -> Signal: ...


def design(
    kind: FilterKind | None, band: tuple[float, float], fps: float
) -> StreamingFilter | WholeFilter:
    """The filter that passes ``band`` = (low, high) hertz at ``fps`` frames per second."""
    raise NotImplementedError
