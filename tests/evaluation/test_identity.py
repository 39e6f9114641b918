"""An answer is taken for known only where all that it depends on is as it was."""

import json
import os

import cv2
import numpy as np
import pytest
from safetensors import safe_open
from safetensors.torch import save_file

from motionloupe.cli import stocks
from motionloupe.data import folders
from motionloupe.evaluation import synthetic
from motionloupe.evaluation.contestants import contestants
from motionloupe.evaluation.physical import Recording
from motionloupe.evaluation.real import Clips, RealPairs
from motionloupe.evaluation.run import Plan, run
from motionloupe.evaluation.suites import SUITES
from motionloupe.evaluation.synthetic import Material
from motionloupe.stored import shipped
from tests.data.material import cutouts, photographs
from tests.evaluation.footage import write_reading

AREA = (64, 64)


def touched(path):
    """Other content of the same size, a second later."""
    before = path.stat()
    path.write_bytes(path.read_bytes()[::-1])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 10**9))


def write_pictures(folder, pictures, suffix="png"):
    folder.mkdir(parents=True)
    for number, picture in enumerate(pictures):
        cv2.imwrite(str(folder / f"{number}.{suffix}"), picture)
    return folder


def given(**options):
    known = dict.fromkeys(stocks.Given._fields) | options
    found = stocks.given(stocks.Given(**known), "all", "64,64", 0).stocks
    return next(iter(found.values())).identity


def test_other_arrays_are_other_material():
    pictures, objects = photographs(), cutouts()
    known = Material(pictures, objects, AREA, 0).identity
    assert known == Material(list(pictures), list(objects), AREA, 0).identity
    assert known != Material(pictures[::-1], objects, AREA, 0).identity
    assert known != Material(pictures, objects[:2], AREA, 0).identity
    pair = (pictures[0], pictures[1])
    assert RealPairs([pair], AREA).identity != RealPairs([pair[::-1]], AREA).identity
    assert RealPairs([pair], AREA).identity == RealPairs([pair], AREA).identity


def test_an_answer_about_other_arrays_is_not_taken(tmp_path):
    def made(pictures):
        suites = {"still": SUITES["still"].thinned(1)}
        material = {"scenes": Material(pictures, cutouts(), AREA, seed=0)}
        asked = Plan(suites, contestants(["linear"]), ["lucas-kanade"], material, 1, {})
        return run(asked, tmp_path, progress=lambda done, expected: None).made

    assert [made(photographs()), made(photographs()[::-1]), made(photographs())] == [4, 4, 0]


def test_scenes_that_are_drawn_otherwise_are_other_scenes(monkeypatch):
    before = Material(photographs(), cutouts(), AREA, 0).identity
    monkeypatch.setattr(synthetic, "DRAWN", synthetic.DRAWN + 1)
    assert Material(photographs(), cutouts(), AREA, 0).identity != before


def test_pictures_of_a_folder_are_known_by_their_files(tmp_path):
    for name in ("one", "two"):
        write_pictures(tmp_path / name / "backgrounds", photographs())
        write_pictures(tmp_path / name / "objects", cutouts())
    one, two = (given(scenes=tmp_path / name) for name in ("one", "two"))
    assert one == given(scenes=tmp_path / "one") != two
    touched(tmp_path / "one" / "objects" / "1.png")
    assert given(scenes=tmp_path / "one") != one
    again = given(scenes=tmp_path / "two")
    touched(tmp_path / "two" / "backgrounds" / "1.png")
    assert given(scenes=tmp_path / "two") != again == two


