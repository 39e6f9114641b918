"""One run for one folder: two that write to it would undo each other's checkpoints."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from motionloupe.errors import UserError


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold ``folder``, made if need be, until this process ends, however it ends.

    Raises UserError where another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        held = FileLock(folder / ".lock").acquire(blocking=False)
    except Timeout:
        raise UserError(
            f"another training is writing to {folder}: wait for it, or choose another folder"
        ) from None
    with held:
        yield
