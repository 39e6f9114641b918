"""Real video as material: finding it, reading it small, and drawing pairs of frames from it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from motionloupe.arrays import Image, from_tensor, to_tensor
from motionloupe.data.folders import TEST_SHARE, Split, held_out, of_split
from motionloupe.data.pairs import Frames
from motionloupe.data.photometry import Bytes
from motionloupe.errors import UserError
from motionloupe.files import walked
from motionloupe.video import Reader, SourceInfo, open_reader
from motionloupe.video.images import IMAGE_SUFFIXES

LARGEST_SIDE = 512
"""Pixels of a frame's longer side, beyond which frames are reduced."""
_ANY_RATE = 30.0  # pairs do not ask how fast: the one that is assumed, without a warning

_VIDEO_SUFFIXES = tuple(
    ".3gp .avi .flv .gif .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts .ogv .ts .webm .wmv".split()  # noqa: SIM905
)


@dataclass(frozen=True)
class Clip:
    """A video file or a folder of frames; ``source`` is where it was found, ``name`` its own."""

    path: Path
    source: str
    name: str

    @property
    def video(self) -> str:
        return f"{self.source}/{self.name}"

    def split(self, test_share: float) -> Split:
        """ "train" or "test", by the hash of the name alone."""
        return "test" if held_out(self.name, test_share) else "train"


def find_clips(given: Iterable[str | Path]) -> list[Clip]:
    """Video files, folders of frames, and whatever lies below other folders, sorted by name.

    A folder with pictures and no video counts as one clip. Raises UserError where something does
    not exist, holds nothing, or two clips would have one name.
    """
    found: dict[str, Clip] = {}
    for text in given:
        for clip in _clips_of(Path(text)):
            other = found.setdefault(clip.video, clip)
            if other.path.resolve() != clip.path.resolve():
                raise UserError(
                    f"{other.path} and {clip.path} would both be called {clip.video}: "
                    "rename a folder of one"
                )
    return sorted(found.values(), key=lambda clip: clip.video)


def clips_of_split(folder: Path, split: Split, test_share: float = TEST_SHARE) -> list[Clip]:
    """The clips below a folder that training may see, or those held out. Raises UserError."""
    clips = find_clips([folder])
    return of_split(clips, [clip.name for clip in clips], split, test_share, folder, "clips")


def _clips_of(path: Path) -> list[Clip]:
    whole = path.resolve()
    if path.is_file():
        return [Clip(path, whole.parent.name, whole.name)]
    if not path.is_dir():
        raise UserError(f"{path}: no such file or folder; give videos, or folders of them")
    clips = []
    for here, inner, files in walked(path):
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        shown = sorted(name for name in files if not name.startswith("."))
        videos = [name for name in shown if Path(name).suffix.lower() in _VIDEO_SUFFIXES]
        clips += [_below(path, whole, here / name) for name in videos]
        if not videos and any(Path(name).suffix.lower() in IMAGE_SUFFIXES for name in shown):
            clips.append(_below(path, whole, here))
    if not clips:
        raise UserError(f"{path}: holds neither videos nor pictures")
    return clips


def _below(root: Path, whole: Path, path: Path) -> Clip:
    if path == root:
        return Clip(path, whole.parent.name, whole.name)
    return Clip(path, whole.name, path.relative_to(root).as_posix())


def open_small(path: Path, largest: int, start: float | None = None) -> Reader:
    """A reader of frames whose longer side is ``largest`` pixels at most. Raises UserError."""
    reader = open_reader(path, fps=_ANY_RATE, start=start)
    longer = max(reader.info.width, reader.info.height)
    if longer <= largest:
        return reader
    reader.close()
    return open_reader(path, fps=_ANY_RATE, start=start, scale=largest / longer)


def eight_bits(image: Image) -> Bytes:
    """A frame in uint8, rounded."""
    if image.dtype == np.uint8:
        return image
    return np.asarray(from_tensor(to_tensor(image), np.uint8), dtype=np.uint8)


class RandomPairs:
    """Endless pairs from clips: ``pairs[index]`` is a pure function of (seed, index).

    A clip, a stride within ``strides`` and a place in time are drawn, and only the frames around it
    are decoded: a file is sought into where its container can (AVI and GIF are decoded from their
    beginning). Where a clip ends sooner the stride is shorter; a clip that gives no two frames is
    passed over for the next. Frames are as :func:`open_small` gives them. Raises UserError.
    """

    def __init__(
        self, clips: Sequence[Clip], strides: tuple[int, int], largest: int, seed: int
    ) -> None:
        if not 1 <= strides[0] <= strides[1]:
            raise UserError(
                f"strides must rise and be 1 or more, found {strides[0]} to {strides[1]}"
            )
        self.clips, self.strides, self.largest, self.seed = clips, strides, largest, seed
        self._known: dict[Path, SourceInfo] = {}

    def __getitem__(self, index: int) -> Frames:
        rng = np.random.default_rng([self.seed, index])
        first = int(rng.integers(len(self.clips)))
        stride = int(rng.integers(self.strides[0], self.strides[1], endpoint=True))
        place = float(rng.random())
        reasons = []
        for further in range(len(self.clips)):
            path = self.clips[(first + further) % len(self.clips)].path
            try:
                pair = self._pair(path, stride, place)
            except UserError as error:
                reasons.append(str(error))
                continue
            if pair is not None:
                return pair
            reasons.append(f"{path} has only one frame")
        raise UserError(f"no clip gives a pair of frames: {reasons[0]}")

    def _pair(self, path: Path, stride: int, place: float) -> Frames | None:
        for start in (self._start(path, stride, place), 0.0):  # a length may be stated wrongly
            try:
                with open_small(path, self.largest, start) as reader:
                    images = [frame.image for frame in islice(reader, stride + 1)]
            except UserError:
                if not start:
                    raise
                continue
            if len(images) > stride or (len(images) > 1 and not start):
                return eight_bits(images[0]), eight_bits(images[-1])
        return None

    def _start(self, path: Path, stride: int, place: float) -> float:
        """A place in time, in seconds, after which ``stride`` further frames are expected."""
        if path not in self._known:
            with open_reader(path) as reader:
                self._known[path] = reader.info
        info = self._known[path]
        room = (info.duration or 0.0) - (stride + 1) / float(info.rate)
        return place * max(room, 0.0)
