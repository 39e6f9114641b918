"""The demo: its scene moves as it says, its table tells what was measured, its files are there."""

import json
import sys
from itertools import islice

import numpy as np
import pytest

from motionloupe import UserError, demo
from motionloupe.cli import main
from motionloupe.measurement.displacement import displacement
from tests.scenes import clip, to_uint8

pytest.importorskip("skimage", reason="the demo's photograph comes with scikit-image")


@pytest.fixture
def small(monkeypatch):
    """The upper part of the photograph, for one second: all that is measured, in less time."""
    whole = demo.load_photograph()
    monkeypatch.setattr(demo, "load_photograph", lambda: whole[:160])
    monkeypatch.setattr(demo, "FRAMES", 30)


def frames_of(count):
    return list(islice(demo.scene(demo.load_photograph()), count))


def test_the_cup_trembles_by_a_fifth_of_a_pixel_and_the_table_stands_still(small):
    frames = frames_of(10)
    times = np.arange(10) / demo.FPS
    true = 0.2 * np.sin(2 * np.pi * 3 * times)
    cup = [displacement(frames[0], frame, demo.CUP) for frame in frames]
    table = [displacement(frames[0], frame, demo.TABLE) for frame in frames]
    np.testing.assert_allclose([dx for dx, _ in cup], true, atol=0.015)
    np.testing.assert_allclose([dy for _, dy in cup], 0, atol=0.02)
    np.testing.assert_allclose(table, 0, atol=0.02)


def test_the_noise_is_a_sensor_s_and_repeats(small):
    first, again = frames_of(11), frames_of(11)
    np.testing.assert_array_equal(first[10], again[10])
    difference = first[10].astype(float) - first[0]  # one period apart: noise alone
    bright, dark = first[0].mean(axis=2) > 150, first[0].mean(axis=2) < 40
    assert 1 < difference.std() / np.sqrt(2) < 4
    assert abs(difference.mean()) < 0.05
    assert difference[bright].std() < 2 * difference[dark].std()  # shot noise, after gamma


def test_the_whole_demo_measures_what_was_wanted(small, tmp_path, capsys):
    assert main(["demo", "--output", str(tmp_path / "out"), "--json", "--quiet"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["true"] == pytest.approx({"input": 0.2, "magnified": 3.0})
    assert report["cup"]["input"] == pytest.approx(0.2, abs=0.01)
    assert report["cup"]["magnified"] == pytest.approx(3.0, rel=0.25)  # a second is short
    assert report["table"]["magnified"] < 0.15
    written = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert written == ["input.mkv", "magnified.mp4", "magnified_slice.png", "side_by_side.mp4"]
    assert sorted(report["files"].values()) == [str(tmp_path / "out" / name) for name in written]


def test_files_are_not_overwritten_unasked(tmp_path):
    (tmp_path / "magnified.mp4").write_text("mine")
    with pytest.raises(UserError, match="--force"):
        demo.run(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["magnified.mp4"]


def test_an_own_video_is_sliced_where_it_moves(tmp_path, capsys):
    from motionloupe.video import open_writer

    frames = [to_uint8(f) for f in clip(lambda t: 0.5 * np.sin(20 * t), seconds=0.5)]
    video = tmp_path / "own.mkv"
    info = demo.scene_info(video, *frames[0].shape[:2])
    with open_writer(video, info, lossless=True) as writer:
        for index, frame in enumerate(frames):
            writer.write(frame, index, 1)
    report = demo.run(tmp_path / "out", video)
    assert report.liveliest is not None
    assert not report.cup
    assert all(path.exists() for path in report.files.values())
    assert "Moves most at" in "\n".join(report.lines())


def test_without_scikit_image_the_message_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "skimage.data", None)
    with pytest.raises(UserError, match=r"pip install 'motionloupe\[demo\]'"):
        demo.run(tmp_path)


def test_a_scene_may_be_written_again(small, tmp_path):
    photograph = demo.load_photograph()[:200]
    demo.write_scene(tmp_path / "in.mkv", photograph)
    with pytest.raises(UserError, match="exists"):
        demo.write_scene(tmp_path / "in.mkv", photograph)
    demo.write_scene(tmp_path / "in.mkv", photograph, force=True)
    assert [path.name for path in tmp_path.iterdir()] == ["in.mkv"]
