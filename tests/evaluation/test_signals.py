"""A motion beside a sensor's reading: what is known comes out."""

import numpy as np
import pytest

from motionloupe.errors import UserError
from motionloupe.evaluation.signals import Reading, Recorded, read_reading
from motionloupe.measurement.tracking import Track

HERTZ, FPS, SECONDS = 4.0, 60.0, 3.0


def sway(t, phase=0.0):
    return np.sin(2 * np.pi * HERTZ * t + phase) * np.exp(-0.3 * t)


def track(factor=1.0, phase=0.0, noise=0.0):
    t = np.arange(round(SECONDS * FPS)) / FPS
    both = 0.3 * factor * sway(t, phase) + noise * np.random.default_rng(0).standard_normal(len(t))
    return Track(t, 0.6 * both + 5.0, -0.8 * both + 0.1 * t)


def reading(order=0, delay=0.0, sign=1.0, rate=1000.0):
    t = np.arange(round(SECONDS * rate)) / rate
    values = sign * sway(t - delay)
    for _ in range(order):
        values = np.gradient(values, t)
    return Reading(t, 70.0 * values, order)


@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize(("delay", "sign"), [(0.0, 1.0), (0.03, 1.0), (-0.04, -1.0)])
def test_a_perfect_answer_scores_so_whatever_the_sensor_s_unit_sign_and_delay(order, delay, sign):
    recorded = Recorded(reading(order, delay, sign), track(), (0, 0, 1, 1), (2.0, 8.0))
    scores = recorded.scores(track(10.0), 10.0)
    assert scores["correlation"] == pytest.approx(1, abs=2e-3)
    assert scores["gain"] == pytest.approx(1, abs=1e-6)
    assert scores["phase_lag"] == pytest.approx(0, abs=1e-4)


def test_too_little_and_too_late_show():
    recorded = Recorded(reading(2), track(), (0, 0, 1, 1), (2.0, 8.0))
    scores = recorded.scores(track(6.0, phase=-np.radians(25)), 10.0)
    assert scores["gain"] == pytest.approx(0.6 * np.cos(np.radians(25)), abs=0.02)
    assert scores["phase_lag"] == pytest.approx(25, abs=1)
    noisy = recorded.scores(track(10.0, noise=3.0), 10.0)
    assert noisy["correlation"] < 0.9


def test_without_a_band_all_but_the_slowest_counts():
    recorded = Recorded(reading(), track(), (0, 0, 1, 1), None)
    assert recorded.scores(track(2.0), 2.0)["gain"] == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    ("later", "band", "words"),
    [(100.0, None, "share too little time"), (0.0, (4.05, 4.3), "tell no frequency")],
)
def test_what_cannot_be_compared_is_said(later, band, words):
    known = reading()
    moved = Reading(known.seconds + later, known.values)
    with pytest.raises(UserError, match=words):
        Recorded(moved, track(), (0, 0, 1, 1), band)


def test_few_frequencies_give_no_correlation():
    """Of one, even noise would have one of 1; the gain and the lag stand."""
    for band, count in (((3.9, 4.1), 1), ((3.5, 4.5), 3), ((3.3, 4.7), 5)):
        recorded = Recorded(reading(), track(), (0, 0, 1, 1), band)
        scores = recorded.scores(track(10.0), 10.0)
        assert recorded.frequencies == count
        assert np.isnan(scores["correlation"]) == (count < 5)
        assert ("needs 5" in recorded.told) == (count < 5)
        assert scores["gain"] == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "order"), [("displacement (mm)", 0), ("Velocity", 1), ("acc_z", 2)]
)
def test_the_name_of_the_column_says_what_was_read(tmp_path, name, order):
    path = tmp_path / "sensor.csv"
    path.write_text(f"t,{name}\n" + "".join(f"{n / 10},{n}\n" for n in range(9)))
    found = read_reading(path)
    assert found.order == order
    assert found.seconds[3] == pytest.approx(0.3)
    path.write_text("\n".join(f"{n / 10}, {n}" for n in range(9)))
    assert read_reading(path).values[8] == 8


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("t,light\n0,1\n", "must be one of displacement, velocity, acceleration, found 'light'"),
        ("t,velocity\n0,1\n", "needs 8 rows"),
        ("t,velocity\n" + "0,1\n" * 9, "times must grow"),
        ("t,velocity\n0,1\n1,nothing\n", "line 3 does not hold"),
        ("", "needs 8 rows"),
    ],
)
def test_a_bad_table_is_named(tmp_path, text, words):
    path = tmp_path / "sensor.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=words):
        read_reading(path)
    with pytest.raises(UserError, match="not a CSV"):
        read_reading(tmp_path / "none.csv")
