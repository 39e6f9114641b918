"""Curation keeps the pairs that the rules ask for, says why it drops others, and goes on."""

import csv
import json
import os
import weakref

import numpy as np
import pytest

from motionloupe.cli import main
from motionloupe.data import curate as module
from motionloupe.data.clips import find_clips
from motionloupe.data.curate import COLUMNS, Rules, curate, summary
from motionloupe.data.pairs import Pairs
from motionloupe.errors import UserError
from motionloupe.video import Frame
from tests.data.footage import estimator, frames, write_folder

EASY = Rules(strides=(1, 5), bulk_motion=3.5)


@pytest.fixture(scope="module")
def footage(tmp_path_factory):
    root = tmp_path_factory.mktemp("footage")
    shown = {
        "part": write_folder(root / "part", frames(0.6, 45)),  # a still left, a right that moves
        "still": write_folder(root / "still", frames(0.0, 0)),
        "pan": write_folder(root / "pan", frames(1.0, 0)),
        "most": write_folder(root / "most", frames(3.0, 10)),
    }
    return root, shown


@pytest.fixture(scope="module")
def curated(footage, tmp_path_factory):
    output = tmp_path_factory.mktemp("curated") / "pairs"
    assert curate(find_clips([footage[0]]), output, EASY, estimator()) == (4, 0, [])
    return output


