"""A result is complete or not there at all, and keeps what the source said."""

import os
import signal
import subprocess
import sys
import time
from fcntl import F_GETFL, fcntl
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from motionloupe.errors import UserError
from motionloupe.stored import write_atomically
from motionloupe.video import open_reader, open_writer
from tests.video.media import (
    make_video,
    moved,
    number_of,
    packets,
    pictures,
    png,
    text_of,
)

VIDEO = ["a.mp4", "a.mov", "a.m4v", "a.mkv", "a.avi"]


def copy(source, target, *, reading=None, **options):
    """Read all of ``source`` and write it as it is; gives the writer."""
    with (
        open_reader(source, **(reading or {})) as reader,
        open_writer(target, reader.info, **options) as writer,
    ):
        for frame in reader:
            writer.write(frame.image, frame.pts, frame.duration)
    return writer


def times(path, **options):
    with open_reader(path, **options) as reader:
        return [frame.pts * reader.info.time_base for frame in reader]


@pytest.fixture
def source(tmp_path):
    return make_video(tmp_path / "source.mp4", pictures(12))


def leftovers(folder: Path) -> list[str]:
    return [name for name in os.listdir(folder) if name.startswith(".")]


@pytest.mark.parametrize("name", VIDEO)
def test_every_frame_comes_back_in_its_place(tmp_path, source, name):
    copy(source, tmp_path / name)
    with open_reader(tmp_path / name) as reader:
        frames = list(reader)
    assert [number_of(frame.image) for frame in frames] == list(range(12))
    assert [frame.seconds for frame in frames] == pytest.approx([n / 25 for n in range(12)])
    assert reader.info.fps == pytest.approx(25)
    with open_reader(source) as before:
        for frame, wanted in zip(frames, before, strict=True):
            assert np.abs(frame.image.astype(int) - wanted.image).mean() < 2
    assert not leftovers(tmp_path)


@pytest.mark.parametrize("offset", [0, 7])
def test_time_stamps_are_identical_at_a_variable_rate(tmp_path, offset):
    pts = [offset + n for n in (0, 3, 5, 6, 20, 21, 22, 30, 31, 50, 77, 80)]
    source = make_video(
        tmp_path / "v.mp4", pictures(12), pts=pts, time_base=Fraction(1, 90), rate=15
    )
    copy(source, tmp_path / "o.mp4")
    assert times(tmp_path / "o.mp4") == [Fraction(n, 90) for n in pts]
    copy(tmp_path / "o.mp4", tmp_path / "o.mkv")
    in_milliseconds = [Fraction(round(n * 1000 / 90), 1000) for n in pts]
    assert times(tmp_path / "o.mkv") == in_milliseconds
    copy(tmp_path / "o.mkv", tmp_path / "p.mkv")
    assert times(tmp_path / "p.mkv") == in_milliseconds


def test_avi_says_that_it_moves_frames(tmp_path):
    pts = [0, 3, 5, 6, 20, 21, 22, 30, 31, 50, 77, 80]
    base = Fraction(1, 90)
    source = make_video(tmp_path / "v.mp4", pictures(12), pts=pts, time_base=base, rate=15)
    assert "no room for the times" in text_of(copy(source, tmp_path / "o.avi").warnings)
    even = make_video(tmp_path / "e.mkv", pictures(12), rate=30)
    assert not copy(even, tmp_path / "e.avi").warnings


@pytest.mark.parametrize("depth", [3, 99])
def test_a_depth_that_pictures_cannot_have_is_refused(source, tmp_path, depth):
    with pytest.raises(UserError, match="must be 8 or 16"):
        copy(source, tmp_path / "folder", depth=depth)


@pytest.mark.parametrize("rate", [24, 30, Fraction(60000, 1001), 100])
def test_milliseconds_are_fine_enough_for_usual_rates(tmp_path, rate):
    source = make_video(tmp_path / "v.mp4", pictures(12), rate=rate)
    assert not copy(source, tmp_path / "o.mkv", lossless=True).warnings


def test_ntsc_rates_stay_exact(tmp_path):
    source = make_video(tmp_path / "n.mp4", pictures(9), rate=Fraction(30000, 1001))
    copy(source, tmp_path / "o.mp4")
    assert times(tmp_path / "o.mp4") == [Fraction(1001 * n, 30000) for n in range(9)]
    with open_reader(tmp_path / "o.mp4") as reader:
        assert reader.info.rate == Fraction(30000, 1001)


