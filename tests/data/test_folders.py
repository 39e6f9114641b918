"""Photographs and cut-outs from folders of every layout, and what bad folders are told."""

import json

import cv2
import numpy as np
import pytest

from motionloupe.data.clips import find_clips
from motionloupe.data.folders import backgrounds, held_out, objects
from motionloupe.data.segments import coco_mask, run_lengths
from motionloupe.errors import UserError
from tests.data.material import cutouts, photographs


def save(path, picture):
    path.parent.mkdir(parents=True, exist_ok=True)
    channels = list(range(picture.shape[2]))
    channels[:3] = channels[2::-1]
    assert cv2.imwrite(str(path), np.ascontiguousarray(picture[..., channels]))


@pytest.fixture
def photos(tmp_path):
    for number, photo in enumerate(photographs(12, 40, 50)):
        save(tmp_path / "photos" / f"{number % 2}" / f"{number}.png", photo)
    return tmp_path / "photos"


def test_photographs_are_found_below_a_folder_in_rgb(photos):
    found = backgrounds(photos)
    assert len(found) == 12
    assert found.names[:3] == ["0.png", "10.png", "2.png"]
    assert np.array_equal(found[0], photographs(1, 40, 50)[0])
    assert np.array_equal(found[-1], found[11])


def test_the_split_depends_on_the_name_alone(photos):
    train, test = (set(backgrounds(photos, split, 0.4).names) for split in ("train", "test"))
    assert train
    assert test
    assert not train & test
    assert train | test == set(backgrounds(photos).names)
    (photos / "0" / "0.png").rename(photos / "0.png")
    (photos / "1" / "1.png").unlink()
    assert set(backgrounds(photos, "test", 0.4).names) == test - {"1.png"}
    share = np.mean([held_out(f"picture {number}.jpg", 0.1) for number in range(5000)])
    assert share == pytest.approx(0.1, abs=0.015)


@pytest.mark.parametrize("kind", [backgrounds, objects])
@pytest.mark.parametrize("name", ["{:05d}.png", "im{}.png"])
def test_frames_of_one_clip_stay_on_one_side(tmp_path, kind, name):
    for clip in range(12):
        for frame in range(5 + clip):
            path = tmp_path / f"480p/clip{clip}" / name.format(frame)
            save(path, np.full((8, 8, 4), 20 * clip, np.uint8))
    sides = []
    for split in ("train", "test"):
        clips = [int(picture[0, 0, 0]) // 20 for picture in kind(tmp_path, split, 0.4)]
        assert all(clips.count(clip) == 5 + clip for clip in clips)
        sides.append(set(clips))
    assert sides[0]
    assert sides[1]
    assert sides[0] | sides[1] == set(range(12))


def test_numbered_collections_are_no_clips(tmp_path):
    for folder in ("DIV2K_train_HR", "DIV2K_valid_HR"):
        for number in range(40):
            save(tmp_path / folder / f"{number:04d}.png", np.zeros((4, 4, 3), np.uint8))
    for split, least in (("train", 20), ("test", 10)):
        assert len(backgrounds(tmp_path, split, 0.4)) >= least  # both folders' share


def test_the_cache_is_bounded_and_gives_the_same(photos):
    found = backgrounds(photos)
    found._room = 15_000  # two photographs of 6000 bytes
    pictures = [found[number].copy() for number in (0, 1, 2, 3, 0, 3)]
    assert len(found._kept) == 2
    assert np.array_equal(pictures[0], pictures[4])
    assert np.array_equal(pictures[3], pictures[5])
    assert found[3] is found[3]


def test_a_large_photograph_is_reduced(tmp_path):
    save(tmp_path / "large.png", photographs(1, 300, 2000)[0])
    assert backgrounds(tmp_path)[0].shape == (154, 1024, 3)


def test_cut_outs_keep_their_transparency(tmp_path):
    for number, cutout in enumerate(cutouts()):
        save(tmp_path / f"{number}.png", cutout)
    assert all(np.array_equal(a, b) for a, b in zip(objects(tmp_path), cutouts(), strict=True))
    sixteen = cutouts(1)[0][..., [2, 1, 0, 3]].astype(np.uint16) * 257
    cv2.imwrite(str(tmp_path / "0.png"), sixteen)
    assert np.array_equal(objects(tmp_path)[0], cutouts(1)[0])


def test_coco_is_read_directly(tmp_path):
    photo = photographs(1, 60, 80)[0]
    for name in ("one.png", "two.png"):
        save(tmp_path / "val2017" / name, photo)
    square = [10, 5, 50, 5, 50, 45, 10, 45]
    block = np.zeros((60, 80), np.uint8)
    block[20:50, 30:70] = 1
    ends = np.flatnonzero(np.diff(np.concatenate([[0], block.T.ravel(), [0]])))
    runs = np.diff(np.concatenate([[0], ends, [block.size]])).tolist()

    def entry(image, segmentation, box, crowd=0):
        return {"image_id": image, "segmentation": segmentation, "bbox": box, "iscrowd": crowd}

    content = {
        "images": [
            {"id": 1, "file_name": "one.png"},
            {"id": 2, "file_name": "two.png"},
            {"id": 3, "file_name": "gone.png"},
        ],
        "annotations": [
            entry(1, [square], [10, 5, 40, 40]),
            entry(2, {"counts": runs, "size": [60, 80]}, [30, 20, 40, 30]),
            entry(1, [[0, 0, 5, 0, 5, 5]], [0, 0, 5, 5]),
            entry(2, {"counts": runs, "size": [60, 80]}, [30, 20, 40, 30], crowd=1),
            entry(3, [square], [10, 5, 40, 40]),
        ],
    }
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / "instances_val2017.json").write_text(json.dumps(content))
    found = objects(tmp_path)
    assert found.names == ["one.png", "two.png"]
    inner = found[0][2:-2, 2:-2]
    assert found[0].shape[:2] in ((40, 40), (41, 41))
    assert (inner[..., 3] == 255).all()
    assert np.array_equal(found[1][..., :3], photo[20:50, 30:70])
    assert (found[1][..., 3] == 255).all()
    assert backgrounds(tmp_path).names == ["one.png", "two.png"]


