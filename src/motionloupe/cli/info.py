"""``motionloupe info``: what is in a file, and how much it moves."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from motionloupe.cli import options
from motionloupe.cli.console import say, warn

if TYPE_CHECKING:
    from motionloupe.video import SourceInfo

NoMotion = Annotated[bool, typer.Option("--no-motion", help="Do not measure, answer at once.")]


def command(
    video: options.Video,
    no_motion: NoMotion = False,
    fps: options.Fps = None,
    start: options.Start = None,
    end: options.End = None,
    scale: options.Scale = 1.0,
    as_json: options.Json = False,
) -> None:
    """Say what is in a video, and how much it moves.

    Example: motionloupe info bridge.mp4
    """
    from motionloupe.measurement.points import motion_statistics
    from motionloupe.pipeline import expected_frames
    from motionloupe.video import open_reader

    with open_reader(video, fps=fps, start=start, end=end, scale=scale) as reader:
        about = reader.info
        motion = None
        if not no_motion:
            motion = motion_statistics((frame.image for frame in reader), expected_frames(about))
        warnings = tuple(reader.warnings)
    lines = _described(about)
    if motion is not None:
        lines.append(f"motion     {motion}")
    elif not no_motion:
        lines.append("motion     nothing that could be followed")
    warn(warnings)
    record = {**asdict(about), "motion": motion and asdict(motion), "warnings": warnings}
    say(lines, record, quiet=False, as_json=as_json)


def _described(info: "SourceInfo") -> list[str]:
    rate = f"{info.fps:.6g} frames/s"
    if abs(float(info.rate) - info.fps) > 1e-6 * info.fps:
        rate += f" (the file plays at {float(info.rate):.6g})"
    length = [] if info.frames is None else [f"{info.frames} frames"]
    length += [] if info.duration is None else [f"{info.duration:.3f} s"]
    coded = [part for part in (info.container, info.codec, info.pixel_format) if part]
    turned = f", turned by {info.rotation} degrees" if info.rotation else ""
    return [
        f"file       {info.path}",
        f"size       {info.width} x {info.height}{turned}",
        f"rate       {rate}",
        f"length     {', '.join(length) or 'not said by the file'}",
        f"picture    {' '.join(coded) or info.kind}, {info.depth} bits per channel",
        f"sound      {', '.join(info.sound) or 'none'}",
    ]
