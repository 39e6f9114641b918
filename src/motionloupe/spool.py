"""Frames kept on disk for a second look, so that memory does not grow with the video's length."""

import tempfile
from collections.abc import Iterator

import numpy as np

from motionloupe.arrays import Image
from motionloupe.errors import UserError


class Spool:
    """A temporary file of equal pictures; it vanishes on exit, also after a crash."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="motionloupe-", buffering=0)  # noqa: SIM115 (see __exit__)
        self._shape: tuple[int, ...] = ()
        self._dtype = np.dtype(np.uint8)
        self._count = 0

    def append(self, image: Image) -> None:
        if self._count and image.dtype != self._dtype:
            raise UserError(
                f"all frames must be of one type, found {self._dtype} and {image.dtype}"
            )
        self._shape, self._dtype = image.shape, image.dtype
        try:
            left = np.ascontiguousarray(image).reshape(-1).view(np.uint8).data
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            raise UserError(
                f"there is no room for temporary frames in {tempfile.gettempdir()} "
                f"({error.strerror}): name a larger folder in TMPDIR, or take another filter"
            ) from None
        self._count += 1

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Image]:
        size = int(np.prod(self._shape)) * self._dtype.itemsize
        self._file.seek(0)
        for _ in range(self._count):
            data = self._file.read(size)
            yield np.frombuffer(data, self._dtype).reshape(self._shape).copy()

    def __enter__(self) -> "Spool":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
