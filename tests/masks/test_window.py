"""A still object far from most of the frame: only its surroundings are given to the method."""

import numpy as np
import pytest

from motionloupe import Focus, Region, load, magnify, methods, pipeline
from motionloupe.masks import Aim, Window, part_to_draw
from motionloupe.measurement.displacement import displacement
from tests.scenes import clip, to_uint8
from tests.video.media import make_video, raw_pictures

HEIGHT, WIDTH = 300, 420
OBJECT = (20, 24, 60, 60)  # x, y, width, height


def mask(box=OBJECT):
    x, y, width, height = box
    white = np.zeros((HEIGHT, WIDTH), np.float32)
    white[y : y + height, x : x + width] = 1
    return white


FOCUS = Focus([Region(mask())], dilate=8, feather=8)


@pytest.fixture(scope="module")
def frames():
    film = clip(lambda t: 0.3 * np.sin(2 * np.pi * 3 * t), seconds=0.4, height=HEIGHT, width=WIDTH)
    return [to_uint8(frame) for frame in film]


@pytest.fixture
def source(frames, tmp_path):
    return make_video(tmp_path / "in.mkv", frames, codec="ffv1", pixel_format="bgr0")


def part_of(focus, frame, around=32):
    with Aim(focus, 4.0, frame) as aim:
        return part_to_draw(aim, around)


def test_the_part_surrounds_the_object_on_a_grid_within_the_frame(frames):
    assert part_of(FOCUS, frames[0]) == (slice(0, 160), slice(0, 128))
    low = Focus([Region(mask((380, 250, 30, 40)))])
    assert part_of(low, frames[0]) == (slice(192, 300), slice(320, 420))


@pytest.mark.parametrize(
    "focus",
    [
        Focus(FOCUS.regions, outside=0.0),
        Focus([Region(mask((0, 0, 400, 280)))]),
        Focus([Region(mask(), alpha=1.0)]),
        Focus([Region(np.stack([mask()] * 12))]),
        Focus(FOCUS.regions, follow=True),
    ],
    ids=["factor outside", "most of the frame", "nothing", "a mask each", "followed"],
)
def test_all_of_the_frame_is_drawn_where_a_part_would_not_do(focus, frames):
    assert part_of(focus, frames[0]) is None


def test_a_still_background_needs_no_more_than_the_object(frames):
    assert part_of(Focus(FOCUS.regions, background="still"), frames[0]) is not None


@pytest.mark.parametrize("background", ["keep", "composite", "still"])
@pytest.mark.parametrize("options", [{}, {"mode": "dynamic"}, {"band": (2.0, 6.0)}], ids=str)
def test_a_window_answers_like_the_aim_it_stands_for(background, options, frames):
    """By a method that hardly asks what is far away."""
    focus = Focus(FOCUS.regions, 8, 8, background)
    loupe = load("linear", **options)
    with Aim(focus, 3.0, frames[0]) as aim:
        whole = [aim.finish(picture) for picture in loupe.stream(frames, aim, 30.0)]
    with Aim(focus, 3.0, frames[0]) as aim:
        part = part_to_draw(aim, 32)
        window = Window(aim, part, iter(frames))
        seen = [window.of(frame) for frame in frames]
        assert seen[0].shape == (160, 128, 3)
        drawn = [window.finish(picture) for picture in loupe.stream(seen, window, 30.0)]
    assert len(drawn) == len(frames)
    inside = mask() > 0.5
    beyond = np.ones_like(inside)
    beyond[part] = False
    for frame, expected, picture in zip(frames, whole, drawn, strict=True):
        assert np.abs(picture[inside].astype(float) - expected[inside]).mean() < 0.5
        still = frames[0] if background == "still" else frame
        np.testing.assert_array_equal(picture[beyond], still[beyond])


@pytest.mark.parametrize("method", [name for name in methods() if name != "acceleration"])
def test_a_video_is_magnified_within_a_part_as_in_the_whole(method, source, tmp_path, monkeypatch):
    here = {"start": 0.0, "end": 0.12, "lossless": True}
    targets = [tmp_path / name for name in ("part.mkv", "whole.mkv")]
    magnify(source, targets[0], method=method, alpha=3.0, focus=FOCUS, **here)
    monkeypatch.setattr(pipeline, "part_to_draw", lambda aim: None)
    magnify(source, targets[1], method=method, alpha=3.0, focus=FOCUS, **here)
    before = raw_pictures(source)[:3]
    part, whole = (raw_pictures(target) for target in targets)
    assert len(part) == len(whole) == 3
    x, y, width, height = OBJECT
    inner = (x + 4, y + 4, width - 8, height - 8)
    moved, as_whole, was = (displacement(f[0], f[2], inner)[0] for f in (part, whole, before))
    assert moved == pytest.approx(as_whole, rel=0.05)
    assert abs(moved) > 1.5 * abs(was)
    np.testing.assert_array_equal(part[2][-32:], before[2][-32:])
    np.testing.assert_array_equal(part[2][:, -64:], before[2][:, -64:])
