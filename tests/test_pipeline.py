"""From file to file: what goes in comes out, in step, and nothing is left behind when it fails."""

import os
from fractions import Fraction
from functools import partial

import av
import cv2
import numpy as np
import pytest

import motionloupe.extras
import motionloupe.pipeline
from motionloupe import UserError
from motionloupe.comparison import compare, draw_slice
from motionloupe.masks import Focus, Region
from motionloupe.measurement.displacement import displacement
from tests.scenes import clip, texture, to_uint8
from tests.video.media import make_video, pictures

magnify = partial(motionloupe.pipeline.magnify, method="phase")  # the way is the same for all


def sway(t):
    return 0.2 * np.sin(2 * np.pi * 3 * t)


def write(path, frames, rate=30):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=rate)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "bgr0"
        for frame in frames:
            picture = av.VideoFrame.from_ndarray(to_uint8(frame), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def read(path):
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
        return [f.to_ndarray(format="rgb24") for f in frames], [float(f.time) for f in frames]


@pytest.fixture
def swaying(tmp_path):
    return write(tmp_path / "in.mkv", clip(sway, seconds=2))


def measured_gain(source, target):
    before, after = read(source)[0], read(target)[0]
    motion = [displacement(before[0], f)[0] for f in before]
    magnified = [displacement(after[0], f)[0] for f in after]
    return np.dot(motion, magnified) / np.dot(motion, motion)


def test_the_whole_way_keeps_length_rate_size_and_magnifies(swaying, tmp_path):
    target = tmp_path / "out.mkv"
    result = magnify(swaying, target, alpha=5, lossless=True)
    before, after = read(swaying), read(target)
    assert result.target == target
    assert result.frames == len(before[0]) == len(after[0])
    assert after[1] == pytest.approx(before[1], abs=1e-6)
    assert after[0][0].shape == before[0][0].shape
    assert result.duration == pytest.approx(2.0, abs=0.02)
    assert measured_gain(swaying, target) == pytest.approx(5, rel=0.1)


def test_fps_says_what_a_hertz_is(swaying, tmp_path):
    target = tmp_path / "out.mkv"
    fast = dict(alpha=5, lossless=True, fps=600, filter="fir")
    magnify(swaying, target, band=(40, 80), **fast)
    assert measured_gain(swaying, target) == pytest.approx(5, rel=0.15)
    magnify(swaying, target, band=(100, 200), force=True, **fast)
    assert measured_gain(swaying, target) < 2
    assert read(target)[1] == read(swaying)[1]


def test_the_reference_may_be_any_frame(swaying, tmp_path):
    by_number, by_time = tmp_path / "number.mkv", tmp_path / "time.mkv"
    magnify(swaying, by_number, reference=15, lossless=True)
    magnify(swaying, by_time, reference="0.5s", lossless=True)
    numbered, timed = read(by_number)[0], read(by_time)[0]
    assert all(np.array_equal(a, b) for a, b in zip(numbered, timed, strict=True))
    unchanged = read(swaying)[0][15]
    assert np.abs(numbered[15].astype(int) - unchanged).max() <= 1


def test_views_are_written_beside_the_result(swaying, tmp_path):
    target = tmp_path / "out.mp4"
    result = magnify(swaying, target, side_by_side=True, slice_line=(10, 48, 110, 48))
    assert set(result.extras) == {"side_by_side", "slice"}
    both, times = read(result.extras["side_by_side"])
    assert len(both) == result.frames
    assert both[0].shape[1] > 2 * 128
    assert times == pytest.approx(read(target)[1], abs=1e-6)
    assert result.extras["slice"].read_bytes().startswith(b"\x89PNG")


def test_views_of_numbered_pictures_lie_beside_their_folder(swaying, tmp_path):
    line = (10, 48, 110, 48)
    result = magnify(swaying, f"{tmp_path}/out/%05d.png", side_by_side=True, slice_line=line)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        ["in.mkv", "out", "out_side_by_side.mp4", "out_slice.png"]
    )
    assert all(path.is_file() for path in result.extras.values())


def test_a_per_cent_sign_is_no_number(swaying, tmp_path):
    result = magnify(swaying, tmp_path / "50%.mp4", side_by_side=True)
    assert result.extras["side_by_side"] == tmp_path / "50%_side_by_side.mp4"


