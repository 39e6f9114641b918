"""Cases from real footage: pairs whose true answer nobody knows, and three frames in a row."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

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

    @property
    def limit(self) -> int | None:
        return len(self.pairs)


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

    @property
    def limit(self) -> int | None:
        return None


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
    clean = _triple(stock, index)
    window = liveliest_window(clean[0], clean[2], stock.size)
    a, b, c = (to_tensor(np.ascontiguousarray(frame[window])) for frame in clean)
    rng = np.random.default_rng([stock.seed, index, 1])
    frames: list[Image] = []
    for frame in (a, b):
        noisy = frame[0].numpy()
        if level.noise:
            noisy = quantise(add_photon_noise(noisy, level.noise, rng), rng)
        frames.append(np.ascontiguousarray(noisy.transpose(1, 2, 0)))
    return Case(index, level.alpha, frames, a, [Target(number=1, source=b, truth=c)])


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


def _triple(stock: Clips, index: int) -> Triple:
    """Three frames of the clip whose turn it is, or of the next one that has any."""
    count = len(stock.paths)
    for turn in range(index, index + count):
        three = _moving(stock.paths[turn % count], np.random.default_rng([stock.seed, index]))
        if three is not None:
            return three
    raise UserError(f"none of {count} clips has three frames in a row that move evenly")


def _moving(path: Path, rng: np.random.Generator) -> Triple | None:
    """Three frames in a row that all differ, and about as much, from a place drawn at random."""
    with open_reader(path) as reader:
        room = max((reader.info.duration or 0.0) - 3.0 / float(reader.info.rate), 0.0)
    for start in rng.uniform(0.0, room, _TRIES):
        for three in _in_a_row(path, float(start)):
            if _evenly(*three):
                return three
    return None


def _in_a_row(path: Path, start: float) -> Iterator[Triple]:
    last: list[Bytes] = []
    with open_reader(path, start=start) as reader:
        for frame in islice(reader, _FURTHER):
            last = [*last[-2:], eight_bits(frame.image)]
            if len(last) == 3:
                yield last[0], last[1], last[2]


def _evenly(a: Bytes, b: Bytes, c: Bytes) -> bool:
    first, second = (float(np.square(p.astype(np.float32) - q).mean()) for p, q in ((a, b), (b, c)))
    return min(first, second) > 0 and max(first, second) < _EVEN * min(first, second)
