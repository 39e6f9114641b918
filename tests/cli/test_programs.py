"""Each command does its work on real files, and leaves nothing when it cannot or may not."""

import json
import os
import signal
import subprocess
import sys
import time

import av
import cv2
import numpy as np
import pytest

from motionloupe.cli import main
from motionloupe.demo import scene_info
from motionloupe.measurement.displacement import displacement
from motionloupe.video import open_reader, open_writer
from tests.scenes import clip, to_uint8
from tests.video.media import make_video


def sway(t):
    return 0.2 * np.sin(2 * np.pi * 3 * t)


def make(path, frames):
    with open_writer(path, scene_info(path, *frames[0].shape[:2]), lossless=True) as writer:
        for index, frame in enumerate(frames):
            writer.write(to_uint8(frame), index, 1)
    return path


def frames_of(path):
    with open_reader(path) as reader:
        return [frame.image for frame in reader]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "sway.mkv", clip(sway, seconds=1, height=64, width=80))
    return tmp_path


@pytest.fixture
def call(folder, capsys):
    def run(line):
        code = main(line.split())
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_magnify_by_default_names_its_result_after_what_it_did(call, folder, monkeypatch):
    monkeypatch.setattr("motionloupe.cli.console._INTERVAL", 1e6)  # however slow the machine is
    code, out, err = call("magnify sway.mkv --alpha 5")
    assert (code, err) == (0, "")
    assert out.startswith("sway_flowmag_x5.mp4: 30 frames, 1.00 s of video in ")
    assert names(folder) == ["sway.mkv", "sway_flowmag_x5.mp4"]
    before, after = frames_of("sway.mkv"), frames_of("sway_flowmag_x5.mp4")
    moved = displacement(before[0], before[2])[0], displacement(after[0], after[2])[0]
    assert moved[1] == pytest.approx(5 * moved[0], rel=0.25)


def test_the_result_may_be_named_as_in_the_other_commands(call, folder):
    assert call("magnify sway.mkv -m linear -o named.mp4")[0] == 0
    assert "named.mp4" in names(folder)


def test_every_option_of_magnify_reaches_the_work(folder, capsys, monkeypatch):
    seen = {}

    def watch(source, target, **options):
        seen.update(options, source=source, target=str(target))
        raise KeyboardInterrupt  # stop here

    monkeypatch.setattr("motionloupe.pipeline.magnify", watch)
    line = (
        "magnify in.mp4 out.mkv -m linear -a 7 --mode dynamic --band 1 3.5 --filter iir "
        "--reference 2.5s --fps 600 --start 1 --end 2 --scale 0.5 --lossless --depth 10 "
        "--no-sound --device meta --side-by-side --slice -1,2,3,4.5 --set lambda_c=8 --force -q "
        "--still 1,2,30,40"
    )
    assert main(line.split()) == 130
    capsys.readouterr()
    assert seen.pop("progress") is not None
    assert seen.pop("warn") is not None
    assert seen == {
        "source": "in.mp4",
        "target": "out.mkv",
        "method": "linear",
        "alpha": 7.0,
        "mode": "dynamic",
        "band": (1.0, 3.5),
        "stabilise": (1, 2, 30, 40),
        "filter": "iir",
        "reference": "2.5s",
        "focus": None,
        "fps": 600.0,
        "start": 1.0,
        "end": 2.0,
        "scale": 0.5,
        "lossless": True,
        "depth": 10,
        "sound": False,
        "device": "meta",
        "side_by_side": True,
        "slice_line": (-1.0, 2.0, 3.0, 4.5),
        "lambda_c": 8.0,
        "force": True,
    }


def test_magnify_writes_its_pictures_beside_and_reports_in_json(call, folder):
    code, out, _ = call(
        "magnify sway.mkv out.mp4 -m linear --side-by-side --slice 9,20,70,20 --json"
    )
    assert code == 0
    record = json.loads(out)
    assert record["frames"] == 30
    assert record["duration"] == pytest.approx(1.0)
    assert record["target"] == "out.mp4"
    assert names(folder) == ["out.mp4", "out_side_by_side.mp4", "out_slice.png", "sway.mkv"]
    assert sorted(record["extras"].values()) == ["out_side_by_side.mp4", "out_slice.png"]
    assert frames_of("out_side_by_side.mp4")[0].shape[1] == 2 * 80 + 4


