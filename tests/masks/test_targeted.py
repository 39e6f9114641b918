"""What is pointed at is magnified, and nothing else: every method, both backgrounds."""

import numpy as np
import pytest

from motionloupe import Focus, Region, UserError, load, methods
from motionloupe.magnifiers import method_class
from motionloupe.masks import Aim
from motionloupe.measurement.displacement import displacement
from tests.masks.objects import (
    HEIGHT,
    LEFT,
    RIGHT,
    WIDTH,
    ellipse,
    inner,
    square,
    travelling,
    trembling_squares,
)
from tests.scenes import to_uint8

FPS = 20.0
MOTION = 0.4 * np.sin(2 * np.pi * 4 * np.arange(8) / FPS)
PEAK = 6  # the frame that is farthest from the first
every = pytest.mark.parametrize("name", methods())


@pytest.fixture(scope="module")
def frames():
    return trembling_squares(MOTION)


def mask_of(box):
    return square(box) > 0.5


def drawn(name, frames, focus, alpha=4.0, **options):
    with Aim(focus, alpha, frames[0]) as aim:
        stream = load(name, **options).stream(frames, aim, FPS)
        return [aim.finish(picture) for picture in stream]


def moved(pictures, box, frame=PEAK):
    return displacement(pictures[0], pictures[frame], inner(box))[0]


@every
def test_the_masked_square_moves_as_if_all_did_and_the_other_as_before(name, frames):
    whole = list(load(name).stream(frames, 4.0, FPS))
    kept = drawn(name, frames, Focus([Region(mask_of(LEFT))], dilate=4))
    assert moved(kept, LEFT) == pytest.approx(moved(whole, LEFT), rel=0.1)
    assert abs(moved(whole, LEFT)) > 1.3 * abs(moved(frames, LEFT))
    assert moved(kept, RIGHT) == pytest.approx(moved(frames, RIGHT), abs=0.1)


def test_following_masks_of_every_frame_is_refused(frames):
    masks = np.stack([mask_of(LEFT)] * len(frames))
    with pytest.raises(UserError, match="nothing to follow"):
        Aim(Focus([Region(masks)], follow=True), 4.0, frames[0])
    both = Focus([Region(masks), Region(mask_of(RIGHT))], follow=True)
    with Aim(both, 4.0, frames[0]) as aim:
        assert aim(frames[0]).max() == 4.0


@every
def test_composited_the_outside_is_the_source_and_the_inside_the_method_s(name, frames):
    focus = Focus([Region(mask_of(LEFT))], dilate=4, feather=6)
    kept = drawn(name, frames, focus)
    composited = drawn(name, frames, Focus(focus.regions, 4, 6, "composite"))
    far = np.ones((HEIGHT, WIDTH), bool)
    far[13:83, :67] = False
    for frame, keep, picture in zip(frames, kept, composited, strict=True):
        assert np.abs(picture[far].astype(float) - frame[far]).mean() < 1
        np.testing.assert_array_equal(picture[mask_of(LEFT)], keep[mask_of(LEFT)])


@every
@pytest.mark.parametrize("options", [{"mode": "dynamic"}, {"band": (2.0, 6.0)}], ids=str)
def test_modes_and_bands_keep_to_their_place_too(name, options, frames):
    if "band" in options and not method_class(name).takes_band:
        pytest.skip("this method takes no band")
    focus = Focus([Region(mask_of(LEFT))], background="composite")
    for frame, picture in zip(frames, drawn(name, frames, focus, **options), strict=True):
        outside = ~mask_of(LEFT)
        np.testing.assert_array_equal(picture[outside], frame[outside])


@pytest.mark.parametrize("name", ["warp-nearest", "warp-bilinear"])
def test_a_map_lies_on_the_frame_not_on_the_reference_that_is_warped(name):
    """Where the object was it no longer is, and yet all of it is magnified."""
    reference, frame, wanted = travelling(0), travelling(10), travelling(15)
    alpha = np.where(ellipse(10, radii=(20, 24)) > 0.5, 1.5, 1.0)
    inside = ellipse(15, radii=(14, 18)) > 0.5

    def error(alpha):
        picture = load(name).pair(reference, frame, alpha).astype(float)
        return np.abs(picture - wanted)[inside].mean()

    assert error(alpha) < 1.1 * error(1.5) < 2


def test_each_object_has_its_own_factor_and_the_later_wins(frames):
    regions = [Region(mask_of(LEFT)), Region(mask_of(RIGHT), alpha=0.0)]
    pictures = drawn("phase", frames, Focus(regions), alpha=3.0)
    assert moved(pictures, LEFT) == pytest.approx(3 * moved(frames, LEFT), rel=0.15)
    assert moved(pictures, RIGHT) == pytest.approx(0, abs=0.08)

    over = np.ones((HEIGHT, WIDTH))
    both = Aim(Focus([Region(over, alpha=9.0), *regions]), 3.0, frames[0])(frames[0])
    assert both[40, 20] == 3.0
    assert both[40, 90] == 0.0
    assert both[5, 5] == 9.0
    swapped = Aim(Focus([*regions, Region(over, alpha=9.0)]), 3.0, frames[0])(frames[0])
    assert (swapped == 9.0).all()


