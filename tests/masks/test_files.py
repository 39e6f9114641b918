"""Masks from files: what is white, what fits, what is refused."""

import cv2
import numpy as np
import pytest
import tifffile

from motionloupe import UserError
from motionloupe.masks.files import Masks
from tests.masks.objects import HEIGHT, LEFT, WIDTH, square

SIZE = (WIDTH, HEIGHT)
MASK = (255 * (square(LEFT) > 0.5)).astype(np.uint8)


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def read(mask, skip=0):
    return Masks(mask, SIZE, skip)


def frames_of(masks, count):
    return [masks.at(np.zeros((HEIGHT, WIDTH, 3))) for _ in range(count)]


@pytest.mark.parametrize("name", ["mask.png", "mask.tif", "mask.bmp", "mask.jpg"])
def test_white_of_any_picture_is_the_object(name):
    if name == "mask.tif":
        tifffile.imwrite(name, MASK)
    else:
        cv2.imwrite(name, MASK)
    found = read(name)
    assert found.still.dtype == np.float32
    if name == "mask.jpg":  # compression smears edges only
        assert np.abs(found.still - MASK / 255).mean() < 0.01
        assert found.still[5, 5] == 0
    else:
        np.testing.assert_array_equal(found.still, MASK / 255)
    assert found.warnings == []


@pytest.mark.parametrize(
    "array",
    [MASK > 0, MASK, MASK // 255, MASK.astype(np.uint16) * 257, MASK / 255.0, MASK // 255.0],
)
def test_an_array_may_hold_truth_fractions_labels_or_levels(array):
    np.save("mask.npy", array)
    for found in (read("mask.npy"), read(array)):
        np.testing.assert_array_equal(found.still, MASK / 255)


def test_grey_is_part_of_the_way():
    cv2.imwrite("mask.png", np.where(MASK > 0, 255, 128).astype(np.uint8))
    assert read("mask.png").still[5, 5] == pytest.approx(0.5, abs=0.01)


def test_a_mask_of_the_frames_shape_is_resized_and_says_so():
    cv2.imwrite("mask.png", cv2.resize(MASK, (2 * WIDTH, 2 * HEIGHT)))
    found = read("mask.png")
    assert found.still.shape == (HEIGHT, WIDTH)
    assert np.abs(found.still - MASK / 255).mean() < 0.02
    assert found.warnings == ["mask.png is 258 x 194, the frames are 129 x 97: the mask is resized"]


def moving(count=6):
    return [np.roll(MASK, 5 * index, axis=1) for index in range(count)]


@pytest.mark.parametrize("kind", ["folder", "video", "npy"])
def test_each_frame_may_have_its_own_mask(kind, tmp_path):
    source = {"folder": tmp_path / "masks", "video": "masks.avi", "npy": "masks.npy"}[kind]
    if kind == "npy":
        np.save(source, np.stack(moving()))
    elif kind == "folder":
        source.mkdir()
        for index, mask in enumerate(moving()):
            cv2.imwrite(str(source / f"{index}.png"), mask)
    else:
        writer = cv2.VideoWriter(source, cv2.VideoWriter_fourcc(*"MJPG"), 30, SIZE)
        for mask in moving():
            writer.write(np.repeat(mask[..., None], 3, axis=2))
        writer.release()
    for first in (0, 2):
        masks = read(source, first)
        assert masks.still is None
        for found, true in zip(frames_of(masks, 6 - first), moving()[first:], strict=True):
            assert np.abs(found - true / 255).mean() < 0.02
        masks.close()


def test_a_lost_mask_does_not_shift_the_others(tmp_path):
    folder = tmp_path / "masks"
    folder.mkdir()
    for index, mask in enumerate(moving()):
        cv2.imwrite(str(folder / f"{index}.png"), mask)
    (folder / "2.png").write_bytes(b"damaged")
    masks = read(folder)
    for index, found in enumerate(frames_of(masks, 6)):
        np.testing.assert_allclose(found, moving()[3 if index == 2 else index] / 255)
    assert masks.warnings == [f"{folder}: mask 2 cannot be read, the next one stands in"]
    masks.close()


def test_masks_that_end_early_keep_the_last_and_say_so():
    masks = read(np.stack(moving(3)))
    found = frames_of(masks, 5)
    np.testing.assert_array_equal(found[4], found[2])
    assert masks.warnings == ["the mask ends after 3 masks: the last one stays"]


def test_an_empty_mask_among_others_is_an_object_that_is_away():
    masks = read(np.stack([MASK, 0 * MASK]))
    assert frames_of(masks, 2)[1].max() == 0


@pytest.mark.parametrize(
    ("mask", "reason"),
    [
        ("none.png", "no file or folder none.png"),
        ("none.npy", "no file or folder none.npy"),
        ("text.png", "damaged|cannot be read"),
        ("text.npy", "text.npy is not an array"),
        ("empty.npy", "empty.npy is not an array"),
        ("objects.npy", "objects.npy is not an array"),
        ("wide.png", "wide.png is 200 x 97, the frames are 129 x 97: draw the mask"),
        ("black.png", "black.png is empty"),
        ("dark.png", "lightest pixel is"),
        (np.zeros((HEIGHT, WIDTH)), "the mask is empty"),
        (np.full((HEIGHT, WIDTH), 2.0), "between 0 and 1, found 2 to 2"),
        (np.full((HEIGHT, WIDTH), np.nan), "between 0 and 1"),
        (np.full((HEIGHT, WIDTH), 300), "between 0 and 255"),
        (np.full((HEIGHT, WIDTH), -3), "between 0 and 1"),
        (np.full((HEIGHT, WIDTH), "white"), "truth values or numbers"),
        (np.ones(5), "found \\(5,\\)"),
        (np.ones((HEIGHT, WIDTH, 3, 1)), "shape"),
        (np.zeros((0, HEIGHT, WIDTH)), "shape"),
        (np.ones((4, 50, 50)), "50 x 50"),
    ],
    ids=str,
)
def test_what_is_no_mask_of_this_video_is_refused(mask, reason):
    for name in ("text.png", "text.npy"):
        with open(name, "w") as file:
            file.write("white")
    open("empty.npy", "w").close()
    np.save("objects.npy", np.array([{}], object))
    cv2.imwrite("wide.png", np.full((HEIGHT, 200), 255, np.uint8))
    cv2.imwrite("black.png", 0 * MASK)
    cv2.imwrite("dark.png", MASK // 255)
    with pytest.raises(UserError, match=reason) as error:
        read(mask)
    assert "\n" not in str(error.value)


def test_a_cut_beyond_the_masks_is_refused():
    with pytest.raises(UserError, match="has 6 masks, the start is at frame 30"):
        read(np.stack(moving()), skip=30)