def test_preparation_comes_after_every_check_and_before_the_work(swaying, tmp_path):
    target, calls = tmp_path / "out.mkv", []

    def prepare():
        calls.append(sorted(p.name for p in tmp_path.iterdir()))
        return {"sigma": 3.0}

    for wrong in ({"alpha": -1.0}, {"reference": "99s"}, {"band": (2, 40)}):
        with pytest.raises(UserError):
            magnify(swaying, target, prepare=prepare, **wrong)
    with pytest.raises(UserError, match="input itself"):
        magnify(swaying, swaying, prepare=prepare, force=True)
    assert calls == []
    magnify(swaying, target, lossless=True, prepare=prepare)
    assert len(calls) == 1
    magnify(swaying, tmp_path / "same.mkv", lossless=True, sigma=3.0)
    for one, two in zip(read(target)[0], read(tmp_path / "same.mkv")[0], strict=True):
        assert np.array_equal(one, two)


@pytest.mark.parametrize(("cut", "changed"), [({}, 4), ({"start": 0.3}, 1)])
def test_masks_count_from_the_first_picture_wherever_its_clock_begins(tmp_path, cut, changed):
    frames = clip(sway, seconds=0.5)
    late = make_video(
        tmp_path / "late.mkv",
        [to_uint8(frame) for frame in frames],
        pts=[number + 6 for number in range(len(frames))],
        rate=30,
        codec="ffv1",
        pixel_format="bgr0",
        sound=["flac"],
    )
    masks = np.zeros((len(frames), *frames[0].shape[:2]), np.float32)
    masks[4] = 1.0
    focus = Focus([Region(mask=masks)], background="composite")
    result = magnify(late, tmp_path / "out.mkv", focus=focus, lossless=True, **cut)
    after, before = read(tmp_path / "out.mkv")[0], frames[len(frames) - result.frames :]
    differ = [not np.array_equal(x, to_uint8(y)) for x, y in zip(after, before, strict=True)]
    assert [number for number, differs in enumerate(differ) if differs] == [changed]


def test_the_slice_of_high_speed_footage_shows_true_seconds(swaying, tmp_path, monkeypatch):
    drawn = {}

    def keep(path, labelled, title=None):
        drawn.update({label: recorder.seconds for label, recorder in labelled})

    monkeypatch.setattr(motionloupe.extras, "draw_slices", keep)
    magnify(swaying, tmp_path / "out.mp4", slice_line=(10, 48, 110, 48), fps=300)
    assert max(drawn["input"]) == max(drawn["magnified"]) == pytest.approx(59 / 300, abs=1e-3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"band": (2, 40)}, "30"),
        ({"band": (0.05, 0.3)}, "period"),
        ({"alpha": float("nan")}, "finite"),
        ({"alpha": -2.0}, "0 or larger"),
        ({"alpha": np.ones((10, 10))}, "alpha map"),
        ({"method": "magic"}, "phase"),
        ({"sigmoid": 3}, "sigmoid"),
        ({"slice_line": (0, 0, 500, 10)}, "500"),
        ({"reference": "early"}, "early"),
        ({"reference": 100000}, "100000"),
        ({"mode": "dynamic", "reference": 3}, "dynamic"),
        ({"device": "warp-core"}, "warp-core"),
    ],
)
def test_a_mistake_is_one_clear_line_and_leaves_nothing(swaying, tmp_path, options, message):
    with pytest.raises(UserError) as error:
        magnify(swaying, tmp_path / "out.mp4", **options)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.mkv"]


def test_a_drawing_that_fails_takes_the_result_with_it(swaying, tmp_path, monkeypatch):
    def full(path, *_):
        raise UserError(f"cannot write {path}: no room")

    monkeypatch.setattr("motionloupe.extras.draw_slices", full)
    line = (0, 10, 20, 10)
    with pytest.raises(UserError, match="no room"):
        magnify(swaying, tmp_path / "out.mp4", method="linear", side_by_side=True, slice_line=line)
    assert os.listdir(tmp_path) == ["in.mkv"]


@pytest.mark.parametrize("name", ["out.mp4", "out"])
def test_a_result_that_fails_takes_its_drawing_with_it(swaying, tmp_path, monkeypatch, name):
    def full(*_):
        raise UserError("no room")

    monkeypatch.setattr("motionloupe.video.target.Draft.keep", full)
    monkeypatch.setattr("motionloupe.video.target.Draft.keep_folder", full)
    with pytest.raises(UserError, match="no room"):
        magnify(swaying, tmp_path / name, method="linear", slice_line=(0, 10, 20, 10))
    assert os.listdir(tmp_path) == ["in.mkv"]


def test_an_interrupt_leaves_nothing(swaying, tmp_path):
    def stop(done, expected):
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        magnify(swaying, tmp_path / "out.mp4", side_by_side=True, progress=stop)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.mkv"]


