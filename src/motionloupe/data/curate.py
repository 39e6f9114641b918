"""Pairs of frames worth learning from, out of real video (Pan et al. 2023, appendix on data)."""

import csv
import hashlib
import io
import re
import shutil
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from motionloupe.arrays import SMALLEST_SIDE, to_tensor
from motionloupe.data.clips import LARGEST_SIDE, Clip, eight_bits, open_small
from motionloupe.data.disk import settle_settings, write_png
from motionloupe.data.folders import TEST_SHARE
from motionloupe.data.pairs import DROPPED, FRAMES, KEPT, MANIFEST, Frames, read_manifest
from motionloupe.errors import UserError
from motionloupe.files import write_whole
from motionloupe.flow import FALLBACK
from motionloupe.flow.base import FlowEstimator, length
from motionloupe.video import Frame
from motionloupe.video.container import resized

COLUMNS = (
    "pair", "video", "source", "split", "stride", "first", "second", "kept", "reason",
    "width", "height", "mse", "flow_0.01", "flow_80", "flow_99.9",
)  # fmt: skip
_SETTINGS = "curation.json"
_ROWS = ".videos"  # one table for each video that is done
_PERCENTILES = (0.01, 80.0, 99.9)


@dataclass(frozen=True)
class Rules:
    """Which pairs are looked at, and which are kept. The defaults are the authors' values.

    Lengths are in pixels of the frames as they are written, whose longer side is ``side`` at most.
    Raises UserError for a value that makes no sense.
    """

    strides: tuple[int, ...] = (1, 5)
    """Frames from a pair's first to its second."""
    every: int = 2
    """Frames from where a pair begins to where the next of its stride does."""
    side: int = LARGEST_SIDE
    flow_side: int = 256
    """Motion is measured on frames reduced to this longer side, for speed."""
    test_share: float = TEST_SHARE
    """Share of the videos that the test split gets."""
    least_change: float = 10.0
    """Mean squared difference of the frames, in levels of 255, must be above this."""
    rest_motion: float = 0.1
    """The stillest 0.01 % of pixels move at most so far: the camera stands."""
    bulk_motion: float = 2.0
    """80 % of pixels move at most so far."""
    largest_motion: float = 20.0
    """99.9 % of pixels move at most so far."""

    def __post_init__(self) -> None:
        if not self.strides or min(self.strides) < 1 or len(set(self.strides)) < len(self.strides):
            found = ", ".join(map(str, self.strides)) or "none"
            raise UserError(f"strides must be different, and 1 or more each, found {found}")
        for name, least in (("every", 1), ("side", 16), ("flow_side", 16)):
            if getattr(self, name) < least:
                found = getattr(self, name)
                raise UserError(f"{name.replace('_', '-')} must be {least} or more, found {found}")
        if not 0 <= self.test_share <= 1:
            raise UserError(f"the test share must be from 0 to 1, found {self.test_share:g}")
        for name in ("least_change", "rest_motion", "bulk_motion", "largest_motion"):
            if not getattr(self, name) >= 0:
                raise UserError(f"{name} must be 0 or more, found {getattr(self, name):g}")

    def verdict(self, mse: float, flow: tuple[float, ...]) -> str:
        """Why a pair is dropped, or "" for one that is kept; ``flow`` may be left unmeasured."""
        if not mse > self.least_change:
            return "alike"
        limits = {
            "adrift": self.rest_motion,
            "busy": self.bulk_motion,
            "far": self.largest_motion,
        }
        for value, (reason, limit) in zip(flow, limits.items(), strict=False):
            if not value <= limit:
                return reason
        return ""


class Estimator(NamedTuple):
    """What measures the motion, and the name and options that it was made of."""

    flow: FlowEstimator
    name: str = FALLBACK
    iterations: int | None = None


class Curated(NamedTuple):
    """How many videos were read now, how many were done before, and what was wrong with others."""

    read: int
    done_before: int
    warnings: list[str]


def curate(
    clips: Sequence[Clip],
    output: Path,
    rules: Rules,
    estimator: Estimator,
    *,
    progress: Callable[[int, int | None], None] = lambda done, expected: None,
) -> Curated:
    """Write the pairs of ``clips`` that keep the ``rules`` below ``output``, with a manifest.

    Videos that are done are passed over, so a stopped run goes on where it was; a video that cannot
    be read is warned of and tried again next time. Raises UserError where ``output`` holds pairs of
    other settings, or where not one video could be read.
    """
    if output.exists() and not output.is_dir():
        raise UserError(f"{output}: is a file; name a folder to write pairs into")
    inside = output.resolve()
    clips = [clip for clip in clips if not clip.path.resolve().is_relative_to(inside)]
    settings = {**asdict(rules), "flow": estimator.name, "iterations": estimator.iterations}
    settle_settings(output, _SETTINGS, settings, "pairs")
    (output / _ROWS).mkdir(exist_ok=True)
    read, done, warnings = 0, 0, list[str]()
    try:
        for number, clip in enumerate(clips):
            if _rows_of(clip, output).is_file():
                done += 1
            else:
                try:
                    warnings += _curate_clip(clip, output, rules, estimator.flow)
                    read += 1
                except UserError as error:
                    text = str(error)
                    named = str(clip.path) in text
                    warnings.append(text if named else f"{clip.path}: {text}")
            progress(number + 1, len(clips))
    finally:
        _write_manifest(output)
    if warnings and not read + done:
        raise UserError(f"not one of {len(clips)} videos could be read: {warnings[0]}")
    return Curated(read, done, warnings)


