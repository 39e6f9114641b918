"""Which frequencies a motion holds, and how much of each."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from motionloupe.errors import UserError

Series = npt.NDArray[np.float64]


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
    seconds: Series, values: Series, frequencies: Sequence[float]
) -> tuple[Series, Series]:
    """Sinusoids of all these ``frequencies`` together, beside a constant and a slope.

    ``values`` (moments, ...) may be of several signals. Their weights (frequencies, 2, ...) of sine
    and cosine, and what they leave of the values.
    """
    angle = 2 * np.pi * np.multiply.outer(np.asarray(frequencies, np.float64), seconds)
    pairs = np.stack([np.sin(angle), np.cos(angle)], axis=1).reshape(-1, len(seconds))
    columns = np.stack([*pairs, np.ones_like(seconds), seconds - seconds.mean()], axis=1)
    weights, *_ = np.linalg.lstsq(columns, values, rcond=None)
    return weights[:-2].reshape(-1, 2, *values.shape[1:]), values - columns @ weights


def spectrum(seconds: Series, values: Series) -> tuple[Series, Series]:
    """(frequencies in hertz, amplitudes in the unit of ``values``), one-sided.

    A sinusoid shows its amplitude at its frequency. Constant and slope are taken out, a Hann window
    keeps neighbours apart, and uneven times are interpolated to even ones first. Raises UserError
    for fewer than five values.
    """
    t, y = np.asarray(seconds, np.float64), np.asarray(values, np.float64)
    count = len(t)
    if count < 5 or (np.diff(t) <= 0).any():
        raise UserError(f"a spectrum needs five moments or more in order, found {count}")
    even = np.linspace(t[0], t[-1], count)
    y = np.interp(even, t, y)
    y = y - np.polyval(np.polyfit(even - t[0], y, 1), even - t[0])
    window = np.hanning(count + 1)[:-1]
    amplitudes = np.abs(np.fft.rfft(y * window)) * 2.0 / window.sum()
    step = (t[-1] - t[0]) / (count - 1)
    return np.fft.rfftfreq(count, step), amplitudes
