"""The warping methods against motion that is known, and their invariants."""

import numpy as np
import pytest
import torch

from motionloupe.errors import UserError
from motionloupe.flow.base import FlowEstimator
from motionloupe.magnifiers import load
from motionloupe.magnifiers.warp import WarpBilinear, WarpNearest
from motionloupe.measurement.displacement import displacement
from tests.scenes import clip, shifted, texture, to_uint8

BOTH = ("warp-nearest", "warp-bilinear")
MIDDLE = (16, 16, 96, 64)


@pytest.mark.parametrize("alpha", [2.0, 5.0, 10.0])
@pytest.mark.parametrize("d", [0.05, 0.2, 1.0])
def test_bilinear_magnifies_by_alpha(d, alpha):
    still = to_uint8(texture())
    frame = to_uint8(shifted(texture(), 0.8 * d, 0.6 * d))
    drawn = load("warp-bilinear").pair(still, frame, alpha)
    dx, dy = displacement(still, drawn, MIDDLE)
    assert (0.8 * dx + 0.6 * dy) / (alpha * d) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize(("d", "alpha"), [(0.2, 10.0), (0.5, 4.0), (0.5, 10.0), (1.0, 5.0)])
def test_nearest_magnifies_by_alpha_to_whole_pixels(d, alpha):
    still = to_uint8(texture())
    drawn = load("warp-nearest").pair(still, to_uint8(shifted(texture(), d)), alpha)
    assert displacement(still, drawn, MIDDLE)[0] == pytest.approx(alpha * d, rel=0.05)


@pytest.mark.parametrize("d", [0.1, 0.33])
def test_nearest_errs_by_half_a_pixel_at_most(d):
    still = to_uint8(texture())
    drawn = load("warp-nearest").pair(still, to_uint8(shifted(texture(), d)), 10.0)
    assert displacement(still, drawn, MIDDLE)[0] == pytest.approx(10 * d, abs=0.55)


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("size", [(16, 16), (37, 90), (96, 128)])
def test_alpha_one_is_the_frame_itself(name, size):
    still, frame = texture(*size), shifted(texture(*size), 0.8)
    for dtype in (np.float32, np.uint8):
        a, b = (to_uint8(p) if dtype == np.uint8 else p.astype(dtype) for p in (still, frame))
        np.testing.assert_array_equal(load(name).pair(a, b, 1.0), np.clip(b, 0, None))
        np.testing.assert_array_equal(load(name).pair(a, b, np.ones(size)), b)


@pytest.mark.parametrize("name", BOTH)
def test_a_still_video_stays_still_and_alpha_zero_freezes(name):
    still, frame = to_uint8(texture()), to_uint8(shifted(texture(), 0.6))
    np.testing.assert_array_equal(load(name).pair(still, still, 20.0), still)
    np.testing.assert_array_equal(load(name).pair(still, frame, 0.0), still)


@pytest.mark.parametrize("name", BOTH)
def test_outside_the_map_nothing_changes_beyond_the_reach_of_what_moves_out(name):
    still, frame = to_uint8(texture()), to_uint8(shifted(texture(), 0.5))
    alpha = np.ones(still.shape[:2])
    alpha[:, :64] = 6.0
    drawn = load(name).pair(still, frame, alpha)
    np.testing.assert_array_equal(drawn[:, 68:], frame[:, 68:])
    assert displacement(still, drawn, (16, 16, 40, 64))[0] == pytest.approx(3.0, abs=0.15)


@pytest.mark.parametrize("name", BOTH)
def test_holes_are_black_or_filled_and_the_rest_is_the_same(name):
    still = to_uint8(texture())
    frame = to_uint8(shifted(texture(), 0.5))
    bare = load(name, inpaint="none").pair(still, frame, 12.0)
    assert (bare[16:-16, :4] == 0).all()
    for inpaint in ("telea", "navier-stokes"):
        filled = load(name, inpaint=inpaint).pair(still, frame, 12.0)
        assert filled[16:-16, :4].min() > 10
        kept = bare.any(axis=2)
        np.testing.assert_array_equal(filled[kept], bare[kept])