def _curate_clip(clip: Clip, output: Path, rules: Rules, flow: FlowEstimator) -> list[str]:
    """The pairs of one video: frames first, then the table that says that it is done.

    Returns what reading it warned of.
    """
    split = clip.split(rules.test_share)
    named = f"{_plain(clip.name)}-{_digest(clip)[:8]}"
    table = io.StringIO()
    rows = csv.DictWriter(table, COLUMNS, restval="", lineterminator="\n")
    written: list[Path] = []
    try:
        with open_small(clip.path, rules.side) as reader:
            for stride, first, (a, b) in _candidates(reader, rules):
                mse, motion, reason = _measured(a, b, rules, flow)
                pair = f"{named}-{first:06d}-{first + stride:06d}"
                if not reason:
                    written.append(output / split / pair)
                    written[-1].mkdir(parents=True, exist_ok=True)
                    for name, frame in zip(FRAMES, (a, b), strict=True):
                        write_png(written[-1] / name, frame)
                values = (
                    pair, clip.video, clip.source, split, stride, first, first + stride,
                    DROPPED if reason else KEPT, reason, a.shape[1], a.shape[0],
                    *(f"{value:.4g}" for value in (mse, *motion)),
                )  # fmt: skip
                rows.writerow(dict(zip(COLUMNS, values, strict=False)))
        write_whole(_rows_of(clip, output), table.getvalue())
    except BaseException:
        for folder in written:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    return reader.warnings


def _candidates(frames: Iterable[Frame], rules: Rules) -> Iterator[tuple[int, int, Frames]]:
    """Stride, first frame's number and frames of every pair that is looked at."""
    held: deque[np.ndarray] = deque(maxlen=max(rules.strides) + 1)
    for frame in frames:
        held.append(eight_bits(frame.image))
        for stride in rules.strides:
            first = frame.index - stride
            if first >= 0 and first % rules.every == 0:
                yield stride, first, (held[-1 - stride], held[-1])


def _measured(
    a: np.ndarray, b: np.ndarray, rules: Rules, flow: FlowEstimator
) -> tuple[float, tuple[float, ...], str]:
    """MSE, percentiles of the flow's length where they can still matter, and the verdict."""
    mse = float(np.mean((a.astype(np.float32) - b.astype(np.float32)) ** 2))
    reason = rules.verdict(mse, ())
    if reason:
        return mse, (), reason
    scale = max(rules.flow_side / max(a.shape[:2]), SMALLEST_SIDE / min(a.shape[:2]))
    if scale < 1:
        size = round(a.shape[1] * scale), round(a.shape[0] * scale)
        a, b = resized(a, size), resized(b, size)
    with torch.inference_mode():
        moved = length(flow(to_tensor(a), to_tensor(b))).numpy() / min(scale, 1.0)
    motion = tuple(float(value) for value in np.percentile(moved, _PERCENTILES))
    return mse, motion, rules.verdict(mse, motion)


def _plain(name: str) -> str:
    """A name that any file system takes, and short."""
    return re.sub(r"[^A-Za-z0-9]+", "_", name.rsplit(".", 1)[0])[:40].strip("_") or "video"


def _digest(clip: Clip) -> str:
    return hashlib.blake2b(clip.video.encode(errors="surrogateescape"), digest_size=16).hexdigest()


def _rows_of(clip: Clip, output: Path) -> Path:
    return output / _ROWS / f"{_digest(clip)}.csv"


def _write_manifest(output: Path) -> None:
    """The tables of all videos that are done as one, ordered by video."""
    parts = [
        path.read_text(encoding="utf-8", errors="surrogateescape")  # names of files
        for path in (output / _ROWS).glob("*.csv")
    ]
    parts.sort(key=lambda text: text.split(",", 2)[1:2])
    write_whole(output / MANIFEST, ",".join(COLUMNS) + "\n" + "".join(parts))


class Count(NamedTuple):
    """A line of the summary: what a source gave to a split at a stride."""

    source: str
    split: str
    stride: int
    videos: int
    pairs: int
    kept: int


def summary(output: Path) -> list[Count]:
    """Counts for every source, split and stride, as in the paper's Table A1. Raises UserError."""
    groups: dict[tuple[str, str, int], list[dict[str, str]]] = {}
    for row in read_manifest(output):
        groups.setdefault((row["source"], row["split"], int(row["stride"])), []).append(row)
    return [
        Count(
            *key,
            videos=len({row["video"] for row in rows}),
            pairs=len(rows),
            kept=sum(row["kept"] == KEPT for row in rows),
        )
        for key, rows in sorted(groups.items(), key=lambda item: item[0])
    ]
