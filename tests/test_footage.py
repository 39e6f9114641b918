"""Cuts, scenes that leave and blank frames are told; motion, light and noise are not."""

import numpy as np
import pytest

from motionloupe import magnify
from motionloupe.footage import Footage
from motionloupe.video import Frame
from tests.scenes import shifted, texture, to_uint8
from tests.video.media import make_video

BLANK = np.zeros((96, 128, 3), np.uint8)
ONE, OTHER = (to_uint8(texture(seed=seed)) for seed in (1, 2))


def told(pictures, reference=None, **options):
    footage = Footage(reference, **options)
    for index, picture in enumerate(pictures):
        footage.see(Frame(picture, index, index, 1, index / 10))
    return footage.warnings


def pan(step, frames=10):
    return [to_uint8(shifted(texture(seed=1), step * index)) for index in range(frames)]


@pytest.mark.parametrize("dynamic", [False, True])
def test_a_cut_is_told_with_its_time(dynamic):
    (text,) = told([ONE] * 3 + [OTHER] * 3, dynamic=dynamic)
    assert "at 0.30 s, as at a cut" in text
    (text,) = told([ONE, OTHER, ONE, OTHER], dynamic=dynamic)
    assert "at 0.10 s and 2 more times" in text


def test_a_scene_that_leaves_is_told_where_frames_are_compared_with_one():
    (text,) = told(pan(4.0))
    assert "hardly anything is where it was" in text
    assert told(pan(4.0), dynamic=True) == []


def test_what_is_compared_is_the_reference():
    assert told([ONE] * 3, reference=ONE) == []
    (text,) = told([ONE] * 3, reference=OTHER)
    assert text.startswith("at 0.00 s hardly anything")


def test_a_blank_beginning_is_told():
    (text,) = told([BLANK, BLANK, ONE, ONE])
    assert "shows nothing" in text
    assert told([BLANK, BLANK, ONE, ONE], reference=ONE) == []
    assert told([BLANK, ONE, ONE], dynamic=True) == []


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("size", [(1, 1), (4, 4), (5, 300), (96, 128)])
def test_motion_light_and_noise_are_not_told(kind, size):
    rng = np.random.default_rng(0)
    whole = np.iinfo(kind).max
    frames = []
    for index in range(8):
        picture = shifted(texture(*size), 0.4 * np.sin(index)) * (0.6 + 0.05 * index)
        picture = picture + rng.normal(0, 0.02, picture.shape)
        frames.append((np.clip(picture, 0, 1) * whole).astype(kind))
    assert told(frames) == told(frames, dynamic=True) == []


def test_noise_on_a_flat_picture_is_not_told():
    rng = np.random.default_rng(0)
    assert told([rng.normal(128, 3, (480, 640, 3)).astype(np.uint8) for _ in range(3)]) == []


def test_a_result_tells_of_a_cut(tmp_path):
    make_video(tmp_path / "two.mp4", [ONE] * 5 + [OTHER] * 5)
    result = magnify(tmp_path / "two.mp4", tmp_path / "out.mp4", method="linear", alpha=2)
    assert any("as at a cut" in text for text in result.warnings)
