"""Several videos in one picture: side by side, or as slices through space and time."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from itertools import zip_longest
from pathlib import Path
from typing import Any

from motionloupe.errors import UserError
from motionloupe.pipeline import Result, expected_frames, length
from motionloupe.video import Frame, Reader, open_reader, open_writer, place_of
from motionloupe.video.colour import DYNAMIC
from motionloupe.video.target import check_no_input, check_target
from motionloupe.views import Line, SliceRecorder, beside, draw_slices

Progress = Callable[[int, int | None], None]
# By the numbers of ITU-T H.273; all others look much alike side by side.
_CURVES = {8: "linear", **DYNAMIC}
_GAMUTS = {9: "BT.2020", 10: "XYZ", 11: "DCI-P3", 12: "Display P3"}


def compare(
    sources: Sequence[str | Path],
    target: str | Path,
    labels: Sequence[str] | None = None,
    *,
    sound: bool = True,
    force: bool = False,
    progress: Progress | None = None,
    **cut: Any,
) -> Result:
    """Write videos beside each other, frame by frame, as long as the shortest of them.

    ``labels`` replace the files' names. Rate, time stamps and sound are the first video's. ``cut``:
    fps, start, end and scale as in ``magnify``. Raises UserError, and leaves nothing.
    """
    if len(sources) < 2:
        raise UserError(f"a comparison needs two videos or more, found {len(sources)}")
    named = list(labels or [Path(source).stem for source in sources])
    if len(named) != len(sources):
        raise UserError(f"found {len(named)} labels for {len(sources)} videos; give one for each")
    check_no_input(place_of(Path(target)), sources)
    began = time.monotonic()
    with ExitStack() as stack:
        readers = [stack.enter_context(open_reader(source, **cut)) for source in sources]
        info = readers[0].info
        notes = [*_rates(readers, named), *_looks(readers, named)]
        expected = min((n for r in readers if (n := expected_frames(r.info))), default=None)
        writer = stack.enter_context(open_writer(target, info, depth=8, sound=sound, force=force))
        done, duration = 0, 0.0
        first: Frame | None = None
        for frames in zip_longest(*readers):
            row = [frame for frame in frames if frame is not None]
            if len(row) < len(frames):
                shortest = named[frames.index(None)]
                notes.append(f"{shortest} ends after {done} frames: the others were cut to that")
                if frames[0] is not None:
                    writer.end_sound()
                break
            writer.write(beside([f.image for f in row], named), row[0].pts, row[0].duration)
            first = first or row[0]
            done, duration = done + 1, length(first, row[0], info)
            if progress is not None:
                progress(done, expected)
    warnings = [*notes, *writer.warnings, *(text for r in readers for text in r.warnings)]
    took = time.monotonic() - began
    return Result(Path(target), done, took, duration, tuple(dict.fromkeys(warnings)))


def _rates(readers: Sequence[Reader], named: Sequence[str]) -> list[str]:
    first = readers[0].info.fps
    return [
        f"{name} has {reader.info.fps:g} frames/s, {named[0]} {first:g}: shown frame by frame"
        for name, reader in zip(named, readers, strict=True)
        if abs(reader.info.fps - first) > 0.001 * first
    ]


def _looks(readers: Sequence[Reader], named: Sequence[str]) -> list[str]:
    """What the file can say only once, and is the first video's."""
    first = _look(readers[0])
    notes = []
    for name, reader in zip(named, readers, strict=True):
        differ = [what for what, value in _look(reader).items() if value != first[what]]
        if differ:
            notes.append(
                f"{name} and {named[0]} differ in {', '.join(differ)}: {name} is shown as if it "
                "did not, and looks wrong"
            )
    return notes


def _look(reader: Reader) -> dict[str, object]:
    colour = reader.info.colour
    return {
        "range of brightness": _CURVES.get(colour.transfer, "standard"),
        "range of colours": _GAMUTS.get(colour.primaries, "standard"),
        "shape of pixels": reader.info.aspect,
    }


def draw_slice(
    sources: Sequence[str | Path],
    target: str | Path,
    line: Line,
    labels: Sequence[str] | None = None,
    *,
    force: bool = False,
    progress: Progress | None = None,
    **cut: Any,
) -> Result:
    """Draw how the pixels along ``line`` = (x1, y1, x2, y2) change, one slice for each video.

    Time runs to the right. The target is a PNG. ``cut`` as in :func:`compare`. Raises UserError.
    """
    target = Path(target)
    if target.suffix.lower() != ".png":
        raise UserError(f"a slice is written as .png, found {target.name}")
    for source in sources:
        check_target(target, Path(source), force=force)
    named = list(labels or [Path(source).stem for source in sources])
    if len(named) != len(sources) or not sources:
        raise UserError(f"found {len(named)} labels for {len(sources)} videos; give one for each")
    began = time.monotonic()
    slices: list[tuple[str, SliceRecorder]] = []
    warnings: list[str] = []
    done, duration = 0, 0.0
    for name, source in zip(named, sources, strict=True):
        recorder = SliceRecorder(line)
        with open_reader(source, **cut) as reader:
            recorder.check(reader.info.width, reader.info.height)
            clock = float(reader.info.rate) / reader.info.fps  # the file's seconds -> true ones
            first: Frame | None = None
            for frame in reader:
                recorder.add(frame.image, frame.seconds * clock)
                first = first or frame
                done += 1
                duration = max(duration, length(first, frame, reader.info) * clock)
                if progress is not None:
                    progress(done, expected_frames(reader.info) if len(sources) == 1 else None)
            warnings.extend(reader.warnings)
        slices.append((name, recorder))
    draw_slices(target, slices)
    return Result(target, done, time.monotonic() - began, duration, tuple(dict.fromkeys(warnings)))
