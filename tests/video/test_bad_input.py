"""What cannot be read is told in one clear line; what can be read is read, and the loss is told."""

import os
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from motionloupe.errors import UserError
from motionloupe.video import open_reader
from tests.video.media import (
    make_sound,
    make_video,
    moved,
    number_of,
    pictures,
    text_of,
    with_index_first,
)


def refused(path, match, **options) -> None:
    with pytest.raises(UserError, match=match) as caught, open_reader(path, **options) as reader:
        list(reader)
    message = str(caught.value)
    assert "\n" not in message
    assert Path(path).name in message or options


def read(path, **options):
    with open_reader(path, **options) as reader:
        frames = list(reader)
    return frames, text_of(reader.warnings)


def test_a_missing_file(tmp_path):
    refused(tmp_path / "none.mp4", "there is no file or folder")


def test_a_stream_is_told_from_an_empty_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path / "pipe", "is a stream, and is read more than once")


def test_a_folder_without_pictures(tmp_path):
    refused(tmp_path, "holds no pictures")
    refused(tmp_path / "*.png", "matches no pictures")


def test_an_empty_file(tmp_path):
    (tmp_path / "e.mp4").write_bytes(b"")
    refused(tmp_path / "e.mp4", "is empty")


@pytest.mark.parametrize("name", ["t.mp4", "t.txt", "t.avi"])
def test_text_is_not_a_video(tmp_path, name):
    (tmp_path / name).write_text("To whom it may concern\n" * 20)
    refused(tmp_path / name, "not a video but text")


def test_noise_is_not_a_video(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, 5000, dtype=np.uint8)
    (tmp_path / "n.mp4").write_bytes(noise.tobytes())
    refused(tmp_path / "n.mp4", "not a video that can be read")


@pytest.mark.parametrize(("name", "codec"), [("s.mp4", "aac"), ("s.wav", "pcm_s16le")])
def test_sound_alone(tmp_path, name, codec):
    refused(make_sound(tmp_path / name, codec), "only sound")


def test_subtitles_alone(tmp_path):
    (tmp_path / "s.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nhello\n\n")
    refused(tmp_path / "s.srt", "no pictures")


