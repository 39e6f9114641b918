"""A mask stays on its object, far and for long."""

import numpy as np
import pytest

from motionloupe import Focus, Region
from motionloupe.flow import load_flow
from motionloupe.masks import Aim
from motionloupe.masks.follow import Follower
from tests.masks.objects import COLUMNS, HEIGHT, ROWS, WIDTH, ellipse, overlap, travelling
from tests.scenes import texture, to_uint8


def centre(weights):
    return np.array([(weights * axis).sum() / weights.sum() for axis in (COLUMNS, ROWS)])


def followed(path, noise=0.0):
    """For each place of the object: overlap of mask and truth, and pixels between their centres."""
    mask = (ellipse() > 0.5).astype(np.float32)
    follower = Follower(mask, mask, travelling(0), load_flow("lucas-kanade"))
    found = []
    for seed, (dx, dy) in enumerate(path):
        weights = follower.at(travelling(dx, dy, noise, seed))
        true = ellipse(dx, dy) > 0.5
        found.append((overlap(weights > 0.5, true), *(centre(weights) - centre(true))))
    return np.array(found)


def test_it_follows_over_twenty_pixels():
    found = followed([(dx, 0.2 * dx) for dx in np.arange(0, 21, 1.25)], noise=0.02)
    assert found[:, 0].min() > 0.93
    assert np.abs(found[:, 1:]).max() < 0.6


def test_it_does_not_drift_however_long():
    there_and_back = 10 * np.sin(2 * np.pi * np.arange(48) / 12)
    found = followed([(dx, 0.0) for dx in there_and_back])
    assert np.abs(found[-1, 1:]).max() < 0.3
    assert np.abs(found[36:, 1:]).max() < np.abs(found[:12, 1:]).max() + 0.1


def test_a_still_scene_leaves_the_mask_where_it_is():
    found = followed([(0.0, 0.0)] * 3)
    assert (found[:, 0] == 1).all()


def test_an_object_that_leaves_takes_its_mask_along():
    mask = (ellipse() > 0.5).astype(np.float32)
    follower = Follower(mask, mask, travelling(0), load_flow("lucas-kanade"))
    for dx in range(0, -70, -3):
        weights = follower.at(travelling(dx))
    assert weights.max() == 0
    assert follower.at(travelling(0)).max() == 0  # it does not come back


def test_an_object_that_changes_is_told_once_with_its_frame():
    mask = (ellipse() > 0.5).astype(np.float32)
    follower = Follower(mask, mask, travelling(0), load_flow("lucas-kanade"))
    for seed, dx in enumerate((0, 1, 2)):
        follower.at(travelling(dx, noise=0.03, seed=seed))
    assert follower.warnings == []
    for _ in range(2):
        follower.at(to_uint8(texture(HEIGHT, WIDTH, 7)))
    (warning,) = follower.warnings
    assert "in frame 3 a followed object" in warning


@pytest.mark.parametrize("follow", [False, True])
def test_a_focus_follows_when_asked(follow):
    focus = Focus([Region(ellipse() > 0.5)], dilate=2, feather=3, follow=follow)
    with Aim(focus, 5.0, travelling(0)) as aim:
        for dx in (0, 2, 4, 6, 8):
            alpha = aim(travelling(dx))
    assert alpha.min() == 1
    assert centre(alpha - 1)[0] - centre(ellipse())[0] == pytest.approx(8 * follow, abs=0.4)
