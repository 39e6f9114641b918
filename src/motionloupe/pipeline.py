"""From file to file: the only place that joins video and method.

Frames flow one way, source -> method -> target, and nothing here holds more than one of them: what
waits for a method's delay are time stamps. A side by side reads its source a second time instead of
keeping frames back.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from motionloupe.alpha import Alpha, as_alpha, check_fits
from motionloupe.arrays import Image
from motionloupe.boxes import Box
from motionloupe.errors import UserError
from motionloupe.extras import Views, check_keeps_inputs, extra_paths
from motionloupe.footage import Footage, Shake
from motionloupe.magnifiers import DEFAULT_ALPHA, DEFAULT_METHOD, load
from motionloupe.magnifiers.base import Magnifier
from motionloupe.magnifiers.streaming import Mode
from motionloupe.masks import Aim, Focus, Window, part_to_draw
from motionloupe.notices import Notices, Warn
from motionloupe.stabiliser import Stabiliser, tripod
from motionloupe.temporal import FilterKind
from motionloupe.video import (
    Frame,
    Place,
    Reader,
    SourceInfo,
    frames_before,
    open_reader,
    open_writer,
    read_frame,
    read_reference,
)
from motionloupe.views import Line

Progress = Callable[[int, int | None], None]
_SEEN = 2.0  # pixels of magnified shake that nobody can miss


@dataclass(frozen=True)
class Result:
    """What :func:`magnify` did.

    ``seconds`` is the time it took, ``duration`` the length of what it wrote, both in seconds;
    ``extras`` are the further files by name ("side_by_side", "slice").
    """

    target: Path
    frames: int
    seconds: float
    duration: float
    warnings: tuple[str, ...] = ()
    extras: dict[str, Path] = field(default_factory=dict)


def magnify(
    source: str | Path,
    target: str | Path,
    *,
    method: str = DEFAULT_METHOD,
    alpha: Alpha = DEFAULT_ALPHA,
    mode: Mode = "static",
    band: tuple[float, float] | None = None,
    filter: FilterKind | None = None,
    reference: int | str | None = None,
    stabilise: bool | Box = False,
    focus: Focus | None = None,
    fps: float | None = None,
    start: float | None = None,
    end: float | None = None,
    scale: float = 1.0,
    lossless: bool = False,
    depth: int | None = None,
    sound: bool = True,
    force: bool = False,
    device: str = "cpu",
    side_by_side: bool | str | Path = False,
    slice_line: Line | None = None,
    progress: Progress | None = None,
    warn: Warn | None = None,
    prepare: Callable[[], dict[str, Any]] | None = None,
    **options: Any,
) -> Result:
    """Magnify the motion of a whole video and write it: same length, rate, size and sound.

    ``source``: a video, a GIF, a folder or glob of images, a multi-page TIFF. ``target``: a video
    (.mp4, .mov, .mkv, .avi) or a folder for images. ``alpha``: the total factor, or a map (H, W).
    ``mode`` "static" compares with the first frame (or ``reference``: a frame's number, or its time
    as "2.5s"), "dynamic" with the previous one. ``stabilise``: first align every frame with that
    reference, for what was filmed by hand; (x, y, width, height) is what stands still. ``band``:
    (low, high) hertz. ``focus``: the objects to magnify; without it, everything is. ``fps``: the
    true rate of high-speed footage whose file plays slower. ``start``, ``end``: seconds. ``scale``:
    factor of the frame's size. ``lossless``: FFV1. ``depth``: bits per channel, 8 or 10, where
    ``lossless`` 12 and 16 too. ``side_by_side``: also write input and output beside each other
    (True, or a path). ``slice_line``: (x1, y1, x2, y2) in pixels, also draw how the picture along
    this line changes. ``progress(done, expected)`` is called after each frame, ``warn(text)`` as
    soon as there is something to warn of, and again at the end where more can be said. ``options``:
    the method's own; ``prepare`` is called once all else has been checked and gives further ones,
    such as weights that it has learned. Raises UserError, and leaves nothing; where only an extra
    fails at its end, the result.
    """
    began = time.monotonic()
    common: dict[str, Any] = {"mode": mode, "band": band, "filter": filter, "device": device}
    magnifier = load(method, **common, **options)
    cut: dict[str, Any] = {"fps": fps, "start": start, "end": end, "scale": scale}
    extras = extra_paths(Path(target), side_by_side, slice_line, force)
    check_keeps_inputs(source, focus, Path(target), extras)
    with ExitStack() as stack:
        reader = stack.enter_context(open_reader(source, **cut))
        info = reader.info
        notes = _check(magnifier, alpha, info)
        original = None if reference is None else read_reference(source, reference, cut)
        steady = _tripod(source, original, cut, stabilise) if stabilise else None
        watching = [] if steady else _watching(magnifier, original, alpha, focus)
        steps = Steps(reader, steady)
        aim: Aim | Window | None = None
        frames: Iterable[Image] = steps
        if focus is not None:
            aim = _aimed(stack, focus, alpha, source, cut, original, info, whole=bool(stabilise))
            frames = map(aim.of, steps)
            original = None if original is None else aim.of(original)
        pictures = magnifier.stream(frames, aim or alpha, info.fps, reference=original)
        views = stack.enter_context(Views(extras, slice_line, info))
        views.open(stack, source, cut, sound=sound, force=force)  # takes its name after the result
        writer = stack.enter_context(
            open_writer(target, info, lossless=lossless, depth=depth, sound=sound, force=force)
        )
        if prepare is not None:
            magnifier = load(method, **common, **{**options, **prepare()})
            pictures = magnifier.stream(frames, aim or alpha, info.fps, reference=original)
        steps.watchers = (*(each.see for each in watching), views.before)
        expected = expected_frames(info)
        notices = Notices(warn, reader, writer, magnifier, aim, steady, *watching, texts=notes)
        for picture in pictures:
            place = steps.next()
            if aim is not None:
                picture = aim.finish(picture)
            writer.write(picture, place.pts, place.duration)
            views.after(picture, place)
            notices.look()
            if progress is not None:
                progress(steps.done, expected)
        duration = steps.duration(info)
        views.draw()
    found = notices.all()
    took = time.monotonic() - began
    return Result(Path(target), steps.done, took, duration, found, extras)


def expected_frames(info: SourceInfo) -> int | None:
    """How many frames will come, for progress: counted, or from the length; None if unknown."""
    if info.frames is None and info.duration:
        return round(info.duration * float(info.rate))
    return info.frames


class Steps:
    """Hands the pictures to the method and keeps their places for when they come out again."""

    def __init__(self, reader: Reader, tripod: Stabiliser | None) -> None:
        self._reader = reader
        self._tripod = tripod
        self._waiting: deque[Place] = deque()
        self._first: Place | None = None
        self._last: Place | None = None
        self.watchers: tuple[Callable[[Frame], None], ...] = ()
        self.done = 0

    def __iter__(self) -> Iterator[Image]:
        for frame in self._reader:
            self._waiting.append(Place(frame.pts, frame.duration, frame.seconds))
            for watch in self.watchers:
                watch(frame)
            yield self._tripod.drawn(frame.image, frame.seconds) if self._tripod else frame.image

    def next(self) -> Place:
        """The place of the next picture to come out."""
        place = self._waiting.popleft()
        self._first = self._first or place
        self._last = place
        self.done += 1
        return place

    def duration(self, info: SourceInfo) -> float:
        """Seconds from the first frame to the end of the last."""
        if self._first is None or self._last is None:
            return 0.0
        return length(self._first, self._last, info)


def length(first: Place | Frame, last: Place | Frame, info: SourceInfo) -> float:
    """Seconds from the beginning of one frame to the end of another."""
    return last.seconds - first.seconds + info.lasts(last.duration)


def _check(magnifier: Magnifier[Any], alpha: Alpha, info: SourceInfo) -> list[str]:
    """Everything that can be known to fail before work begins; returns warnings."""
    check_fits(as_alpha(alpha), info.height, info.width)
    if magnifier.band is None or not info.duration:
        return []
    low, high = magnifier.band
    true_length = info.duration * float(info.rate) / info.fps
    if true_length * high < 1:
        raise UserError(
            f"the band {low:g}-{high:g} Hz needs at least {1 / high:.3g} s of video for a period, "
            f"found {true_length:.3g} s; choose a higher band, or --fps if the rate is wrong"
        )
    if true_length * (high - low) < 1:
        return [
            f"{true_length:.3g} s of video tell frequencies apart by {1 / true_length:.2g} Hz: "
            f"motion beside {low:g}-{high:g} Hz is magnified too"
        ]
    return []


def _aimed(
    stack: ExitStack,
    focus: Focus,
    alpha: Alpha,
    source: str | Path,
    cut: dict[str, Any],
    reference: Image | None,
    info: SourceInfo,
    *,
    whole: bool,
) -> Aim | Window:
    """The focus on a video, drawn on the reference; masks for each frame count from its first.

    Where objects lie still, the method is given no more of each frame than it needs, unless the
    ``whole`` is wanted.
    """
    first = read_frame(source, number=0, **cut)
    masked = any(region.mask is not None for region in focus.regions)
    skip = frames_before(info, first) if cut["start"] and masked else 0
    drawn_on = first.image if reference is None else reference
    aim = stack.enter_context(Aim(focus, alpha, drawn_on, skip=skip))
    part = None if whole else part_to_draw(aim)
    if part is None:
        return aim
    again = stack.enter_context(open_reader(source, **cut))
    return Window(aim, part, (frame.image for frame in again))


def _watching(
    magnifier: Magnifier[Any], reference: Image | None, alpha: Alpha, focus: Focus | None
) -> list[Footage | Shake]:
    """Who looks at the frames for what goes wrong with them before any method has begun."""
    dynamic = magnifier.mode == "dynamic"
    footage = Footage(reference, dynamic=dynamic)
    if dynamic or magnifier.band is not None:
        return [footage]
    largest = float(as_alpha(alpha).max())
    largest = largest if focus is None else focus.largest(largest)
    return [footage, Shake(reference, _SEEN / max(abs(largest - 1.0), 1e-9))]


def _tripod(
    source: str | Path, reference: Image | None, cut: dict[str, Any], stabilise: bool | Box
) -> Stabiliser:
    if reference is None:
        reference = read_reference(source, None, cut)
    return tripod(reference, stabilise)