@pytest.mark.parametrize("name", ["phase", "riesz", "warp-bilinear"])
def test_a_factor_outside_calms_all_but_the_object(name, frames):
    focus = Focus([Region(mask_of(LEFT), alpha=2.0)], dilate=4, feather=3, outside=0.0)
    pictures = drawn(name, frames, focus)
    assert moved(pictures, LEFT) == pytest.approx(2 * moved(frames, LEFT), rel=0.15)
    assert moved(pictures, RIGHT) == pytest.approx(0, abs=0.08)
    assert moved(frames, RIGHT) > 0.3


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("drawn_on", [np.uint8, np.uint16, np.float32])
def test_a_still_background_is_the_reference_whatever_its_type(frames, dtype, drawn_on):
    kinds = {np.uint8: 255, np.uint16: 65535, np.float32: 1}
    of_type, on = (
        [(frame / 255 * kinds[kind] + (kind != np.float32) / 2).astype(kind) for frame in frames]
        for kind in (dtype, drawn_on)
    )
    focus = Focus([Region(mask_of(LEFT))], background="still")
    with Aim(focus, 4.0, on[0]) as aim:
        pictures = [aim.finish(each) for each in load("linear").stream(of_type[:2], aim, FPS)]
    assert pictures[1].dtype == dtype
    shown = pictures[1].astype(float) / kinds[dtype]
    rest = ~mask_of(LEFT)
    assert np.abs(shown - frames[0] / 255)[rest].max() < 1 / 255


def test_before_a_still_background_only_the_object_moves(frames):
    focus = Focus([Region(mask_of(LEFT))], feather=4, background="still")
    pictures = drawn("phase", frames, focus, alpha=1.0)
    assert moved(pictures, LEFT) == pytest.approx(moved(frames, LEFT), rel=0.1)
    far = np.ones((HEIGHT, WIDTH), bool)
    far[19:77, 3:61] = False
    for picture in pictures:
        np.testing.assert_array_equal(picture[far], frames[0][far])


def test_the_factor_of_the_call_may_itself_be_a_map(frames):
    alpha = np.linspace(2, 5, WIDTH) * np.ones((HEIGHT, 1))
    made = Aim(Focus([Region(mask_of(LEFT))]), alpha, frames[0])(frames[0])
    np.testing.assert_allclose(made, np.where(mask_of(LEFT), alpha, 1.0), rtol=1e-6)


def test_one_mask_for_each_frame_is_its_own_frame_s_behind_a_delay(frames):
    """A band holds frames back; masks wait with them."""
    masks = np.zeros((len(frames), HEIGHT, WIDTH), bool)
    for index, mask in enumerate(masks):
        mask[:, 10 * index : 10 * index + 12] = True
    focus = Focus([Region(masks)], background="composite")
    pictures = drawn("linear", frames, focus, alpha=20.0, band=(2.0, 6.0), lambda_c=0.0)
    for frame, picture, mask in zip(frames, pictures, masks, strict=True):
        changed = (picture != frame).any(axis=2)
        assert not changed[~mask].any()
    assert sum((p != f).any() for p, f in zip(pictures, frames, strict=True)) > 4


def test_a_feathered_edge_shows_no_seam():
    wave = 0.5 + 0.4 * np.sin(2 * np.pi * (np.arange(128) - np.array([[0.0], [0.2]])) / 32)
    frames = [to_uint8(np.broadcast_to(row[:, None], (96, 128, 3))) for row in wave]
    left = np.zeros((96, 128), bool)
    left[:, :65] = True  # the edge lies where the wave is steepest

    def step_at_edge(feather):
        """The largest step of what has changed, against those well inside."""
        focus = Focus([Region(left)], feather=feather, background="composite")
        change = drawn("phase", frames, focus, alpha=8.0)[1].astype(float) - frames[1]
        steps = np.abs(np.diff(change, axis=1)).mean(axis=(0, 2))
        return steps[60:96].max() / steps[16:56].max()

    assert step_at_edge(0) > 2.5
    assert step_at_edge(24) < 1.2


def test_a_focus_must_mean_something(frames):
    mask = mask_of(LEFT)
    for wrong, reason in [
        (lambda: Focus([]), "at least one region"),
        (lambda: Region(), "found 0"),
        (lambda: Region(mask=mask, box=(0, 0, 9, 9)), "found 2"),
        (lambda: Region(mask=mask, alpha=-1.0), "0 or larger"),
        (lambda: Region(mask=mask, alpha=float("nan")), "finite"),
        (lambda: Focus([Region(mask)], dilate=-1), "dilate"),
        (lambda: Focus([Region(mask)], feather=float("inf")), "feather"),
        (lambda: Focus([Region(mask)], background="blue"), "keep, composite, still"),
        (lambda: Aim(Focus([Region(mask)]), np.ones((3, 3)), frames[0]), "3 x 3"),
        (lambda: Aim(Focus([Region(mask)], follow=True, flow="x"), 2.0, frames[0]), "estimator"),
    ]:
        with pytest.raises(UserError, match=reason):
            wrong()
