"""Which frequencies a motion holds, and how much of each."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from motionloupe.errors import UserError

Series = npt.NDArray[np.float64]

_UNEVEN = 0.1  # of a step: beyond, times count as they are; containers round them by less
_SPARSE = 4  # times as many moments as there are, at most, are taken to be missing between them


@dataclass(frozen=True)
class Sinusoid:
    """``amplitude`` x sin(2 pi frequency t + phase); ``rest`` is the RMS of what it leaves."""

    frequency: float
    amplitude: float
    phase: float
    rest: float


def fit_sinusoid(seconds: Series, values: Series, frequency: float) -> Sinusoid:
    """The sinusoid of ``frequency`` hertz closest to ``values``, beside a constant and a slope.

    Least squares, so the times need neither be even nor cover whole periods. Raises UserError for
    fewer than five values or a frequency that they cannot tell from its mirror image.
    """
    t, y = np.asarray(seconds, np.float64), np.asarray(values, np.float64)
    if len(t) < 5 or t[-1] <= t[0]:
        raise UserError(f"a sinusoid needs five moments or more in order, found {len(t)}")
    nyquist = 0.5 / float(np.median(np.diff(t)))
    if not 0 < frequency < nyquist:
        raise UserError(f"the frequency must lie between 0 and {nyquist:g} Hz, found {frequency:g}")
    (pair,), left = fit_sinusoids(t, y, [frequency])
    rest, (sine, cosine) = float(np.sqrt(np.mean(left**2))), pair.tolist()
    return Sinusoid(frequency, math.hypot(sine, cosine), math.atan2(cosine, sine), rest)


def fit_sinusoids(
    seconds: Series, values: Series, frequencies: Sequence[float], heed: Series | None = None
) -> tuple[Series, Series]:
    """Sinusoids of all these ``frequencies`` together, beside a constant and a slope.

    ``values`` (moments, ...) may be of several signals; ``heed`` (moments,) is how much the square
    of what is left counts at each moment, by default the same. Returns the weights
    (frequencies, 2, ...) of sine and cosine, and what they leave of the values.
    """
    angle = 2 * np.pi * np.multiply.outer(np.asarray(frequencies, np.float64), seconds)
    pairs = np.stack([np.sin(angle), np.cos(angle)], axis=1).reshape(-1, len(seconds))
    columns = np.stack([*pairs, np.ones_like(seconds), seconds - seconds.mean()], axis=1)
    root = np.ones_like(seconds) if heed is None else np.sqrt(heed)
    heeded = (values.T * root).T
    weights, *_ = np.linalg.lstsq(root[:, None] * columns, heeded, rcond=None)
    return weights[:-2].reshape(-1, 2, *values.shape[1:]), values - columns @ weights


def hann(seconds: Series) -> Series:
    """The Hann window (moments,) at these times, even or not: 1 in the middle, near 0 at the ends.

    Under it what drifts slowly stays at low frequencies, be it curved.
    """
    length = seconds[-1] - seconds[0]
    since = (seconds - seconds[0]) * (len(seconds) - 1) / length + 0.5
    return np.asarray(np.sin(np.pi * since / len(seconds)) ** 2)


def spectrum(seconds: Series, values: Series) -> tuple[Series, Series]:
    """(frequencies in hertz, amplitudes in the unit of ``values``), one-sided.

    A sinusoid shows its amplitude at its frequency. Constant and slope are taken out, and a Hann
    window keeps neighbours apart. Where moments are missing or uneven it is the transform at the
    true times, up to half the usual rate. Raises UserError for fewer than five values.
    """
    t, y = np.asarray(seconds, np.float64), np.asarray(values, np.float64)
    count = len(t)
    if count < 5 or (np.diff(t) <= 0).any():
        raise UserError(f"a spectrum needs five moments or more in order, found {count}")
    even = np.linspace(t[0], t[-1], count)
    step = (t[-1] - t[0]) / (count - 1)
    if np.abs(t - even).max() > _UNEVEN * step:
        return _uneven_spectrum(t, y)
    y = np.interp(even, t, y)
    y = y - np.polyval(np.polyfit(even - t[0], y, 1), even - t[0])
    window = np.hanning(count + 1)[:-1]
    amplitudes = np.abs(np.fft.rfft(y * window)) * 2.0 / window.sum()
    return np.fft.rfftfreq(count, step), amplitudes


def _uneven_spectrum(t: Series, y: Series) -> tuple[Series, Series]:
    """The same of moments that are missing or uneven."""
    length = float(t[-1] - t[0])
    whole = min(round(length / float(np.median(np.diff(t)))) + 1, _SPARSE * len(t))
    frequencies = np.asarray(np.fft.rfftfreq(whole, length / (whole - 1)), np.float64)
    window = hann(t)
    heeded = window * (y - np.polyval(np.polyfit(t - t[0], y, 1), t - t[0]))
    places = (t - t[0]) * (whole - 1) / length
    grid = np.rint(places).astype(int)
    if np.abs(places - grid).max() < _UNEVEN and (np.diff(grid) > 0).all():  # some are missing
        there = np.zeros(whole)
        there[grid] = heeded
        sums = np.abs(np.fft.rfft(there))
    else:
        sums, turned = np.empty(len(frequencies)), heeded.astype(np.complex128)
        turn = np.exp(-2j * np.pi * frequencies[1] * (t - t[0]))
        for number in range(len(frequencies)):
            sums[number] = abs(turned.sum())
            turned *= turn
    return frequencies, sums * 2.0 / float(window.sum())
