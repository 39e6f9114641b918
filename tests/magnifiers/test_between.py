"""Frames between frames lie where they should, whatever draws them."""

import numpy as np
import pytest

from motionloupe import UserError, load, methods
from motionloupe.magnifiers import method_class
from motionloupe.magnifiers.between import between
from motionloupe.measurement.displacement import displacement
from tests.scenes import clip, shifted, texture, to_uint8

PAIRWISE = [name for name in methods() if method_class(name).pairwise]
WHOLE_PIXELS = {"warp-nearest"}


@pytest.mark.parametrize("name", [name for name in PAIRWISE if name not in WHOLE_PIXELS])
def test_what_moves_is_on_its_way_evenly(name):
    frames = clip(lambda t: 24 * t, seconds=0.1, height=64, width=80)  # 0.8 pixels a frame
    pictures = list(between(load(name), frames, 4))
    moved = [displacement(pictures[0], picture, (10, 10, 60, 44))[0] for picture in pictures]
    assert moved[:8] == pytest.approx(0.2 * np.arange(8), abs=0.05)


@pytest.mark.parametrize("name", ["phase", "warp-bilinear"])
def test_backwards_it_gives_the_same_pictures(name):
    frames = [texture(40, 48), shifted(texture(40, 48), 1.3)]
    onwards, back = (list(between(load(name), order, 5)) for order in (frames, frames[::-1]))
    for picture, twin in zip(onwards[:6], back[5::-1], strict=True):
        np.testing.assert_allclose(picture, twin, atol=1e-5)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_frames_stay_as_they_are_and_the_last_is_repeated(dtype):
    full = 1 if dtype is np.float32 else np.iinfo(dtype).max
    frames = [(full * frame).astype(dtype) for frame in clip(lambda t: 6 * t, seconds=0.1)]
    pictures = list(between(load("linear"), frames, 3))
    assert len(pictures) == 9
    assert {picture.dtype for picture in pictures} == {np.dtype(dtype)}
    for index, picture in enumerate(pictures):
        assert np.array_equal(picture, frames[index // 3]) == (index % 3 == 0 or index > 6)


def test_brightness_changes_evenly_too():
    dark, light = (np.full((20, 24, 3), value) for value in (0.2, 0.6))
    pictures = list(between(load("warp-bilinear"), [dark, light], 4))
    means = [picture.mean() for picture in pictures[:5]]
    assert means == pytest.approx([0.2, 0.3, 0.4, 0.5, 0.6], abs=1e-3)


def test_one_frame_and_none():
    (frame,) = clip(lambda t: 0.0, seconds=1 / 30)
    assert len(list(between(load("linear"), [frame], 3))) == 3
    assert list(between(load("linear"), [], 3)) == []


@pytest.mark.parametrize(
    ("method", "factor", "reason"),
    [
        (load("acceleration"), 5, "pairs"),
        (load("phase", band=(1, 3)), 5, "without a band"),
        (load("phase"), 1, "2 to 100"),
        (load("phase"), 2.5, "2.5"),
    ],
)
def test_what_cannot_be_done_is_said_at_once(method, factor, reason):
    with pytest.raises(UserError, match=reason):
        between(method, [], factor)


def test_a_factor_of_numpy_s_will_do():
    frames = clip(lambda t: 0.0, seconds=2 / 30)
    assert len(list(between(load("linear"), frames, np.int64(3)))) == 6


def test_frames_of_two_sizes_are_refused():
    frames = [to_uint8(texture(40, 48)), to_uint8(texture(40, 50))]
    with pytest.raises(UserError, match="48 x 40"):
        list(between(load("linear"), frames))
