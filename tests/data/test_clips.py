"""Clips are found under steady names, and random pairs of them are pure functions of a number."""

import numpy as np
import pytest

from motionloupe.data.clips import Clip, RandomPairs, clips_of_split, find_clips
from motionloupe.errors import UserError
from tests.data.footage import write_folder
from tests.video.media import make_video, number_of, pictures

LOSSLESS = {"codec": "ffv1", "pixel_format": "bgr0"}


def test_files_and_folders_of_frames_are_found_below_a_folder(tmp_path):
    write_folder(tmp_path / "set" / "walk", pictures(2))
    (tmp_path / "set" / "deep").mkdir()
    make_video(tmp_path / "set" / "deep" / "run.mkv", pictures(2), **LOSSLESS)
    (tmp_path / "set" / "deep" / "poster.png").touch()  # beside a video, pictures are no frames
    (tmp_path / "set" / "notes.txt").touch()
    assert [clip.video for clip in find_clips([tmp_path / "set"])] == [
        "set/deep/run.mkv",
        "set/walk",
    ]
    assert [clip.video for clip in find_clips([tmp_path / "set" / "walk"])] == ["set/walk"]


def test_what_is_not_there_or_not_clear_is_named(tmp_path):
    with pytest.raises(UserError, match="no such file or folder"):
        find_clips([tmp_path / "nowhere"])
    with pytest.raises(UserError, match="neither videos nor pictures"):
        find_clips([tmp_path])
    for place in ("one", "two"):
        write_folder(tmp_path / place / "set" / "walk", pictures(1))
    with pytest.raises(UserError, match="would both be called set/walk"):
        find_clips([tmp_path / "one" / "set", tmp_path / "two" / "set"])
    with pytest.raises(UserError, match="of 1 clips none falls into the test split"):
        clips_of_split(tmp_path / "one", "test", 0.0)


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """A lossless file with few keyframes, a folder of frames, and a clip of two frames."""
    root = tmp_path_factory.mktemp("clips")
    make_video(
        root / "long.mp4", pictures(24), rate=10, codec="libx264rgb", pixel_format="rgb24",
        options={"qp": "0", "g": "12"},
    )  # fmt: skip
    write_folder(root / "frames", pictures(20))
    write_folder(root / "two", pictures(2))
    return find_clips([root])


def test_pairs_are_drawn_at_every_stride_and_place(clips):
    pairs = RandomPairs([c for c in clips if c.name != "two"], (2, 4), 512, seed=0)
    drawn = [tuple(number_of(frame) for frame in pairs[index]) for index in range(60)]
    assert {second - first for first, second in drawn} == {2, 3, 4}
    firsts = {first for first, _ in drawn}
    assert min(firsts) <= 1
    assert max(firsts) >= 16
    assert len(firsts) > 10


def test_a_pair_is_a_function_of_seed_and_number(clips):
    one, other = RandomPairs(clips, (1, 5), 512, 3), RandomPairs(clips, (1, 5), 512, 3)
    later = [other[index] for index in (5, 2, 9)]
    for index, pair in zip((5, 2, 9), later, strict=True):
        for a, b in zip(one[index], pair, strict=True):
            assert np.array_equal(a, b)
    different = RandomPairs(clips, (1, 5), 512, 4)
    assert any(not np.array_equal(one[n][0], different[n][0]) for n in range(5))


def test_a_short_clip_gives_what_it_has_and_a_broken_one_is_passed_over(clips, tmp_path):
    (short,) = [clip for clip in clips if clip.name == "two"]
    a, b = RandomPairs([short], (5, 5), 512, 0)[0]
    assert (number_of(a), number_of(b)) == (0, 1)
    (tmp_path / "broken.mp4").write_bytes(bytes(100))
    write_folder(tmp_path / "single", pictures(1))
    bad = [Clip(tmp_path / name, "x", name) for name in ("broken.mp4", "single")]
    for index in range(6):
        a, b = RandomPairs([*bad, short], (1, 2), 512, 0)[index]
        assert (number_of(a), number_of(b)) == (0, 1)
    with pytest.raises(UserError, match="no clip gives a pair of frames"):
        RandomPairs(bad, (1, 2), 512, 0)[0]
    with pytest.raises(UserError, match="strides must rise"):
        RandomPairs([short], (0, 2), 512, 0)


def test_large_frames_are_reduced_and_sixteen_bits_rounded(tmp_path):
    shown = [frame.astype(np.uint16) * 257 for frame in pictures(3)]
    write_folder(tmp_path / "deep", shown)
    pairs = RandomPairs(find_clips([tmp_path / "deep"]), (1, 1), 32, 0)
    a, b = pairs[0]
    assert a.dtype == np.uint8
    assert a.shape == (24, 32, 3)
    assert number_of(b) - number_of(a) in (0, 1)
