"""How parts of a video move: known motion, read from a file and written as a table."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from motionloupe import UserError, measure
from motionloupe.cli import main
from tests.handheld import STILL, shaken, taken, world
from tests.scenes import shifted, texture, to_uint8
from tests.video.media import make_video

FPS = 25
LOSSLESS = {"codec": "ffv1", "pixel_format": "bgr0"}
LEFT, RIGHT = (0, 0, 72, 96), (88, 0, 72, 96)


def seconds(count):
    return np.arange(count) / FPS


def sway(count=50):
    """What the right half does: 0.2 px at 4 Hz to the side, 0.1 px at 4 Hz down."""
    swing = np.sin(2 * np.pi * 4 * seconds(count))
    return 0.2 * swing, 0.1 * swing


def written(path, count=50):
    still = texture(96, 160)
    frames = []
    for x, y in zip(*sway(count), strict=True):
        frame = still.copy()
        frame[:, 80:] = shifted(still, x, y)[:, 80:]
        frames.append(to_uint8(frame))
    return make_video(path, frames, rate=FPS, **LOSSLESS)


@pytest.fixture
def video(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return written(tmp_path / "in.mkv")


def test_the_motion_of_every_box_is_measured(video):
    found = measure(video, [LEFT, RIGHT])
    still, moving = found.movements
    assert not found.warnings
    assert not found.files
    assert (still.box, moving.box) == (LEFT, RIGHT)
    assert still.tones == []
    assert still.spread < 0.005
    np.testing.assert_allclose(moving.track.seconds, seconds(50), atol=1e-3)
    np.testing.assert_allclose(moving.track.dx, sway()[0], atol=0.01)
    np.testing.assert_allclose(moving.track.dy, sway()[1], atol=0.01)
    (tone,) = moving.tones
    assert tone.frequency == pytest.approx(4.0, abs=0.01)
    assert (tone.across, tone.down) == pytest.approx((0.2, 0.1), abs=0.003)


def test_without_a_box_it_is_what_moves_most(video):
    (movement,) = measure(video).movements
    x, _, width, height = movement.box
    assert (width, height) == (96, 96)
    assert x + width / 2 > 80
    assert movement.tones[0].frequency == pytest.approx(4.0, abs=0.02)


def test_high_speed_footage_has_its_true_rate(video):
    (movement,) = measure(video, [RIGHT], fps=10 * FPS).movements
    assert movement.tones[0].frequency == pytest.approx(40.0, abs=0.1)
    assert movement.track.seconds[-1] == pytest.approx(0.196, abs=1e-3)


def test_another_frame_is_the_reference_and_a_part_is_enough(video):
    (movement,) = measure(video, [RIGHT], reference=2, start=0.4, end=1.6).movements
    assert len(movement.track.seconds) == 30
    assert movement.track.seconds[0] == pytest.approx(0.4, abs=2e-3)
    expected = sway()[0][10:40] - sway()[0][12]
    np.testing.assert_allclose(movement.track.dx, expected, atol=0.01)


def test_the_cameras_own_motion_is_taken_out(tmp_path):
    rng = np.random.default_rng(4)
    cameras = [STILL, *(shaken(2.0, rng, 144, 192) for _ in range(19))]
    frames = [taken(world(), camera) for camera in cameras]
    video = make_video(tmp_path / "in.mkv", frames, **LOSSLESS)
    box = (60, 40, 70, 70)
    held = measure(video, [box])
    assert held.movements[0].spread > 0.5
    assert "--stabilise" in held.warnings[0]
    for stabilise in (True, (10, 10, 150, 120)):
        steady = measure(video, [box], stabilise=stabilise)
        assert steady.movements[0].spread < 0.03
        assert not steady.warnings


def test_what_could_not_be_measured_is_told_and_left_empty(tmp_path):
    still, rng = texture(96, 160), np.random.default_rng(0)
    frames = [to_uint8(still) for _ in range(6)]
    lost = (slice(20, 68), slice(100, 148))
    frames[3][lost] = rng.integers(0, 256, (48, 48, 3))
    frames[4][lost] = 90
    video = make_video(tmp_path / "in.mkv", frames, **LOSSLESS)
    table = tmp_path / "out.csv"
    found = measure(video, [LEFT, (100, 20, 48, 48)], target=table)
    (warning,) = found.warnings
    assert "box 100,20,48,48 could not be measured at 2 of 6 frames, first at 0.12 s" in warning
    assert len(found.movements[1].measured.seconds) == 4
    rows = list(csv.reader(table.read_text().splitlines()))
    assert rows[0] == ["seconds", "dx_1", "dy_1", "dx_2", "dy_2"]
    assert rows[4][3:] == rows[5][3:] == ["", ""]
    assert all(rows[4][:3])
    assert [float(row[0]) for row in rows[1:]] == pytest.approx(seconds(6), abs=1e-3)


def test_the_command_writes_a_table_and_a_drawing(video, capsys):
    assert main(["measure", "in.mkv", "--box", "88,0,72,96", "--box", "0,0,72,96"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("box 88,0,72,96: 4 Hz, 0.2")
    assert lines[1].startswith("box 0,0,72,96: 0.00")
    assert lines[1].endswith("px (RMS), no frequency stands out")
    assert lines[2:] == ["in_motion.csv", "in_motion.png"]
    rows = list(csv.reader(Path("in_motion.csv").read_text().splitlines()))
    assert len(rows) == 51
    assert [float(row[1]) for row in rows[1:]] == pytest.approx(sway()[0], abs=0.01)
    assert Path("in_motion.png").read_bytes().startswith(b"\x89PNG")
    assert main(["measure", "in.mkv", "--box", "88,0,72,96", "--force", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    (box,) = record["boxes"]
    assert box["tones"][0]["frequency"] == pytest.approx(4.0, abs=0.01)
    assert (box["frames"], box["measured"]) == (50, 50)
    assert record["files"]["table"] == "in_motion.csv"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("none.mkv", "none.mkv"),
        ("in.mkv --box 1,2,3", "X,Y,W,H"),
        ("in.mkv --box 100,0,100,50", "leaves the frame"),
        ("in.mkv --box 1,2,8,8", "24 x 24 pixels"),
        ("in.mkv -o out.txt", ".csv"),
        ("in.mkv -o nowhere/out.csv", "nowhere"),
        ("in.mkv --box 0,0,72,96 --still 1,2,3", "X,Y,W,H"),
        ("in.mkv --reference last", "a frame's number"),
        ("flat.mkv", "say with --box where"),
        ("flat.mkv --box 0,0,40,40", "no texture"),
        ("one.mkv --box 0,0,72,96", "one frame"),
    ],
)
def test_what_cannot_be_measured_is_one_line_and_leaves_nothing(
    line, reason, video, tmp_path, capsys
):
    grey = [np.full((48, 64, 3), 90, np.uint8)] * 3
    make_video(tmp_path / "flat.mkv", grey, **LOSSLESS)
    written(tmp_path / "one.mkv", 1)
    before = sorted(tmp_path.iterdir())
    assert main(["measure", *line.split()]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert reason in err
    assert len(err.strip().splitlines()) == 1
    assert sorted(tmp_path.iterdir()) == before


def test_what_exists_stays(video, tmp_path, capsys):
    drawing = tmp_path / "in_motion.png"
    drawing.write_text("mine")
    assert main(["measure", "in.mkv"]) == 2
    assert "in_motion.png exists" in capsys.readouterr().err
    assert drawing.read_text() == "mine"
    with pytest.raises(UserError, match="exists"):
        measure(video, target=tmp_path / "in_motion.csv")


def test_a_table_that_fails_takes_its_drawing_with_it(video, tmp_path, monkeypatch):
    def full(path, _):
        raise UserError(f"there is no room to write {path}")

    monkeypatch.setattr("motionloupe.vibrometry.write_table", full)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(UserError, match="no room"):
        measure("in.mkv", [(0, 0, 72, 96)], target="out.csv")
    assert sorted(tmp_path.iterdir()) == before


def test_a_mast_swings_across_itself_and_that_is_told(tmp_path):
    rng, x = np.random.default_rng(0), np.arange(96.0)
    frames = []
    for number in range(50):
        edge = 0.25 + 0.5 / (1 + np.exp(-(x - 48 - 0.2 * np.sin(2 * np.pi * 4 * number / 25))))
        picture = np.broadcast_to(edge[None, :, None], (72, 96, 3))
        frames.append(to_uint8(picture + rng.normal(0, 0.004, picture.shape)))
    video = make_video(tmp_path / "mast.mkv", frames, **LOSSLESS)
    found = measure(video, [(16, 4, 64, 64)])
    (tone,) = found.movements[0].tones
    assert (tone.frequency, tone.across) == pytest.approx((4.0, 0.2), abs=0.01)
    assert tone.down < 0.01
    assert any("edges of one direction" in text for text in found.warnings)


def test_noise_does_not_decide_anew_at_each_frame_what_can_be_told(tmp_path):
    """Near the limit a box is one thing or the other, for all frames."""
    y, x = np.mgrid[:80, :96].astype(float)
    rng, spots = np.random.default_rng(3), np.random.default_rng(1).uniform(10, 70, (14, 2))
    frames = []
    for number in range(40):
        dx, dy = 1.5 * np.sin(number / 3), -1.0 * np.sin(number / 3)
        blobs = sum(np.exp(-((x - a - dx) ** 2 + (y - b - dy) ** 2) / 128) for a, b in spots)
        picture = np.repeat((0.3 + 0.08 * blobs)[..., None], 3, axis=2)
        frames.append(to_uint8(picture + rng.normal(0, 0.03, picture.shape)))
    video = make_video(tmp_path / "blobs.mkv", frames, **LOSSLESS)
    found = measure(video, [(12, 8, 64, 64)])
    track, edges = found.movements[0].track, any("edges" in text for text in found.warnings)
    rest = np.column_stack([track.dx, track.dy])[1:]
    if edges:
        assert np.linalg.matrix_rank(rest, tol=0.05 * np.linalg.norm(rest)) == 1
    else:
        assert (np.abs(rest) > 0).all()


def test_flickering_light_is_no_vibration(tmp_path):
    still, rng = texture(72, 96), np.random.default_rng(0)
    light = [1 + 0.03 * np.sin(2 * np.pi * 4 * number / 25) for number in range(50)]
    frames = [to_uint8(0.8 * still * now + rng.normal(0, 0.004, still.shape)) for now in light]
    video = make_video(tmp_path / "lamp.mkv", frames, **LOSSLESS)
    found = measure(video, [(16, 4, 64, 64)])
    assert found.movements[0].tones == []
    assert found.movements[0].spread < 0.01


def test_a_highlight_that_wanders_is_told_and_no_vibration(tmp_path):
    rng, still = np.random.default_rng(0), 0.06 + 0.7 * texture(120, 120)
    y, x = np.mgrid[:120, :120]
    frames = []
    for number in range(50):
        place = 60 + 4 * np.sin(2 * np.pi * 4 * number / 25 + 0.5)
        spot = np.exp(-((x - place) ** 2 + (y - 60) ** 2) / 32)
        frames.append(to_uint8(still + 0.25 * spot[..., None] + rng.normal(0, 0.004, still.shape)))
    video = make_video(tmp_path / "lacquer.mkv", frames, **LOSSLESS)
    found = measure(video, [(4, 4, 112, 112)])
    assert found.movements[0].spread < 0.01
    assert any("a part moves or changes by itself" in text for text in found.warnings)