def test_inpainting_does_not_cost_16_bit_video_its_depth():
    still, frame = texture(), shifted(texture(), 0.5)
    deep = [np.round(p.clip(0, 1) * 65535).astype(np.uint16) for p in (still, frame)]
    drawn = load("warp-nearest").pair(*deep, 12.0)
    assert drawn.dtype == np.uint16
    np.testing.assert_array_equal(drawn[16:-16, 16:-16], deep[0][16:-16, 10:-22])


@pytest.mark.parametrize("name", BOTH)
def test_an_object_before_a_still_background_moves_whole(name):
    ground, thing = texture(96, 128, seed=3), texture(40, 48, seed=4)

    def scene(d):
        picture = ground.copy()
        picture[28:68, 40:88] = ground[28:68, 40:88]
        picture[32:64, 44:84] = shifted(thing, d)[4:36, 4:44]
        return to_uint8(picture)

    drawn = load(name).pair(scene(0.0), scene(0.0), 10.0)
    np.testing.assert_array_equal(drawn, scene(0.0))
    drawn = load(name).pair(scene(0.0), scene(0.4), 10.0)
    assert displacement(scene(0.0), drawn, (48, 34, 36, 30))[0] == pytest.approx(4.0, abs=0.4)
    np.testing.assert_allclose(drawn[80:], scene(0.0)[80:], atol=12)


def test_dynamic_mode_magnifies_the_step_between_frames():
    frames = [to_uint8(shifted(texture(), 0.2 * n)) for n in range(4)]
    drawn = list(load("warp-bilinear", mode="dynamic").stream(frames, 5.0, 30.0))
    assert len(drawn) == 4
    np.testing.assert_array_equal(drawn[0], frames[0])
    for before, now in zip(frames[:-1], drawn[1:], strict=True):
        assert displacement(before, now, MIDDLE)[0] == pytest.approx(1.0, abs=0.1)


def test_only_the_band_is_magnified():
    def dx(t):
        return 0.15 * np.sin(2 * np.pi * 3 * t) + 0.4 * np.sin(2 * np.pi * 0.5 * t)

    frames = [to_uint8(p) for p in clip(dx, height=48, width=64)]
    drawn = list(load("warp-bilinear", band=(2.0, 4.0)).stream(frames, 6.0, 30.0))
    times = np.arange(len(frames)) / 30
    wanted = 0.9 * np.sin(2 * np.pi * 3 * times) + 0.4 * np.sin(2 * np.pi * 0.5 * times)
    middle = range(30, 60, 3)
    got = [displacement(frames[0], drawn[n], (8, 8, 48, 32))[0] for n in middle]
    np.testing.assert_allclose(got, wanted[list(middle)], atol=0.12)


def test_devices_options_and_mistakes():
    assert WarpNearest().flow == "lucas-kanade"
    assert WarpBilinear(flow="lucas-kanade", iterations=1).motion(
        torch.rand(1, 3, 16, 16), torch.rand(1, 3, 16, 16)
    )[0].shape == (1, 2, 16, 16)
    for options, words in (
        ({"inpaint": "magic"}, "telea"),
        ({"flow": "magic"}, "raft-small"),
        ({"iterations": 0}, "iterations"),
    ):
        with pytest.raises(UserError, match=words):
            load("warp-nearest", **options)


class Drifting(FlowEstimator):
    """Sees a quarter of a pixel between equal frames, and counts how often it is asked."""

    asked = 0

    def estimate(self, a, b):
        self.asked += 1
        return torch.full_like(a[:, :2], 0.25)


def test_what_an_estimator_sees_at_rest_is_measured_once_for_each_reference():
    loupe = WarpBilinear()
    loupe._estimator = Drifting(1, zero_correct=False)
    frames = [to_uint8(texture(32, 40))] * 4
    for drawn in loupe.stream(frames, 10.0):
        np.testing.assert_array_equal(drawn, frames[0])
    assert loupe._estimator.asked == 5
    other = to_uint8(texture(32, 40, seed=1))
    np.testing.assert_array_equal(loupe.pair(other, other, 10.0), other)
    assert loupe._estimator.asked == 7
