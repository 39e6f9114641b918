"""Photographs and cut-outs from folders: plain ones, COCO's layout, and PASCAL VOC's."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, TypeVar, overload

import cv2
import numpy as np

from motionloupe.data.photometry import Bytes, decoded
from motionloupe.data.segments import coco_cutouts, is_coco, voc_cutouts, voc_root
from motionloupe.errors import UserError
from motionloupe.files import walked

Split = Literal["all", "train", "test"]
TEST_SHARE = 0.1
Item = TypeVar("Item")

_PHOTOGRAPHS = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}
_TRANSPARENT = {".png", ".webp", ".tif", ".tiff"}
_LARGEST_PHOTOGRAPH = 1024  # pixels a side; what is larger is reduced
_LARGEST_CUTOUT = 512
_CLIPS = 10  # so many folders with files of one name are clips, not collections
_CACHE = 256 * 2**20  # bytes


class Pictures(Sequence[Bytes]):
    """Pictures read when asked for; the latest ones are kept, up to a bounded number of bytes.

    ``names`` are the files they come from, ``read`` makes picture number i; ``files`` is all that
    is read for them, lists and masks too.
    """

    def __init__(
        self,
        names: Sequence[str],
        read: Callable[[int], Bytes],
        cache: int = _CACHE,
        files: Sequence[Path] = (),
    ) -> None:
        self.names = names
        self.files = files
        self._read = read
        self._room = cache
        self._kept: OrderedDict[int, Bytes] = OrderedDict()

    def __len__(self) -> int:
        return len(self.names)

    @overload
    def __getitem__(self, index: int) -> Bytes: ...
    @overload
    def __getitem__(self, index: slice) -> list[Bytes]: ...
    def __getitem__(self, index: int | slice) -> Bytes | list[Bytes]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        number = range(len(self))[index]
        if number in self._kept:
            self._kept.move_to_end(number)
            return self._kept[number]
        picture = self._read(number)
        self._kept[number] = picture
        self._room -= picture.nbytes
        while self._room < 0 and len(self._kept) > 1:
            self._room += self._kept.popitem(last=False)[1].nbytes
        return picture


def backgrounds(folder: Path, split: Split = "all", test_share: float = TEST_SHARE) -> Pictures:
    """Photographs, (h, w, 3) RGB uint8, from anywhere below ``folder``.

    Of a COCO or VOC folder, its photographs without its masks. ``split`` keeps the files that are
    held out for testing, or the others; a file's name decides, so a file stays on its side when
    others come and go. Of frames of a clip, as DAVIS keeps them, their folder's name does, for
    neighbours are all but the same picture. Raises UserError.
    """
    _check_folder(folder)
    voc = voc_root(folder)
    paths = _files(voc / "JPEGImages" if voc else folder, _PHOTOGRAPHS)
    if is_coco(folder):
        paths = [path for path in paths if "annotations" not in path.relative_to(folder).parts]
    if not paths:
        raise UserError(f"{folder}: no photographs found; {_list(_PHOTOGRAPHS)} are read")
    kept = of_split(paths, _deciding(paths), split, test_share, folder)
    return _each_of(kept, photograph)


def objects(folder: Path, split: Split = "all", test_share: float = TEST_SHARE) -> Pictures:
    """Cut-outs, (h, w, 4) RGBA uint8: objects of COCO or VOC, or pictures with transparency.

    ``split`` as for :func:`backgrounds`, by the name of the photograph that an object is cut from.
    Raises UserError.
    """
    _check_folder(folder)
    voc = voc_root(folder)
    if voc or is_coco(folder):
        cutouts = voc_cutouts(voc) if voc else coco_cutouts(folder)
        names = [cutout.photograph.name for cutout in cutouts]
        found = of_split(cutouts, names, split, test_share, folder)
        lists = [] if voc else list((folder / "annotations").glob("*.json"))
        masks = [cutout.mask for cutout in found if cutout.mask]
        return Pictures(
            [cutout.photograph.name for cutout in found],
            lambda number: _reduced(
                found[number].cut(photograph(found[number].photograph, None)), _LARGEST_CUTOUT
            ),
            files=[*(cutout.photograph for cutout in found), *masks, *lists],
        )
    paths = _files(folder, _TRANSPARENT)
    if not paths:
        raise UserError(
            f"{folder}: no cut-outs found; it takes {_list(_TRANSPARENT)} with transparency, or "
            "the layout of COCO (annotations/*.json) or PASCAL VOC (SegmentationObject)"
        )
    kept = of_split(paths, _deciding(paths), split, test_share, folder)
    return _each_of(kept, _cutout)


def _each_of(paths: Sequence[Path], read: Callable[[Path], Bytes]) -> Pictures:
    names = [path.name for path in paths]
    return Pictures(names, lambda number: read(paths[number]), files=paths)


def held_out(name: str, test_share: float) -> bool:
    """Whether a file of this name belongs to the test split: decided by its hash alone."""
    digest = hashlib.blake2b(name.encode(errors="surrogateescape"), digest_size=8).digest()
    return int.from_bytes(digest, "big") < test_share * 2**64


def of_split(
    items: Sequence[Item],
    names: Sequence[str],
    split: Split,
    test_share: float,
    folder: Path,
    kind: str = "pictures",
) -> list[Item]:
    """The ``items`` whose name falls into the split. Raises UserError where that leaves none."""
    if split not in ("all", "train", "test"):
        raise UserError(f"the split must be all, train or test, found {split!r}")
    if not 0 <= test_share <= 1:
        raise UserError(f"the test share must be from 0 to 1, found {test_share:g}")
    if split == "all":
        return list(items)
    kept = [
        item
        for item, name in zip(items, names, strict=True)
        if held_out(name, test_share) == (split == "test")
    ]
    if not kept:
        raise UserError(
            f"{folder}: of {len(items)} {kind} none falls into the {split} split at a test share "
            f"of {test_share:g}; change the share or add {kind}"
        )
    return kept


def _deciding(paths: Sequence[Path]) -> list[str]:
    """The name that decides each file's split: its own, or, of a clip's frame, its folder's.

    Folders are clips where many beside each other hold a file of the same name: 00000.jpg (DAVIS),
    im1.png (Vimeo).
    """
    holders: dict[tuple[Path, str], set[Path]] = {}
    for path in paths:
        holders.setdefault((path.parent.parent, path.name), set()).add(path.parent)
    clips = {folder for found in holders.values() if len(found) >= _CLIPS for folder in found}
    return [path.parent.name if path.parent in clips else path.name for path in paths]


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        what = "not a folder" if folder.exists() else "no such folder"
        raise UserError(f"{folder}: {what}; give a folder of pictures")


def _files(folder: Path, suffixes: set[str]) -> list[Path]:
    found = [
        here / name
        for here, _, names in walked(folder)
        for name in names
        if Path(name).suffix.lower() in suffixes and not name.startswith(".")
    ]
    return sorted(
        (path for path in found if path.is_file()),
        key=lambda path: path.relative_to(folder).as_posix(),
    )


def _list(suffixes: set[str]) -> str:
    return ", ".join(sorted(suffix[1:] for suffix in suffixes))


def photograph(path: Path, largest: int | None = _LARGEST_PHOTOGRAPH) -> Bytes:
    """A picture, (h, w, 3) RGB uint8, reduced to ``largest`` pixels a side. Raises UserError."""
    turned = cv2.cvtColor(decoded(path, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    picture = np.asarray(turned, dtype=np.uint8)
    return picture if largest is None else _reduced(picture, largest)


def _cutout(path: Path) -> Bytes:
    picture = decoded(path, cv2.IMREAD_UNCHANGED)
    if picture.ndim != 3 or picture.shape[2] != 4:
        raise UserError(f"{path}: has no transparency, so it is no cut-out; take it away")
    turned = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGRA2RGBA), dtype=np.uint8)
    return _reduced(turned, _LARGEST_CUTOUT)


def _reduced(picture: Bytes, largest: int) -> Bytes:
    scale = largest / max(picture.shape[:2])
    if scale >= 1:
        return picture
    smaller = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(smaller, dtype=np.uint8)
