"""Files that appear whole or not at all, and what tells one state of files from another."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from motionloupe.errors import UserError


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A hidden name beside ``path`` to write to, which becomes ``path`` if nothing goes wrong.

    Raises UserError where it cannot be written.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield partial
        os.replace(partial, path)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}") from None
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def write_whole(path: Path, content: str | bytes) -> None:
    """A file, of text in UTF-8, that appears complete or not at all. Raises UserError."""
    if isinstance(content, str):
        content = content.encode("utf-8", errors="surrogateescape")  # names of files
    with whole(path) as partial:
        partial.write_bytes(content)


def walked(folder: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """As ``os.walk``, with folders behind links, but for links to what they lie in."""
    above = {Path(folder): {os.path.realpath(folder)}}
    for top, inner, names in os.walk(folder, followlinks=True):
        here = Path(top)
        passed = above.pop(here)
        places = {name: os.path.realpath(here / name) for name in inner}
        inner[:] = [name for name in inner if places[name] not in passed]
        above.update({here / name: passed | {places[name]} for name in inner})
        yield here, inner, names


def stamp(paths: Iterable[Path]) -> str:
    """A digest of the files' places, sizes and times: another where one of them was changed.

    Raises UserError where one is gone.
    """
    digest = hashlib.sha256()
    for path in sorted(set(paths)):
        try:
            found = path.stat()
        except OSError as error:
            raise UserError(f"{path}: {error.strerror}") from None
        line = [str(path.resolve()), str(found.st_size), str(found.st_mtime_ns)]
        digest.update("\0".join([*line, ""]).encode(errors="surrogateescape"))
    return digest.hexdigest()
