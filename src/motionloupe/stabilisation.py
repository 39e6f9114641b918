"""A video as from a tripod: every frame drawn as the camera of one of them would have seen it."""

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from motionloupe.boxes import Box
from motionloupe.notices import Notices, Warn
from motionloupe.pipeline import Progress, Result, Steps, expected_frames
from motionloupe.stabiliser import Stabiliser
from motionloupe.video import open_reader, open_writer, read_reference


def stabilise(
    source: str | Path,
    target: str | Path,
    *,
    reference: int | str | None = None,
    still: Box | None = None,
    start: float | None = None,
    end: float | None = None,
    scale: float = 1.0,
    lossless: bool = False,
    depth: int | None = None,
    sound: bool = True,
    force: bool = False,
    progress: Progress | None = None,
    warn: Warn | None = None,
) -> Result:
    """Take the camera's own motion out of a video: same length, rate, size and sound.

    Frames are aligned with the first, or with ``reference`` (a frame's number, or its time as
    "2.5s"), by what most of the picture agrees on; with ``still`` (x, y, width, height in pixels),
    by what lies in it. What a frame does not show is the reference's. The rest is as in
    ``magnify``. Raises UserError, and leaves nothing.
    """
    began = time.monotonic()
    cut: dict[str, Any] = {"start": start, "end": end, "scale": scale}
    with ExitStack() as stack:
        reader = stack.enter_context(open_reader(source, **cut))
        info = reader.info
        picture = read_reference(source, reference, cut)
        stabiliser = Stabiliser(picture, still)
        writer = stack.enter_context(
            open_writer(target, info, lossless=lossless, depth=depth, sound=sound, force=force)
        )
        steps, expected = Steps(reader, stabiliser), expected_frames(info)
        notices = Notices(warn, reader, writer, stabiliser)
        for drawn in steps:
            place = steps.next()
            writer.write(drawn, place.pts, place.duration)
            notices.look()
            if progress is not None:
                progress(steps.done, expected)
    found = notices.all()
    took = time.monotonic() - began
    return Result(Path(target), steps.done, took, steps.duration(info), found)
