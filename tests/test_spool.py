"""Frames that wait on disk come back as they were, and a full disk is one line."""

import errno

import numpy as np
import pytest

from motionloupe.errors import UserError
from motionloupe.spool import Spool


class Narrow:
    """A file that takes 100 bytes at a time, and no more than ``room``."""

    def __init__(self, file, room):
        self.file, self.room = file, room

    def write(self, data):
        if self.room <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = self.file.write(data[: min(100, self.room)])
        self.room -= written
        return written

    def __getattr__(self, name):
        return getattr(self.file, name)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_frames_come_back_as_they_were(dtype):
    frames = np.random.default_rng(0).uniform(0, 255, (5, 17, 13, 3)).astype(dtype)
    with Spool() as spool:
        spool._file = Narrow(spool._file, 10**6)
        for frame in frames:
            spool.append(frame[:, ::-1])
        assert len(spool) == 5
        for _ in range(2):
            assert np.array_equal(list(spool), frames[:, :, ::-1])


@pytest.mark.parametrize("room", [0, 50, 700])
def test_a_full_disk_is_told_with_the_folder_that_is_full(room, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Spool() as spool:
        spool._file = Narrow(spool._file, room)
        with pytest.raises(UserError, match=f"temporary frames in {tmp_path}"):
            spool.append(np.zeros((17, 13, 3), np.uint16))


def test_frames_of_two_types_are_refused():
    with Spool() as spool:
        spool.append(np.zeros((16, 16, 3), np.uint8))
        with pytest.raises(UserError, match="one type, found uint8 and uint16"):
            spool.append(np.zeros((16, 16, 3), np.uint16))
