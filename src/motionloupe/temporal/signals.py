"""What a temporal filter takes and gives, and the two ways in which it may work."""

from collections.abc import Iterable
from typing import Literal, Protocol, runtime_checkable

from torch import Tensor

Signal = list[Tensor]
"""The motion of one frame: float tensors whose number and shapes a method chooses and keeps."""
FilterKind = Literal["fir", "butterworth", "iir", "ideal"]


class StreamingFilter(Protocol):
    """Signals go in one by one; pairs (signal, its part within the band) come out in order."""

    delay: int
    """How many frames, at most, must have followed a frame before its answer comes."""

    def push(self, motion: Signal) -> Iterable[tuple[Signal, Signal]]: ...

    def finish(self) -> Iterable[tuple[Signal, Signal]]: ...


@runtime_checkable
class WholeFilter(Protocol):
    """A filter that must see every frame before it answers for the first.

    ``begin`` says how many frames there are, ``observe`` shows them in order, ``at`` answers.
    """

    def begin(self, length: int) -> None: ...

    def observe(self, motion: Signal) -> None: ...

    def at(self, index: int) -> Signal: ...


def nbytes(motion: Signal) -> int:
    """The memory that one signal takes."""
    return sum(part.numel() * part.element_size() for part in motion)
