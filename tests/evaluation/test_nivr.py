"""The row of NIVR: its phases carry motion, and multiplying them magnifies it."""

import numpy as np
import pytest
import torch

from motionloupe.errors import UserError
from motionloupe.evaluation.cases import Case, Target
from motionloupe.evaluation.contestants import contestants
from motionloupe.evaluation.suites import SUITES
from motionloupe.measurement.displacement import displacement
from tests.scenes import clip, shifted, texture

QUICK = {"steps": 200, "batch": 512, "patterns": 48, "width": 48}
NOTHING = torch.zeros(1)


def row(**options):
    return contestants(["nivr"], {"nivr": {**QUICK, **options}})["nivr"]


def case(frames, alpha, **about):
    frames = [frame.astype(np.float32) for frame in frames]
    targets = [Target(number, NOTHING) for number in range(1, len(frames))]
    return Case(0, alpha, frames, NOTHING, targets, **about)


@pytest.fixture(scope="module")
def pair():
    return [texture(40, 48), shifted(texture(40, 48), 0.3, -0.2)]


@pytest.mark.parametrize("alpha", [4.0, 8.0])
def test_it_magnifies_the_motion_of_a_pair(pair, alpha):
    (drawn,) = row().answer(case(pair, alpha))
    assert drawn.shape == (40, 48, 3)
    dx, dy = displacement(pair[0].astype(np.float32), drawn)
    assert dx == pytest.approx(0.3 * alpha, rel=0.3)
    assert dy == pytest.approx(-0.2 * alpha, rel=0.3)


def test_equal_seeds_draw_equal_pictures_and_touch_no_other_dice(pair):
    short = {"steps": 5}
    torch.manual_seed(7)
    before = torch.random.get_rng_state()
    first, again, other = (row(**short, seed=seed).answer(case(pair, 4.0))[0] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.01
    assert torch.equal(torch.random.get_rng_state(), before)
    assert row(seed=0).fingerprint != row(seed=1).fingerprint


def test_whoever_takes_its_pictures_keeps_gradients(pair):
    drawn = row(steps=2).stream(case(pair, 4.0))
    next(drawn)
    assert torch.is_grad_enabled()


def test_only_the_band_of_a_sequence_moves():
    """Two hertz within the band are magnified, without them the motion stays as it is."""
    frames = clip(lambda t: 0.4 * np.sin(2 * np.pi * 2 * t), seconds=2, fps=10, height=32, width=40)

    def reach(band):
        drawn = row(steps=400).answer(case(frames, 4.0, fps=10.0, band=band))
        assert len(drawn) == len(frames) - 1
        return np.std([displacement(drawn[5], frame)[0] for frame in drawn[4:16]])

    moved = np.std([displacement(frames[5], frame)[0] for frame in frames[4:16]])
    assert reach((1.0, 3.0)) / moved == pytest.approx(4.0, rel=0.3)
    assert reach((0.0, 0.5)) / moved == pytest.approx(1.0, rel=0.3)


def test_it_stays_away_from_films_and_takes_no_nonsense():
    assert "film" in row().refuses(SUITES["physical"])
    assert row().refuses(SUITES["temporal"]) is None
    assert "nivr" not in contestants()
    with pytest.raises(UserError, match="no option 'stepps'; it has steps"):
        row(stepps=3)
    with pytest.raises(UserError, match="steps of nivr must be 1 or more"):
        row(steps=0)
