"""Where a result goes: checked before any work, and complete or not there at all."""

import errno
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import av

from motionloupe.errors import UserError
from motionloupe.video.images import IMAGE_SUFFIXES, pictures_of

NUMBER = re.compile(r"%(0\d+)?d")
"""What stands for the number in a pattern of numbered pictures; the first counts."""
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def check_target(path: Path, source: Path, *, force: bool) -> None:
    """Raise UserError unless the file ``path`` may be written for the result of ``source``."""
    check_parent(path)
    if path.is_dir():
        raise UserError(f"{path} is a folder: name a file in it")
    if not path.exists():
        return
    if source.exists() and path.samefile(source):
        raise UserError(f"{path} is the input itself: choose another output")
    check_no_input(path, [source])
    _check_free(path, force)


def check_no_input(path: Path, inputs: Iterable[str | Path]) -> None:
    """Raise UserError where ``path`` is a file that is read, or a folder of pictures that are."""
    if not path.exists():
        return
    for source in map(Path, inputs):
        files = _read_from(source)
        if any(path.samefile(place) for place in (*files, *_folders(files))):
            raise UserError(f"{path} is one of the inputs: choose another output")


def _read_from(source: Path) -> list[Path]:
    """The files that a source consists of: itself, or the pictures of a folder or a glob."""
    try:
        return [source] if source.is_file() else pictures_of(source)
    except UserError:  # there are none
        return []


def _folders(files: Iterable[Path]) -> set[Path]:
    """Where the pictures among ``files`` lie."""
    pictures = (file for file in files if file.suffix.lower() in IMAGE_SUFFIXES)
    return {file.absolute().resolve().parent for file in pictures}


def check_folder(path: Path, source: Path, *, force: bool) -> None:
    """The same for a folder of pictures."""
    check_parent(path)
    if path.exists() and not path.is_dir():
        raise UserError(f"{path} is a file: a folder of pictures needs another name")
    place, origin = path.absolute().resolve(), source.absolute().resolve()
    nested = source.is_dir() and (origin in place.parents or place in origin.parents)
    if nested or place == origin or place in _folders(_read_from(source)):
        raise UserError(f"{path} and the input {source} lie in one another: choose another output")
    if path.is_dir() and any(path.iterdir()):
        _check_free(path, force)


def check_parent(path: Path) -> None:
    parent = path.absolute().parent
    if not parent.is_dir():
        raise UserError(f"there is no folder {parent} to write {path.name} to: make it first")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise UserError(f"the folder {parent} may not be written to: choose another output")


def _check_free(path: Path, force: bool) -> None:
    if not force:
        raise UserError(f"{path} exists: choose another output, or force to replace it")


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn a failure of the disk or of the container into one clear line."""
    try:
        yield
    except (OSError, av.error.FFmpegError) as error:
        reason = error.strerror or str(error)
        if error.errno in _FULL:
            raise UserError(f"there is no room to write {path}: {reason}") from error
        raise UserError(f"{path} cannot be written: {reason}") from error


class Draft:
    """A hidden temporary beside the target; it takes the target's name only when complete.

    Unless ``force`` may replace what is there, it was not there at first. What another run has
    written there meanwhile stays: this one's result then gets a name of its own, and is told.
    """

    def __init__(self, target: Path, *, folder: bool = False, force: bool = True) -> None:
        self._target, self._force = target, force
        name = f".{target.stem}-{secrets.token_hex(4)}{'' if folder else target.suffix}"
        self.path = target.absolute().parent / name
        with explained(target):
            if folder:
                self.path.mkdir()
            else:
                os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))

    def keep(self) -> None:
        """Give the finished file its name."""
        with explained(self._target):
            with self.path.open("r+b") as file:
                os.fsync(file.fileno())
            if self._target.exists() and not self._force:
                self._keep_apart()
            self.path.replace(self._target)

    def keep_folder(self, pattern: str) -> None:
        """Give the finished folder its name, or its pictures their place in one that is there.

        There, pictures of an earlier run (names that fit ``pattern``) make room; all else stays.
        """
        with explained(self._target):
            if not self._target.exists():
                self.path.rename(self._target)
                return
            there = os.listdir(self._target)
            if there and not self._force:
                self._keep_apart()
            ours = set(os.listdir(self.path))
            for name in there:
                if name not in ours and _fits(name, pattern):
                    (self._target / name).unlink()
            for name in ours:
                (self.path / name).replace(self._target / name)
            self.path.rmdir()

    def _keep_apart(self) -> None:
        own = self.path.with_name(self.path.name.removeprefix("."))
        self.path.rename(own)
        raise UserError(f"{self._target} was written by another run meanwhile: this one is {own}")

    def discard(self) -> None:
        if self.path.is_dir():
            shutil.rmtree(self.path, ignore_errors=True)
        else:
            self.path.unlink(missing_ok=True)


def numbered_name(pattern: str, number: int) -> str:
    """The name of one picture of a ``pattern`` such as %05d.png."""
    return NUMBER.sub(lambda found: found[0] % number, pattern, count=1)


def _fits(name: str, pattern: str) -> bool:
    """Whether a file's name is what ``pattern`` gives for some number."""
    found = NUMBER.search(pattern)
    if found is None:
        return name == pattern
    number = name[found.start() : len(name) - (len(pattern) - found.end())]
    return number.isdecimal() and numbered_name(pattern, int(number)) == name
