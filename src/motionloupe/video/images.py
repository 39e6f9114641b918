"""Pictures as video: a folder, a glob, one picture; 8 or 16 bit."""

from glob import glob
from pathlib import Path

import cv2
import numpy as np

from motionloupe.arrays import Image
from motionloupe.errors import UserError
from motionloupe.video.numbering import in_order, missing
from motionloupe.video.source import Selection
from motionloupe.video.stills import StillsReader, check_depth
from motionloupe.video.tiff import holds_more

TIFF_SUFFIXES = (".tif", ".tiff")
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", *TIFF_SUFFIXES)


class FolderReader(StillsReader):
    """The pictures of a folder, those that match a glob, or one picture."""

    def __init__(self, path: Path, selection: Selection) -> None:
        self._files = pictures_of(path)
        self._cut = False  # whether a file holds more than is read of it
        super().__init__(path, selection)
        if gaps := missing(self._files[self._range.start : self._range.stop]):
            self.warnings.append(f"{path}: {gaps}: the next picture follows at once")

    def _count(self) -> int:
        return len(self._files)

    def _read(self, number: int) -> Image | None:
        try:
            data = np.fromfile(self._files[number], np.uint8)
        except OSError as error:
            raise UserError(f"{self._files[number]} cannot be read: {error.strerror}") from None
        if data.size == 0:
            return None
        # Without alpha, upright by the Exif tag, in the depth that the file has.
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
        if picture is None:
            return None
        check_depth(picture, self._name(number)[0])
        self._check_pages(number)
        return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)

    def _check_pages(self, number: int) -> None:
        """Say once that a TIFF in a folder gives one picture, however many it has."""
        file = self._files[number]
        if self._cut or file.suffix.lower() not in TIFF_SUFFIXES or not holds_more(file):
            return
        self._cut = True
        self.warnings.append(
            f"{file.name} holds more than one picture: of each file only the first is read; give "
            "the file itself to read them all"
        )

    def _name(self, number: int) -> tuple[str, str]:
        file = self._files[number]
        return file.name, file.suffix.lower().lstrip(".")


def has_glob(text: str) -> bool:
    return any(mark in text for mark in "*?[")


def animation(path: Path) -> str:
    """ "png" or "webp" for a picture that is a sequence of them, "" for others."""
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError:
        return ""  # whoever reads it will say why not
    if head.startswith(b"\x89PNG"):
        return "png" if b"acTL" in head.partition(b"IDAT")[0] else ""
    flags = head[20] if len(head) > 20 and head[8:16] == b"WEBPVP8X" else 0
    return "webp" if flags & 2 else ""


def pictures_of(path: Path) -> list[Path]:
    """The files of a folder of pictures, or of those that match a glob. Raises UserError."""
    if path.is_file():
        return [path]
    if path.is_dir():
        found = [file for file in path.iterdir() if not file.name.startswith(".")]
    else:
        found = _matching(path)
    files = [file for file in found if file.is_file() and file.suffix.lower() in IMAGE_SUFFIXES]
    if not files:
        known = " ".join(suffix.lstrip(".") for suffix in IMAGE_SUFFIXES)
        where = f"the folder {path} holds" if path.is_dir() else f"{path} matches"
        raise UserError(f"{where} no pictures ({known})")
    return in_order(files)


def _matching(path: Path) -> list[Path]:
    """What matches a glob; a folder whose own name has brackets is that folder."""
    folder = path.parent
    while not folder.is_dir():
        folder = folder.parent
    return [folder / name for name in glob(str(path.relative_to(folder)), root_dir=folder)]
