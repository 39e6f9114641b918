"""RAFT with its published weights, where MOTIONLOUPE_WEIGHTS names a folder that has them."""

import os

import pytest
import torch

from motionloupe.arrays import to_tensor
from motionloupe.flow import load_flow
from motionloupe.flow.checkpoints import FOLDER, at_hand
from motionloupe.flow.raft import SMALL
from tests.scenes import shifted, texture

pytestmark = pytest.mark.skipif(
    FOLDER not in os.environ or at_hand(SMALL) is None,
    reason=f"needs the weights of raft-small in a folder named by {FOLDER}",
)


def measured(a, b, **options):
    with torch.inference_mode():
        return load_flow("raft-small", **options)(to_tensor(a), to_tensor(b))[0]


@pytest.mark.parametrize("size", [(96, 128), (137, 200)])
def test_large_motion_is_followed(size):
    still = texture(*size)
    flow = measured(still, shifted(still, 6.0, -3.0))[:, 16:-16, 16:-16]
    assert flow[0].median().item() == pytest.approx(6, abs=0.5)
    assert flow[1].median().item() == pytest.approx(-3, abs=0.5)


def test_zero_correction_helps_below_a_tenth_of_a_pixel():
    still = texture(128, 160)
    moved = shifted(still, 0.05)
    plain, corrected = (
        (measured(still, moved, zero_correct=flag)[0] - 0.05).abs().mean() for flag in (False, True)
    )
    assert corrected < 0.6 * plain
