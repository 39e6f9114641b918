"""Frames come one at a time, upright, with the file's own time stamps."""

import tracemalloc
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from motionloupe.errors import UserError
from motionloupe.video import open_reader, read_frame
from motionloupe.video.decoder import rate_or_none
from tests.video.media import (
    add_sound,
    fill_sound,
    jpeg,
    make_raw_h264,
    make_video,
    moved,
    number_of,
    packets,
    pictures,
    raw_pictures,
    set_matrix,
    text_of,
    with_exif,
)
from tests.video.test_writer import copy


def numbers(path, **options):
    with open_reader(path, **options) as reader:
        return [number_of(frame.image) for frame in reader]


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.mp4", "libx264"),
        ("a.mov", "libx264"),
        ("a.mkv", "libx264"),
        ("a.webm", "libvpx-vp9"),
        ("a.avi", "mpeg4"),
        ("a.avi", "mjpeg"),
        ("a.ts", "libx264"),
        ("a.mpg", "mpeg1video"),
        ("a.mkv", "ffv1"),
    ],
)
def test_every_frame_of_any_container_in_order(tmp_path, name, codec):
    form = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    path = make_video(tmp_path / name, pictures(20), codec=codec, pixel_format=form)
    with open_reader(path) as reader:
        frames = list(reader)
        info = reader.info
    assert [number_of(frame.image) for frame in frames] == list(range(20))
    assert [frame.index for frame in frames] == list(range(20))
    assert np.diff([frame.seconds for frame in frames]) == pytest.approx(0.04, abs=1.1e-3)
    assert frames[0].seconds == pytest.approx(0, abs=1e-3)
    assert (info.width, info.height, info.kind, info.depth) == (64, 48, "video", 8)
    assert info.fps == pytest.approx(25, abs=1e-3)
    assert info.frames in (20, None)
    assert not reader.warnings


def test_pictures_agree_with_ffmpeg(tmp_path):
    path = make_video(tmp_path / "a.mp4", pictures(4))
    with open_reader(path) as reader:
        for frame, wanted in zip(reader, raw_pictures(path), strict=True):
            assert frame.image.shape == (48, 64, 3)
            assert frame.image.dtype == np.uint8
            assert np.abs(frame.image.astype(int) - wanted).mean() < 2


def test_variable_rate_keeps_its_time_stamps(tmp_path):
    pts = [0, 3, 5, 6, 20, 21, 30, 31, 50, 59]
    path = make_video(
        tmp_path / "v.mp4",
        pictures(10),
        pts=pts,
        time_base=Fraction(1, 90),
        rate=15,
        options={"bf": "0"},
    )
    with open_reader(path) as reader:
        frames = list(reader)
    assert [frame.pts * reader.info.time_base for frame in frames] == [Fraction(t, 90) for t in pts]
    assert [number_of(frame.image) for frame in frames] == list(range(10))
    assert reader.info.fps == pytest.approx(10 / (65 / 90), rel=0.01)


def test_a_start_offset_is_kept(tmp_path):
    pts = [50 + index for index in range(8)]
    path = make_video(tmp_path / "o.mp4", pictures(8), pts=pts, sound=["aac"])
    with open_reader(path) as reader:
        assert [round(frame.seconds * 25) for frame in reader] == pts


def test_a_part_cut_out_without_loss_keeps_its_rate(tmp_path):
    """What ``ffmpeg -ss 1 -c copy`` leaves: an edit list hides the frames before the cut."""
    whole = make_video(tmp_path / "whole.mp4", pictures(50), options={"g": "250", "bf": "0"})
    cut = tmp_path / "cut.mp4"
    as_they_are = {"avoid_negative_ts": "disabled"}
    with av.open(whole) as old, av.open(cut, "w", options=as_they_are) as new:
        stream = old.streams.video[0]
        copy = new.add_stream_from_template(stream)
        second = round(1 / stream.time_base)
        for packet in old.demux(stream):
            if packet.dts is not None:
                packet.pts, packet.dts = packet.pts - second, packet.dts - second
                packet.stream = copy
                new.mux(packet)
    with open_reader(cut) as reader:
        assert (reader.info.fps, reader.info.frames) == (25.0, 25)
        assert [number_of(frame.image) for frame in reader] == [n % 25 for n in range(25, 50)]
        assert reader.warnings == []


