"""The frequencies that stand out of a motion: how fast something swings, and how far."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from motionloupe.measurement.spectra import Series, fit_sinusoids, hann, spectrum

_MOMENTS = 16  # fewer tell no frequency from noise
_PERIODS = 2  # that a tone must have had; what is slower is drift
_STANDS_OUT = 4.0  # times what lies around it; white noise does so in one of some hundred spectra
_AROUND = 3.0  # from a third to three times its frequency, yet not
_BESIDE = 2  # bins beside it, which are its own
_LEAST = 1e-4  # pixels
_SPOILT = 2.0  # times what lies around: so much left beside a tone is no noise
# The median of the amplitudes of noise in two directions, over the standard error of a fitted one:
# that for the median of chi with 4 degrees, as both are under the same window.
_FLOOR_OVER_ERROR = 1.83
# The standard error of a frequency, in periods of the record, over that of the amplitude, as a part
# of it: the bound of Cramer and Rao, which is sqrt(3) / pi, under a Hann window.
_STRAYS = 0.69


@dataclass(frozen=True)
class Tone:
    """A sinusoid in a motion: ``frequency`` in hertz, amplitudes ``across`` and ``down`` in pixels.

    ``error`` is the standard error of either, by what lies around it in the spectrum; where more is
    left beside it, as of one that dies away or of two too near to be parted, by that.
    ``frequency_error`` is that of the frequency, in hertz.
    """

    frequency: float
    across: float
    down: float
    error: float
    frequency_error: float


def tones(seconds: Series, dx: Series, dy: Series, most: int = 3) -> list[Tone]:
    """Up to ``most`` tones that stand out of a motion (pixels), the strongest first.

    One is looked for at a time, in what the others leave, by the amplitudes of both directions
    together; then all are fitted at once, under the window of the spectrum, that drift spoils
    neither. It must rise to four times what lies around it in the spectrum, and have had two
    periods; next to half the rate of the moments, where it is like its mirror image, none is looked
    for. Empty for fewer than 16 moments.
    """
    t, moved = np.asarray(seconds, np.float64), np.stack([dx, dy], axis=1).astype(np.float64)
    if len(t) < _MOMENTS:
        return []
    found: list[float] = []
    weights, window, spectral = np.empty((0, 2, 2)), hann(t), _amplitudes(t, moved)
    while len(found) < most:
        frequency = _strongest(*spectral, found)
        if frequency is None:
            break
        found.append(_settled(t, moved, window, found, frequency))
        for index in range(len(found) - 1):  # the others, now that this one is known
            others = found[:index] + found[index + 1 :]
            found[index] = _settled(t, moved, window, others, found[index])
        weights, rest = fit_sinusoids(t, moved, found, window)
        spectral = _amplitudes(t, rest)
    heard: list[Tone] = []
    for frequency, swings in zip(found, np.hypot(weights[:, 0], weights[:, 1]), strict=True):
        error, strays = _errors(*spectral, frequency)
        width = max(float(np.hypot(*swings) * (t[-1] - t[0])), 1e-12)
        heard.append(Tone(frequency, float(swings[0]), float(swings[1]), error, strays / width))
    return sorted(heard, key=lambda tone: -np.hypot(tone.across, tone.down))


def _settled(
    t: Series, moved: Series, window: Series, others: list[float], frequency: float
) -> float:
    """The frequency near this one that leaves least of the motion, beside ``others``."""

    def left(frequency: float) -> float:
        rest = fit_sinusoids(t, moved, [*others, frequency], window)[1]
        return float(window @ np.sum(rest**2, axis=1))

    step = 1.0 / (t[-1] - t[0])
    most = 0.5 / float(np.median(np.diff(t)))
    near = (max(frequency - step, step), min(frequency + step, most - step / 2))
    return float(minimize_scalar(left, bounds=near, method="bounded").x)


def _errors(frequencies: Series, left: Series, frequency: float) -> tuple[float, float]:
    """The standard error of an amplitude at ``frequency``, by the spectrum that is ``left``.

    And that of the frequency, in bins times the amplitude: what is left beside it pulls it along by
    its share.
    """
    bin = int(np.argmin(np.abs(frequencies - frequency)))
    floor, beside = _floor(left, bin), float(left[max(bin - _BESIDE, 1) : bin + _BESIDE + 1].max())
    error = floor / _FLOOR_OVER_ERROR
    return (beside, _BESIDE * beside) if beside > _SPOILT * floor else (error, _STRAYS * error)


def _strongest(frequencies: Series, amplitudes: Series, found: list[float]) -> float | None:
    """The frequency in hertz that stands out most of what is left beside ``found``, if one does."""
    best, most = None, _STANDS_OUT
    for bin in range(_PERIODS, len(amplitudes) - 1):
        height = amplitudes[bin]
        own = min((abs(each - frequencies[bin]) for each in found), default=np.inf)
        summit = height >= amplitudes[bin - 1] and height > amplitudes[bin + 1]
        if not summit or height < _LEAST or own <= _BESIDE * frequencies[1]:
            continue
        ratio = height / max(_floor(amplitudes, bin), 1e-12)
        if ratio > most:
            best, most = float(frequencies[bin]), ratio
    return best


def _amplitudes(t: Series, moved: Series) -> tuple[Series, Series]:
    """The spectrum of both directions together."""
    (frequencies, across), (_, down) = (spectrum(t, values) for values in moved.T)
    return frequencies, np.hypot(across, down)


def _floor(amplitudes: Series, bin: int) -> float:
    """What lies around a bin of the spectrum, in the median."""
    first, last = round(bin / _AROUND), max(round(bin * _AROUND), bin + 4 * _BESIDE)
    around = np.arange(max(first, 1), min(last + 1, len(amplitudes)))
    return float(np.median(amplitudes[around[abs(around - bin) > _BESIDE]]))
