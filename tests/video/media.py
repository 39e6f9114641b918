"""Media that the tests make for themselves."""

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from tests.scenes import texture, to_uint8


def pictures(count: int = 12, width: int = 64, height: int = 48) -> list[np.ndarray]:
    """Distinct uint8 frames; the grey square in the corner tells the frame's number (x 10)."""
    still = to_uint8(texture(height, width))
    frames = []
    for index in range(count):
        frame = np.roll(still, index, axis=1)
        frame[:16, :16] = 10 * index % 250
        frames.append(frame)
    return frames


def number_of(image: np.ndarray) -> int:
    """The number that :func:`pictures` put in the corner; pictures may be of 8 or 16 bit."""
    full = 255 if image.dtype == np.uint8 else 65535
    return round(float(image[4:12, 4:12].mean()) * 255 / full / 10)


def make_video(
    path: Path,
    frames: Sequence[np.ndarray],
    *,
    rate: Fraction | int = 25,
    pts: Sequence[int] | None = None,
    time_base: Fraction | None = None,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    rotation: int = 0,
    aspect: Fraction | None = None,
    tags: tuple[int, int, int, int] = (2, 2, 2, 0),
    sound: Sequence[str] = (),
    options: dict[str, str] | None = None,
    form: str | None = None,
    planes: Sequence[Sequence[np.ndarray]] | None = None,
    said: dict[str, str] | None = None,
    language: str = "",
) -> Path:
    """Encode RGB ``frames`` (or raw ``planes``); ``tags`` = primaries, transfer, matrix, range."""
    base = time_base or 1 / Fraction(rate)
    muxing = {"video_track_timescale": str(base.denominator)} if path.suffix == ".mp4" else {}
    if path.suffix == ".mp4":
        muxing["movie_timescale"] = str(base.denominator)
    with av.open(str(path), "w", format=form, container_options=muxing) as container:
        container.metadata.update(said or {})
        stream = container.add_stream(codec, rate=rate, options=options or {})
        context = stream.codec_context
        context.height, context.width = (planes[0][0] if planes else frames[0]).shape[:2]
        context.pix_fmt, context.time_base = pixel_format, base
        context.color_primaries, context.color_trc, context.colorspace, context.color_range = tags
        if language:
            stream.metadata["language"] = language
        if aspect is not None:
            context.sample_aspect_ratio = aspect
        if rotation:
            stream.set_display_rotation(rotation)
        tracks = [(name, add_sound(container, name)) for name in sound]
        for index in range(len(planes or frames)):
            frame = _frame(frames, planes, index, pixel_format, tags)
            frame.pts = index if pts is None else pts[index]
            frame.time_base = base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        seconds = len(planes or frames) / float(rate)
        for name, track in tracks:
            fill_sound(container, track, name, seconds)
    return path


def _frame(frames, planes, index, pixel_format, tags):
    if planes is None:
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(frames[index]), "rgb24")
        matrix = {1: 1, 9: 9}.get(tags[2], 5)
        return frame.reformat(
            format=pixel_format,
            dst_colorspace=matrix,
            dst_color_range=tags[3] or 1,
            interpolation=2 | 0x40000 | 0x2000,
        )
    height, width = planes[index][0].shape
    frame = av.VideoFrame(width, height, pixel_format)
    frame.color_range = tags[3]
    for plane, values in zip(frame.planes, planes[index], strict=True):
        memory = np.frombuffer(memoryview(plane), values.dtype).reshape(plane.height, -1)
        memory[:, : plane.width] = values
    return frame


def add_sound(container: av.container.OutputContainer, name: str) -> av.AudioStream:
    stream = container.add_stream(name, rate=48000)
    stream.codec_context.layout = "mono"
    return stream


def fill_sound(container, track, name: str, seconds: float) -> None:
    rng = np.random.default_rng(len(name))
    format_ = track.codec_context.format.name
    wave = 0.3 * rng.standard_normal((1, int(48000 * seconds)))
    kinds = {"flt": (np.float32, 1), "s16": (np.int16, 8000), "s32": (np.int32, 1 << 28)}
    kind, loudness = kinds[format_.rstrip("p")]
    samples = (wave * loudness).astype(kind)
    size = track.codec_context.frame_size or 1024
    for start in range(0, samples.shape[1], size):
        part = np.ascontiguousarray(samples[:, start : start + size])
        frame = av.AudioFrame.from_ndarray(part, format_, "mono")
        frame.rate, frame.pts, frame.time_base = 48000, start, Fraction(1, 48000)
        container.mux(track.encode(frame))
    container.mux(track.encode(None))


