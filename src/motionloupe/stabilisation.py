"""A video as from a tripod: every frame drawn as the camera of one of them would have seen it."""

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from motionloupe.measurement.displacement import Box
from motionloupe.pipeline import Progress, Result, expected_frames, length, reference_picture
from motionloupe.stabiliser import Stabiliser
from motionloupe.video import Place, open_reader, open_writer


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
        picture = reference_picture(source, 0 if reference is None else reference, cut)
        stabiliser = Stabiliser(picture, still)
        writer = stack.enter_context(
            open_writer(target, info, lossless=lossless, depth=depth, sound=sound, force=force)
        )
        expected = expected_frames(info)
        first = last = None
        done = 0
        for frame in reader:
            writer.write(stabiliser.drawn(frame.image, frame.seconds), frame.pts, frame.duration)
            last = Place(frame.pts, frame.duration, frame.seconds)
            first = first or last
            done += 1
            if progress is not None:
                progress(done, expected)
    notes = [text for teller in (reader, writer, stabiliser) for text in teller.warnings]
    lasts = length(first, last, info) if first and last else 0.0
    took = time.monotonic() - began
    return Result(Path(target), done, took, lasts, tuple(dict.fromkeys(notes)))
