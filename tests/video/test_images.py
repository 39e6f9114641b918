"""Folders, globs, single pictures and TIFF read like video."""

import os
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile

from motionloupe.errors import UserError
from motionloupe.video import open_reader
from motionloupe.video.numbering import in_order, missing
from tests.scenes import texture
from tests.video.media import number_of, pictures, png, text_of


def deep(image):
    return image.astype(np.uint16) * 257 + (image < 200).astype(np.uint16)


def fill(folder, frames, name="frame{}.png"):
    folder.mkdir()
    for index, frame in enumerate(frames):
        (folder / name.format(index)).write_bytes(png(frame))
    return folder


def read(source, **options):
    with open_reader(source, **options) as reader:
        return list(reader), reader


def test_a_folder_is_read_in_natural_order(tmp_path):
    folder = fill(tmp_path / "in", pictures(12))
    (folder / "notes.txt").write_text("not a picture")
    (folder / ".hidden.png").write_bytes(b"junk")
    frames, reader = read(folder)
    assert [number_of(frame.image) for frame in frames] == list(range(12))
    np.testing.assert_array_equal(frames[5].image, pictures(12)[5])
    assert reader.info.kind == "images"
    assert (reader.info.frames, reader.info.fps, reader.info.depth) == (12, 30.0, 8)
    assert "30 frames per second are assumed" in text_of(reader.warnings)


def test_signs_that_look_like_digits_are_letters(tmp_path):
    (tmp_path / "in").mkdir()
    for number, name in enumerate(("1.png", "1²3.png", "2.png", "①.png")):
        (tmp_path / "in" / name).write_bytes(png(pictures(4)[number]))
    frames, _ = read(tmp_path / "in")
    assert [number_of(frame.image) for frame in frames] == [0, 1, 2, 3]


def test_the_rate_is_the_users(tmp_path):
    frames, reader = read(fill(tmp_path / "in", pictures(6)), fps=240)
    assert not reader.warnings
    assert reader.info.time_base == Fraction(1, 240)
    assert [frame.pts for frame in frames] == list(range(6))
    assert frames[3].seconds == pytest.approx(3 / 240)
    assert reader.info.duration == pytest.approx(6 / 240)


def test_a_glob_chooses(tmp_path):
    folder = fill(tmp_path / "in", pictures(5))
    fill(tmp_path / "in2", pictures(2))
    (folder / "other.png").write_bytes(png(pictures(1)[0]))
    frames, _ = read(folder / "frame*.png", fps=25)
    assert len(frames) == 5
    frames, _ = read(str(folder / "frame[13].png"), fps=25)
    assert [number_of(frame.image) for frame in frames] == [1, 3]


def test_a_glob_in_a_folder_with_brackets(tmp_path):
    folder = fill(tmp_path / "take [1]", pictures(3))
    frames, _ = read(folder / "frame[02].png", fps=25)
    assert [number_of(frame.image) for frame in frames] == [0, 2]
    frames, _ = read(tmp_path / "take [[]1]" / "*.png", fps=25)
    assert len(frames) == 3


@pytest.mark.parametrize(
    "names",
    [
        ["-3", "-2", "-1", "0", "1", "2"],
        ["x-10", "x-9", "x0", "x9", "x10"],
        ["t0", "t0.25", "t0.5", "t0.75", "t1", "t10"],
        ["0.05s", "0.5s", "1s", "1.25s"],
        ["frame-1", "frame-2", "frame-10"],
        ["1.8", "1.9", "1.10", "1.11"],
        ["2024-05-9", "2024-05-10", "2024-06-1"],
        ["-1", "-2x", "-10"],
        ["a2b1", "a2b10", "a10b1"],
    ],
)
def test_names_are_sorted_by_their_one_number(tmp_path, names):
    folder = tmp_path / "in"
    folder.mkdir()
    for name, image in zip(names, pictures(len(names)), strict=True):
        (folder / f"{name}.png").write_bytes(png(image))
    frames, reader = read(folder, fps=25)
    assert [number_of(frame.image) for frame in frames] == list(range(len(names)))
    assert not reader.warnings


