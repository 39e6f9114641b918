"""Cuts, scenes that leave and blank frames are told; motion, light and noise are not."""

import numpy as np
import pytest

from motionloupe import magnify
from motionloupe.footage import Footage, Shake
from motionloupe.video import Frame
from tests.handheld import taken, world
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


def shaking(pictures, least=0.1, reference=None):
    shake = Shake(reference, least)
    for index, picture in enumerate(pictures):
        shake.see(Frame(picture, index, index, 1, index / 10))
    return shake.warnings


@pytest.mark.parametrize("enlarged", [1, 6])
def test_a_camera_that_does_not_stand_still_is_told(enlarged):
    def frame(index):
        return np.kron(taken(world(), pushed(0.2 * index)), np.ones((enlarged, enlarged, 1), "u1"))

    frames = [frame(index) for index in range(17)]
    (text,) = shaking(frames)
    assert f"by up to {3.0 * enlarged:.2g} pixels:" in text
    assert "--stabilise" in text
    assert shaking(frames[:1] * 9, reference=frames[15]) == [text]


@pytest.mark.parametrize("offsets", [[0, 0.5, 1, 2, 2, 1, 0.5], [*[0] * 8, *[4] * 5, *[0] * 12]])
def test_a_short_shake_is_told_too(offsets):
    (text,) = shaking([taken(world(), pushed(offset)) for offset in offsets])
    assert f"by up to {max(offsets)} pixels:" in text


def test_shake_too_small_to_matter_is_not_told():
    frames = [taken(world(), pushed(0.01 * index)) for index in range(17)]
    assert shaking(frames, least=0.2) == []
    assert len(shaking(frames, least=0.05)) == 1


def test_what_moves_before_a_resting_camera_is_no_shake():
    frames = [taken(world(), np.eye(3), noise=2.0, seed=index) for index in range(17)]
    for index, frame in enumerate(frames):
        frame[20:70, 20 + index : 90 + index] = to_uint8(texture(50, 70, seed=5))
    assert shaking(frames) == []
    assert shaking([BLANK, *frames]) == []


def test_magnify_tells_of_shake_unless_it_is_taken_out(tmp_path):
    frames = [taken(world(), pushed(0.2 * (index % 9))) for index in range(12)]
    source = make_video(tmp_path / "in.mkv", frames, codec="ffv1", pixel_format="bgr0")

    def warnings(**options):
        done = magnify(source, tmp_path / "o.mp4", method="linear", force=True, **options)
        return [text for text in done.warnings if "most of the picture moves" in text]

    assert len(warnings()) == 1
    assert warnings(alpha=1.5) == warnings(alpha=1) == []
    assert warnings(stabilise=True) == warnings(mode="dynamic") == warnings(band=(4, 8)) == []


def pushed(pixels):
    return np.array([[1.0, 0, pixels], [0, 1, 0], [0, 0, 1]])


def test_a_warning_is_told_while_there_is_time_to_stop(tmp_path):
    frames = [ONE] * 4 + [OTHER] * 4 + [ONE] * 4
    source = make_video(tmp_path / "in.mkv", frames, codec="ffv1", pixel_format="bgr0")
    heard, at = [], []
    result = magnify(
        source,
        tmp_path / "out.mp4",
        method="linear",
        warn=lambda text: heard.append((text, len(at))),
        progress=lambda done, expected: at.append(done),
    )
    (first, when), (last, end) = heard
    assert (when, end) == (4, 12)
    assert "at 0.16 s, as at a cut" in first
    assert "at 0.16 s and 1 more time, as at a cut" in last
    assert result.warnings == (last,)
