"""Augmentation moves a pair's motion with its view, exactly, and shows nothing but the frame."""

import numpy as np
import pytest

from motionloupe.data.augment import PLAIN, Augment
from motionloupe.errors import UserError
from motionloupe.measurement.displacement import displacement
from tests.scenes import shifted, texture, to_uint8

GEOMETRY = Augment(colour=0.0)


def pair(dx, dy, height=160, width=200):
    """8 bits leave sub-pixel motion only if the noise of rounding is not alike in both."""
    still = texture(height, width, seed=3)
    rng = np.random.default_rng(0)
    return [
        np.floor(255 * frame + rng.random(frame.shape)).astype(np.uint8)
        for frame in (still, shifted(still, dx, dy))
    ]


def moved(planes):
    a, b = (plane.transpose(1, 2, 0).astype(np.float64) for plane in planes)
    size = a.shape[0]
    return displacement(a, b, (8, 8, size - 16, size - 16))


@pytest.mark.parametrize("motion", [(0.05, -0.03), (0.6, 0.2), (-1.7, 2.4)])
def test_a_known_motion_is_seen_through_the_view(motion):
    dx, dy = motion
    frames = pair(dx, dy)
    for seed in range(6):
        view = GEOMETRY.draw_view(160, 200, 96, np.random.default_rng(seed))
        down, right = np.linalg.inv(view.matrix) @ (dy, dx)
        measured = moved(GEOMETRY(frames, 96, np.random.default_rng(seed)))
        assert measured == pytest.approx((right, down), abs=0.006 + 0.005 * np.hypot(dx, dy))


def test_views_stay_within_the_frame_turn_mirror_and_enlarge():
    angles, scales, mirrored = [], [], []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        height, width = rng.integers(40, 200, 2)
        view = GEOMETRY.draw_view(height, width, 64, rng)
        corners = np.array([[0, 0], [0, 63], [63, 0], [63, 63]]) @ view.matrix.T + view.offset
        assert corners.min() > -1e-9
        assert (corners.max(axis=0) < np.array([height, width]) - 1 + 1e-9).all()
        if min(height, width) > 90:  # room for the whole window, turned
            scales.append(np.sqrt(abs(np.linalg.det(view.matrix))))
            sign = np.sign(view.matrix[1, 1])
            angles.append(np.degrees(np.arcsin(sign * view.matrix[1, 0] / scales[-1])))
        mirrored.append(np.linalg.det(view.matrix) < 0)
    assert 12 < np.abs(angles).max() <= 15
    assert np.sqrt(0.7) <= min(scales) < 0.86
    assert 0.98 < max(scales) <= 1
    assert 0.35 < np.mean(mirrored) < 0.65


def test_no_corner_is_black():
    white = np.full((70, 90, 3), 255, np.uint8)
    for seed in range(20):
        for plane in GEOMETRY([white, white], 64, np.random.default_rng(seed)):
            assert plane.min() > 0.999


def test_plain_gives_pixels_as_they_are():
    frame = to_uint8(texture(70, 90))
    (plane,) = PLAIN([frame], 64, np.random.default_rng(5))
    view = PLAIN.draw_view(70, 90, 64, np.random.default_rng(5))
    top, left = view.offset.astype(int)
    cut = frame[top : top + 64, left : left + 64].transpose(2, 0, 1)
    assert np.array_equal(np.round(plane * 255), cut)


def test_frames_smaller_than_the_window_are_enlarged_to_fill_it():
    frame = to_uint8(texture(24, 90))
    view = PLAIN.draw_view(24, 90, 64, np.random.default_rng(0))
    assert view.matrix[0, 0] == pytest.approx(23 / 63)
    assert PLAIN([frame], 64, np.random.default_rng(0))[0].shape == (3, 64, 64)


def test_colours_change_alike_and_noise_does_not():
    frame = to_uint8(texture(70, 90))
    a, b = Augment()([frame, frame], 64, np.random.default_rng(1))
    assert np.array_equal(a, b)
    plain = GEOMETRY([frame], 64, np.random.default_rng(1))[0]
    assert np.abs(a - plain).mean() > 0.02
    noisy = Augment(colour=0.0, noise=(5.0, 5.0))
    a, b = noisy([frame, frame], 64, np.random.default_rng(1))
    spread = np.sqrt(2 * plain.mean()) * 5 / 255
    assert np.std(a - plain) == pytest.approx(spread, rel=0.1)
    assert np.std(a - b) == pytest.approx(np.sqrt(2) * spread, rel=0.1)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"crop": (1.0, 0.7)}, "crop must rise"),
        ({"crop": (0.7, 1.2)}, "between 0.05 and 1, found 0.7 to 1.2"),
        ({"turn": 90.0}, "0 to 45 degrees, found 90"),
        ({"colour": -1.0}, "0 to 2"),
        ({"noise": (3.0, 1.0)}, "noise must rise"),
    ],
)
def test_values_without_sense_are_named(options, reason):
    with pytest.raises(UserError, match=reason):
        Augment(**options)
