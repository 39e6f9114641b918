"""A video with frames between its frames: as long as before, at a multiple of the rate."""

import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from motionloupe.arrays import Image
from motionloupe.magnifiers import load, load_trained
from motionloupe.magnifiers.base import Magnifier
from motionloupe.magnifiers.between import DEFAULT_FACTOR, DEFAULT_METHOD, between, check_factor
from motionloupe.pipeline import Progress, Result, expected_frames
from motionloupe.video import Reader, SourceInfo, open_reader, open_writer


def interpolate(
    source: str | Path,
    target: str | Path,
    *,
    factor: int = DEFAULT_FACTOR,
    method: str | None = None,
    weights: str | Path | None = None,
    fps: float | None = None,
    start: float | None = None,
    end: float | None = None,
    scale: float = 1.0,
    lossless: bool = False,
    depth: int | None = None,
    sound: bool = True,
    force: bool = False,
    device: str = "cpu",
    progress: Progress | None = None,
    **options: Any,
) -> Result:
    """Write ``factor`` frames for each one of a video: same length, size and sound.

    Those between two frames are drawn with part of the motion by ``method`` (any that takes two
    frames, by default "warp-bilinear"), or by the network in a file of ``weights``. Each frame
    keeps its time and those between divide the time to the next. The last frame is repeated.
    ``options`` are the method's own; the rest as in ``magnify``. Raises UserError, and leaves
    nothing.
    """
    began = time.monotonic()
    check_factor(factor)
    magnifier = _method(method, weights, device=device, **options)
    with ExitStack() as stack:
        reader = stack.enter_context(
            open_reader(source, fps=fps, start=start, end=end, scale=scale)
        )
        info = _faster(reader.info, factor)
        steps = _Steps(reader, factor)
        pictures = between(magnifier, steps, factor)
        writer = stack.enter_context(
            open_writer(target, info, lossless=lossless, depth=depth, sound=sound, force=force)
        )
        expected = expected_frames(info)
        done = 0
        for picture, (pts, duration) in zip(pictures, steps.places(), strict=False):
            writer.write(picture, pts, duration)
            done += 1
            if progress is not None:
                progress(done, expected)
    tellers = (reader, writer, magnifier)
    notes = dict.fromkeys(text for teller in tellers for text in teller.warnings)
    took = time.monotonic() - began
    return Result(Path(target), done, took, steps.seconds, tuple(notes))


def _method(name: str | None, weights: str | Path | None, **options: Any) -> Magnifier[Any]:
    if weights is None:
        return load(name or DEFAULT_METHOD, **options)
    if name is None:
        return load_trained(weights, **options)
    return load(name, weights=weights, **options)


def _faster(info: SourceInfo, factor: int) -> SourceInfo:
    """The same source with ``factor`` frames for each, and a clock that can tell them apart."""
    return replace(
        info,
        fps=info.fps * factor,
        rate=info.rate * factor,
        time_base=info.time_base / factor,
        frames=None if info.frames is None else info.frames * factor,
    )


class _Steps:
    """Hands on the frames, and tells the place of each picture that is made of them.

    Places are (pts, duration) on the finer clock: a step of that is as many ticks as the frame
    shows on the coarser one, so that they are whole whatever the time stamps are.
    """

    def __init__(self, reader: Reader, factor: int) -> None:
        self._reader = reader
        self._factor = factor
        self._read: deque[tuple[int, int]] = deque()
        self._ticks = 0

    def __iter__(self) -> Iterator[Image]:
        for frame in self._reader:
            self._read.append((frame.pts, frame.duration))
            yield frame.image

    def places(self) -> Iterator[tuple[int, int]]:
        """To be asked after each picture, when the frame after it has been read."""
        info = self._reader.info
        while self._read:
            pts, shown = self._read.popleft()
            if self._read:
                step = self._read[0][0] - pts
            else:
                step = shown or max(round(1 / (info.rate * info.time_base)), 1)
            self._ticks += step
            for number in range(self._factor):
                yield pts * self._factor + number * step, step

    @property
    def seconds(self) -> float:
        """From the first frame to the end of the last."""
        return float(self._ticks * self._reader.info.time_base)
