"""Factors at the door: what is taken, what is refused, and how a map meets a pyramid."""

import numpy as np
import pytest
import torch

from motionloupe.alpha import as_alpha, check_fits, resized
from motionloupe.errors import UserError


def test_a_number_and_a_map_become_broadcastable_tensors():
    assert as_alpha(3).shape == (1, 1, 1, 1)
    assert as_alpha(np.full((20, 30), 2.0)).shape == (1, 1, 20, 30)
    assert as_alpha(0.0).item() == 0.0


@pytest.mark.parametrize(
    ("alpha", "message"),
    [
        (float("nan"), "finite"),
        (float("inf"), "finite"),
        (-1, "0 or larger"),
        ("ten", "number"),
        (None, "finite"),
        (np.ones((2, 3, 4)), "shape"),
        (np.array([[1.0, np.nan]]), "finite"),
    ],
)
def test_what_means_nothing_is_refused(alpha, message):
    with pytest.raises(UserError, match=message):
        as_alpha(alpha)


def test_a_map_must_have_the_frames_size():
    check_fits(as_alpha(2.0), 20, 30)
    check_fits(as_alpha(np.ones((20, 30))), 20, 30)
    with pytest.raises(UserError, match="30 x 20"):
        check_fits(as_alpha(np.ones((20, 30))), 30, 20)


def test_a_map_is_averaged_down_and_the_users_array_is_not_shared():
    given = np.zeros((32, 32), np.float32)
    given[:, 16:] = 10
    alpha = as_alpha(given)
    small = resized(alpha, 8, 8)
    assert small.shape == (1, 1, 8, 8)
    assert float(small.mean()) == pytest.approx(5, rel=1e-3)
    assert torch.all((small >= 0) & (small <= 10))
    alpha.zero_()
    assert given.max() == 10
