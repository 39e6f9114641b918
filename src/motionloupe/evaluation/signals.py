"""The motion in a video beside what a sensor read: correlation, gain and phase lag.

Both are cut to the time that they share, even in time, under a Hann window, and compared frequency
by frequency. Where the sensor read velocity or acceleration, the video's motion is derived once or
twice, as Oh et al. 2018 do for the accelerometer on their hammer.
"""

import csv
import math
from dataclasses import dataclass
from functools import cached_property
from math import comb
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from motionloupe.boxes import Box
from motionloupe.errors import UserError
from motionloupe.measurement.spectra import Series
from motionloupe.measurement.tracking import Track

Spectrum = npt.NDArray[np.complex128]
ORDERS = ("displacement", "velocity", "acceleration")
FEWEST = 5
"""Frequencies that a correlation needs: with one, even noise correlates perfectly."""
_LEAST = 8  # samples
_LAGS = 201  # delays that are tried, within a quarter of a period either way


@dataclass(frozen=True)
class Reading:
    """What a sensor read: ``seconds`` from the video's first frame, ``values`` in any unit."""

    seconds: Series
    values: Series
    order: int = 0
    """0 for displacement, 1 for velocity, 2 for acceleration."""


def read_reading(path: Path) -> Reading:
    """A CSV whose first column is the time in seconds; the second one's name says what was read.

    It begins like displacement, velocity or acceleration; without a line of names it is taken for
    displacement. Raises UserError.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file)
            rows = [(lines.line_num, row) for row in lines if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: not a CSV that can be read ({error})") from None
    order = 0
    if rows and not _numbers(rows[0][1]):
        order = _order(path, rows.pop(0)[1])
    found = [_numbers(row) for _, row in rows]
    bad = next((row for row, values in zip(rows, found, strict=True) if not values), None)
    if bad is not None:
        raise UserError(f"{path}: line {bad[0]} does not hold a time and a value: {bad[1]}")
    if len(found) < _LEAST:
        raise UserError(f"{path}: needs {_LEAST} rows of time and value or more, has {len(found)}")
    seconds, values = np.array(found, np.float64).T
    if (np.diff(seconds) <= 0).any():
        raise UserError(f"{path}: the times must grow from row to row, in seconds")
    return Reading(seconds, values, order)


def _numbers(row: list[str]) -> tuple[float, float] | None:
    try:
        pair = float(row[0]), float(row[1])
    except (ValueError, IndexError):
        return None
    return pair if np.isfinite(pair).all() else None


def _order(path: Path, names: list[str]) -> int:
    name = names[1].strip().lower() if len(names) > 1 else ""
    for order, known in enumerate(ORDERS):
        if name and (name.startswith(known[:3])):
            return order
    raise UserError(f"{path}: the second column must be one of {', '.join(ORDERS)}, found {name!r}")


@dataclass(frozen=True)
class Recorded:
    """A video's motion in ``box``, before magnification, beside a sensor's reading of it.

    ``band`` in hertz is what they are compared in; None for all but the slowest. Raises UserError
    where the two share no time, or the band no frequency.
    """

    reading: Reading
    source: Track
    box: Box
    band: tuple[float, float] | None

    def __post_init__(self) -> None:
        _ = self._common

    @cached_property
    def _common(self) -> "_Common":
        return _Common.of(self.reading, self.source, self.band)

    @property
    def frequencies(self) -> int:
        """How many of them there are in the band, which the shared time can tell apart."""
        return len(self._common.bins)

    @property
    def told(self) -> str:
        """The same in a line, and what does not come of it."""
        count = self.frequencies
        line = f"the band holds {count} {'frequency' if count == 1 else 'frequencies'} to compare"
        if count >= FEWEST:
            return line
        return f"{line}: too few for a correlation, which needs {FEWEST}; widen it or film longer"

    def scores(self, magnified: Track, alpha: float) -> dict[str, float]:
        """``correlation``, ``gain`` (measured over wanted) and ``phase_lag`` (degrees, absolute).

        The source says which way the sensor points, what a pixel is in its unit and how late it is,
        by a quarter of a period at most; so gain and lag are those of the magnification. There is
        no correlation (NaN) of fewer than ``FEWEST`` frequencies.
        """
        common = self._common
        reading = common.spectrum(self.reading.seconds, self.reading.values)
        moved = common.motion(self.source, self.reading.order)
        axis = _main_axis(moved)
        source = axis @ moved
        answer = axis @ common.motion(magnified, self.reading.order)
        reading = common.aligned(reading, source)
        before, after = np.vdot(reading, source), np.vdot(reading, answer)
        size = np.linalg.norm(reading) * np.linalg.norm(answer)
        correlation = float(after.real / size) if size else 0.0
        lag = np.angle(after) - np.angle(before)
        return {
            "correlation": correlation if len(common.bins) >= FEWEST else math.nan,
            "gain": float(after.real / (alpha * before.real)),
            "phase_lag": float(np.degrees(np.abs(np.angle(np.exp(1j * lag))))),
        }


@dataclass(frozen=True)
class _Common:
    """The time that two signals share, and the frequencies that both can tell."""

    begin: float
    length: float
    bins: npt.NDArray[np.int64]

    @classmethod
    def of(cls, reading: Reading, track: Track, band: tuple[float, float] | None) -> "_Common":
        begin = max(reading.seconds[0], track.seconds[0])
        end = min(reading.seconds[-1], track.seconds[-1])
        counts = [int(((s >= begin) & (s <= end)).sum()) for s in (reading.seconds, track.seconds)]
        if min(counts) < _LEAST:
            raise UserError(
                f"the video ({track.seconds[0]:g} to {track.seconds[-1]:g} s) and the reading "
                f"({reading.seconds[0]:g} to {reading.seconds[-1]:g} s) share too little time; "
                "the reading's times count from the video's first frame"
            )
        length = end - begin
        low, high = band or (2.0 / length, np.inf)
        bins = np.arange(1, min(counts) // 2)
        bins = bins[(bins >= low * length) & (bins <= high * length)]
        if not len(bins):
            raise UserError(
                f"{length:.3g} s at this rate tell no frequency from {low:g} to {high:g} Hz"
            )
        return cls(float(begin), float(length), bins)

    def spectrum(self, seconds: Series, values: Series, order: int = 0) -> Spectrum:
        """Of the signal derived ``order`` times, then windowed.

        With w the window, w x'' = (w x)'' - 2 (w' x)' + w'' x, where only products are derived.
        """
        inside = (seconds >= self.begin) & (seconds <= self.begin + self.length)
        count = int(inside.sum())
        moments = self.begin + self.length * np.arange(count) / count
        even = np.interp(moments, seconds, values)
        even = even - np.polyval(np.polyfit(moments, even, 1), moments)
        turn, angle = 2 * np.pi / self.length, 2 * np.pi * np.arange(count) / count
        hann = (1 - np.cos(angle), turn * np.sin(angle), turn**2 * np.cos(angle))
        derive = 1j * turn * self.bins
        found = np.zeros(len(self.bins), np.complex128)
        for k in range(order + 1):
            part = np.fft.rfft(even * hann[k])[self.bins] / count
            found += (-1) ** k * comb(order, k) * derive ** (order - k) * part
        return found

    def motion(self, track: Track, order: int) -> Spectrum:
        """(2, frequencies), x and y, derived ``order`` times."""
        both = [self.spectrum(track.seconds, values, order) for values in (track.dx, track.dy)]
        return np.stack(both)

    def aligned(self, reading: Spectrum, source: Spectrum) -> Spectrum:
        """The reading, turned and delayed so that it fits the source best."""
        frequencies = self.bins / self.length
        quarter = 0.25 / frequencies[np.argmax(np.abs(reading))]
        lags = np.linspace(-quarter, quarter, _LAGS)
        turns = np.exp(-2j * np.pi * np.outer(lags, frequencies))
        fits = ((turns * reading).conj() @ source).real
        best = int(np.argmax(np.abs(fits)))
        return np.asarray(np.sign(fits[best]) * turns[best] * reading)


def _main_axis(moved: Spectrum) -> npt.NDArray[Any]:
    """The unit vector (x, y) along which there is most motion."""
    return np.asarray(np.linalg.eigh((moved @ moved.conj().T).real)[1][:, -1])
