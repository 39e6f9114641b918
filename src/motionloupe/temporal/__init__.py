"""Filters in time over a method's motion signal, streaming and with bounded memory.

| kind        | phase          | delay      | memory, in signals       | edges of the band |
|-------------|----------------|------------|--------------------------|-------------------|
| fir         | none           | half its taps | taps + 2 blocks       | gain 1/2          |
| butterworth | causal         | none       | 4                        | gain 0.707        |
| iir         | causal         | none       | 2                        | very wide         |
| ideal       | none           | whole clip | 2 per component in band  | sharp             |
"""

import math
from collections.abc import Callable, Iterable
from typing import get_args

from motionloupe.errors import UserError
from motionloupe.temporal.fir import FirFilter, band_pass, band_taps, second_derivative
from motionloupe.temporal.ideal import IdealFilter
from motionloupe.temporal.recursive import SosFilter, butterworth, difference_of_lowpasses
from motionloupe.temporal.signals import FilterKind, Signal, StreamingFilter, WholeFilter

__all__ = [
    "AffordableFilter",
    "FilterKind",
    "FirFilter",
    "IdealFilter",
    "Signal",
    "SosFilter",
    "StreamingFilter",
    "WholeFilter",
    "check_band",
    "design",
    "second_derivative",
]

AFFORDABLE_TAPS = 151
AFFORDABLE_BYTES = 1 << 30


class AffordableFilter:
    """The zero-phase FIR while it is cheap, else Butterworth; the first signal's size decides.

    Cheap means at most ``AFFORDABLE_TAPS`` taps and ``AFFORDABLE_BYTES`` of buffer. ``tell`` is
    called with a line where Butterworth is taken, because its motion swings up and lags a little.
    """

    def __init__(
        self, band: tuple[float, float], fps: float, tell: Callable[[str], None] | None = None
    ) -> None:
        self._fir = band_pass(band, fps)
        self._needed = band_taps(band, fps)
        self._recursive = butterworth(band, fps)
        self._tell = tell
        self._band = band
        self._chosen: FirFilter | SosFilter | None = None
        if len(self._fir.weights) > AFFORDABLE_TAPS:
            self._choose(affordable=False)
        self.delay = (self._chosen or self._fir).delay

    def push(self, motion: Signal) -> list[tuple[Signal, Signal]]:
        if self._chosen is None:
            self._choose(affordable=self._fir.bytes_needed(motion) <= AFFORDABLE_BYTES)
        assert self._chosen is not None
        return self._chosen.push(motion)

    def _choose(self, *, affordable: bool) -> None:
        self._chosen = self._fir if affordable else self._recursive
        self.delay = self._chosen.delay
        if self._tell is not None and not affordable:
            low, high = self._band
            blunt = self._needed > len(self._fir.weights)  # fir could not even cut it out
            self._tell(
                f"the band {low:g}-{high:g} Hz is cut out by the causal filter butterworth, whose "
                f"motion swings up and lags: fir would hold {self._needed} frames of motion; for a "
                f"short clip take the filter ideal{'' if blunt else ', else fir if memory allows'}"
            )

    def finish(self) -> Iterable[tuple[Signal, Signal]]:
        return [] if self._chosen is None else self._chosen.finish()


def design(
    kind: FilterKind | None,
    band: tuple[float, float],
    fps: float,
    tell: Callable[[str], None] | None = None,
) -> StreamingFilter | WholeFilter:
    """The filter that passes ``band`` = (low, high) hertz at ``fps`` frames per second.

    ``kind`` None is :class:`AffordableFilter`, which may ``tell`` what it chose. Raises UserError
    for an unknown kind or a band that the frame rate cannot hold.
    """
    check_band(band, fps)
    check_filter(kind)
    builders: dict[
        str | None,
        Callable[[tuple[float, float], float], StreamingFilter | WholeFilter],
    ] = {
        None: lambda band, fps: AffordableFilter(band, fps, tell),
        "fir": lambda band, fps: band_pass(band, fps, tell),
        "butterworth": butterworth,
        "iir": difference_of_lowpasses,
        "ideal": IdealFilter,
    }
    return builders[kind](band, fps)


def check_filter(kind: FilterKind | None) -> None:
    """Raise UserError for an unknown kind."""
    if kind not in (None, *get_args(FilterKind)):
        known = ", ".join(get_args(FilterKind))
        raise UserError(f"the filter must be one of {known}, found {kind!r}")


def band_edges(band: tuple[float, float]) -> tuple[float, float]:
    """(low, high) in plain numbers. Raises UserError unless 0 <= low < high."""
    try:
        low, high = (float(edge) for edge in band)
    except (TypeError, ValueError):
        raise UserError(f"a band is two numbers, low and high in hertz, found {band!r}") from None
    if not (math.isfinite(low) and math.isfinite(high)) or low < 0 or low >= high:
        raise UserError(f"a band needs 0 <= low < high in hertz, found {low:g} to {high:g}")
    return low, high


def check_band(band: tuple[float, float], fps: float) -> None:
    """Raise UserError unless 0 <= low < high < fps / 2."""
    _, high = band_edges(band)
    if high >= fps / 2:
        raise UserError(
            f"{fps:g} frames per second hold frequencies below {fps / 2:g} Hz, the band ends at "
            f"{high:g} Hz; for high-speed footage give the true rate with --fps"
        )