def rows(output):
    with (output / "manifest.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def tree(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_the_manifest_has_every_pair_with_its_frames(curated):
    found = rows(curated)
    assert tuple(found[0]) == COLUMNS
    part = [(r["stride"], int(r["first"]), int(r["second"])) for r in found if "part" in r["video"]]
    assert sorted(part) == [
        *(("1", first, first + 1) for first in range(0, 12, 2)),
        *(("5", first, first + 5) for first in (0, 2, 4, 6)),
    ]
    assert len({row["pair"] for row in found}) == len(found) == 40


def test_each_pair_is_kept_or_says_why_not(curated):
    reasons = {}
    for row in rows(curated):
        reasons.setdefault((row["video"].split("/")[1], row["stride"]), set()).add(row["reason"])
        assert (row["kept"] == "yes") == (row["reason"] == "")
    assert reasons["part", "1"] == reasons["part", "5"] == {""}
    assert reasons["still", "1"] == reasons["still", "5"] == {"alike"}
    assert reasons["pan", "1"] == {"adrift"}
    assert reasons["most", "1"] == {""}
    assert reasons["most", "5"] == {"busy"}


def test_the_verdict_is_the_first_rule_that_is_broken():
    rules = Rules()
    assert rules.verdict(11, (0.1, 2.0, 20.0)) == ""
    assert rules.verdict(10, (0.0, 0.0, 0.0)) == "alike"
    assert rules.verdict(11, (0.11, 3.0, 30.0)) == "adrift"
    assert rules.verdict(11, (0.1, 2.1, 30.0)) == "busy"
    assert rules.verdict(11, (0.1, 2.0, 20.1)) == "far"
    assert rules.verdict(11, (0.1, 2.0, float("nan"))) == "far"


def test_the_statistics_are_those_of_the_frames(footage, curated):
    shown = footage[1]["part"]
    row = next(r for r in rows(curated) if "part" in r["video"] and r["stride"] == "5")
    first, second = (shown[int(row[k])].astype(float) for k in ("first", "second"))
    assert float(row["mse"]) == pytest.approx(np.mean((first - second) ** 2), rel=1e-3)
    assert float(row["flow_99.9"]) == pytest.approx(3.0, rel=0.3)
    assert float(row["flow_0.01"]) < 0.1
    pan = next(r for r in rows(curated) if "pan" in r["video"] and r["stride"] == "1")
    assert float(pan["flow_80"]) == pytest.approx(1.0, rel=0.1)
    still = next(r for r in rows(curated) if "still" in r["video"])
    assert (still["mse"], still["flow_80"]) == ("0", "")


def test_motion_is_told_in_pixels_of_the_frames_that_are_written(footage, tmp_path):
    rules = Rules(strides=(1,), side=48, flow_side=30, rest_motion=9.0)
    curate(find_clips([footage[0] / "pan"]), tmp_path / "pairs", rules, estimator())
    row = rows(tmp_path / "pairs")[0]
    assert (row["width"], row["height"]) == ("48", "29")
    assert float(row["flow_80"]) == pytest.approx(0.6, rel=0.25)  # 48 of 80 pixels, 1 px a frame
    assert Pairs(tmp_path / "pairs")[0][0].shape == (29, 48, 3)


def test_kept_frames_are_those_of_the_video_to_the_bit(footage, curated):
    pairs = Pairs(curated)
    assert len(pairs) == sum(row["kept"] == "yes" for row in rows(curated))
    for name, frames_read in zip(pairs.names, pairs, strict=True):
        video = name.split("-")[0]
        for number, frame in zip(name.split("-")[2:], frames_read, strict=True):
            assert np.array_equal(frame, footage[1][video][int(number)])


def test_a_video_is_on_one_side_whatever_comes_and_goes(footage, tmp_path):
    clips = find_clips([footage[0]])
    sides = {clip.name: clip.split(0.5) for clip in clips}
    assert set(sides.values()) == {"train", "test"}
    assert {clip.name: clip.split(0.5) for clip in find_clips([footage[0] / "pan"])} == {
        "pan": sides["pan"]
    }
    rules = Rules(strides=(1,), test_share=0.5, rest_motion=9, bulk_motion=9)
    curate(clips, tmp_path / "pairs", rules, estimator())
    for split in ("train", "test"):
        videos = {video.split("/")[1] for video in Pairs(tmp_path / "pairs", split).videos}
        assert videos == {name for name, side in sides.items() if side == split} - {"still"}


@pytest.mark.parametrize("moment", ["between videos", "within a video"])
def test_a_stopped_run_goes_on_and_ends_as_one_that_was_not(
    footage, curated, tmp_path, monkeypatch, moment
):
    output = tmp_path / "pairs"
    clips = find_clips([footage[0]])

    def stop(done, expected):
        if moment == "between videos" and done == 3:
            raise KeyboardInterrupt

    calls = []

    def fail(path, frame, real=module.write_png):
        calls.append(path)
        if moment == "within a video" and len(calls) == 8:
            raise KeyboardInterrupt
        real(path, frame)

    monkeypatch.setattr(module, "write_png", fail)
    with pytest.raises(KeyboardInterrupt):
        curate(clips, output, EASY, estimator(), progress=stop)
    monkeypatch.undo()
    kept = sum(row["kept"] == "yes" for row in rows(output))
    assert len(list(output.glob("*/*/a.png"))) == kept  # no pair without its row
    before = {p: p.stat().st_mtime_ns for p in output.glob("*/*/*.png")}
    done = curate(clips, output, EASY, estimator())
    assert done.read + done.done_before == 4
    assert done.done_before == (3 if moment == "between videos" else done.done_before)
    assert {p: p.stat().st_mtime_ns for p in before} == before
    assert tree(output) == tree(curated)
    assert curate(clips, output, EASY, estimator()) == (0, 4, [])


def test_what_was_written_is_not_taken_for_footage(footage, tmp_path):
    write_folder(tmp_path / "one", frames(0.5, 70, count=3))
    curate(find_clips([tmp_path]), tmp_path / "pairs", EASY, estimator())
    assert curate(find_clips([tmp_path]), tmp_path / "pairs", EASY, estimator()) == (0, 1, [])


def test_a_video_that_cannot_be_read_is_told_of_and_the_others_are_done(footage, tmp_path):
    (tmp_path / "broken.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + bytes(60))
    clips = find_clips([footage[0] / "part", tmp_path / "broken.mp4"])
    read, before, warnings = curate(clips, tmp_path / "pairs", EASY, estimator())
    assert (read, before) == (1, 0)
    assert len(warnings) == 1
    assert "broken.mp4" in warnings[0]
    with pytest.raises(UserError, match="not one of 1 videos"):
        curate(find_clips([tmp_path / "broken.mp4"]), tmp_path / "none", EASY, estimator())


def test_other_settings_and_other_files_are_refused(footage, curated, tmp_path):
    clips = find_clips([footage[0]])
    with pytest.raises(UserError, match=r"pairs of other settings, see curation\.json"):
        curate(clips, curated, Rules(least_change=11.0), estimator())
    with pytest.raises(UserError, match="holds other files"):
        curate(clips, footage[0], EASY, estimator())
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="is a file"):
        curate(clips, tmp_path / "file", EASY, estimator())


def test_a_video_is_never_held_as_a_whole():
    alive: list[weakref.ref] = []

    def watched():
        for index in range(40):
            picture = np.zeros((16, 16, 3), np.uint8)
            alive.append(weakref.ref(picture))
            yield Frame(picture, index, index, 1, index / 30)
            del picture
            assert sum(each() is not None for each in alive) <= 7  # and the pair in use

    count = 0
    for _stride, _first, _frames in module._candidates(watched(), EASY):
        count += 1
    assert count == 20 + 18


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"strides": (1, 1)}, "different, and 1 or more each, found 1, 1"),
        ({"strides": ()}, "found none"),
        ({"every": 0}, "every must be 1 or more"),
        ({"flow_side": 8}, "flow-side must be 16 or more, found 8"),
        ({"test_share": 1.5}, "from 0 to 1, found 1.5"),
        ({"largest_motion": float("nan")}, "largest_motion must be 0 or more, found nan"),
    ],
)
def test_rules_without_sense_are_named(options, reason):
    with pytest.raises(UserError, match=reason):
        Rules(**options)