def test_without_container_frames_are_placed_by_the_rate(tmp_path):
    path = make_raw_h264(tmp_path / "raw.h264", pictures(20))
    with open_reader(path) as reader:
        frames = list(reader)
    assert [number_of(frame.image) for frame in frames] == list(range(20))
    assert np.diff([frame.seconds for frame in frames]) == pytest.approx(0.04, abs=1e-4)
    assert (reader.info.frames, reader.info.duration) == (None, None)
    assert "25 frames per second are assumed" in text_of(reader.warnings)
    with open_reader(path, fps=50) as reader:
        assert np.diff([frame.seconds for frame in reader]) == pytest.approx(0.02, abs=1e-4)
    assert not reader.warnings


def test_a_stream_without_duration(tmp_path):
    whole = make_video(tmp_path / "w.mkv", pictures(10))
    path = tmp_path / "live.mkv"
    with (
        av.open(str(whole)) as source,
        av.open(str(path), "w", format="matroska", container_options={"live": "1"}) as copy,
    ):
        track = copy.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = track
                copy.mux(packet)
    with open_reader(path) as reader:
        assert reader.info.duration is None
        assert len(list(reader)) == 10
    assert not reader.warnings


def without_rate(path):
    """Matroska as browsers record it: the element that states the time between frames is void."""
    data = path.read_bytes()
    at = data.index(b"\x23\xe3\x83")
    length = 4 + (data[at + 3] & 0x7F)
    void = bytes([0xEC, 0x80 | (length - 2)]).ljust(length, b"\0")
    path.write_bytes(data[:at] + void + data[at + length :])
    return path


@pytest.mark.parametrize(("name", "codec"), [("a.webm", "libvpx-vp9"), ("a.mkv", "libx264")])
def test_a_recording_that_states_no_rate_has_that_of_its_frames(tmp_path, name, codec):
    steps = np.random.default_rng(1).integers(55, 80, 29)
    times = [0, *np.cumsum(steps).tolist()]
    frames = pictures(30)
    path = make_video(
        tmp_path / name, frames, rate=30, pts=times, time_base=Fraction(1, 1000), codec=codec
    )
    with open_reader(without_rate(path)) as reader:
        assert reader.info.fps == pytest.approx(29_000 / times[-1], rel=1e-6)
        assert [frame.seconds for frame in reader] == pytest.approx([t / 1000 for t in times])
    assert not reader.warnings
    with open_reader(path, fps=240) as reader:
        assert reader.info.clock == pytest.approx(29_000 / times[-1] / 240, rel=1e-6)
    path.write_bytes(path.read_bytes()[:-400])
    with open_reader(path) as reader:
        assert reader.info.fps == pytest.approx(1000 / 67, rel=0.1)


@pytest.mark.parametrize("suffix", [".mkv", ".webm"])
def test_matroska_that_begins_late_is_whole(tmp_path, suffix):
    times = [5000 + 40 * number for number in range(30)]
    path = make_video(
        tmp_path / f"late{suffix}",
        pictures(30),
        pts=times,
        time_base=Fraction(1, 1000),
        codec="libvpx-vp9" if suffix == ".webm" else "libx264",
    )
    with open_reader(path) as reader:
        assert [frame.seconds for frame in reader] == pytest.approx([n / 25 for n in range(30)])
    assert not reader.warnings


