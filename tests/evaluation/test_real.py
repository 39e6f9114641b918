"""Real footage: what is cut out of it, and how it is judged without a truth."""

import csv

import cv2
import numpy as np
import pytest
import torch

from motionloupe.arrays import to_tensor
from motionloupe.cli import main
from motionloupe.errors import UserError
from motionloupe.evaluation.contestants import CHECKS, contestants
from motionloupe.evaluation.judge import Judge, meter
from motionloupe.evaluation.metrics import photometric_error
from motionloupe.evaluation.real import Clips, RealPairs, liveliest_window
from motionloupe.evaluation.suites import SUITES
from tests.evaluation.footage import write_video
from tests.scenes import shifted, texture, to_uint8

FLOW = "lucas-kanade"
PAIRS, NOISE = SUITES["pairs"], SUITES["noise-real"]


@pytest.fixture(scope="module")
def meters():
    return {FLOW: meter(FLOW)}


@pytest.fixture(scope="module")
def pairs():
    still = texture(96, 128)
    return RealPairs([(to_uint8(still), to_uint8(shifted(still, 0.5)))], (96, 80))


def level(suite, value):
    return next(level for level in suite.levels if level.value == value)


def test_the_window_is_where_most_changes():
    a = np.zeros((90, 120, 3), np.uint8)
    b = a.copy()
    b[60:80, 70:100] = 200
    rows, columns = liveliest_window(a, b, (64, 64))
    assert rows.stop - rows.start == columns.stop - columns.start == 64
    assert (rows.start <= 60, rows.stop >= 80) == (True, True)
    assert (columns.start <= 70, columns.stop >= 100) == (True, True)
    assert liveliest_window(a, b, (500, 400)) == (slice(0, 90), slice(0, 120))
    with pytest.raises(UserError, match="64 x 64 or more, found 40 x 90"):
        liveliest_window(a[:, :40], b[:, :40], (64, 64))


def test_a_real_pair_is_judged_by_its_measured_motion(pairs, meters):
    case = PAIRS.case(pairs, level(PAIRS, 4.0), 0)
    judge = Judge(case, meters)
    idle = judge.scores(CHECKS["input"].answer(case))
    assert set(idle) == {
        f"{name}/{FLOW}" for name in ("gain", "motion_error", "magnification_error", "photometric")
    }
    assert idle[f"gain/{FLOW}"] == pytest.approx(0.25)
    assert idle[f"motion_error/{FLOW}"] == pytest.approx(3 * 0.5 / 2, rel=0.05)  # x alone moves
    assert idle[f"photometric/{FLOW}"] == 0
    warped = judge.scores(contestants(["warp-bilinear"])["warp-bilinear"].answer(case))
    assert warped[f"motion_error/{FLOW}"] < 0.2 * idle[f"motion_error/{FLOW}"]
    assert warped[f"gain/{FLOW}"] == pytest.approx(1, abs=0.05)
    assert 0 < warped[f"photometric/{FLOW}"] < 8