def test_lists_and_masks_count_as_files_of_objects(tmp_path):
    coco, voc = tmp_path / "coco", tmp_path / "voc"
    write_pictures(coco / "images", [np.zeros((80, 80, 3), np.uint8)], "jpg")
    (coco / "annotations").mkdir()
    outline = [[4, 4, 60, 4, 60, 60, 4, 60]]
    listed = {"image_id": 1, "segmentation": outline, "bbox": [4, 4, 56, 56]}
    content = {"images": [{"id": 1, "file_name": "0.jpg"}], "annotations": [listed]}
    instances = coco / "annotations" / "instances.json"
    instances.write_text(json.dumps(content))
    assert set(folders.objects(coco).files) == {coco / "images" / "0.jpg", instances}
    write_pictures(voc / "JPEGImages", [np.zeros((80, 80, 3), np.uint8)], "jpg")
    mask = np.zeros((80, 80, 3), np.uint8)
    mask[10:60, 10:60] = 128
    write_pictures(voc / "SegmentationObject", [mask])
    photograph, drawn = voc / "JPEGImages" / "0.jpg", voc / "SegmentationObject" / "0.png"
    assert set(folders.objects(voc).files) == {photograph, drawn}


def test_pairs_clips_and_recordings_are_known_by_their_files(tmp_path):
    pairs = tmp_path / "pairs"
    frames = write_pictures(pairs / "test" / "x", photographs(2))
    for number, name in enumerate("ab"):
        (frames / f"{number}.png").rename(frames / f"{name}.png")
    (pairs / "manifest.csv").write_text("pair,video,split,kept\nx,v,test,yes\n")
    before = given(pairs=pairs)
    touched(frames / "b.png")
    assert given(pairs=pairs) != before

    clip = write_pictures(tmp_path / "clips" / "c", photographs(3))
    known = Clips([clip], AREA, 0).identity
    assert Clips([clip], AREA, 0).identity == known
    touched(clip / "2.png")
    assert Clips([clip], AREA, 0).identity != known


@pytest.mark.parametrize("pattern", ["", "*.png"])
def test_a_recording_of_pictures_is_known_by_them(tmp_path, pattern):
    sensor = tmp_path / "sensor.csv"
    write_reading(sensor, "displacement", np.sin, 1.0)
    folders = [write_pictures(tmp_path / n / "frames", photographs(9)) for n in ("one", "two")]
    one, two = (
        Recording(folder / pattern, sensor, (8, 8, 64, 64), 30.0).identity for folder in folders
    )
    assert one != two
    touched(folders[0] / "5.png")
    assert Recording(folders[0] / pattern, sensor, (8, 8, 64, 64), 30.0).identity != one


def write_weights(folder, factor):
    folder.mkdir()
    with safe_open(str(shipped("motion-finder")), "pt") as stored:
        tensors = {name: factor * stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
        save_file(tensors, str(folder / "motion_finder.safetensors"), stored.metadata())
    return str(folder)


def test_other_weights_of_an_estimator_are_other_answers(tmp_path, monkeypatch):
    """Of the one who judges, and of the one whom a method asks."""
    finder = "motion-finder"
    same, other = (write_weights(tmp_path / f"w{factor}", factor) for factor in (1.0, 0.5))

    def made(output, row, options, estimator):
        suites = {"still": SUITES["still"].thinned(1)}
        material = {"scenes": Material(photographs(), cutouts(), AREA, seed=0)}
        who = contestants([row], {row: options} if options else {})
        asked = Plan(suites, who, [estimator], material, 1, {})
        return run(asked, tmp_path / output, progress=lambda done, expected: None).made

    for output, row, options, estimator, again in (
        ("judge", "linear", {}, finder, 4),
        ("method", "warp-bilinear", {"flow": finder}, "lucas-kanade", 1),
        ("auto", "warp-bilinear", {"flow": "auto"}, "lucas-kanade", 1),
    ):
        monkeypatch.setattr("motionloupe.flow.checkpoints.at_hand", lambda checkpoint: None)
        monkeypatch.delenv("MOTIONLOUPE_WEIGHTS", raising=False)
        assert made(output, row, options, estimator) == 4
        monkeypatch.setenv("MOTIONLOUPE_WEIGHTS", same)
        assert made(output, row, options, estimator) == 0
        monkeypatch.setenv("MOTIONLOUPE_WEIGHTS", other)
        assert made(output, row, options, estimator) == again
