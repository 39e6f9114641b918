"""Curated pairs of frames on disk: their layout, and a reader.

Layout: ``manifest.csv`` has a row for every pair that was looked at, and ``SPLIT/PAIR/a.png`` and
``b.png`` are the frames of those that were kept; ``SPLIT`` is "train" or "test".
"""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import overload

from motionloupe.data.folders import Split, photograph
from motionloupe.data.photometry import Bytes
from motionloupe.errors import UserError

MANIFEST = "manifest.csv"
KEPT, DROPPED = "yes", "no"
FRAMES = ("a.png", "b.png")

Frames = tuple[Bytes, Bytes]


class Pairs(Sequence[Frames]):
    """The kept pairs below ``folder`` of one ``split``, or of all: ``pairs[i]`` is (a, b).

    Frames are (H, W, 3) RGB uint8, of one size within a pair. ``names`` and ``videos`` say what
    each is called and where it comes from, in the manifest's order, ``files`` is all that
    is read. Raises UserError where there is no such folder or it holds no pair of the split.
    """

    def __init__(self, folder: str | Path, split: Split = "all") -> None:
        self.folder = Path(folder)
        if split not in ("all", "train", "test"):
            raise UserError(f"the split must be all, train or test, found {split!r}")
        rows = [row for row in read_manifest(self.folder) if row["kept"] == KEPT]
        found = [row for row in rows if split in ("all", row["split"])]
        if not found:
            which = "" if split == "all" else f" in the {split} split"
            raise UserError(f"{self.folder}: holds no pair that was kept{which}")
        self.names = [row["pair"] for row in found]
        self.videos = [row["video"] for row in found]
        self._folders = [self.folder / row["split"] / row["pair"] for row in found]
        self.files = [folder / name for folder in self._folders for name in FRAMES]
        self.files.append(self.folder / MANIFEST)

    def __len__(self) -> int:
        return len(self.names)

    @overload
    def __getitem__(self, index: int) -> Frames: ...
    @overload
    def __getitem__(self, index: slice) -> list[Frames]: ...
    def __getitem__(self, index: int | slice) -> Frames | list[Frames]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        folder = self._folders[index]
        a, b = (photograph(folder / name, None) for name in FRAMES)
        if a.shape != b.shape:
            raise UserError(
                f"{folder}: a.png and b.png must have one size, found {a.shape[1]} x {a.shape[0]} "
                f"and {b.shape[1]} x {b.shape[0]}"
            )
        return a, b


def read_manifest(folder: Path) -> list[dict[str, str]]:
    """The rows of a folder's manifest. Raises UserError where there is none that can be read."""
    path = folder / MANIFEST
    if not path.is_file():
        what = "is no folder of pairs" if folder.exists() else "no such folder"
        raise UserError(f"{folder}: {what}; make one with `motionloupe curate`")
    try:
        with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            rows = list(csv.DictReader(file))
    except csv.Error as error:
        raise UserError(f"{path}: not a table that can be read: {error}") from None
    needed = {"pair", "video", "split", "kept"}
    if rows and (None in rows[-1].values() or not needed <= set(rows[0])):
        raise UserError(f"{path}: is damaged, or no manifest of pairs")
    return rows
