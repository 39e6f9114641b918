"""How parts of a video move, measured: where they are at every frame, and how fast they swing.

It is the original that is measured, by registration, never what a magnifier has drawn of it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from motionloupe.arrays import Image
from motionloupe.boxes import Box
from motionloupe.errors import UserError
from motionloupe.footage import Footage, Shake
from motionloupe.measurement.displacement import ALIKE, Registration, check_region, register
from motionloupe.measurement.points import liveliest_place
from motionloupe.measurement.tracking import Track
from motionloupe.movements import Movement, draw_movements, typed, write_table
from motionloupe.notices import Notices
from motionloupe.pipeline import Progress, Steps, expected_frames
from motionloupe.stabiliser import tripod
from motionloupe.video import open_reader, read_reference
from motionloupe.video.target import check_no_input, check_target

_ASTRAY = 0.5  # of the frames in which a part of a box may do otherwise before that is told
_SHAKE = 0.5  # pixels of the camera's motion, well above the tolerance by which it is told


@dataclass(frozen=True)
class Measurement:
    """What :func:`measure` found, and the ``files`` that it wrote, "table" and "drawing"."""

    movements: list[Movement]
    warnings: tuple[str, ...] = ()
    files: dict[str, Path] = field(default_factory=dict)


def measure(
    source: str | Path,
    boxes: Sequence[Box] = (),
    *,
    target: str | Path | None = None,
    reference: int | str | None = None,
    stabilise: bool | Box = False,
    fps: float | None = None,
    start: float | None = None,
    end: float | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> Measurement:
    """Measure how ``boxes``, (x, y, width, height) in pixels, move: one translation a frame.

    Without a box, the place that moves most is measured. Displacement is against the first frame,
    or ``reference`` (a frame's number, or its time as "2.5s"), and good to some thousandths of a
    pixel on what has texture. ``stabilise`` takes the camera's own motion out first; (x, y, width,
    height) is what stands still. ``fps``: the true rate of high-speed footage. ``start``, ``end``:
    seconds. ``target``, a .csv, gets seconds and pixels, and a .png beside it their drawing.
    ``progress(done, expected)`` is called after each frame. Raises UserError, and leaves nothing.
    """
    cut: dict[str, Any] = {"fps": fps, "start": start, "end": end}
    with open_reader(source, **cut) as reader:
        info = reader.info
    files = {} if target is None else _files(Path(target), source, force=force)
    boxes = [check_region(box, info.width, info.height) for box in boxes]
    picture = read_reference(source, reference, cut)
    watched, expected = _Watched(source, cut, picture, stabilise), expected_frames(info)
    if len(boxes) == 0:
        place = liveliest_place((image for _, image in watched), expected)
        if place is None:
            raise UserError(f"{source}: nothing in it moves or has texture; say with --box where")
        boxes = [place.box(info.width, info.height)]
    follower = _Follower(picture, boxes)
    for seconds, image in watched:
        follower.add(seconds, image)
        if progress is not None:
            progress(len(follower.seconds), expected)
    movements = follower.movements()
    if files:
        draw_movements(files["drawing"], picture, movements)
        try:
            write_table(files["table"], movements)
        except BaseException:
            files["drawing"].unlink(missing_ok=True)
            raise
    notes = [*watched.warnings, *follower.warnings]
    return Measurement(movements, tuple(dict.fromkeys(notes)), files)


def _files(table: Path, source: str | Path, *, force: bool) -> dict[str, Path]:
    if table.suffix.lower() != ".csv":
        raise UserError(f"what is measured is written as .csv, found {table.name}")
    files = {"table": table, "drawing": table.with_suffix(".png")}
    for path in files.values():
        check_target(path, Path(source), force=force)
        check_no_input(path, [source])
    return files


class _Watched:
    """The frames of a video with their true seconds, from a tripod if wanted, anew each time."""

    def __init__(
        self, source: str | Path, cut: dict[str, Any], reference: Image, stabilise: bool | Box
    ) -> None:
        self._source, self._cut = source, cut
        self._reference, self._stabilise = reference, stabilise
        self.warnings: list[str] = []

    def __iter__(self) -> Iterator[tuple[float, Image]]:
        steady = tripod(self._reference, self._stabilise) if self._stabilise else None
        watching: list[Footage | Shake] = [Footage(dynamic=True)]
        watching += [] if steady else [Shake(self._reference, _SHAKE)]
        with open_reader(self._source, **self._cut) as reader:
            steps = Steps(reader, steady)
            steps.watchers = tuple(each.see for each in watching)
            for image in steps:
                yield steps.next().seconds * reader.info.clock, image
        self.warnings = list(Notices(None, reader, steady, *watching).all())


class _Follower:
    """Follows boxes against one picture, and notes where one cannot be measured."""

    def __init__(self, reference: Image, boxes: Sequence[Box]) -> None:
        self._reference, self._boxes = reference, boxes
        self._found: list[list[Registration | None]] = [[] for _ in boxes]
        self._reasons: dict[int, str] = {}
        self.seconds: list[float] = []

    def add(self, seconds: float, image: Image) -> None:
        self.seconds.append(seconds)
        for number, found in enumerate(self._found):
            found.append(self._registered(number, image))

    def _registered(self, number: int, image: Image) -> Registration | None:
        """Where a box is; None, and a reason, where that cannot be told."""
        try:
            found = register(self._reference, image, self._boxes[number])
            if found.likeness < ALIKE:
                raise UserError(
                    "what it shows is not found again; choose a box with more texture, or what "
                    "comes nearer to the --reference"
                )
        except UserError as error:
            self._reasons.setdefault(number, str(error))
            return None
        return found

    def movements(self) -> list[Movement]:
        """Of every box. Raises UserError for one that could not be measured at all."""
        moments = np.array(self.seconds, np.float64)
        found = [
            Movement(box, Track(moments, *self._track(number).T))
            for number, box in enumerate(self._boxes)
        ]
        for number, movement in enumerate(found):
            if len(movement.measured.seconds) <= 1:
                reason = self._reasons.get(number, "there is but one frame")
                raise UserError(f"box {typed(movement.box)} cannot be measured: {reason}")
        return found

    def _edges(self, number: int) -> bool:
        """Whether a box shows edges of one direction only, at most of its frames."""
        found = self._found[number]
        return 2 * sum(each is not None and not each.whole for each in found) > len(found)

    def _track(self, number: int) -> npt.NDArray[np.float64]:
        """(frames, 2): all of one kind, or there would be jumps between the two."""
        found, edges = self._found[number], self._edges(number)
        places = np.full((len(found), 2), np.nan)
        for place, each in zip(places, found, strict=True):
            if each is not None:
                place[:] = (each.dx, each.dy) if edges else each.best
        if not edges:
            return places
        across = np.array([(each.dx, each.dy) for each in found if each and not each.whole])
        values, vectors = np.linalg.eigh(across.T @ across)
        way: npt.NDArray[np.float64] = vectors[:, [int(np.argmax(values))]]
        return places @ way @ way.T

    @property
    def warnings(self) -> list[str]:
        notes = []
        for number, reason in self._reasons.items():
            lost = [index for index, each in enumerate(self._found[number]) if each is None]
            notes.append(
                f"box {typed(self._boxes[number])} could not be measured at {len(lost)} of "
                f"{len(self.seconds)} frames, first at {self.seconds[lost[0]]:.2f} s: {reason}"
            )
        for number, box in enumerate(self._boxes):
            if self._edges(number):
                notes.append(
                    f"box {typed(box)} shows edges of one direction: only motion across them can "
                    "be told, and motion along them counts as none"
                )
            astray = sum(each is not None and each.astray for each in self._found[number])
            if astray > _ASTRAY * len(self.seconds):
                notes.append(
                    f"in box {typed(box)} a part moves or changes by itself, as a highlight that "
                    "wanders, or was spoilt by the codec: draw it on one solid, dull thing"
                )
        return notes