def test_curated_pairs_are_benched_by_one_command(tmp_path):
    still = texture(64, 80)
    for number, name in enumerate(("x", "y", "z")):
        folder = tmp_path / "pairs" / "test" / name
        folder.mkdir(parents=True)
        for frame, distance in (("a", 0.0), ("b", 0.3 + number)):
            picture = to_uint8(shifted(still, distance))
            cv2.imwrite(str(folder / f"{frame}.png"), picture[..., ::-1])
    manifest = tmp_path / "pairs" / "manifest.csv"
    manifest.write_text(
        "pair,video,split,kept\nx,v,test,yes\ny,w,test,yes\nz,w,test,yes\nu,w,train,no\n"
    )
    words = ["bench", "all", "--pairs", str(tmp_path / "pairs"), "--output", str(tmp_path / "r")]
    words += ["--methods", "linear", "--estimators", "lucas-kanade,dis", "--largest-alpha", "2"]
    assert main([*words, "--quiet"]) == 0
    report = (tmp_path / "r" / "report.md").read_text()
    assert "Scenes at each level: 3 (pairs of 2 videos)." in report
    assert "`truth` does not take part: nobody knows the true answer." in report
    assert "photometric inconsistency (of 255), by dis" in report
    with (tmp_path / "r" / "results.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["metric"] == "motion_error"]
    assert {(row["method"], row["estimator"]) for row in rows} == {
        (method, meter)
        for method in ("linear", "input", "broken")
        for meter in ("lucas-kanade", "dis")
    }
    at_one = [float(row["mean"]) for row in rows if (row["level"], row["method"]) == ("1", "input")]
    assert at_one == [0, 0]
    assert {(row["n"], row["groups"]) for row in rows} == {("3", "2")}
    ahead = [row for row in rows if row["method"] == "linear"]  # the only one is the leader
    assert {(row["difference"], row["difference_error"]) for row in ahead} == {("0", "0")}


def test_a_pair_says_which_video_it_is_from(pairs):
    many = [pairs.pairs[0]] * 3
    named = RealPairs(many, (96, 80), videos=["v", "w", "w"])
    cases = [PAIRS.case(named, PAIRS.levels[0], index) for index in range(3)]
    assert [case.group for case in cases] == [named.videos[number] for number in named.order]
    assert PAIRS.case(pairs, PAIRS.levels[0], 0).group == ""
    with pytest.raises(UserError, match="3 pairs, but names of 1 videos"):
        RealPairs(many, (96, 80), videos=["v"])


def test_nobody_is_the_truth_of_a_real_pair(pairs):
    assert CHECKS["truth"].refuses(PAIRS) == "nobody knows the true answer"
    assert CHECKS["truth"].refuses(NOISE) is None
    assert pairs.scenes(9) == 1


def test_three_frames_in_a_row_tell_what_twice_the_motion_is(tmp_path, meters):
    path = tmp_path / "clip.mkv"
    frames = write_video(path, lambda t: 18 * t, seconds=0.5)  # 0.6 px a frame
    clips = Clips([path], (96, 80), seed=3)
    case = NOISE.case(clips, level(NOISE, 0.0), 0)
    number = next(n for n, f in enumerate(frames) if _holds(f, case.frames[0]))
    assert _holds(frames[number + 1], case.frames[1])
    truth = CHECKS["truth"].answer(case)[0]
    assert _holds(frames[number + 2], truth)
    judge = Judge(case, meters)
    known = judge.scores([truth])
    assert known["ssim"] == pytest.approx(1)
    assert known[f"motion_error/{FLOW}"] < 0.02  # the motion is even
    assert f"end_point_error/{FLOW}" not in known
    idle = judge.scores(CHECKS["input"].answer(case))
    assert idle[f"motion_gap/{FLOW}"] == pytest.approx(0.6, rel=0.05)


def _holds(frame, part):
    """Whether a frame holds a picture somewhere on its lines of pixels."""
    wanted = np.round(part * 255).astype(np.uint8)
    height, width = wanted.shape[:2]
    return any(
        np.array_equal(frame[top : top + height, left : left + width], wanted)
        for top in range(frame.shape[0] - height + 1)
        for left in range(frame.shape[1] - width + 1)
    )


def test_noise_is_added_to_what_is_given_and_never_to_the_truth(tmp_path):
    path = tmp_path / "clip.mkv"
    write_video(path, lambda t: 18 * t, seconds=0.5)
    clips = Clips([path], (96, 80), seed=3)
    clean, noisy = (NOISE.case(clips, level(NOISE, value), 0) for value in (0.0, 10.0))
    assert torch.equal(clean.targets[0].truth, noisy.targets[0].truth)
    assert torch.equal(clean.reference, noisy.reference)
    for before, after in zip(clean.frames, noisy.frames, strict=True):
        strength = np.std(255 * (after - before))
        assert strength == pytest.approx(np.sqrt(10 * 255 * before.mean()), rel=0.1)


def test_a_clip_that_stands_still_leaves_its_turn_to_the_next(tmp_path):
    still, moving = tmp_path / "still.mkv", tmp_path / "moving.mkv"
    write_video(still, lambda t: 0.0, seconds=0.3)
    write_video(moving, lambda t: 20 * t, seconds=0.3)
    with pytest.raises(UserError, match="none of 1 clips has three frames"):
        NOISE.case(Clips([still], (64, 64), seed=0), NOISE.levels[0], 0)
    case = NOISE.case(Clips([still, moving], (64, 64), seed=0), NOISE.levels[0], 0)
    assert np.abs(case.frames[1].astype(float) - case.frames[0]).mean() > 0


def test_no_scene_of_a_clip_comes_twice(tmp_path):
    """Of 5 and 4 frames there are 3 and 2 triples, whatever is asked for."""
    for name, count in (("long", 5), ("short", 4)):
        (tmp_path / name).mkdir()
        for number in range(count):
            picture = to_uint8(shifted(texture(64, 80, count), 0.6 * number))
            cv2.imwrite(str(tmp_path / name / f"{number}.png"), picture)
    paths = [tmp_path / "long", tmp_path / "short"]
    clips = Clips(paths, (64, 64), seed=3)
    assert [clips.scenes(count) for count in (1, 4, 20)] == [1, 4, 5]
    cases = [NOISE.case(clips, NOISE.levels[0], index) for index in range(5)]
    assert len({case.frames[0].tobytes() for case in cases}) == 5
    assert [case.group for case in cases] == [str(paths[n]) for n in (0, 1, 0, 1, 0)]
    late = NOISE.case(Clips(paths, (64, 64), seed=3), NOISE.levels[0], 3)
    assert np.array_equal(late.frames[1], cases[3].frames[1])
    with pytest.raises(UserError, match="the clips give 5 scenes, asked for 6"):
        NOISE.case(clips, NOISE.levels[0], 5)
    words = ["bench", "noise-real", "--clips", str(tmp_path), "--split", "all", "--quick"]
    words += ["--output", str(tmp_path / "r"), "--methods", "linear", "--count", "20", "--quiet"]
    assert main(words) == 0
    assert "Scenes at each level: 5 (triples of 2 clips)." in (tmp_path / "r/report.md").read_text()


def test_few_of_many_pairs_are_not_neighbours(pairs):
    many = RealPairs([pairs.pairs[0]] * 100, (96, 80), seed=3)
    assert sorted(many.order) == list(range(100))
    assert np.abs(np.diff(many.order[:20])).min() > 0
    assert max(many.order[:20]) > 50
    assert many.order != RealPairs(many.pairs, (96, 80), seed=4).order
    assert many.identity != RealPairs(many.pairs, (96, 80), seed=4).identity


def test_colours_drawn_back_along_the_motion_agree():
    still = texture(64, 64)
    a, b = to_tensor(shifted(still, 1.0)), to_tensor(shifted(still, 3.0))
    flows = [torch.zeros(1, 2, 64, 64) for _ in range(2)]
    for flow, distance in zip(flows, (1.0, 3.0), strict=True):
        flow[:, 0] = distance
    assert photometric_error(b, flows[1], a, flows[0], border=8).item() < 1e-3
    brighter = photometric_error(b + 0.1, flows[1], a, flows[0], border=8)
    assert brighter.item() == pytest.approx(25.5, rel=1e-3)