def test_quiet_says_nothing(call):
    assert call("magnify sway.mkv out.mp4 -m linear --quiet") == (0, "", "")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("magnify none.mp4 out.mp4", "none.mp4"),
        ("magnify sway.mkv sway.mkv --force", "input itself"),
        ("magnify sway.mkv out.mp4 -m linear --alpha -1", "0 or larger"),
        ("magnify sway.mkv out.mp4 -m linear --alpha nan", "finite"),
        ("magnify sway.mkv out.mp4 -m linear --mode sideways", "static, dynamic"),
        ("magnify sway.mkv out.mp4 -m linear --band 2 16", "below 15 Hz"),
        ("magnify sway.mkv out.mp4 -m linear --set magic=1", "magic"),
        ("magnify sway.mkv out.mp4 -m linear --slice 0,0,80,9", "leaves the frame of 80 x 64"),
        ("magnify sway.mkv nowhere/out.mp4 -m linear", "nowhere"),
        ("slice sway.mkv --line 0,0,0,64", "leaves the frame"),
        ("slice sway.mkv --line 0,0,9,9 -o nowhere/out.png", "nowhere"),
        ("slice sway.mkv sway.mkv --line 0,0,9,9 -o nowhere/out.png", "nowhere"),
        ("compare sway.mkv sway.mkv -o sway.mkv --force", "one of the inputs"),
        ("compare sway.mkv sway.mkv --label one", "found 1 labels for 2 videos"),
        ("adapt sway.mkv -o sway.mkv --force", "input itself"),
        ("adapt sway.mkv -o . --force", "is a folder"),
        ("magnify sway.mkv out.mp4 -m phase --adapt 1", "only flowmag adapts"),
        ("magnify sway.mkv out.mp4 -m acceleration --set frequency=4Hz", "'4Hz'"),
        ("interpolate sway.mkv -m oh2018 --weights a --set weights=b", "named twice"),
        ("interpolate sway.mkv -m oh2018 --set weights=7", "7"),
        ("magnify sway.mkv out.mp4 -m phase --box 9,9,20,20 --sam w", "--point"),
        ("magnify sway.mkv out.mp4 -m linear --reference nans", "a number of seconds"),
        ("magnify sway.mkv out.mp4 -m linear --scale 1000", "80000 x 64000"),
        ("magnify sway.mkv out.mp4 -m linear --alpha 1e39", "finite"),
        ("magnify sway.mkv out.mp4 -m linear --device meta", "no device 'meta'"),
        (f"magnify sway.mkv {'x' * 300}.mp4 -m linear", "too long"),
        ("curate sway.mkv -o sway.mkv/pairs", "sway.mkv"),
        ("synth sway.mkv --backgrounds . --size nan,48", "nan,48"),
        ("demo none.mp4 -o out", "none.mp4"),
        ("bench subpixel -o out --scenes . --seed -1", "seed must be 0 or larger"),
        ("info none.mp4", "none.mp4"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_leaves_nothing(call, folder, line, reason):
    content = (folder / "sway.mkv").read_bytes()
    code, out, err = call(line)
    assert code == 2
    assert out == ""
    assert reason in err
    assert len(err.splitlines()) == 1
    assert names(folder) == ["sway.mkv"]
    assert (folder / "sway.mkv").read_bytes() == content


def test_slices_of_two_videos_stand_below_each_other(call, folder):
    one = call("slice sway.mkv --line 9,20,70,20 --json")
    assert one[0] == 0
    assert json.loads(one[1])["target"] == "sway_slice.png"
    assert call("slice sway.mkv sway.mkv --line 9,20,70,20 --label a --label b -o two.png")[0] == 0
    single, double = cv2.imread("sway_slice.png"), cv2.imread("two.png")
    assert double.shape[0] > 1.5 * single.shape[0]
    assert double.shape[1] == single.shape[1]


def test_a_comparison_is_as_long_as_the_shortest_and_says_so(call, folder):
    make(folder / "short.mkv", clip(sway, seconds=0.4, height=48, width=60))
    code, out, err = call("compare sway.mkv short.mkv -o both.mkv --label first --label second")
    assert code == 0
    assert "both.mkv: 12 frames, 0.40 s" in out
    assert "second ends after 12 frames" in err
    both = frames_of("both.mkv")
    assert len(both) == 12
    assert both[0].shape[1] == 80 + 4 + 60


def test_the_sound_of_a_comparison_ends_with_its_pictures(call, folder):
    make_video(folder / "long.mp4", [np.zeros((48, 64, 3), np.uint8)] * 75, sound=["aac"])
    assert call("compare long.mp4 sway.mkv -o both.mp4")[0] == 0
    assert call("compare long.mp4 long.mp4 -o whole.mp4")[0] == 0
    lengths = []
    for name in ("both.mp4", "whole.mp4"):
        with av.open(name) as container:
            track = container.streams.audio[0]
            lengths.append(float(track.duration * track.time_base))
    assert lengths[0] == pytest.approx(30 / 25, abs=0.06)  # shown at the first one's rate
    assert lengths[1] == pytest.approx(3, abs=0.06)


def test_a_mask_is_never_replaced(call, folder):
    mask = make(folder / "mask.mkv", [np.ones((64, 80, 3))] * 2)
    content = mask.read_bytes()
    code, _, err = call("magnify sway.mkv mask.mkv -m linear --mask mask.mkv --lossless --force")
    assert code == 2
    assert "one of the inputs" in err
    assert mask.read_bytes() == content


def test_a_name_that_is_no_text_comes_back_as_it_was(folder):
    name = b"sway\xff.mkv"
    (folder / os.fsdecode(name)).write_bytes((folder / "sway.mkv").read_bytes())
    done = subprocess.run(
        [sys.executable, "-m", "motionloupe.cli", "info", "--no-motion", name], capture_output=True
    )
    assert done.returncode == 0
    assert name in done.stdout


@pytest.mark.parametrize("second", ["pictures", "pictures/*.png"])
def test_a_comparison_leaves_the_pictures_of_its_inputs_alone(call, folder, second):
    (folder / "pictures").mkdir()
    for number in range(2):
        cv2.imwrite(f"pictures/{number:06d}.png", np.full((64, 80, 3), number, np.uint8))
    code, _, err = call(f"compare sway.mkv {second} -o pictures --force")
    assert code == 2
    assert "one of the inputs" in err
    assert cv2.imread("pictures/000001.png").max() == 1
    code, _, err = call(f"compare sway.mkv {second} -o pictures/%06d.png --force")
    assert code == 2
    assert "one of the inputs" in err
    assert cv2.imread("pictures/000001.png").max() == 1


def test_a_part_of_a_video_is_as_long_as_it_is(call):
    part = "--start 0.4 --end 0.7 --json"
    compared = json.loads(call(f"compare sway.mkv sway.mkv -o both.mkv {part}")[1])
    sliced = json.loads(call(f"slice sway.mkv --line 9,20,70,20 {part}")[1])
    for record in (compared, sliced):
        assert record["duration"] == pytest.approx(0.3, abs=1e-6)


def test_info_knows_the_file_and_its_motion(call):
    code, out, _ = call("info sway.mkv")
    assert code == 0
    for words in ("80 x 64", "30 frames/s", "1.000 s", "ffv1", "sound      none", "px per frame"):
        assert words in out
    record = json.loads(call("info sway.mkv --json")[1])
    steps = np.abs(np.diff(sway(np.arange(30) / 30)))
    assert record["motion"]["median"] == pytest.approx(np.median(steps), rel=0.15)
    assert record["width"] == 80
    assert json.loads(call("info sway.mkv --no-motion --json")[1])["motion"] is None


def test_info_says_where_the_true_rate_differs(call):
    assert "600 frames/s (the file plays at 30)" in call("info sway.mkv --no-motion --fps 600")[1]


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_the_work_and_leaves_nothing(folder, number, code):
    make(folder / "long.mkv", clip(sway, seconds=4, height=240, width=320))
    before = names(folder)
    words = ["magnify", "long.mkv", "out.mp4", "--side-by-side", "--slice=9,20,70,20"]
    working = subprocess.Popen(
        [sys.executable, "-m", "motionloupe.cli", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while names(folder) == before and time.monotonic() < deadline:
        assert working.poll() is None, working.communicate()
        time.sleep(0.02)
    time.sleep(0.3)
    working.send_signal(number)
    out, err = working.communicate(timeout=60)
    assert working.returncode == code
    assert out == ""
    assert err.splitlines()[-1] == "motionloupe: stopped; nothing half-written was left behind"
    assert "Traceback" not in err
    assert names(folder) == before