@pytest.mark.parametrize(
    ("numbers", "told"),
    [
        ([0, 1, 2, 6, 7, 8], "pictures 3 to 5 are missing: the next picture follows at once"),
        ([8, 9, 11, 12, 14, 15, 16], "picture 10 is missing, and 1 more: the next"),
        ([0, 10, 20, 40, 50], "picture 30 is missing"),
        ([1, 3], ""),
        ([17, 120, 131, 250, 311, 490], ""),
        ([-1, 0, 1], ""),
    ],
)
def test_gaps_between_numbers_are_told_once(tmp_path, numbers, told):
    folder = tmp_path / "in"
    folder.mkdir()
    for number in numbers:
        (folder / f"f{number:03d}.png").write_bytes(png(pictures(1)[0]))
    frames, reader = read(folder, fps=25)
    assert len(frames) == len(numbers)
    assert told in text_of(reader.warnings)
    assert len(reader.warnings) == bool(told)
    if told:
        assert not read(folder, fps=25, end=0.07)[1].warnings


@pytest.mark.parametrize("fps", [1 / (7 * 24 * 3600), 8e-6, 0.3, 1e-9])
def test_a_picture_a_week_is_a_video_too(tmp_path, fps):
    frames, reader = read(fill(tmp_path / "in", pictures(3)), fps=fps)
    assert float(reader.info.rate) == pytest.approx(fps, rel=1e-4)
    assert [frame.seconds for frame in frames] == pytest.approx([0, 1 / fps, 2 / fps])


def test_start_and_end(tmp_path):
    folder = fill(tmp_path / "in", pictures(10))
    frames, reader = read(folder, fps=10, start=0.3, end=0.7)
    assert [number_of(frame.image) for frame in frames] == [3, 4, 5, 6]
    assert [frame.index for frame in frames] == [0, 1, 2, 3]
    assert reader.info.frames == 4
    with pytest.raises(UserError, match="last frame"):
        open_reader(folder, fps=10, start=1.0)


def test_sixteen_bits_are_kept(tmp_path):
    images = [deep(image) for image in pictures(3)]
    frames, reader = read(fill(tmp_path / "in", images), fps=25)
    assert reader.info.depth == 16
    np.testing.assert_array_equal(frames[1].image, images[1])


@pytest.mark.parametrize("suffix", ["jpg", "bmp", "webp", "tif"])
def test_other_formats(tmp_path, suffix):
    folder = tmp_path / "in"
    folder.mkdir()
    image = np.full((20, 24, 3), (200, 60, 20), np.uint8)
    cv2.imwrite(str(folder / f"a.{suffix}"), image[..., ::-1])
    frames, _ = read(folder, fps=25)
    assert np.abs(frames[0].image.astype(int) - image).max() < 6


def test_grey_and_alpha_become_rgb(tmp_path):
    grey = (texture(32, 40)[..., 0] * 255).astype(np.uint8)
    alpha = np.dstack([np.full((32, 40, 3), (9, 99, 199)), np.full((32, 40), 7)]).astype(np.uint8)
    for name, image, wanted in (
        ("g.png", grey, grey[..., None].repeat(3, 2)),
        ("a.png", alpha, alpha[..., :3]),
        ("d.png", deep(grey), deep(grey)[..., None].repeat(3, 2)),
    ):
        (tmp_path / name).write_bytes(png(image))
        frames, reader = read(tmp_path / name, fps=25)
        np.testing.assert_array_equal(frames[0].image, wanted)
        assert reader.info.frames == 1


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_tiff_is_read_page_by_page(tmp_path, kind):
    images = [image if kind == np.uint8 else deep(image) for image in pictures(7)]
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, np.stack(images), photometric="rgb")
    frames, reader = read(path, fps=100)
    assert (reader.info.kind, reader.info.frames) == ("tiff", 7)
    assert reader.info.depth == (8 if kind == np.uint8 else 16)
    np.testing.assert_array_equal(np.stack([frame.image for frame in frames]), np.stack(images))


