"""The camera's own motion: found to hundredths of a pixel, whatever moves in the picture."""

import numpy as np
import pytest

from benchmarks.stabilisation import about_middle
from motionloupe.errors import UserError
from motionloupe.measurement.camera import Camera
from motionloupe.measurement.homography import agreed
from tests.handheld import MARGIN, astray, shaken, taken, world
from tests.scenes import texture, to_uint8

STILL = np.eye(3)


@pytest.mark.parametrize(("strength", "noise"), [(0.2, 0.0), (3.0, 0.0), (12.0, 0.0), (3.0, 3.0)])
def test_a_shaken_camera_is_found_to_hundredths_of_a_pixel(strength, noise):
    rng, seen = np.random.default_rng(int(10 * strength)), world()
    camera = Camera(taken(seen, STILL, noise))
    for number in range(1, 5):
        true = shaken(strength, rng, 144, 192)
        found = camera.moved(taken(seen, true, noise, seed=number))
        assert astray(found, true, 144, 192) < (0.05 if noise else 0.01)


def test_a_resting_camera_rests():
    frame = taken(world(), STILL)
    assert astray(Camera(frame).moved(frame), STILL, 144, 192) < 1e-6


@pytest.mark.parametrize("step", [0.3, 6.0])
def test_what_moves_by_itself_is_outvoted(step):
    seen, rng = world(), np.random.default_rng(4)
    moved = seen.copy()
    there = slice(MARGIN + 30, MARGIN + 90), slice(MARGIN + 50, MARGIN + 120)
    moved[there] = texture(*moved[there].shape[:2], seed=7)
    before = moved.copy()
    columns = np.arange(moved[there].shape[1]) - step
    for row in range(moved[there].shape[0]):
        for channel in range(3):
            line = before[there][row, :, channel]
            moved[there][row, :, channel] = np.interp(columns, np.arange(len(line)), line)
    true = shaken(3.0, rng, 144, 192)
    found = Camera(taken(before, STILL)).moved(taken(moved, true))
    assert astray(found, true, 144, 192) < 0.06


def test_a_box_says_what_stands_still():
    """Most of the picture moves one way, what is in the box another."""
    seen, step = world(), 4.0
    there = slice(MARGIN + 20, MARGIN + 80), slice(MARGIN + 20, MARGIN + 90)
    moved = np.roll(seen, int(step), axis=1)
    moved[there] = seen[there]
    before, after = taken(seen, STILL), taken(moved, STILL)
    by_all = Camera(before).moved(after)
    by_box = Camera(before, (20, 20, 70, 60)).moved(after)
    assert by_all[0, 2] == pytest.approx(step, abs=0.1)
    assert astray(by_box, STILL, 144, 192) < 0.3


def test_few_corners_in_one_place_do_not_bend_the_rest():
    """A homography of a small patch would be wild at the far side of the frame."""
    seen, true = np.full_like(world(), 0.5), np.array([[1, 0, 2.4], [0, 1, -1.3], [0, 0, 1]])
    seen[MARGIN + 20 : MARGIN + 44, MARGIN + 20 : MARGIN + 44] = texture(24, 24)
    camera = Camera(taken(seen, STILL, 2.0))
    for number in (1, 2, 3):
        found = camera.moved(taken(seen, true, 2.0, seed=number))
        assert astray(found, true, 144, 192) < 0.5


def turned(degrees, zoom):
    """The homography of a camera that turns about its middle and zooms."""
    angle = np.deg2rad(degrees)
    cos, sin = zoom * np.cos(angle), zoom * np.sin(angle)
    return about_middle(np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1.0]]), 144, 192)


@pytest.mark.parametrize(("degrees", "zoom"), [(4.0, 1.0), (8.0, 1.0), (0.0, 1.08)])
@pytest.mark.parametrize("noise", [0.0, 8.0])
@pytest.mark.parametrize("seed", [0, 3])
def test_turning_and_zooming_are_no_shift(degrees, zoom, noise, seed):
    """Few corners are too unsure for a richer model, but a poorer one would be wrong by far."""
    seen = world(seed=seed)
    camera = Camera(taken(seen, STILL, noise))
    for step in range(1, 9):
        true = turned(degrees * step / 8, 1 + (zoom - 1) * step / 8)
        found = camera.moved(taken(seen, true, noise, seed=step))
        assert astray(found, true, 144, 192) < (0.5 if noise else 0.1)


@pytest.mark.parametrize(("count", "spread"), [(16, 40), (30, 40), (60, 40), (40, 300)])
def test_few_points_are_no_turn(count, spread):
    """Eight numbers fit the noise of few points better than two; far from them they go astray."""
    for seed in range(10):
        rng = np.random.default_rng(seed)
        before = np.array([320.0, 240.0]) + rng.uniform(-spread, spread, (count, 2))
        after = before + np.array([2.4, -1.3]) + rng.normal(0, 0.1, (count, 2))
        found = agreed(before, after, (640, 480))
        true = np.array([[1, 0, 2.4], [0, 1, -1.3], [0, 0, 1]])
        assert found is None or astray(found, true, 480, 640) < 0.15


@pytest.mark.parametrize("level", [10, 128, 245])
@pytest.mark.parametrize("share", [0.1, 0.3])
def test_what_enters_the_picture_is_no_change_of_exposure(level, share):
    seen, rng = world(), np.random.default_rng(5)
    camera = Camera(taken(seen, STILL, 1.0))
    for number in range(1, 5):
        true = shaken(1.0, rng, 144, 192)
        frame = taken(seen, true, 1.0, seed=number)
        frame[:, 20 * number : 20 * number + int(192 * share)] = level
        assert astray(camera.moved(frame), true, 144, 192) < 0.1


@pytest.mark.parametrize("gain", [0.6, 0.8, 1.3])
def test_another_exposure_hides_no_motion(gain):
    seen, true = 0.7 * world(), turned(1.0, 1.0)
    camera = Camera(taken(seen, STILL, 1.0))
    for number in (1, 2):
        found = camera.moved(taken(gain * seen, true, 1.0, seed=number))
        assert astray(found, true, 144, 192) < 0.1


def test_another_scene_is_not_found():
    camera = Camera(taken(world(), STILL))
    assert camera.moved(taken(world(seed=9), STILL)) is None
    assert camera.moved(np.zeros((144, 192, 3), np.uint8)) is None
    assert astray(camera.moved(taken(world(), STILL)), STILL, 144, 192) < 0.01


def test_a_reference_that_shows_nothing_is_refused():
    with pytest.raises(UserError, match="too little to go by"):
        Camera(np.full((64, 64, 3), 90, np.uint8))
    with pytest.raises(UserError, match="leaves the frame"):
        Camera(to_uint8(texture(64, 64)), (50, 50, 40, 40))