def test_the_summary_counts_by_source_split_and_stride(footage, curated):
    counts = summary(curated)
    assert {(c.source, c.stride) for c in counts} == {(footage[0].name, 1), (footage[0].name, 5)}
    assert sum(c.pairs for c in counts) == 40
    assert sum(c.videos for c in counts if c.stride == 1) == 4
    assert sum(c.kept for c in counts) == len(Pairs(curated))


def test_a_video_whose_name_is_no_text_is_curated(tmp_path):
    write_folder(tmp_path / "clips" / "cafe", frames(0.6, 45))
    (tmp_path / "clips" / "cafe").rename(tmp_path / "clips" / os.fsdecode(b"caf\xe9"))
    for _ in range(2):  # the second run reads what the first wrote
        curate(find_clips([tmp_path / "clips"]), tmp_path / "pairs", EASY, estimator())
    assert os.fsencode(Pairs(tmp_path / "pairs").videos[0]).endswith(b"caf\xe9")


def test_the_command_curates_and_sums_up(footage, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = ["curate", str(footage[0] / "part"), str(footage[0] / "still"), "-o", "pairs"]
    words += ["--iterations", "1", "--strides", "1,3", "--every", "4"]
    assert main(words) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "pairs: 6 pairs kept; 2 videos read"
    assert out[1].split() == ["source", "split", "stride", "videos", "pairs", "kept"]
    assert main([*words, "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["read"], record["done_before"], record["kept"]) == (0, 2, 6)
    assert sum(count["pairs"] for count in record["counts"]) == 12
    for wrong, reason in (
        ([*words, "--every", "3"], "other settings"),
        ([*words, "--strides", "1;2"], "whole numbers"),
        ([*words, "--flow", "magic"], "no flow estimator 'magic'"),
        (["curate", "nowhere", "-o", "x"], "nowhere: no such file or folder"),
    ):
        assert main(wrong) == 2
        err = capsys.readouterr().err.splitlines()
        assert len(err) == 1
        assert reason in err[0]
    assert not (tmp_path / "x").exists()
