"""A region followed through time: against known motion, and against the first frame."""

import numpy as np
import pytest

from motionloupe.errors import UserError
from motionloupe.measurement.tracking import track
from tests.scenes import clip, shifted, texture, to_uint8


def moving(t):
    return 0.3 * np.sin(2 * np.pi * 2 * t) + 0.1 * t


def test_the_track_is_the_motion():
    frames = clip(moving, seconds=1, fps=20)
    followed = track((index / 20, frame) for index, frame in enumerate(frames))
    times = np.arange(20) / 20
    np.testing.assert_allclose(followed.seconds, times)
    np.testing.assert_allclose(followed.dx, moving(times), atol=2e-3)
    np.testing.assert_allclose(followed.dy, 0, atol=2e-3)


def test_errors_of_eight_bits_do_not_add_up():
    still = texture()
    frames = [to_uint8(shifted(still, 0.05 * index)) for index in range(20)]
    followed = track(enumerate(frames), box=(20, 20, 64, 64))
    np.testing.assert_allclose(followed.dx, 0.05 * np.arange(20), atol=0.01)


def test_another_picture_can_be_the_reference():
    still = texture()
    followed = track([(0.0, still), (1.0, shifted(still, 0.5))], reference=shifted(still, 0.2))
    np.testing.assert_allclose(followed.dx, [-0.2, 0.3], atol=1e-3)


def test_without_frames_there_is_nothing_to_follow():
    with pytest.raises(UserError, match="no frame"):
        track([])
