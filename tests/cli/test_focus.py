"""Objects named at the command line: what is asked for is what is magnified."""

import re
import shlex
from pathlib import Path

import cv2
import numpy as np
import pytest

from motionloupe import Region, UserError
from motionloupe.cli import main
from motionloupe.cli.focus import focus
from motionloupe.demo import scene_info
from motionloupe.masks import Focus
from motionloupe.masks.sam import Sam2
from motionloupe.video import open_reader, open_writer
from tests.masks.objects import HEIGHT, LEFT, RIGHT, WIDTH, inner, square, trembling_squares

RATE = 30
WITHOUT = {
    "sam": None,
    "dilate": None,
    "feather": None,
    "outside": None,
    "background": None,
    "follow": False,
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, box in (("left", LEFT), ("right", RIGHT)):
        cv2.imwrite(f"{name}.png", np.uint8(255 * (square(box) > 0.5)))
    motion = 0.4 * np.sin(2 * np.pi * 4 * np.arange(8) / RATE)
    with open_writer("in.mkv", scene_info("in.mkv", HEIGHT, WIDTH), lossless=True) as writer:
        for index, frame in enumerate(trembling_squares(motion)):
            writer.write(frame, index, 1)
    return tmp_path


def frames_of(path):
    with open_reader(path) as reader:
        return np.stack([frame.image for frame in reader]).astype(float)


def changed(box):
    """Mean change from in.mkv to out.mkv within a square."""
    x, y, width, height = inner(box)
    difference = np.abs(frames_of("out.mkv") - frames_of("in.mkv"))
    return difference[:, y : y + height, x : x + width].mean()


@pytest.mark.parametrize(
    ("options", "left", "right"),
    [
        ("--mask left.png", True, False),
        ("--mask left.png=1 --mask right.png=6", False, True),
        ("--mask left.png --mask right.png=0 --dilate 2 --feather 3", True, True),
        ("--mask left.png --follow", True, False),
    ],
)
def test_only_the_objects_named_are_magnified(folder, options, left, right):
    line = f"magnify in.mkv out.mkv -m linear -a 5 --lossless -q --background composite {options}"
    assert main(line.split()) == 0
    assert (changed(LEFT) > 0.5, changed(RIGHT) > 0.5) == (left, right)
    if not left:
        assert changed(LEFT) == 0


def test_a_cut_takes_the_masks_of_its_frames(folder):
    (folder / "masks").mkdir()
    for index in range(8):
        box = LEFT if index < 4 else RIGHT
        cv2.imwrite(f"masks/{index}.png", np.uint8(255 * (square(box) > 0.5)))
    line = (
        f"magnify in.mkv out.mkv -m linear -a 5 --lossless -q --start {3.5 / RATE} "
        "--mask masks --background composite"
    )
    assert main(line.split()) == 0
    difference = np.abs(frames_of("out.mkv") - frames_of("in.mkv")[4:]).sum(axis=(0, 3))
    assert difference[square(RIGHT) > 0.5].sum() > 0
    assert difference[square(RIGHT) <= 0.5].sum() == 0


def test_a_mask_that_is_resized_is_told(folder, capsys):
    line = "magnify in.mkv out.mkv -m linear --lossless --scale 0.5 --mask left.png"
    assert main(line.split()) == 0
    assert "left.png is 129 x 97, the frames are 64 x 48: the mask is resized" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ("--mask none.png", "none.png"),
        ("--mask left.png=much", "comes a factor"),
        ("--mask left.png=-1", "0 or larger"),
        ("--box 1,2,3", "X,Y,W,H"),
        ("--box 90,20,48,48", "leaves the frame"),
        ("--point 5", "X,Y"),
        ("--point 500,5", "outside the frame"),
        ("--point 5,5 --sam nowhere", "box or a mask"),
        ("--box 5,5,9,9 --sam nowhere", "give a --point too"),
        ("--mask left.png --dilate -1", "dilate"),
        ("--mask left.png --background blue", "keep, composite, still"),
        ("--mask left.png --outside -1", "0 or larger"),
        ("--mask left.png --outside 0 --background still", "needs the background keep"),
        ("--outside 0", "--outside needs an object"),
        ("--feather 3", "--feather needs an object"),
        ("--follow", "--follow needs an object"),
    ],
)
def test_what_cannot_be_pointed_at_is_one_line_and_leaves_nothing(folder, capsys, options, reason):
    before = sorted(folder.iterdir())
    assert main(f"magnify in.mkv out.mkv -m linear --lossless {options}".split()) == 2
    error = capsys.readouterr().err
    assert reason in error
    assert len(error.splitlines()) == 1
    assert sorted(folder.iterdir()) == before


def test_texts_become_regions_in_order(folder):
    made = focus(
        ["a.png", "left.png", "b.png=0"], ["1,2,30,40=2.5"], ["1,2", "3,4,5,6=7"], **WITHOUT
    )
    assert made == Focus(
        [
            Region("a.png"),
            Region("left.png"),
            Region("b.png", alpha=0.0),
            Region(box=(1, 2, 30, 40), alpha=2.5),
            Region(points=[(1.0, 2.0)]),
            Region(points=[(3.0, 4.0), (5.0, 6.0)], alpha=7.0),
        ]
    )
    assert focus(None, None, None, **WITHOUT) is None


def test_a_file_may_have_an_equals_sign_in_its_name(folder):
    (folder / "left.png").rename("x=3")
    assert focus(["x=3"], None, None, **WITHOUT).regions == [Region("x=3")]
    with pytest.raises(UserError, match="comes a factor"):
        focus(["y=z.png"], None, None, **WITHOUT)


def test_every_choice_reaches_the_focus():
    made = focus(
        ["a.png"],
        None,
        ["5,5"],
        sam="w",
        dilate=2.0,
        feather=3.0,
        outside=None,
        background="composite",
        follow=True,
    )
    assert (made.dilate, made.feather, made.background, made.follow) == (2, 3, "composite", True)
    assert isinstance(made.point_segmenter, Sam2)
    assert made.point_segmenter.weights == "w"


def test_the_page_on_masks_does_what_it_says(folder):
    page = (Path(__file__).parents[2] / "docs" / "masks.md").read_text()
    (folder / "left.png").rename("girder.png")
    (folder / "right.png").rename("lamp.png")
    frame = np.full((HEIGHT, WIDTH, 3), 40, np.uint8)
    frame[12:35, 12:44] = trembling_squares([0.0])[0][30:53, 12:44] | 128
    with open_writer("bridge.mp4", scene_info("bridge.mp4", HEIGHT, WIDTH)) as writer:
        for index in range(4):
            writer.write(frame, index, 1)
    commands = [line for line in page.splitlines() if line.startswith("motionloupe ")]
    assert len(commands) == 6
    for command in commands:
        assert main([*shlex.split(command)[1:], "-q", "-m", "linear"]) == 0, command
    for code in re.findall(r"^```python\n(.*?)^```$", page, flags=re.M | re.S):
        exec(compile(code, "masks.md", "exec"), {"frames": [frame] * 3})
    assert (folder / "focused.mp4").exists()