def encoded(runs):
    """COCO's compression of run lengths, written down from its description."""
    text = ""
    for number, run in enumerate(runs):
        value = run - runs[number - 2] if number > 2 else run
        while True:
            bits, value = value & 31, value >> 5
            more = value != (-1 if bits & 16 else 0)
            text += chr((bits | 32 if more else bits) + 48)
            if not more:
                break
    return text


def test_compressed_run_lengths_are_undone():
    rng = np.random.default_rng(0)
    runs = [0, *rng.integers(1, 3000, 40).tolist()]
    assert run_lengths(encoded(runs)) == runs
    assert run_lengths("05") == [0, 5]
    mask = coco_mask({"counts": encoded([3, 2, 7])}, 4, 3)
    assert np.array_equal(np.flatnonzero(mask.T.ravel()), [3, 4])
    with pytest.raises(UserError, match="run lengths cover 12 pixels"):
        coco_mask({"counts": [3, 2, 7]}, 5, 3)


def test_polygons_cover_their_area_to_the_pixel():
    mask = coco_mask([[4.0, 2.0, 24.0, 2.0, 24.0, 32.0, 4.0, 32.0]], 40, 40)
    assert mask.sum() / 255 == pytest.approx(600, rel=0.03)
    assert (mask[2:32, 4:24] == 255).all()
    assert not mask[:, 25:].any()
    triangle = coco_mask([[-9.0, 0.0, 30.5, 0.0, 30.5, 39.5]], 30, 40)
    assert triangle.sum() / 255 == pytest.approx(
        np.clip(30.5 - (np.arange(30) - 8.5), 0, 30.5).sum(), rel=0.02
    )