@pytest.mark.parametrize("reordered", ["0", "2"])
def test_matroska_that_begins_below_zero_is_whole_and_in_time(tmp_path, reordered):
    whole = make_video(tmp_path / "w.mp4", pictures(20), options={"bf": reordered}, sound=["aac"])
    path = moved(whole, tmp_path / "m.mkv", -18_000, {"avoid_negative_ts": "disabled"})
    with open_reader(path) as reader:
        assert [(frame.seconds, number_of(frame.image)) for frame in reader] == [
            (pytest.approx(n / 25), n) for n in range(20)
        ]
    assert not reader.warnings
    assert numbers(path, start=0.4, end=0.6) == [10, 11, 12, 13, 14]
    copy(path, tmp_path / "o.mkv")
    sound, picture = (packets(tmp_path / "o.mkv", kind)[0][0][1] for kind in ("audio", "video"))
    assert sound - picture == pytest.approx(packets(path)[0][0][1] + 0.2, abs=2e-3)


@pytest.mark.parametrize("degrees", [90, 180, -90])
def test_rotation_flags_are_applied(tmp_path, degrees):
    frames = pictures(3)
    plain = make_video(tmp_path / "plain.mp4", frames)
    turned = make_video(tmp_path / "turned.mp4", frames, rotation=degrees)
    with open_reader(plain) as reader, open_reader(turned) as rotated:
        for before, after in zip(reader, rotated, strict=True):
            assert after.image.flags.c_contiguous
            np.testing.assert_array_equal(after.image, np.rot90(before.image, degrees // 90))
        size = (64, 48) if degrees == 180 else (48, 64)
        assert (rotated.info.width, rotated.info.height) == size
        assert rotated.info.rotation == degrees % 360


@pytest.mark.parametrize(
    ("matrix", "upright"),
    [
        ((-1, 0, 0, 1), lambda image: image[:, ::-1]),
        ((1, 0, 0, -1), lambda image: image[::-1]),
        ((0, 1, 1, 0), lambda image: image.transpose(1, 0, 2)),
        ((0, -1, -1, 0), lambda image: image[::-1, ::-1].transpose(1, 0, 2)),
    ],
)
def test_a_mirrored_picture_is_turned_back(tmp_path, matrix, upright):
    frames = pictures(2)
    plain, path = (make_video(tmp_path / name, frames) for name in ("plain.mp4", "mirror.mp4"))
    set_matrix(path, matrix)
    with open_reader(plain) as reader, open_reader(path) as mirrored:
        for before, after in zip(reader, mirrored, strict=True):
            np.testing.assert_array_equal(after.image, upright(before.image))
            assert after.image.flags.c_contiguous


TURNS = {  # Exif: how the stored picture lies -> how it is to be shown
    1: lambda image: image,
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.transpose(1, 0, 2),
    6: lambda image: image[::-1].transpose(1, 0, 2),
    7: lambda image: image[::-1, ::-1].transpose(1, 0, 2),
    8: lambda image: image[:, ::-1].transpose(1, 0, 2),
}


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("name", ["a.avi", "a.mov", "a.mkv"])
def test_motion_jpeg_with_exif_is_read_upright(tmp_path, name, orientation):
    """As digital cameras write it; PyAV 18 knows no Exif, and gives nothing beside it."""
    frames = pictures(3)
    path = with_exif(tmp_path / name, frames, orientation)
    plain = [cv2.imdecode(np.frombuffer(jpeg(image), np.uint8), 1)[..., ::-1] for image in frames]
    with open_reader(path) as reader:
        found = [frame.image for frame in reader]
    for image, wanted in zip(found, plain, strict=True):
        upright = TURNS[orientation](wanted)
        assert image.shape == upright.shape
        assert np.abs(image.astype(int) - upright).mean() < 3


@pytest.mark.parametrize(
    ("name", "width", "height"), [("yuv411p", 17, 32), ("yuv410p", 33, 17), ("yuv420p", 17, 17)]
)
def test_a_side_that_ends_within_a_pixel_of_colour_is_read(tmp_path, name, width, height):
    grey = np.full((height, width, 3), 120, np.uint8)
    path = make_video(tmp_path / "odd.mkv", [grey] * 2, codec="ffv1", pixel_format=name)
    with open_reader(path) as reader:
        assert [np.abs(frame.image - 120.0).max() < 3 for frame in reader] == [True, True]


@pytest.mark.parametrize("cut", [{"start": 0.3}, {"end": 1.5}, {"start": 0.3, "end": 1.5}])
def test_sound_beyond_the_pictures_of_matroska_is_no_damage(tmp_path, cut):
    with av.open(str(tmp_path / "long.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=20)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "bgr0"
        track = add_sound(container, "flac")
        for image in pictures(20):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        container.mux(stream.encode(None))
        fill_sound(container, track, "flac", 2.0)
    with open_reader(tmp_path / "long.mkv", **cut) as reader:
        found = list(reader)
        assert reader.info.frames == len(found)
        assert reader.info.duration == pytest.approx(len(found) / 20)
        assert not reader.warnings


def test_an_end_that_is_no_number_is_refused(tmp_path):
    path = make_video(tmp_path / "a.mp4", pictures(2))
    with pytest.raises(UserError, match="end must be a number of seconds"):
        open_reader(path, end=float("inf"))


def test_a_phone_held_upright_turns_clockwise(tmp_path):
    """x' = -y, y' = x, as phones write it: the left edge of the sensor comes to the top."""
    image = np.full((48, 64, 3), 20, np.uint8)
    image[:, :16] = 220
    path = make_video(tmp_path / "phone.mp4", [image] * 2)
    set_matrix(path, (0, 1, -1, 0))
    with open_reader(path) as reader:
        upright = next(iter(reader)).image
    assert upright.shape == (64, 48, 3)
    assert upright[:14].min() > 200
    assert upright[18:].max() < 40


@pytest.mark.parametrize("size", [(16, 16), (17, 31), (63, 49)])
def test_odd_sizes_keep_their_size(tmp_path, size):
    frames = pictures(2, *size)
    path = make_video(tmp_path / "odd.mkv", frames, codec="ffv1", pixel_format="yuv420p")
    with open_reader(path) as reader:
        image = next(iter(reader)).image
    assert image.shape == (size[1], size[0], 3)
    assert np.abs(image.astype(int) - raw_pictures(path)[0]).mean() < 3


def test_pixels_that_are_not_square_are_told(tmp_path):
    path = make_video(tmp_path / "a.mp4", pictures(2), aspect=Fraction(4, 3), rotation=90)
    with open_reader(path) as reader:
        assert reader.info.aspect == Fraction(3, 4)


def test_an_animated_png_is_a_video_and_a_still_one_a_picture(tmp_path):
    still = make_video(tmp_path / "s.png", pictures(1), codec="png", pixel_format="rgb24")
    moving = make_video(
        tmp_path / "m.png", pictures(5), codec="apng", pixel_format="rgb24", form="apng", rate=10
    )
    with open_reader(moving) as reader:
        assert [(f.seconds, number_of(f.image)) for f in reader] == [
            (pytest.approx(n / 10), n) for n in range(5)
        ]
    with open_reader(still) as reader:
        assert reader.info.kind == "images"
        assert len(list(reader)) == 1


def test_an_animated_webp_is_refused(tmp_path):
    path = tmp_path / "a.webp"
    path.write_bytes(b"RIFF\x40\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0" + bytes(20))
    with pytest.raises(UserError, match="animated WebP"):
        open_reader(path)


def test_gif_keeps_its_delays(tmp_path):
    path = make_video(
        tmp_path / "a.gif",
        pictures(6),
        codec="gif",
        pixel_format="rgb8",
        time_base=Fraction(1, 100),
        pts=[0, 10, 30, 40, 60, 70],
        rate=10,
    )
    with open_reader(path) as reader:
        frames = list(reader)
    assert [frame.pts for frame in frames] == [0, 10, 30, 40, 60, 70]
    assert [number_of(frame.image) for frame in frames] == list(range(6))


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi", "a.ts"])
def test_start_and_end_choose_a_part(tmp_path, name):
    options = {"g": "10", "bf": "0" if name == "a.avi" else "2"}
    path = make_video(tmp_path / name, pictures(100, 32, 32), options=options)
    with open_reader(path, start=2.4, end=3.0) as reader:
        frames = list(reader)
    assert [number_of(frame.image) for frame in frames] == [n % 25 for n in range(60, 75)]
    assert [frame.index for frame in frames] == list(range(15))
    assert frames[0].seconds == pytest.approx(2.4, abs=1e-3)
    assert reader.info.duration == pytest.approx(0.6, abs=0.05)
    assert (reader.info.start, reader.info.end) == (2.4, 3.0)
    assert numbers(path, end=0.2) == [0, 1, 2, 3, 4]
    assert numbers(path, start=3.9) == [n % 25 for n in (98, 99)]


def test_true_rate_changes_hertz_and_no_time_stamp(tmp_path):
    path = make_video(tmp_path / "a.mp4", pictures(5))
    with open_reader(path, fps=600) as fast, open_reader(path) as plain:
        assert (fast.info.fps, plain.info.fps, fast.info.rate) == (600, 25, 25)
        assert [frame.pts for frame in fast] == [frame.pts for frame in plain]


def test_scale(tmp_path):
    path = make_video(tmp_path / "a.mp4", pictures(2, 128, 96), rotation=90)
    with open_reader(path, scale=0.25) as reader:
        assert (reader.info.width, reader.info.height) == (24, 32)
        assert next(iter(reader)).image.shape == (32, 24, 3)
    with open_reader(path, scale=1.5) as reader:
        assert next(iter(reader)).image.shape == (192, 144, 3)


def test_cover_art_is_not_the_video(tmp_path):
    path = tmp_path / "cover.mkv"
    with av.open(str(path), "w") as container:
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 320, 240, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        video = container.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        art = av.VideoFrame.from_ndarray(np.zeros((240, 320, 3), np.uint8), "rgb24")
        container.mux(cover.encode(art.reformat(format="yuvj420p")))
        for image in pictures(4):
            container.mux(video.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        container.mux(video.encode(None))
    assert numbers(path) == [0, 1, 2, 3]


def test_read_frame_by_number_and_by_time(tmp_path):
    path = make_video(tmp_path / "a.mp4", pictures(12))
    assert number_of(read_frame(path, 7).image) == 7
    assert number_of(read_frame(path, seconds=0.30).image) == 7
    assert number_of(read_frame(path, 2, start=0.2).image) == 7
    assert number_of(read_frame(path, seconds=0.48).image) == 11
    with pytest.raises(UserError, match=r"no frame at 99 s .* it ends at 0.480 s"):
        read_frame(path, seconds=99)
    with pytest.raises(UserError, match=r"no frame at 0.1 s .* it begins at 0.200 s"):
        read_frame(path, seconds=0.1, start=0.2)
    with pytest.raises(UserError, match=r"no frame .* between 0.01 and 0.02 s: choose a later end"):
        read_frame(path, 0, start=0.01, end=0.02)
    with pytest.raises(UserError, match=r"no frame 12 .* the last one is 11"):
        read_frame(path, 12)
    with pytest.raises(UserError, match="one of the two"):
        read_frame(path)
    with pytest.raises(UserError, match="0 or more"):
        read_frame(path, -1)


def test_sound_tracks_are_named(tmp_path):
    path = make_video(tmp_path / "a.mkv", pictures(5), sound=["aac", "flac"])
    assert len(packets(path)) == 2
    with open_reader(path) as reader:
        assert reader.info.sound == ("aac", "flac")


def test_memory_does_not_grow_with_length(tmp_path):
    def peak(count):
        path = make_video(tmp_path / f"{count}.mp4", pictures(1, 160, 128) * count)
        tracemalloc.start()
        with open_reader(path) as reader:
            assert sum(1 for _ in reader) == count
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    peak(5)
    assert peak(200) < 1.5 * peak(20)


@pytest.mark.parametrize("unset", [None, 0, Fraction(0)])
def test_unset_rates_are_none(unset):
    assert rate_or_none(unset) is None
    assert rate_or_none(Fraction(30000, 1001)) == Fraction(30000, 1001)
