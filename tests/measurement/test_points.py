"""How much moves, and where: sub-pixel motion, still pictures, long videos."""

import numpy as np
import pytest

from motionloupe.measurement.points import liveliest_place, motion_statistics
from tests.scenes import shifted, texture, to_uint8

STILL = texture(120, 160)


@pytest.mark.parametrize("step", [0.05, 0.2, 1.0, 6.0])
def test_the_motion_from_frame_to_frame_is_measured(step):
    frames = [to_uint8(shifted(STILL, step * index)) for index in range(4)]
    found = motion_statistics(frames)
    assert found.pairs == 3
    assert found.median == pytest.approx(step, rel=0.1)
    assert found.percentile_99 == pytest.approx(step, rel=0.1, abs=0.03)


def test_the_99th_percentile_sees_the_little_that_moves():
    after = STILL.copy()
    after[40:80, 60:100] = shifted(STILL, 2)[40:80, 60:100]
    found = motion_statistics([to_uint8(STILL), to_uint8(after)])
    assert found.median < 0.01
    assert found.percentile_99 == pytest.approx(2, rel=0.15)


def test_a_still_video_does_not_move():
    assert motion_statistics([to_uint8(STILL)] * 3).percentile_99 == 0


def test_without_texture_or_pairs_nothing_is_claimed():
    flat = np.full((64, 64, 3), 128, np.uint8)
    assert motion_statistics([flat, flat]) is None
    assert motion_statistics([to_uint8(STILL)]) is None
    assert liveliest_place([flat, flat]) is None


@pytest.mark.parametrize("expected", [400, None])
def test_a_long_video_is_sampled_in_neighbouring_pairs(expected):
    small = texture(64, 80)
    frames = [to_uint8(shifted(small, 0.5 * index)) for index in range(8)]
    found = motion_statistics((frames[index % 8] for index in range(400)), expected)
    assert 40 <= found.pairs <= 160
    assert found.median == pytest.approx(0.5, rel=0.1)


def test_the_liveliest_place_lies_where_things_move():
    frames = []
    for index in range(12):
        frame = STILL.copy()
        moved = shifted(STILL, 0.0, 0.4 * np.sin(index))
        frame[60:110, 90:150] = moved[60:110, 90:150]
        frames.append(to_uint8(frame))
    place = liveliest_place(frames)
    assert 85 <= place.x <= 155
    assert 55 <= place.y <= 115
    assert place.down > 3 * place.across
    assert place.down == pytest.approx(0.4 * np.sin(np.arange(1, 12)).std(), rel=0.4)


def test_a_still_video_has_no_liveliest_place():
    assert liveliest_place([to_uint8(STILL)] * 3) is None