def test_pictures_become_video_at_their_rate(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for index, image in enumerate(pictures(5)):
        (folder / f"{index}.png").write_bytes(png(image))
    copy(folder, tmp_path / "o.mp4", reading={"fps": 30000 / 1001})
    assert times(tmp_path / "o.mp4") == [Fraction(1001 * n, 30000) for n in range(5)]


def test_frames_closer_than_a_container_can_tell_stay_in_order(tmp_path):
    pts = [40 * (number // 2) + number % 2 for number in range(12)]
    source = make_video(tmp_path / "fast.mp4", pictures(12), rate=4000, pts=pts)
    writer = copy(source, tmp_path / "o.mkv")
    assert len(times(tmp_path / "o.mkv")) == 12
    assert ".mkv has no room for the times" in text_of(writer.warnings)
    assert not copy(source, tmp_path / "o.mp4").warnings
    assert times(tmp_path / "o.mp4") == times(source)


def test_the_last_frame_lasts_as_long_as_it_did(tmp_path):
    source = make_video(tmp_path / "v.mp4", pictures(3))
    with open_reader(source) as reader, open_writer(tmp_path / "o.mp4", reader.info) as writer:
        for index, frame in enumerate(reader):
            writer.write(frame.image, index * 10, 5 if index == 2 else 10)
    with av.open(str(tmp_path / "o.mp4")) as container:
        stream = container.streams.video[0]
        assert float(stream.duration * stream.time_base) == pytest.approx(25 / 25)


def test_a_part_begins_at_zero(tmp_path):
    source = make_video(tmp_path / "s.mp4", pictures(50))
    copy(source, tmp_path / "o.mp4", reading={"start": 1.0, "end": 1.4})
    assert times(tmp_path / "o.mp4") == [Fraction(n, 25) for n in range(10)]


@pytest.mark.parametrize("name", ["o.mp4", "o.mov", "o.mkv", "o.avi"])
def test_a_clock_that_passes_through_zero_midway_loses_nothing(tmp_path, name):
    """What FFmpeg makes of a broadcast whose 33 bits of time run over: it begins before 0."""
    whole = make_video(tmp_path / "whole.ts", pictures(20), sound=["mp2"])
    source = moved(whole, tmp_path / "wrap.ts", 2**33 - 45_000, {"mpegts_copyts": "1"})
    with av.open(str(source)) as container:
        assert container.start_time < 0
    with open_reader(source, start=0.2, end=0.4) as reader:
        assert [number_of(frame.image) for frame in reader] == [5, 6, 7, 8, 9]
    sound = name in ("o.mp4", "o.mkv")
    writers = [
        copy(each, tmp_path / f"{each.stem}-{name}", sound=sound) for each in (source, whole)
    ]
    assert len(writers[0].warnings) == len(writers[1].warnings)
    found, wanted = (tmp_path / f"{stem}-{name}" for stem in ("wrap", "whole"))
    with open_reader(found) as after, open_reader(wanted) as before:
        assert [(frame.seconds, number_of(frame.image)) for frame in after] == [
            (pytest.approx(frame.seconds, abs=2e-3), number_of(frame.image)) for frame in before
        ]
    assert [len(track) for track in packets(found)] == [len(track) for track in packets(wanted)]


@pytest.mark.parametrize("before", ["s.mp4", "s.mov", "s.mkv"])
@pytest.mark.parametrize("after", ["o.mp4", "o.mov", "o.mkv", "o.avi"])
def test_what_a_file_says_of_itself_is_kept(tmp_path, before, after):
    """As far as the container has a place for it; what is of the file alone is not."""
    said = {
        "title": "Bridge",
        "comment": "north side",
        "creation_time": "2024-05-06T07:08:09.000000Z",
        "location": "+48.1000+011.5000/",
        "encoder": "Camera 7",
        "timecode": "01:02:03:04",
    }
    source = make_video(tmp_path / before, pictures(3), said=said, language="fra")
    copy(source, tmp_path / after)
    with av.open(str(tmp_path / after)) as container:
        found = {key.lower(): text for key, text in container.metadata.items()}
        language = container.streams.video[0].metadata.get("language")
        assert len(container.streams) == 1
    held = {"title", "comment"} | (set() if after == "o.avi" else {"creation_time", "location"})
    assert {key: found.get(key) for key in held} == {key: said[key] for key in held}
    assert "Camera 7" not in found.values()
    assert "timecode" not in found
    assert "Bridge" not in [text for key, text in found.items() if key != "title"]
    assert after == "o.avi" or language == "fra"


@pytest.mark.parametrize(("name", "form"), [("a.mp4", "yuv444p"), ("a.mkv", "yuv444p")])
def test_odd_sizes_stay(tmp_path, name, form):
    frames = pictures(3, 67, 51)
    source = make_video(tmp_path / "s.mkv", frames, codec="ffv1", pixel_format="bgr0")
    writer = copy(source, tmp_path / name)
    with open_reader(tmp_path / name) as reader:
        assert (reader.info.width, reader.info.height) == (67, 51)
        assert reader.info.pixel_format == form
        assert np.abs(next(iter(reader)).image.astype(int) - frames[0]).mean() < 2
    assert "older players" in text_of(writer.warnings)


def test_pictures_of_another_size_than_the_source(tmp_path, source):
    with open_reader(source) as reader, open_writer(tmp_path / "o.mp4", reader.info) as writer:
        for frame in reader:
            writer.write(np.hstack([frame.image, frame.image]), frame.pts)
    with open_reader(tmp_path / "o.mp4") as reader:
        assert (reader.info.width, reader.info.height) == (128, 48)


def test_pixels_keep_their_aspect(tmp_path):
    source = make_video(tmp_path / "s.mp4", pictures(2), aspect=Fraction(4, 3))
    copy(source, tmp_path / "o.mp4")
    with open_reader(tmp_path / "o.mp4") as reader:
        assert reader.info.aspect == Fraction(4, 3)


def test_eight_bits_by_default_and_ten_when_asked(tmp_path):
    image = np.round(np.linspace(0, 65535, 64)).astype(np.uint16)
    image = np.broadcast_to(image[None, :, None], (48, 64, 3)).copy()
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.png").write_bytes(png(image))
    for depth, form in ((None, "yuv420p"), (10, "yuv420p10le")):
        copy(folder, tmp_path / "o.mp4", depth=depth, force=True, reading={"fps": 25})
        with open_reader(tmp_path / "o.mp4") as reader:
            assert reader.info.pixel_format == form
    with pytest.raises(UserError, match=r"one of 8, 10 bits.*found 12.*lossless"):
        copy(folder, tmp_path / "o.mp4", depth=12, force=True)


@pytest.mark.parametrize("target", ["out", "out/", "out/%05d.png", "out.d/"])
def test_folders_of_pictures(tmp_path, source, target):
    copy(source, f"{tmp_path}/{target}")
    folder = tmp_path / target.rstrip("/").split("/")[0]
    names = sorted(os.listdir(folder))
    assert len(names) == 12
    assert names[3] == ("00003.png" if "%" in target else "000003.png")
    with open_reader(folder, fps=25) as reader, open_reader(source) as before:
        for frame, wanted in zip(reader, before, strict=True):
            np.testing.assert_array_equal(frame.image, wanted.image)
    assert not leftovers(tmp_path)


def test_folders_hold_sixteen_bits_when_asked(tmp_path, source):
    copy(source, tmp_path / "out", depth=16)
    with open_reader(tmp_path / "out", fps=25) as reader, open_reader(source) as before:
        assert reader.info.depth == 16
        wanted = next(iter(before)).image.astype(int) * 257
        np.testing.assert_array_equal(next(iter(reader)).image, wanted)


def test_force_replaces_the_pictures_of_a_folder_and_nothing_else(tmp_path, source):
    out = tmp_path / "out"
    copy(source, out)
    (out / "000099.png").write_bytes(b"of a longer run")
    (out / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="force"):
        copy(source, out)
    copy(source, out, force=True)
    assert (out / "notes.txt").read_text() == "mine"
    assert len(os.listdir(out)) == 13


def test_an_existing_file_needs_force(tmp_path, source):
    target = tmp_path / "o.mp4"
    target.write_bytes(b"precious")
    with pytest.raises(UserError, match=r"exists.*force"):
        copy(source, target)
    assert target.read_bytes() == b"precious"
    copy(source, target, force=True)
    assert times(target) == times(source)


@pytest.mark.parametrize("link", [None, os.link, os.symlink])
def test_the_input_cannot_be_the_output(tmp_path, source, link):
    target = source
    if link is not None:
        target = tmp_path / "link.mp4"
        link(source, target)
    before = source.read_bytes()
    with pytest.raises(UserError, match="is the input itself"):
        copy(source, target, force=True)
    assert source.read_bytes() == before


@pytest.mark.parametrize("target", ["in", "in/sub", "in/%03d.png", "."])
def test_a_folder_cannot_go_into_its_source(tmp_path, target):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.png").write_bytes(png(pictures(1)[0]))
    with pytest.raises(UserError, match="in one another"):
        copy(folder, f"{tmp_path}/{target}", force=True)
    assert os.listdir(folder) == ["a.png"]


def test_a_picture_is_safe_from_its_result(tmp_path):
    (tmp_path / "000000.png").write_bytes(png(pictures(1)[0]))
    with pytest.raises(UserError, match="in one another"):
        copy(tmp_path / "000000.png", f"{tmp_path}/", force=True)


def test_a_folder_may_stand_beside_the_file_of_pictures_that_it_comes_from(tmp_path):
    (tmp_path / "one.png").write_bytes(png(pictures(1)[0]))
    copy(tmp_path / "one.png", tmp_path / "frames")
    copy(f"{tmp_path}/*.png", tmp_path / "all")
    assert os.listdir(tmp_path / "frames") == os.listdir(tmp_path / "all") == ["000000.png"]


def test_targets_that_cannot_be(tmp_path, source):
    (tmp_path / "file").write_text("x")
    cases = {
        "none/o.mp4": "there is no folder",
        "none/out/": "there is no folder",
        "o.webm": "cannot be written as .webm.*\\.mp4",
        "o.gif": "cannot be written as .gif",
        "o.png": "one picture",
        "%03d.jpg": "PNG",
        "file/": "is a file",
    }
    for name, message in cases.items():
        with pytest.raises(UserError, match=message):
            copy(source, f"{tmp_path}/{name}")
    with pytest.raises(UserError, match=r"lossless video needs \.mkv or \.avi"):
        copy(source, tmp_path / "o.mp4", lossless=True)
    assert not leftovers(tmp_path)


@pytest.mark.parametrize(
    ("pattern", "second"),
    [("%d_%d.png", "1_%d.png"), ("50%_%03d.png", "50%_001.png"), ("%02d%%d.png", "01%%d.png")],
)
def test_of_a_pattern_the_first_number_counts(tmp_path, source, pattern, second):
    (tmp_path / "out").mkdir()
    for _ in range(2):
        copy(source, tmp_path / "out" / pattern, force=True)
        assert len(os.listdir(tmp_path / "out")) == 12
        assert second in os.listdir(tmp_path / "out")


@pytest.mark.parametrize("name", ["out.mkv", "out", "out/%d.png"])
def test_what_another_run_has_written_meanwhile_stays(tmp_path, source, name):
    target = tmp_path / name

    def meet():
        with open_reader(source) as reader, open_writer(target, reader.info) as writer:
            for frame in reader:
                writer.write(frame.image, frame.pts, frame.duration)
            copy(source, target)

    with pytest.raises(UserError, match="written by another run meanwhile: this one is") as told:
        meet()
    ours = Path(str(told.value).rpartition(" is ")[2])
    assert ours.name.startswith("out-")
    with open_reader(ours) as one, open_reader(tmp_path / name.split("/")[0]) as other:
        assert len(list(one)) == len(list(other)) == 12
    assert not leftovers(tmp_path)


@pytest.mark.parametrize("suffix", [".mkv", ".avi"])
def test_frames_that_a_container_cannot_tell_apart_are_refused(tmp_path, suffix):
    for number, image in enumerate(pictures(3)):
        (tmp_path / f"{number}.png").write_bytes(png(image))
    source, target = tmp_path / "*.png", tmp_path / f"out{suffix}"
    copy(source, target, reading={"fps": 1000})
    assert np.diff(times(target)).tolist() == [Fraction(1, 1000)] * 2
    with pytest.raises(UserError, match="holds 1000 frames a second at most, found 1001"):
        copy(source, tmp_path / f"fast{suffix}", reading={"fps": 1001})
    copy(source, tmp_path / "fast.mp4", reading={"fps": 1001})
    assert np.diff(times(tmp_path / "fast.mp4")).tolist() == [Fraction(1, 1001)] * 2


def test_signs_that_look_like_digits_number_no_picture(tmp_path, source):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "²").write_text("a footnote")
    copy(source, tmp_path / "out" / "%d.png", force=True)
    (tmp_path / "out" / "².png").write_text("another")
    copy(source, tmp_path / "out" / "%d.png", force=True)
    assert {"²", "².png", "0.png"} <= set(os.listdir(tmp_path / "out"))


@pytest.mark.parametrize("target", ["o.mp4", "out"])
def test_a_folder_without_permission(tmp_path, source, monkeypatch, target):
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(UserError, match="may not be written"):
        copy(source, tmp_path / target)


def fail_after_five(source, target, failure, **options):
    with open_reader(source) as reader, open_writer(target, reader.info, **options) as writer:
        for frame in reader:
            writer.write(frame.image, frame.pts)
            if frame.index == 5:
                raise failure


@pytest.mark.parametrize("target", ["o.mp4", "o.mkv", "out"])
@pytest.mark.parametrize("failure", [KeyboardInterrupt, RuntimeError, UserError])
def test_whatever_goes_wrong_leaves_nothing(tmp_path, source, target, failure):
    with pytest.raises(failure):
        fail_after_five(source, tmp_path / target, failure)
    assert os.listdir(tmp_path) == ["source.mp4"]


def test_a_failure_keeps_what_was_there(tmp_path, source):
    target = tmp_path / "o.mp4"
    target.write_bytes(b"precious")
    with pytest.raises(RuntimeError):
        fail_after_five(source, target, RuntimeError, force=True)
    assert target.read_bytes() == b"precious"
    assert not leftovers(tmp_path)


def test_without_pictures_nothing_is_written(tmp_path, source):
    with (
        pytest.raises(UserError, match="nothing to write"),
        open_reader(source) as reader,
        open_writer(tmp_path / "o.mp4", reader.info),
    ):
        pass
    assert os.listdir(tmp_path) == ["source.mp4"]


def test_pictures_must_have_one_size(tmp_path, source):
    image = pictures(1)[0]
    with open_reader(source) as reader, open_writer(tmp_path / "o.mp4", reader.info) as writer:
        writer.write(image, 0)
        with pytest.raises(UserError, match=r"64 x 48, this one 32 x 48"):
            writer.write(image[:, :32], 1)


WRITING = """
import resource, signal, sys, time
import numpy as np
from motionloupe.errors import UserError
from motionloupe.video import open_reader, open_writer
source, target, mode = sys.argv[1:]
if mode == "full":
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
noise = np.random.default_rng(0)
try:
    with open_reader(source) as reader, open_writer(target, reader.info) as writer:
        for pts in range(60 if mode == "full" else 10_000):
            if pts == 20:
                print("writing", flush=True)
            image = noise.integers(0, 256, (96, 128, 3), dtype=np.uint8)
            writer.write(image, pts * 512)
            if mode != "full":
                time.sleep(0.002)
except UserError as error:
    print(error)
    sys.exit(2)
except KeyboardInterrupt:
    sys.exit(130)
"""


def start(source, target, mode):
    return subprocess.Popen(
        [sys.executable, "-c", WRITING, str(source), str(target), mode],
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path, source):
    (tmp_path / "room").mkdir()
    process = start(source, tmp_path / "room" / "o.mp4", "full")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "no room to write" in output
    assert os.listdir(tmp_path / "room") == []


def test_a_full_disk_while_writing_pictures(tmp_path, source, monkeypatch):
    def full(path, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UserError, match="no room to write"):
        copy(source, tmp_path / "out")
    assert os.listdir(tmp_path) == ["source.mp4"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_killed_run_leaves_at_most_its_hidden_draft(tmp_path, source, number):
    (tmp_path / "room").mkdir()
    process = start(source, tmp_path / "room" / "o.mp4", "slow")
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"
    time.sleep(0.1)
    process.send_signal(number)
    process.communicate(timeout=60)
    left = os.listdir(tmp_path / "room")
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert left == []
    else:
        assert all(name.startswith(".") for name in left)


def test_files_have_the_usual_permissions(tmp_path, source):
    copy(source, tmp_path / "o.mp4")
    (tmp_path / "plain").write_bytes(b"")
    assert (tmp_path / "o.mp4").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_what_is_flushed_to_the_disk_is_open_for_writing(tmp_path, source, monkeypatch):
    """Windows flushes no other files."""
    flags = []
    monkeypatch.setattr(os, "fsync", lambda number: flags.append(fcntl(number, F_GETFL)))
    copy(source, tmp_path / "o.mp4")
    write_atomically(tmp_path / "o.safetensors", {"a": torch.zeros(1)}, {})
    assert [flag & os.O_ACCMODE for flag in flags] == [os.O_RDWR] * 2
