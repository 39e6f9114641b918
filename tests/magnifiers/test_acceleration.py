"""Acceleration magnification: the tremble grows, steady motion does not."""

import numpy as np
import pytest

from motionloupe.errors import UserError
from motionloupe.magnifiers.acceleration import Acceleration
from motionloupe.measurement.displacement import displacement
from tests.scenes import clip, texture, to_uint8

BOX = (12, 12, 72, 40)
FPS = 30.0


def moving(hertz=0.0, speed=0.0, amplitude=0.2):
    return clip(
        lambda t: speed * t + amplitude * np.sin(2 * np.pi * hertz * t),
        seconds=1.5,
        height=64,
        width=96,
    )


def measured(frames, hertz, speed=0.0):
    """The tremble's amplitude at ``hertz`` and what is left, beside steady motion at ``speed``."""
    steady = moving(speed=speed)
    picked = np.arange(9, len(frames) - 9, 2)
    moved = np.array([displacement(steady[index], frames[index], BOX)[0] for index in picked])
    turns = 2 * np.pi * hertz * picked / FPS
    waves = np.stack([np.sin(turns), np.cos(turns), np.ones_like(turns)], axis=1)
    found = np.linalg.lstsq(waves, moved, rcond=None)[0]
    return np.hypot(*found[:2]), np.abs(moved - waves @ found).max()


@pytest.mark.parametrize(("kernel", "alpha"), [("dog", 2), ("dog", 10), ("integer", 5)])
def test_tremble_at_the_frequency_is_alpha_times_as_large(kernel, alpha):
    method = Acceleration(frequency=4, kernel=kernel)
    amplitude, rest = measured(list(method.stream(moving(4), alpha, FPS)), 4)
    assert amplitude == pytest.approx(0.2 * alpha, rel=0.1)
    assert rest < 0.02


@pytest.mark.parametrize("options", [{}, {"kernel": "integer"}, {"mode": "dynamic"}])
def test_steady_motion_is_not_magnified_and_does_not_hide_tremble(options):
    speed = 0.5 * FPS
    frames = moving(4, speed)
    drawn = list(Acceleration(frequency=4, **options).stream(frames, 8, FPS))
    amplitude, rest = measured(drawn, 4, speed)
    assert amplitude == pytest.approx(1.6, rel=0.1)
    assert rest < 0.06


def test_steady_motion_alone_stays_as_it_is():
    frames = moving(speed=15)
    drawn = Acceleration().stream(frames, 10, FPS)
    for before, after in list(zip(frames, drawn, strict=True))[::4]:
        assert displacement(before, after, BOX)[0] == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("hertz", [1.0, 2.0, 8.0])
def test_other_frequencies_follow_the_stated_gain(hertz):
    method = Acceleration(frequency=4, kernel="integer")
    n = 2  # ceil(30 / (4 * 4))
    gain = (1 - np.cos(2 * np.pi * hertz * n / FPS)) / (1 - np.cos(2 * np.pi * 4 * n / FPS))
    amplitude, _ = measured(list(method.stream(moving(hertz), 6, FPS)), hertz)
    assert amplitude == pytest.approx(0.2 * (1 + 5 * gain), rel=0.1)


@pytest.mark.parametrize(
    ("options", "fps", "wanted"),
    [
        ({}, 30, 4),
        ({}, 8, 2),
        ({"mode": "dynamic"}, 30, 7.5),
        ({"band": (2, 8)}, 30, 4),
        ({"band": (0, 8)}, 30, 4),
        ({"band": (2, 8), "frequency": 3}, 30, 3),
    ],
)
def test_the_frequency_follows_the_band(options, fps, wanted):
    assert Acceleration(**options)._frequency(fps) == pytest.approx(wanted)


@pytest.mark.parametrize("mode", ["static", "dynamic"])
@pytest.mark.parametrize(("height", "width"), [(16, 16), (33, 47)])
def test_alpha_one_is_the_identity(mode, height, width):
    rng = np.random.default_rng(0)
    frames = list(rng.integers(0, 256, (12, height, width, 3), dtype=np.uint8))
    np.testing.assert_array_equal(list(Acceleration(mode=mode).stream(frames, 1, FPS)), frames)


def test_a_still_video_stays_still():
    still = to_uint8(texture(32, 48))
    for drawn in Acceleration().stream([still] * 12, 50, FPS):
        np.testing.assert_array_equal(drawn, still)


def test_what_cannot_be_is_refused():
    for options, message in [
        ({"kernel": "sobel"}, "dog, integer"),
        ({"frequency": 0.0}, "above 0 hertz"),
        ({"band": (1, 3), "filter": "fir"}, "own filter"),
    ]:
        with pytest.raises(UserError, match=message):
            Acceleration(**options)
    with pytest.raises(UserError, match="below 15 Hz"):
        Acceleration(frequency=20).stream([], 10, FPS)
    with pytest.raises(UserError, match="below 15 Hz"):
        Acceleration(band=(5, 20)).stream([], 10, FPS)
    with pytest.raises(UserError, match="sequence"):
        Acceleration().pair(texture(), texture())


@pytest.mark.parametrize("count", [1, 2, 8])
def test_steady_motion_does_not_begin_with_a_jolt(count):
    frames = moving(speed=0.5 * FPS)[:count]
    drawn = list(Acceleration(mode="dynamic").stream(frames, 10, FPS))
    off = [displacement(*pair, BOX)[0] for pair in zip(frames, drawn, strict=True)]
    assert np.abs(off).max() < 0.02


@pytest.mark.parametrize("mode", ["static", "dynamic"])
@pytest.mark.parametrize(("frequency", "fps"), [(1e-12, 30), (1e-300, 30), (4.0, 1e12)])
def test_a_period_that_no_memory_holds_is_refused(mode, frequency, fps):
    with pytest.raises(UserError, match="at most 10000 can be held"):
        Acceleration(mode=mode, frequency=frequency).stream([], 3.0, fps)
