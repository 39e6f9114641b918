"""The frequencies that stand out of a motion: found, told apart, and not imagined."""

import numpy as np
import pytest

from motionloupe.measurement.tones import tones

T = np.arange(150) / 30


def noise(seed, level=0.02):
    return np.random.default_rng(seed).normal(scale=level, size=(2, len(T)))


def swing(amplitude, frequency, phase=0.0):
    return amplitude * np.sin(2 * np.pi * frequency * T + phase)


def test_a_tone_between_two_bins_of_the_spectrum_is_found():
    (tone,) = tones(T, 1.0 + swing(0.3, 3.09), 0.2 * T + swing(0.1, 3.09, 1.0))
    assert tone.frequency == pytest.approx(3.09, abs=1e-3)
    assert tone.across == pytest.approx(0.3, abs=1e-4)
    assert tone.down == pytest.approx(0.1, abs=1e-4)
    assert tone.error < 1e-3


def test_tones_close_to_each_other_are_told_apart():
    across, down = noise(1, 0.002)
    found = tones(T, across + swing(0.2, 4.0) + swing(0.1, 4.9, 1.0), down + swing(0.05, 9.7))
    assert [tone.frequency for tone in found] == pytest.approx([4.0, 4.9, 9.7], abs=0.02)
    assert [tone.across for tone in found] == pytest.approx([0.2, 0.1, 0.0], abs=0.002)
    assert found[2].down == pytest.approx(0.05, abs=0.002)
    strongest = tones(T, across + swing(0.2, 4.0) + swing(0.1, 4.9, 1.0), down, most=1)
    assert [tone.frequency for tone in strongest] == pytest.approx([4.0], abs=0.05)


def test_its_error_is_how_far_amplitudes_stray():
    found = []
    for seed in range(60):
        across, down = noise(seed)
        found += [tone for tone in tones(T, across + swing(0.1, 4.2), down) if tone.across > 0.05]
    assert len(found) == 60
    strayed = np.std([tone.across for tone in found])
    assert np.median([tone.error for tone in found]) == pytest.approx(strayed, rel=0.35)


@pytest.mark.parametrize(
    "drift", [2.0 * (T / T[-1]) ** 2, 2.0 * np.exp(-4.0 * T / T[-1])], ids=["curved", "dying"]
)
def test_drift_spoils_neither_a_tone_nor_its_errors(drift):
    missed, strayed, errors = [], [], []
    for seed in range(40):
        across, down = noise(seed, 0.005)
        frequency = np.random.default_rng(seed).uniform(1.0, 8.0)
        (tone, *_) = tones(T, across + drift + swing(0.05, frequency, seed), down)
        missed.append(abs(tone.across - 0.05) / tone.error)
        strayed.append(abs(tone.frequency - frequency) / tone.frequency_error)
        errors.append(tone.error)
    assert np.median(errors) < 0.001
    for each in (missed, strayed):
        assert np.mean(np.array(each) < 2) > 0.85
        assert np.mean(np.array(each) < 1) > 0.5


def test_errors_of_frequencies_are_how_far_they_stray():
    found = [
        tones(T, noise(seed)[0] + swing(0.1, 4.2, seed), noise(seed)[1])[0] for seed in range(60)
    ]
    strayed = np.std([tone.frequency for tone in found])
    assert np.median([tone.frequency_error for tone in found]) == pytest.approx(strayed, rel=0.35)


@pytest.mark.parametrize("phase", [0.0, 1.0, 2.5, 4.0])
def test_what_is_too_near_to_be_parted_counts_in_the_error(phase):
    across, down = noise(1, 0.003)
    (tone,) = tones(T, across + swing(0.2, 4.0) + swing(0.2, 4.25, phase), down)
    assert abs(tone.across - 0.2) < 2 * tone.error
    astray = min(abs(tone.frequency - near) for near in (4.0, 4.25))
    assert astray < 2 * tone.frequency_error
    assert tone.error > 0.02


def test_of_what_dies_away_it_is_the_average():
    across, down = noise(1, 0.003)
    (tone,) = tones(T, across + np.exp(-T) * swing(0.5, 4.0), down)
    assert tone.frequency == pytest.approx(4.0, abs=0.01)
    assert tone.across == pytest.approx(0.5 * np.exp(-T).mean(), abs=2 * tone.error)
    assert tone.error > 0.01


def test_noise_and_drift_have_none():
    imagined = [tones(T, *noise(seed)) for seed in range(60)]
    assert sum(map(len, imagined)) <= 1
    across, down = noise(3, 0.001)
    assert tones(T, across + 0.5 * T**2, down - 0.01 * T**3) == []
    assert tones(T, across + swing(5.0, 0.25), down) == [], "has not had two periods"


def test_times_need_not_be_even():
    kept = np.random.default_rng(5).random(len(T)) < 0.8
    (tone,) = tones(T[kept], swing(0.3, 3.1)[kept], np.zeros(kept.sum()), most=1)
    assert tone.frequency == pytest.approx(3.1, abs=1e-3)
    assert tone.across == pytest.approx(0.3, abs=1e-3)


@pytest.mark.parametrize("frequency", [3.0, 9.0, 13.0])
def test_missing_moments_hide_no_swift_tone(frequency):
    kept = np.random.default_rng(5).random(len(T)) < 0.7
    across, down = noise(2, 0.003)
    (tone,) = tones(T[kept], (across + swing(0.2, frequency))[kept], down[kept])
    assert tone.frequency == pytest.approx(frequency, abs=0.01)
    assert tone.across == pytest.approx(0.2, abs=0.003)


def test_too_few_moments_have_none():
    assert tones(T[:15], swing(1.0, 6.0)[:15], np.zeros(15)) == []


def test_a_tone_that_settles_at_one_period_beside_others_is_no_crash():
    rng = np.random.default_rng(435)
    t = np.arange(40) / 30
    x = rng.uniform(1, 3) * np.cumsum(rng.standard_normal(40)) / 40
    for _ in range(3):
        height = 10 ** rng.uniform(-1.5, 0.2)
        angle = 2 * np.pi * rng.uniform(1, 20) * 30 / 40 * t + rng.uniform(0, 6.28)
        x = x + height * np.sin(angle)
    for tone in tones(t, x, 0 * x):
        assert 0 < tone.error < 1


def test_next_to_half_the_rate_no_amplitude_is_without_bounds():
    rng, t = np.random.default_rng(0), np.arange(16) / 30
    for _ in range(200):
        x = 0.05 * np.sin(2 * np.pi * 14.7 * t + rng.uniform(0, 6.28))
        x += rng.normal(0, 0.001, 16)
        assert all(tone.across < 1 for tone in tones(t, x, 0 * x))
