"""Curated pairs are read back as they were written."""

import csv

import cv2
import numpy as np
import pytest

from motionloupe.data.pairs import Pairs
from motionloupe.errors import UserError
from tests.scenes import texture, to_uint8

COLUMNS = ("pair", "video", "split", "stride", "first", "second", "kept", "reason")


def write(folder, rows):
    """A folder of pairs by hand; returns the frames of those that are kept, by name."""
    frames = {}
    folder.mkdir(exist_ok=True)
    with (folder / "manifest.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for number, (name, split, kept) in enumerate(rows):
            table.writerow([name, "v.mp4", split, 1, 0, 1, kept, "" if kept == "yes" else "alike"])
            if kept != "yes":
                continue
            (folder / split / name).mkdir(parents=True)
            frames[name] = [to_uint8(texture(20, 30, 2 * number + k)) for k in (0, 1)]
            for part, frame in zip("ab", frames[name], strict=True):
                cv2.imwrite(str(folder / split / name / f"{part}.png"), frame[..., ::-1])
    return frames


@pytest.fixture
def folder(tmp_path):
    rows = [("one", "train", "yes"), ("two", "test", "yes"), ("three", "train", "no")]
    return tmp_path / "pairs", write(tmp_path / "pairs", rows)


def test_a_split_holds_its_kept_pairs_to_the_bit(folder):
    path, frames = folder
    assert Pairs(path).names == ["one", "two"]
    for split, name in (("train", "one"), ("test", "two")):
        pairs = Pairs(path, split)
        assert len(pairs) == 1
        assert pairs.names == [name]
        for read, written in zip(pairs[0], frames[name], strict=True):
            assert read.dtype == np.uint8
            np.testing.assert_array_equal(read, written)


def test_what_is_no_folder_of_pairs_is_named(tmp_path, folder):
    with pytest.raises(UserError, match="no such folder; make one with `motionloupe curate`"):
        Pairs(tmp_path / "nowhere")
    with pytest.raises(UserError, match="no folder of pairs"):
        Pairs(tmp_path)
    with pytest.raises(UserError, match="all, train or test, found 'val'"):
        Pairs(folder[0], "val")
    write(tmp_path / "some", [("three", "train", "no")])
    with pytest.raises(UserError, match="no pair that was kept in the test split"):
        Pairs(tmp_path / "some", "test")
    (tmp_path / "some" / "manifest.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match="no manifest of pairs"):
        Pairs(tmp_path / "some")


def test_frames_of_two_sizes_or_gone_are_refused(folder):
    path, _ = folder
    cv2.imwrite(str(path / "train" / "one" / "b.png"), np.zeros((8, 9, 3), np.uint8))
    with pytest.raises(UserError, match="one size, found 30 x 20 and 9 x 8"):
        Pairs(path, "train")[0]
    (path / "train" / "one" / "b.png").unlink()
    with pytest.raises(UserError, match=r"b\.png: No such file"):
        Pairs(path, "train")[0]