def make_sound(path: Path, name: str = "aac", seconds: float = 0.5) -> Path:
    with av.open(str(path), "w") as container:
        fill_sound(container, add_sound(container, name), name, seconds)
    return path


def make_raw_h264(path: Path, frames: Sequence[np.ndarray]) -> Path:
    """An elementary stream: no container, no time stamps, no duration."""
    return make_video(path, frames, form="h264", options={"bf": "2"})


def raw_pictures(path: Path) -> list[np.ndarray]:
    """The file's pictures by FFmpeg alone, RGB as its scaler gives them."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def packets(path: Path, kind: str = "audio") -> list[list[tuple]]:
    """(bytes, pts, dts, duration) of each track's packets, times in seconds."""
    with av.open(str(path)) as container:
        streams = [stream for stream in container.streams if stream.type == kind]
        found: dict[int, list[tuple]] = {stream.index: [] for stream in streams}
        for packet in container.demux():
            if packet.size and packet.stream_index in found:
                base = packet.time_base
                times = (packet.pts, packet.dts, packet.duration)
                known = [None if time is None else float(time * base) for time in times]
                found[packet.stream_index].append((bytes(packet), *known))
        return [found[index] for index in sorted(found)]


def set_matrix(path: Path, values: Sequence[float]) -> None:
    """Write a display matrix (a b c d: x' = ax + cy, y' = bx + dy) to an mp4's track header."""
    data = path.read_bytes()
    at = data.index(b"tkhd") + 4 + 4 + 20 + 8 + 8  # version 0: times, ids, layer and volume
    a, b, c, d = (round(value * 65536) for value in values)
    matrix = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data[:at] + matrix + data[at + 36 :])


def with_index_first(path: Path) -> Path:
    """The same mp4 with its index in front, so that a part of it can be read."""
    target = path.with_stem(path.stem + "-first")
    with (
        av.open(str(path)) as source,
        av.open(str(target), "w", container_options={"movflags": "faststart"}) as copy,
    ):
        stream = source.streams.video[0]
        track = copy.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.size:
                packet.stream = track
                copy.mux(packet)
    return target


def text_of(warnings: Sequence[str]) -> str:
    return "\n".join(warnings)


def png(image: np.ndarray) -> bytes:
    channels = image[..., ::-1] if image.ndim == 3 and image.shape[2] == 3 else image
    if image.ndim == 3 and image.shape[2] == 4:
        channels = image[..., [2, 1, 0, 3]]
    return bytes(cv2.imencode(".png", channels)[1])


def moved(path: Path, target: Path, ticks: int, form: dict[str, str], skip: int = 0) -> Path:
    """A copy whose packets come ``ticks`` of 1/90000 s later; ``form``: options of the muxer.

    The first ``skip`` are left out.
    """
    with av.open(str(path)) as source, av.open(str(target), "w", container_options=form) as copy:
        tracks = [copy.add_stream_from_template(stream) for stream in source.streams]
        for number, packet in enumerate(source.demux()):
            if packet.size and number >= skip:
                later = round(ticks / packet.time_base / 90000)
                packet.pts, packet.dts = packet.pts + later, packet.dts + later
                packet.stream = tracks[packet.stream_index]
                copy.mux(packet)
    return target


def jpeg(image: np.ndarray) -> bytes:
    return bytes(cv2.imencode(".jpg", image[..., ::-1])[1])


def with_exif(path: Path, frames: Sequence[np.ndarray], orientation: int) -> Path:
    """Motion JPEG each frame of which says by Exif which way up it is to be shown."""
    tag = struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 1) + tag + bytes(4)
    part = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuvj420p"
        for number, image in enumerate(frames):
            data = jpeg(image)
            packet = av.Packet(data[:2] + part + data[2:])
            packet.pts = packet.dts = number
            packet.time_base, packet.duration = Fraction(1, 25), 1
            packet.stream, packet.is_keyframe = stream, True
            container.mux(packet)
    return path