def test_existing_files_are_kept_without_force(swaying, tmp_path):
    target = tmp_path / "out.mp4"
    target.write_text("precious")
    with pytest.raises(UserError, match="force"):
        magnify(swaying, target)
    assert target.read_text() == "precious"
    with pytest.raises(UserError):
        magnify(swaying, swaying, force=True)


def test_a_band_narrower_than_the_clip_can_tell_is_warned_of(swaying, tmp_path):
    result = magnify(swaying, tmp_path / "out.mp4", band=(2.9, 3.1), filter="butterworth")
    assert any("tell frequencies apart" in line for line in result.warnings)


def test_progress_counts_every_frame(swaying, tmp_path):
    seen = []
    magnify(swaying, tmp_path / "out.mp4", progress=lambda *step: seen.append(step))
    assert [done for done, _ in seen] == list(range(1, 61))


def test_public_names_are_callable_whatever_was_imported_first():
    import motionloupe.magnifiers
    import motionloupe.pipeline

    assert callable(motionloupe.magnify)
    assert "phase" in motionloupe.methods()
    assert isinstance(motionloupe.load("phase"), motionloupe.Magnifier)


def test_masks_for_each_frame_follow_a_variable_rate(tmp_path):
    """Five slow frames before the cut, quick ones after: the mean rate would skip twelve."""
    frames = clip(sway, seconds=0.5)
    source = make_video(
        tmp_path / "v.mkv",
        [to_uint8(frame) for frame in frames],
        pts=[200 * n if n < 5 else 1000 + 50 * (n - 5) for n in range(len(frames))],
        time_base=Fraction(1, 1000),
        rate=20,
        codec="ffv1",
        pixel_format="bgr0",
    )
    masks = np.zeros((len(frames), *frames[0].shape[:2]), np.uint8)
    masks[7] = 255
    folder = tmp_path / "masks"
    folder.mkdir()
    for number, mask in enumerate(masks):
        cv2.imwrite(str(folder / f"{number}.png"), mask)
    coloured = [np.repeat(mask[..., None], 3, axis=2) for mask in masks]
    film = make_video(
        tmp_path / "m.mkv", coloured, codec="ffv1", pixel_format="bgr0", rate=Fraction(25)
    )
    for mask in (masks, folder, film):
        focus = Focus([Region(mask=mask)], background="composite")
        target = tmp_path / "out.mkv"
        magnify(source, target, focus=focus, lossless=True, start=1.0, force=True)
        differ = [
            not np.array_equal(x, to_uint8(y))
            for x, y in zip(read(target)[0], frames[5:], strict=True)
        ]
        assert [number for number, differs in enumerate(differ) if differs] == [2]


@pytest.mark.parametrize("folder", ["shots/a", "shots/*"])
def test_no_result_replaces_what_is_read(tmp_path, folder):
    for name in ("a", "b"):
        (tmp_path / "shots" / name).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / "shots" / name / "000000.png"), to_uint8(texture(40, 48)))
    source = tmp_path / folder
    source = source if source.is_dir() else source / "000000.png"
    picture = tmp_path / "shots" / "a" / "000000.png"
    before = picture.read_bytes()
    with pytest.raises(UserError, match=r"one of the inputs|in one another"):
        magnify(source, tmp_path / "shots" / "a", method="linear", force=True)
    with pytest.raises(UserError, match="one of the inputs"):
        draw_slice([source], picture, (5, 10, 40, 10), force=True)
    with pytest.raises(UserError, match="one of the inputs"):
        compare([source, source], tmp_path / "shots" / "a", force=True)
    with pytest.raises(UserError, match="one of the inputs"):
        magnify(source, tmp_path / "o.mp4", side_by_side=picture, force=True)
    assert picture.read_bytes() == before


def test_what_lies_beside_the_result_has_a_name_of_its_own(swaying, tmp_path):
    target = tmp_path / "out.mp4"
    with pytest.raises(UserError, match="is the result itself"):
        magnify(swaying, target, side_by_side=target, force=True)
    assert not target.exists()


def test_videos_that_cannot_look_right_beside_each_other_are_told(tmp_path):
    first, alike, other = (
        make_video(tmp_path / f"{name}.mkv", pictures(3), tags=tags, aspect=aspect)
        for name, tags, aspect in (
            ("first", (1, 1, 1, 1), None),
            ("alike", (6, 6, 6, 1), None),
            ("other", (9, 18, 9, 1), Fraction(4, 3)),
        )
    )
    result = compare([first, alike, other], tmp_path / "o.mp4")
    assert result.warnings == (
        "other and first differ in range of brightness, range of colours, shape of pixels: "
        "other is shown as if it did not, and looks wrong",
    )
    assert not compare([other, other], tmp_path / "p.mp4").warnings
