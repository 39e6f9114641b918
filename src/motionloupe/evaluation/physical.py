"""A video beside the reading of a sensor: does the magnified motion follow the true one?"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, overload

from motionloupe.arrays import Image, to_tensor
from motionloupe.boxes import Box
from motionloupe.errors import UserError
from motionloupe.evaluation.cases import Case, Level, Suite
from motionloupe.evaluation.signals import Recorded, read_reading
from motionloupe.files import stamp
from motionloupe.measurement.displacement import check_region
from motionloupe.measurement.points import liveliest_place
from motionloupe.measurement.tracking import Track, track
from motionloupe.video import open_reader, read_frame
from motionloupe.video.images import pictures_of


class Film(Sequence[Image]):
    """The frames of a video, read anew each time: it is never held whole."""

    def __init__(self, path: Path, fps: float | None = None) -> None:
        self.path = path
        self._fps = fps
        with open_reader(path, fps=fps) as reader:
            self.fps = reader.info.fps
            self.frames = reader.info.frames
            self.warnings = tuple(reader.warnings)
            self.size = reader.info.width, reader.info.height
            self._clock = reader.info.clock

    def __iter__(self) -> Iterator[Image]:
        return (image for _, image in self.moments())

    def moments(self) -> Iterator[tuple[float, Image]]:
        """Seconds from the first frame, and the frame."""
        with open_reader(self.path, fps=self._fps) as reader:
            first: float | None = None
            for frame in reader:
                first = frame.seconds if first is None else first
                yield (frame.seconds - first) * self._clock, frame.image

    @cached_property
    def _count(self) -> int:
        return sum(1 for _ in self)

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Image: ...
    @overload
    def __getitem__(self, index: slice) -> list[Image]: ...
    def __getitem__(self, index: int | slice) -> Image | list[Image]:
        if isinstance(index, slice):
            raise TypeError("a film is read frame by frame")
        return read_frame(self.path, number=index, fps=self._fps).image


class Recording:
    """A video and the CSV of a sensor; motion is measured in ``box`` = (x, y, width, height).

    Without a box it is the liveliest place. ``fps``: the true rate of high-speed footage. Raises
    UserError.
    """

    def __init__(
        self, video: Path, reference: Path, box: Box | None = None, fps: float | None = None
    ) -> None:
        self.reading = read_reading(reference)
        self.film = Film(video, fps)
        self._given = None if box is None else check_region(box, *self.film.size)
        self._reference = reference

    @cached_property
    def identity(self) -> list[Any]:
        files = stamp([*pictures_of(self.film.path), self._reference])
        return [files, self.box, self.film.fps]

    def scenes(self, count: int) -> int:
        return min(count, 1)

    @cached_property
    def box(self) -> Box:
        """Where motion is measured."""
        if self._given is not None:
            return self._given
        place = liveliest_place(self.film, self.film.frames)
        if place is None:
            raise UserError(f"{self.film.path}: nothing in it moves or has texture; give --box")
        return place.box(*self.film.size)

    @cached_property
    def source(self) -> Track:
        """The motion in the box before magnification."""
        return track(self.film.moments(), self.box)

    def recorded(self, band: tuple[float, float] | None) -> Recorded:
        """The motion beside the reading, in a band. Raises UserError where none can be compared."""
        return Recorded(self.reading, self.source, self.box, band)


def draw_recording(stock: Recording, suite: Suite, level: Level, index: int) -> Case:
    """The whole video, of which nothing is judged but the motion in the box."""
    return Case(
        index,
        level.alpha,
        stock.film,
        to_tensor(stock.film[0]),
        targets=[],
        fps=stock.film.fps,
        band=suite.band,
        recorded=stock.recorded(suite.band),
    )