def test_a_file_without_permission(tmp_path, monkeypatch):
    path = make_video(tmp_path / "a.mp4", pictures(2))

    def closed(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", closed)
    refused(path, "may not be read")


def test_a_recording_without_its_index(tmp_path):
    data = make_video(tmp_path / "a.mp4", pictures(20)).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: len(data) // 2])
    refused(tmp_path / "cut.mp4", "cut short or damaged: the index")


def test_one_frame_is_a_video(tmp_path):
    frames, warnings = read(make_video(tmp_path / "one.mp4", pictures(1)))
    assert len(frames) == 1
    assert not warnings


@pytest.mark.parametrize(
    ("name", "codec", "told"),
    [
        ("a.mp4", "libx264", "of 60 frames are lost"),
        ("a.avi", "mpeg4", "of 60 frames are lost"),
        ("a.avi", "mjpeg", "of 60 frames are lost"),
        ("a.mkv", "ffv1", "of 2.400 s"),
    ],
)
def test_a_truncated_file_is_read_as_far_as_it_goes(tmp_path, name, codec, told):
    form = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    path = make_video(
        tmp_path / name, pictures(60), codec=codec, pixel_format=form, options={"g": "12"}
    )
    if name == "a.mp4":
        path = with_index_first(path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 7 // 10])
    frames, warnings = read(path)
    assert 10 < len(frames) < 60
    assert [number_of(frame.image) for frame in frames[:10]] == list(range(10))
    assert "is damaged" in warnings
    assert told in warnings
    if "of 60" in told:
        assert f"{60 - len(frames)} of 60" in warnings


@pytest.mark.parametrize("cut", [False, True])
def test_a_matroska_file_with_sound_that_is_cut_short_is_told_from_a_whole_one(tmp_path, cut):
    path = make_video(tmp_path / "a.mkv", pictures(60), codec="ffv1", sound=["aac"])
    if cut:
        data = path.read_bytes()
        path.write_bytes(data[: len(data) * 7 // 10])
    _, warnings = read(path)
    assert ("frames end at" in warnings) == cut


def test_sound_that_outlasts_the_pictures_is_no_damage(tmp_path):
    path = tmp_path / "a.mkv"
    whole = make_video(tmp_path / "s.mkv", pictures(75), codec="ffv1", sound=["aac"])
    with av.open(str(whole)) as source, av.open(str(path), "w") as target:
        tracks = [target.add_stream_from_template(stream) for stream in source.streams]
        for packet in source.demux():
            if packet.dts is None or (
                packet.stream.type == "video" and packet.pts * packet.time_base > 1
            ):
                continue
            packet.stream = tracks[packet.stream.index]
            target.mux(packet)
    frames, warnings = read(path)
    assert len(frames) < 40
    assert not warnings


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mp4", "libx264"), ("a.avi", "mpeg4"), ("a.mkv", "ffv1")]
)
def test_damage_midway_is_read_past_and_told(tmp_path, name, codec):
    path = make_video(tmp_path / name, pictures(60), codec=codec, options={"g": "10"})
    data = bytearray(path.read_bytes())
    for part in (0.5, 0.6):
        at = int(len(data) * part)
        data[at : at + 300] = bytes(300)
    path.write_bytes(data)
    frames, warnings = read(path)
    assert 40 <= len(frames) <= 60
    assert "is damaged" in warnings
    assert frames[-1].seconds > 2.1
    assert all(b.pts > a.pts for a, b in pairwise(frames))
    if name != "a.avi":  # which only counts, and what it lost it does not count
        assert number_of(frames[-1].image) == round(frames[-1].seconds * 25) % 25


@pytest.mark.parametrize("name", ["joined.ts", "joined.mp4"])
@pytest.mark.parametrize("end", [None, 1.2])
def test_frames_before_the_first_key_frame_are_told(tmp_path, name, end):
    whole = make_video(tmp_path / f"w-{name}", pictures(60), options={"g": "20", "bf": "2"})
    path = moved(whole, tmp_path / name, 0, {}, skip=5)
    frames, warnings = read(path, end=end)
    assert number_of(frames[0].image) == 20
    assert "15 frames before the first that can be decoded are lost" in warnings
    with open_reader(path, start=frames[0].seconds) as reader:
        assert len(list(reader)) == 40
    assert not reader.warnings


def test_a_file_that_gives_no_frame_is_an_error(tmp_path):
    path = make_video(tmp_path / "a.avi", pictures(5), codec="mpeg4")
    data = bytearray(path.read_bytes())
    begin = data.index(b"movi") + 4
    data[begin : data.index(b"idx1")] = bytes(data.index(b"idx1") - begin)
    path.write_bytes(data)
    refused(path, "no frame of it could be decoded|not a video that can be read")


@pytest.mark.parametrize("suffix", [".ts", ".h264"])
def test_a_size_that_changes_midway_names_both_and_the_time(tmp_path, suffix):
    form = {".ts": "mpegts", ".h264": "h264"}[suffix]
    small = make_video(tmp_path / f"s{suffix}", pictures(10, 64, 48), form=form)
    large = make_video(tmp_path / f"l{suffix}", pictures(10, 96, 64), form=form)
    both = tmp_path / f"both{suffix}"
    both.write_bytes(small.read_bytes() + large.read_bytes())
    refused(both, r"size changes at 0.400 s .* from 64 x 48 to 96 x 64")
    frames, _ = read(both, end=0.4)
    assert len(frames) == 10


def test_frames_below_sixteen_pixels(tmp_path):
    path = make_video(
        tmp_path / "tiny.mkv",
        [np.zeros((4, 4, 3), np.uint8)] * 2,
        codec="ffv1",
        pixel_format="bgr0",
    )
    refused(path, r"at least 16 x 16 pixels, found 4 x 4", scale=1.0)
    path = make_video(tmp_path / "a.mp4", pictures(2))
    refused(path, r"at least 16 x 16 pixels, found 13 x 10 at scale 0.2", scale=0.2)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"scale": 0.0}, "scale must be a positive"),
        ({"scale": float("nan")}, "scale must be a positive"),
        ({"fps": 0.0}, "fps must be a positive"),
        ({"fps": -25.0}, "fps must be a positive"),
        ({"fps": float("inf")}, "fps must be a positive"),
        ({"start": -1.0}, "start must be 0 or more"),
        ({"start": 1.0, "end": 1.0}, "end must come after start"),
        ({"end": 0.0}, "end must come after start"),
        ({"end": float("nan")}, "end must be a number of seconds"),
        ({"start": 9.0}, r"start is 9 s but .* ends at 0.400 s"),
        ({"start": 0.38}, r"start is 0.38 s but the last frame .* is at 0.360 s"),
    ],
)
def test_selections_that_cannot_be(tmp_path, options, match):
    path = make_video(tmp_path / "a.mp4", pictures(10))
    refused(path, match, **options)


def test_interlaced_video_is_told(tmp_path):
    path = make_video(
        tmp_path / "i.mkv",
        pictures(4),
        codec="libx264",
        options={"x264-params": "interlaced=1:tff=1"},
    )
    _, warnings = read(path)
    assert "interlaced" in warnings


@pytest.mark.parametrize("name", ["old.avi", "old.mp4", "old.mkv"])
def test_titles_need_not_be_utf_8(tmp_path, name):
    path = make_video(tmp_path / name, pictures(3), said={"title": "Geruest"})
    path.write_bytes(path.read_bytes().replace(b"Geruest", b"Ger\xfcste"))
    with open_reader(path) as reader:
        assert len(list(reader)) == 3
