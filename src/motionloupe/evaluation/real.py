"""Cases from real footage: pairs whose true answer nobody knows, and three frames in a row."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from motionloupe.arrays import Image, to_tensor
from motionloupe.data.clips import eight_bits
from motionloupe.data.pairs import Pairs
from motionloupe.data.photometry import Bytes, add_photon_noise, quantise
from motionloupe.errors import UserError
from motionloupe.evaluation.cases import Case, Level, Suite, Target, check_size
from motionloupe.evaluation.identity import of_pictures
from motionloupe.files import stamp
from motionloupe.video import open_reader
from motionloupe.video.images import pictures_of

_TRIES = 8  # places of a clip that are looked at
_FURTHER = 30  # frames beyond each place
_EVEN = 4.0  # ratio of the two changes in a row above which it is a cut, or a frame shown twice

Window = tuple[slice, slice]
Triple = tuple[Bytes, Bytes, Bytes]


class Place(NamedTuple):
    """Three frames in a row: the ``number``-th from ``start`` seconds on in a clip."""

    path: Path
    start: float
    number: int


@dataclass(frozen=True)
class RealPairs:
    """Pairs (a, b) of (h, w, 3) RGB uint8 frames, cut to ``size`` = (w, h) where b changes most."""

    pairs: Sequence[tuple[Bytes, Bytes]]
    size: tuple[int, int]
    fingerprint: str = ""
    """Differs where the pairs do; empty: a digest of them."""
    seed: int = 0
    """Of the order in which they are taken: neighbours come from one video."""
    videos: Sequence[str] = ()
    """The name of the video that each is from; empty: what curated pairs say, else each its own."""

    def __post_init__(self) -> None:
        check_size(self.size)
        if len(self.videos) not in (0, len(self.pairs)):
            raise UserError(f"{len(self.pairs)} pairs, but names of {len(self.videos)} videos")

    @cached_property
    def identity(self) -> list[Any]:
        pictures = self.fingerprint or of_pictures(self.pairs)
        return [self.size, pictures, self.seed, list(self.videos)]

    def video(self, number: int) -> str:
        """The name of the video that pair ``number`` is from, where it is known."""
        names = self.videos or (self.pairs.videos if isinstance(self.pairs, Pairs) else ())
        return names[number] if names else ""

    @cached_property
    def order(self) -> list[int]:
        return [int(i) for i in np.random.default_rng(self.seed).permutation(len(self.pairs))]

    def scenes(self, count: int) -> int:
        return min(count, len(self.pairs))


@dataclass(frozen=True)
class Clips:
    """Videos to take three frames in a row from, cut to ``size`` = (w, h) where most changes."""

    paths: Sequence[Path]
    size: tuple[int, int]
    seed: int

    def __post_init__(self) -> None:
        check_size(self.size)

    @cached_property
    def identity(self) -> list[Any]:
        files = [file for path in self.paths for file in pictures_of(path)]
        return [self.size, self.seed, stamp(files)]

    def scenes(self, count: int) -> int:
        """Raises UserError where there is none."""
        self._places.extend(islice(self._search, max(count - len(self._places), 0)))
        if not self._places:
            raise UserError(
                f"none of {len(self.paths)} clips has three frames in a row that move evenly"
            )
        return min(count, len(self._places))

    def place(self, index: int) -> Place:
        """Where scene ``index`` is; no two are at one place. Raises UserError for one too many."""
        if self.scenes(index + 1) <= index:
            raise UserError(f"the clips give {len(self._places)} scenes, asked for {index + 1}")
        return self._places[index]

    @cached_property
    def _places(self) -> list[Place]:
        return []

    @cached_property
    def _search(self) -> Iterator[Place]:
        """Each clip in turn, those left out that have no further place."""
        seen: dict[Path, set[float]] = {path: set() for path in self.paths}
        rngs = {path: np.random.default_rng([self.seed, n]) for n, path in enumerate(self.paths)}
        while seen:
            for path in list(seen):
                found = _moving(path, rngs[path], seen[path])
                if found is None:
                    del seen[path]
                else:
                    yield found


def draw_real_pair(stock: RealPairs, suite: Suite, level: Level, index: int) -> Case:
    """A pair as it was filmed."""
    number = stock.order[index]
    a, b = stock.pairs[number]
    window = liveliest_window(a, b, stock.size)
    frames: list[Image] = [np.ascontiguousarray(frame[window]) for frame in (a, b)]
    target = Target(number=1, source=to_tensor(frames[1]))
    reference = to_tensor(frames[0])
    return Case(index, level.alpha, frames, reference, [target], group=stock.video(number))


def draw_triple(stock: Clips, suite: Suite, level: Level, index: int) -> Case:
    """Frames a and b of a clip, with noise added; what comes next stands for b magnified twice.

    That holds as far as the motion is even; the frames are taken as filmed for the truth.
    """
    place = stock.place(index)
    (_, clean), *_ = islice(_in_a_row(place.path, place.start), place.number, None)
    window = liveliest_window(clean[0], clean[2], stock.size)
    a, b, c = (to_tensor(np.ascontiguousarray(frame[window])) for frame in clean)
    rng = np.random.default_rng([stock.seed, index, 1])
    frames: list[Image] = []
    for frame in (a, b):
        noisy = frame[0].numpy()
        if level.noise:
            noisy = quantise(add_photon_noise(noisy, level.noise, rng), rng)
        frames.append(np.ascontiguousarray(noisy.transpose(1, 2, 0)))
    target = Target(number=1, source=b, truth=c)
    return Case(index, level.alpha, frames, a, [target], group=str(place.path))


def liveliest_window(a: Bytes, b: Bytes, size: tuple[int, int]) -> Window:
    """Rows and columns of the window of ``size`` = (w, h), or less, where two frames differ most.

    Raises UserError where the frames are too small to be judged.
    """
    height, width = a.shape[:2]
    check_size((width, height))
    columns, rows = min(size[0], width), min(size[1], height)
    change = cv2.absdiff(a, b).astype(np.float32).mean(axis=2)
    sums = cv2.boxFilter(change, -1, (columns, rows), anchor=(0, 0), borderType=cv2.BORDER_CONSTANT)
    inner = sums[: height - rows + 1, : width - columns + 1]
    top, left = divmod(int(np.argmax(inner)), inner.shape[1])
    return slice(top, top + rows), slice(left, left + columns)


def _moving(path: Path, rng: np.random.Generator, seen: set[float]) -> Place | None:
    """Three frames in a row that all differ, and about as much, from a place drawn at random.

    ``seen`` holds the seconds of the first ones that are taken or move otherwise, and is added to.
    """
    with open_reader(path) as reader:
        room = max((reader.info.duration or 0.0) - 3.0 / float(reader.info.rate), 0.0)
    for start in [*rng.uniform(0.0, room, _TRIES).tolist(), 0.0]:
        for number, (seconds, three) in enumerate(_in_a_row(path, start)):
            if seconds not in seen:
                seen.add(seconds)
                if _evenly(*three):
                    return Place(path, start, number)
    return None


def _in_a_row(path: Path, start: float) -> Iterator[tuple[float, Triple]]:
    """Three frames in a row, from each of some frames on, and the seconds of the first."""
    last: list[tuple[float, Bytes]] = []
    with open_reader(path, start=start) as reader:
        for frame in islice(reader, _FURTHER):
            last = [*last[-2:], (frame.seconds, eight_bits(frame.image))]
            if len(last) == 3:
                yield last[0][0], (last[0][1], last[1][1], last[2][1])


def _evenly(a: Bytes, b: Bytes, c: Bytes) -> bool:
    first, second = (float(np.square(p.astype(np.float32) - q).mean()) for p, q in ((a, b), (b, c)))
    return min(first, second) > 0 and max(first, second) < _EVEN * min(first, second)
