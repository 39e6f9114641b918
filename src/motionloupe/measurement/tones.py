"""The frequencies that stand out of a motion: how fast something swings, and how far."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.optimize import minimize_scalar

from motionloupe.measurement.spectra import Series, fit_sinusoids, spectrum

_MOMENTS = 16  # fewer tell no frequency from noise
_PERIODS = 2  # that a tone must have had; what is slower is drift
_STANDS_OUT = 4.0  # times what lies around it; white noise does so in one of some hundred spectra
_AROUND = 3.0  # from a third to three times its frequency, yet not
_BESIDE = 2  # bins beside it, which are its own
_LEAST = 1e-4  # pixels
# The median of the amplitudes of noise in two directions under a Hann window, over the standard
# error of a fitted one: 1.83 for the median of chi with 4 degrees, sqrt(1.5) for the window.
_FLOOR_OVER_ERROR = 2.25


@dataclass(frozen=True)
class Tone:
    """A sinusoid in a motion: ``frequency`` in hertz, amplitudes ``across`` and ``down`` in pixels.

    ``error`` is the standard error of either, by what lies around it in the spectrum.
    """

    frequency: float
    across: float
    down: float
    error: float


def tones(seconds: Series, dx: Series, dy: Series, most: int = 3) -> list[Tone]:
    """Up to ``most`` tones that stand out of a motion (pixels), the strongest first.

    One is looked for at a time, in what the others leave, by the amplitudes of both directions
    together; then all are fitted at once. It must rise to four times what lies around it in the
    spectrum, and have had two periods. Empty for fewer than 16 moments.
    """
    t, moved = np.asarray(seconds, np.float64), np.stack([dx, dy], axis=1).astype(np.float64)
    if len(t) < _MOMENTS:
        return []
    found: list[float] = []
    weights, rest = np.empty((0, 2, 2)), moved
    while len(found) < most:
        frequency = _strongest(t, rest, found)
        if frequency is None:
            break
        step = 1.0 / (t[-1] - t[0])
        energy = partial(_energy_left, t, moved, found)
        near = (frequency - step, min(frequency + step, 0.5 * (len(t) - 1) * step))
        found.append(float(minimize_scalar(energy, bounds=near, method="bounded").x))
        weights, rest = fit_sinusoids(t, moved, found)
    frequencies, left = _amplitudes(t, rest)
    heard: list[Tone] = []
    for frequency, (across, down) in zip(
        found, np.hypot(weights[:, 0], weights[:, 1]), strict=True
    ):
        floor = _floor(left, int(np.argmin(np.abs(frequencies - frequency))))
        heard.append(Tone(frequency, float(across), float(down), floor / _FLOOR_OVER_ERROR))
    return sorted(heard, key=lambda tone: -np.hypot(tone.across, tone.down))


def _energy_left(t: Series, moved: Series, found: list[float], frequency: float) -> float:
    """The energy that a further frequency leaves of the motion."""
    return float(np.sum(fit_sinusoids(t, moved, [*found, frequency])[1] ** 2))


def _strongest(t: Series, rest: Series, found: list[float]) -> float | None:
    """The frequency in hertz that stands out most of what is left, if one does."""
    frequencies, amplitudes = _amplitudes(t, rest)
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