def test_voc_is_read_directly(tmp_path):
    root = tmp_path / "VOCdevkit" / "VOC2012"
    photo = photographs(1, 80, 90)[0]
    cv2.imwrite(str(tmp_path / "exact.png"), photo[..., ::-1])
    save(root / "JPEGImages" / "2007_1.jpg", photo)
    save(root / "JPEGImages" / "2007_2.jpg", photo)
    mask = np.zeros((80, 90, 3), np.uint8)
    mask[8:52, 8:52] = (224, 224, 192)
    mask[10:50, 10:50] = (128, 0, 0)
    mask[55:79, 40:80] = (0, 128, 0)
    mask[0:4, 80:84] = (128, 128, 0)
    save(root / "SegmentationObject" / "2007_1.png", mask)
    save(root / "SegmentationClass" / "2007_1.png", mask)
    found = objects(tmp_path)
    assert found.names == ["2007_1.jpg"] * 2
    assert sorted(each.shape[:2] for each in found) == [(24, 40), (40, 40)]
    assert all((each[..., 3] == 255).all() for each in found)
    assert backgrounds(tmp_path).names == ["2007_1.jpg", "2007_2.jpg"]


def test_bad_folders_are_told_what_is_wrong(tmp_path):
    with pytest.raises(UserError, match="no such folder"):
        backgrounds(tmp_path / "nowhere")
    with pytest.raises(UserError, match="no photographs found"):
        backgrounds(tmp_path)
    with pytest.raises(UserError, match="SegmentationObject"):
        objects(tmp_path)
    save(tmp_path / "plain.png", photographs(1, 40, 50)[0])
    with pytest.raises(UserError, match="no transparency"):
        objects(tmp_path)[0]
    (tmp_path / "broken.jpg").write_text("not a picture")
    with pytest.raises(UserError, match=r"broken\.jpg: not a picture"):
        backgrounds(tmp_path)[0]
    with pytest.raises(UserError, match="none falls into the test split"):
        backgrounds(tmp_path, "test", 0.0)
    with pytest.raises(UserError, match="split must be"):
        backgrounds(tmp_path, "dev")
    with pytest.raises(UserError, match="not a folder"):
        objects(tmp_path / "plain.png")
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / "instances.json").write_text("[]")
    with pytest.raises(UserError, match="not a list of COCO objects"):
        objects(tmp_path)


@pytest.mark.parametrize(
    "segmentation", [{"size": [4, 4]}, {"counts": 7}, [[1, 2, 3]], [None], [[]], "x"]
)
def test_a_damaged_outline_names_its_photograph(tmp_path, segmentation):
    save(tmp_path / "images" / "one.png", photographs(1, 60, 80)[0])
    entry = {"image_id": 1, "segmentation": segmentation, "bbox": [0, 0, 40, 40]}
    content = {"images": [{"id": 1, "file_name": "one.png"}], "annotations": [entry]}
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / "all.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"one.png: an object's"):
        objects(tmp_path)[0]


@pytest.mark.parametrize("entry", [7, {"image_id": 1, "segmentation": [[1]], "bbox": None}])
def test_a_damaged_list_of_objects_is_named(tmp_path, entry):
    content = {"images": [{"id": 1, "file_name": "one.png"}], "annotations": [entry]}
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / "all.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"all.json: not a list of COCO objects"):
        objects(tmp_path)


def test_an_empty_mask_of_voc_is_named(tmp_path):
    save(tmp_path / "JPEGImages" / "one.jpg", photographs(1, 60, 80)[0])
    (tmp_path / "SegmentationObject").mkdir()
    (tmp_path / "SegmentationObject" / "one.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"one.png: not a picture that can be read"):
        objects(tmp_path)


def test_cut_outs_of_16_bits_are_rounded_and_floats_are_refused(tmp_path):
    cutout = np.full((30, 30, 4), 65400, np.uint16)
    save(tmp_path / "deep" / "one.png", cutout)
    assert (objects(tmp_path / "deep")[0] == 254).all()
    save(tmp_path / "float" / "one.tif", np.full((30, 30, 4), 0.8, np.float32))
    with pytest.raises(UserError, match=r"one.tif: must be of 8 or 16 bits, found float32"):
        objects(tmp_path / "float")[0]


def test_folders_behind_links_are_seen_once_around(tmp_path):
    save(tmp_path / "far" / "one.png", photographs(1, 60, 80)[0])
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "linked").symlink_to(tmp_path / "far")
    (tmp_path / "far" / "back").symlink_to(tmp_path / "here")
    assert backgrounds(tmp_path / "here").names == ["one.png"]
    assert [clip.name for clip in find_clips([tmp_path / "here"])] == ["linked"]
