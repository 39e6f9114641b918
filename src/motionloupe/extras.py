"""What is written beside a result: input and output side by side, and slices through time."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from motionloupe.arrays import Image
from motionloupe.errors import UserError
from motionloupe.masks import Focus
from motionloupe.video import (
    Frame,
    Place,
    SourceInfo,
    numbered,
    open_reader,
    open_writer,
    place_of,
)
from motionloupe.video.target import check_no_input
from motionloupe.views import Line, SliceRecorder, beside, draw_slices


class Views:
    """What is drawn beside the result: input and output side by side, and slices of both.

    A context manager: where the result fails, nothing stays.
    """

    def __init__(self, extras: dict[str, Path], line: Line | None, info: SourceInfo) -> None:
        self._extras = extras
        self._info = info
        self._clock = info.clock
        self._recorders = [SliceRecorder(line), SliceRecorder(line)] if line is not None else []
        self._pair: tuple[Iterator[Frame], Any] | None = None
        self._drawn: list[Path] = []
        for recorder in self._recorders:
            recorder.check(info.width, info.height)

    def open(
        self, stack: ExitStack, source: str | Path, cut: dict[str, Any], *, sound: bool, force: bool
    ) -> None:
        path = self._extras.get("side_by_side")
        if path is not None:
            again = stack.enter_context(open_reader(source, **cut))
            writer = stack.enter_context(open_writer(path, self._info, sound=sound, force=force))
            self._pair = iter(again), writer

    def before(self, frame: Frame) -> None:
        if self._recorders:
            self._recorders[0].add(frame.image, frame.seconds * self._clock)

    def after(self, picture: Image, place: Place) -> None:
        if self._recorders:
            self._recorders[1].add(picture, place.seconds * self._clock)
        if self._pair is not None:
            originals, writer = self._pair
            both = beside([next(originals).image, picture], ["input", "magnified"])
            writer.write(both, place.pts, place.duration)

    def draw(self) -> None:
        path = self._extras.get("slice")
        if path is not None:
            draw_slices(path, list(zip(["input", "magnified"], self._recorders, strict=True)))
            self._drawn.append(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for path in self._drawn if kind is not None else ():  # what it was drawn of is gone
            path.unlink(missing_ok=True)


def extra_paths(
    target: Path, side_by_side: bool | str | Path, line: Line | None, force: bool
) -> dict[str, Path]:
    """The files wanted beside ``target``, by name. Raises UserError for one that exists."""
    extras: dict[str, Path] = {}
    folder = target.absolute().parent
    named = folder if numbered(target) and folder.name else target  # out/%05d.png is the folder
    if side_by_side:
        suffix = target.suffix if target.suffix in (".mp4", ".mov", ".mkv") else ".mp4"
        beside_target = named.with_name(f"{named.stem}_side_by_side{suffix}")
        extras["side_by_side"] = beside_target if side_by_side is True else Path(side_by_side)
    if line is not None:
        extras["slice"] = named.with_name(f"{named.stem}_slice.png")
    for path in extras.values():
        if path.exists() and not force:
            raise UserError(f"{path} exists already; --force overwrites it")
    return extras


def check_keeps_inputs(
    source: str | Path, focus: Focus | None, target: Path, extras: dict[str, Path]
) -> None:
    """Raise UserError where a result would replace the source, a mask, or another result."""
    masks = [each.mask for each in focus.regions] if focus is not None else []
    files = [mask for mask in masks if isinstance(mask, str | Path)]
    check_no_input(place_of(target), files)
    for path in extras.values():
        check_no_input(path, [source, *files])
        if path.absolute().resolve() == target.absolute().resolve():
            raise UserError(f"{path} is the result itself: choose another name for what is beside")