@pytest.mark.parametrize("compression", [5, 8, 32773], ids=["lzw", "deflate", "packbits"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_compressed_tiffs_are_read(tmp_path, compression, dtype):
    rng = np.random.default_rng(0)
    pages = [rng.integers(0, np.iinfo(dtype).max, (20, 24, 3), dtype) for _ in range(3)]
    path = tmp_path / "pages.tif"
    options = [cv2.IMWRITE_TIFF_COMPRESSION, compression]
    assert cv2.imwritemulti(str(path), [page[..., ::-1] for page in pages], options)
    with open_reader(path) as reader:
        images = [frame.image for frame in reader]
    assert reader.info.frames == 3
    assert all(np.array_equal(a, b) for a, b in zip(images, pages, strict=True))


def test_shares_of_ink_become_colours(tmp_path):
    ink = np.stack([np.dstack([255 - image, 0 * image[..., :1]]) for image in pictures(2)])
    tifffile.imwrite(tmp_path / "ink.tif", ink, photometric="separated")
    frames, _ = read(tmp_path / "ink.tif", fps=25)
    for frame, image in zip(frames, pictures(2), strict=True):
        assert np.abs(frame.image.astype(int) - image).max() <= 1
    tifffile.imwrite(tmp_path / "lab.tif", pictures(1)[0], photometric="cielab")
    with pytest.raises(UserError, match="convert it to RGB first"):
        open_reader(tmp_path / "lab.tif")


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("form", ["grey", "rgb", "imagej", "planar", "inverted"])
def test_a_tiff_that_lists_its_first_picture_only_is_read_whole(tmp_path, form, order):
    """As ImageJ writes more than 4 GB: one page, and all pictures behind one another."""
    images = np.stack([deep(image) for image in pictures(5)])
    grey = images[..., 0]
    stored, options = {
        "grey": (grey, {"photometric": "minisblack"}),
        "rgb": (images, {"photometric": "rgb"}),
        "imagej": (grey, {"imagej": True, "metadata": {"axes": "TYX"}}),
        "planar": (np.moveaxis(images, 3, 1), {"photometric": "rgb", "planarconfig": "separate"}),
        "inverted": (65535 - grey, {"photometric": "miniswhite"}),
    }[form]
    path = tmp_path / "a.tif"
    order = ">" if form == "imagej" else order
    tifffile.imwrite(path, stored, truncate=True, byteorder=order, **options)
    frames, reader = read(path, fps=25)
    wanted = images if form in ("rgb", "planar") else grey[..., None].repeat(3, 3)
    assert reader.info.frames == 5
    np.testing.assert_array_equal(np.stack([frame.image for frame in frames]), wanted)
    path.write_bytes(path.read_bytes()[:-40])
    told = "after page 1 cannot" if form == "imagej" else "1 of 5 pictures at its end are lost"
    frames, reader = read(path, fps=25)
    assert len(frames) == (1 if form == "imagej" else 4)
    assert told in text_of(reader.warnings)


def test_a_deflated_tiff_that_was_cut_off_is_told(tmp_path):
    path = tmp_path / "a.tif"
    rng = np.random.default_rng(0)
    tifffile.imwrite(
        path,
        rng.integers(0, 255, (4, 40, 40), np.uint8),
        photometric="minisblack",
        compression="zlib",
    )
    path.write_bytes(path.read_bytes()[:-1000])
    frames, reader = read(path, fps=25)
    assert len(frames) == 3
    assert "1 of 4 pictures cannot be read" in text_of(reader.warnings)


@pytest.mark.parametrize("name", ["a.tif", "a.ome.tif"])
@pytest.mark.parametrize("axes", ["TCYX", "TZYX"])
def test_channels_and_depth_are_not_taken_for_time(tmp_path, name, axes):
    grey = np.stack([image[..., 0] for image in pictures(8)]).reshape(4, 2, 48, 64)
    path = tmp_path / name
    tifffile.imwrite(path, grey, imagej=name == "a.tif", metadata={"axes": axes})
    with pytest.raises(UserError, match=rf"more than one series .*{axes[:2]}, 4 x 2"):
        open_reader(path)
    tifffile.imwrite(path, grey[:, 0], imagej=name == "a.tif", metadata={"axes": axes[1:]})
    assert len(read(path, fps=25)[0]) == 4


@pytest.mark.parametrize("truncate", [False, True])
def test_a_folder_of_stacks_says_that_it_gives_one_picture_of_each(tmp_path, truncate):
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(3):
        tifffile.imwrite(
            folder / f"{number}.tif", np.stack(pictures(3)), photometric="rgb", truncate=truncate
        )
    frames, reader = read(folder, fps=25)
    assert len(frames) == 3
    assert len(reader.warnings) == 1
    assert "0.tif holds more than one picture" in reader.warnings[0]


def test_small_copies_in_a_tiff_are_no_further_pictures(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    with tifffile.TiffWriter(folder / "a.tif") as writer:
        writer.write(pictures(1)[0], photometric="rgb")
        writer.write(pictures(1)[0][::2, ::2], photometric="rgb", subfiletype=1)
    assert not read(folder, fps=25)[1].warnings


@pytest.mark.parametrize(("kind", "once"), [("rgb", False), ("rgb", True), ("separated", False)])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_tiff_is_shown_the_way_up_that_it_says(tmp_path, orientation, kind, once):
    tag = [(274, "H", 1, orientation, once)]
    ink = np.zeros((48, 60, 1 if kind == "separated" else 0), np.uint8)
    pages = np.stack([np.dstack([image[:, :60], ink]) for image in pictures(2)])
    (tmp_path / "in").mkdir()
    tifffile.imwrite(tmp_path / "in" / "one.tif", pages[1], photometric=kind, extratags=tag)
    tifffile.imwrite(tmp_path / "stack.tif", pages, photometric=kind, extratags=tag)
    (one,), _ = read(tmp_path / "in", fps=25)
    stack, _ = read(tmp_path / "stack.tif", fps=25)
    assert one.image.shape == ((48, 60, 3) if orientation < 5 else (60, 48, 3))
    assert np.abs(stack[1].image.astype(int) - one.image).max() <= 1


def test_a_tiff_that_was_cut_off_says_so(tmp_path, capfd):
    whole = tmp_path / "whole.tif"
    with tifffile.TiffWriter(whole) as writer:
        for image in pictures(6):
            writer.write(image, photometric="rgb", contiguous=False, metadata=None)
    data = whole.read_bytes()
    (tmp_path / "cut.tif").write_bytes(data[: len(data) * 6 // 10])
    frames, reader = read(tmp_path / "cut.tif", fps=25)
    assert 0 < len(frames) < 6
    assert "is damaged" in text_of(reader.warnings)
    assert capfd.readouterr().err == ""


def test_a_compressed_tiff_whose_name_is_no_text_is_told(tmp_path):
    path = tmp_path / "pages.tif"
    options = [cv2.IMWRITE_TIFF_COMPRESSION, 5]
    assert cv2.imwritemulti(str(path), [np.zeros((20, 24, 3), np.uint8)] * 2, options)
    named = path.rename(tmp_path / os.fsdecode(b"pages\xff.tif"))
    with pytest.raises(UserError, match="no picture of"):
        open_reader(named)


def test_grey_planar_and_inverted_tiffs(tmp_path):
    grey = np.stack([image[..., 0] for image in pictures(3)])
    tifffile.imwrite(tmp_path / "g.tif", grey, photometric="minisblack")
    tifffile.imwrite(tmp_path / "w.tif", 255 - grey, photometric="miniswhite")
    planar = np.moveaxis(np.stack(pictures(3)), 3, 1)
    tifffile.imwrite(tmp_path / "p.tif", planar, photometric="rgb", planarconfig="separate")
    for name in "gw":
        frames, _ = read(tmp_path / f"{name}.tif", fps=25)
        np.testing.assert_array_equal(frames[2].image, grey[2][..., None].repeat(3, 2))
    frames, _ = read(tmp_path / "p.tif", fps=25)
    np.testing.assert_array_equal(frames[2].image, pictures(3)[2])


def test_scale(tmp_path):
    frames, reader = read(fill(tmp_path / "in", pictures(2)), fps=25, scale=0.5)
    assert frames[0].image.shape == (24, 32, 3)
    assert (reader.info.width, reader.info.height) == (32, 24)


def test_damaged_pictures_are_left_out_and_told(tmp_path):
    folder = fill(tmp_path / "in", pictures(6))
    (folder / "frame2.png").write_bytes(b"")
    (folder / "frame4.png").write_bytes(b"no picture at all")
    frames, reader = read(folder, fps=25)
    assert [frame.pts for frame in frames] == [0, 1, 3, 5]
    assert [frame.index for frame in frames] == [0, 1, 2, 3]
    assert "2 of 6 pictures cannot be read" in text_of(reader.warnings)
    assert "frame2.png" in text_of(reader.warnings)


def test_pictures_of_another_size_or_depth_are_refused(tmp_path):
    folder = fill(tmp_path / "in", pictures(3))
    (folder / "frame9.png").write_bytes(png(pictures(1, 80, 60)[0]))
    with pytest.raises(UserError, match=r"frame9.png .*80 x 60.*64 x 48"):
        read(folder, fps=25)
    (folder / "frame9.png").write_bytes(png(deep(pictures(1)[0])))
    with pytest.raises(UserError, match=r"one depth.*uint16.*uint8"):
        read(folder, fps=25)


def test_a_tiff_of_floats_or_volumes_is_refused(tmp_path):
    tifffile.imwrite(
        tmp_path / "f.tif", np.zeros((3, 32, 32), np.float32), photometric="minisblack"
    )
    with pytest.raises(UserError, match="8 or 16 bit, found float32"):
        open_reader(tmp_path / "f.tif", fps=25)
    (tmp_path / "t.tif").write_text("no tiff")
    with pytest.raises(UserError, match="not a TIFF"):
        open_reader(tmp_path / "t.tif")
    (tmp_path / "e.tif").write_bytes(b"")
    with pytest.raises(UserError, match="empty"):
        open_reader(tmp_path / "e.tif")


@pytest.mark.parametrize(
    "names",
    [
        [*(f"20240101_1200{n}0" for n in range(6)), "20240101_120100", "20240101_120110"],
        ["cam_120057", "cam_120058", "cam_120059", "cam_120100", "cam_120101"],
        [*(f"IMG_{n:04d}" for n in range(9990, 10_000)), *(f"IMG_{n:04d}" for n in range(1, 10))],
    ],
)
def test_times_and_counters_that_began_anew_miss_no_pictures(names):
    assert missing(in_order([Path(f"{name}.png") for name in names])) == ""


def test_of_two_numbers_with_a_dot_between_each_counts():
    names = [f"take2.{n}.png" for n in (7, 8, 9, 11, 12, 13)]
    assert [path.name for path in in_order([Path(name) for name in names])] == names
    names = ["t0.5.png", "t0.7.png", "t0.75.png"]
    assert [path.name for path in in_order([Path(name) for name in names[::-1]])] == names


def test_a_stack_parted_into_files_is_read_file_by_file(tmp_path):
    """OME-TIFF, whose every file lists all of them."""
    begin = '<?xml version="1.0"?><OME UUID="urn:uuid:{own}" xmlns="http://www.openmicroscopy.org/'
    begin += 'Schemas/OME/2016-06"><Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYCZT"'
    begin += ' Type="uint8" SizeX="32" SizeY="24" SizeC="1" SizeZ="1" SizeT="3">'
    begin += '<Channel ID="C:0" SamplesPerPixel="1"/>'
    ids = [f"0000000{number}-0000-0000-0000-000000000000" for number in range(3)]
    parts = "".join(
        f'<TiffData FirstT="{n}" FirstZ="0" FirstC="0" IFD="0" PlaneCount="1">'
        f'<UUID FileName="t{n}.ome.tif">urn:uuid:{each}</UUID></TiffData>'
        for n, each in enumerate(ids)
    )
    for number, own in enumerate(ids):
        text = begin.replace("{own}", own) + parts + "</Pixels></Image></OME>"
        grey = np.full((24, 32), 50 * number + 5, np.uint8)
        path = tmp_path / f"t{number}.ome.tif"
        tifffile.imwrite(path, grey, description=text, metadata=None)
    with open_reader(tmp_path, fps=10) as reader:
        assert [int(frame.image[0, 0, 0]) for frame in reader] == [5, 55, 105]
        assert not reader.warnings
    with open_reader(tmp_path / "t1.ome.tif", fps=10) as reader:
        assert [int(frame.image[0, 0, 0]) for frame in reader] == [55]
