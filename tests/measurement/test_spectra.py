"""Amplitudes at frequencies: known sinusoids, uneven times, scipy as the reference."""

import time

import numpy as np
import pytest
from scipy import signal

from motionloupe.errors import UserError
from motionloupe.measurement.spectra import fit_sinusoid, spectrum

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("frequency", [0.4, 3.0, 11.7])
def test_amplitude_and_phase_of_a_sinusoid_on_a_slope(frequency):
    t = np.arange(100) / 30
    y = 0.2 * np.sin(2 * np.pi * frequency * t + 0.7) + 3 - 0.5 * t
    found = fit_sinusoid(t, y, frequency)
    assert found.amplitude == pytest.approx(0.2, rel=1e-6)
    assert found.phase == pytest.approx(0.7, abs=1e-6)
    assert found.rest == pytest.approx(0, abs=1e-9)


def test_uneven_times_are_no_trouble_to_a_fit():
    t = np.sort(RNG.uniform(0, 4, 120))
    found = fit_sinusoid(t, 0.2 * np.sin(2 * np.pi * 3 * t), 3.0)
    assert found.amplitude == pytest.approx(0.2, rel=1e-6)


def test_noise_stays_in_the_rest():
    t = np.arange(300) / 30
    found = fit_sinusoid(t, 0.01 * RNG.standard_normal(300), 3.0)
    assert found.amplitude < 0.003
    assert found.rest == pytest.approx(0.01, rel=0.15)


@pytest.mark.parametrize(
    ("count", "frequency", "reason"),
    [(4, 3.0, "five moments"), (90, 15.1, "between 0 and 15 Hz"), (90, -1.0, "found -1")],
)
def test_what_cannot_be_fitted_is_refused(count, frequency, reason):
    t = np.arange(count) / 30
    with pytest.raises(UserError, match=reason):
        fit_sinusoid(t, t, frequency)


@pytest.mark.parametrize("count", [120, 121])
def test_a_spectrum_shows_the_amplitude_at_the_frequency(count):
    t = np.arange(count) / 30
    frequency = 12 * 30 / count
    frequencies, amplitudes = spectrum(t, 1 + 0.3 * np.sin(2 * np.pi * frequency * t))
    peak = np.argmax(amplitudes)
    assert frequencies[peak] == pytest.approx(frequency)
    assert amplitudes[peak] == pytest.approx(0.3, rel=0.02)


def test_a_spectrum_agrees_with_scipy():
    t = np.arange(200) / 25
    y = RNG.standard_normal(200)
    frequencies, amplitudes = spectrum(t, y)
    expected, power = signal.periodogram(
        signal.detrend(y), 25, "hann", detrend=False, scaling="spectrum"
    )
    np.testing.assert_allclose(frequencies, expected)
    inner = slice(2, -1)
    np.testing.assert_allclose(amplitudes[inner], np.sqrt(2 * power[inner]), rtol=1e-6)


def test_uneven_times_keep_the_peak_in_place():
    t = np.arange(240) / 30 + RNG.uniform(-0.004, 0.004, 240)
    frequencies, amplitudes = spectrum(t, np.sin(2 * np.pi * 2.5 * t))
    assert frequencies[np.argmax(amplitudes)] == pytest.approx(2.5, abs=0.07)


def test_of_missing_moments_the_true_times_count():
    t = np.arange(240) / 30
    t = t[RNG.random(240) < 0.7]
    frequencies, amplitudes = spectrum(t, 1 + 0.3 * np.sin(2 * np.pi * 12 * t) - t)
    peak = np.argmax(amplitudes)
    assert frequencies[-1] == pytest.approx(15, abs=0.1)
    assert frequencies[peak] == pytest.approx(12, abs=0.07)
    assert amplitudes[peak] == pytest.approx(0.3, rel=0.05)


def test_a_pause_of_hours_makes_no_endless_spectrum():
    t = np.concatenate([np.arange(50) / 30, 9000 + np.arange(50) / 30])
    assert len(spectrum(t, RNG.standard_normal(100))[0]) <= 201


def test_times_out_of_order_have_no_spectrum():
    with pytest.raises(UserError, match="in order"):
        spectrum(np.array([0.0, 1, 2, 2, 3]), np.zeros(5))


def test_missing_moments_of_a_long_record_take_no_longer():
    """Eighteen thousand of them: by sums at every frequency that would take seconds."""
    t = np.delete(np.arange(18_000) / 30, np.arange(50, 18_000, 97))
    start = time.perf_counter()
    frequencies, amplitudes = spectrum(t, 0.2 * np.sin(2 * np.pi * 3 * t))
    assert time.perf_counter() - start < 0.5
    peak = int(np.argmax(amplitudes))
    assert frequencies[peak] == pytest.approx(3, abs=0.01)
    assert amplitudes[peak] == pytest.approx(0.2, rel=0.02)
