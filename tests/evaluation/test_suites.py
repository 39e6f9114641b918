"""What the benchmark asks: the papers' levels, and cases whose truth is right."""

import itertools
import math

import numpy as np
import pytest
import torch

from motionloupe.data.photometry import noise_level
from motionloupe.errors import UserError
from motionloupe.evaluation.cases import FPS
from motionloupe.evaluation.suites import SUITES, suites
from motionloupe.evaluation.synthetic import BAND, FRAMES, JUDGED, PICKED, Material
from motionloupe.measurement.displacement import displacement
from tests.data.material import cutouts, photographs


@pytest.fixture(scope="module")
def material():
    return Material(photographs(), cutouts(), (96, 80), seed=3)


def test_levels_are_those_of_the_paper_s_table():
    subpixel = SUITES["subpixel"].levels
    assert len(subpixel) == 15
    assert (subpixel[0].value, subpixel[-1].value) == (0.04, 1.0)
    assert all(level.alpha * level.value == pytest.approx(10) for level in subpixel)
    for name, motion, alpha in (("noise", 2.0, 5.0), ("noise-subpixel", 0.05, 200.0)):
        levels = SUITES[name].levels
        assert len(levels) == 21
        ratios = [math.log10(b.value / a.value) for a, b in itertools.pairwise(levels)]
        assert ratios == pytest.approx([0.2] * 20, abs=2e-3)
        assert {(x.motion, x.alpha) for x in levels} == {((motion, motion), alpha)}
        assert levels[-1].noise == noise_level(100.0)
    alphas = SUITES["alpha"].levels
    assert (alphas[0].alpha, alphas[-1].alpha) == (1, 1000)
    assert all(x.alpha * x.motion[1] <= 10 and x.motion[0] == 0.01 for x in alphas)
    assert all(x.alpha * x.motion[0] == x.value for x in SUITES["magnified-motion"].levels)


def test_a_pair_moves_as_its_level_says(material):
    level = SUITES["subpixel"].levels[10]
    case = SUITES["subpixel"].case(material, level, 0)
    (target,) = case.targets
    lengths = torch.linalg.vector_norm(target.moves, dim=1)
    assert lengths.min().item() == pytest.approx(0.4, abs=1e-5)
    assert lengths.max().item() == pytest.approx(0.4, abs=1e-5)
    assert torch.allclose(target.wanted, 25 * target.moves)
    assert [frame.dtype for frame in case.frames] == [np.float32] * 2
    levels_of_8_bits = case.frames[1] * 255
    assert np.abs(levels_of_8_bits - levels_of_8_bits.round()).max() < 1e-4
    assert not target.seen.all()


def test_the_truth_of_a_pair_has_moved_alpha_times_as_far(material):
    only_background = Material(material.backgrounds, [], material.size, seed=3)
    case = SUITES["subpixel"].case(only_background, SUITES["subpixel"].levels[-1], 1)
    truth = case.targets[0].truth[0].permute(1, 2, 0).numpy()
    reference = case.reference[0].permute(1, 2, 0).numpy()
    wanted = case.targets[0].wanted[0, :, 40, 40].tolist()
    assert displacement(reference, truth) == pytest.approx(wanted, abs=0.05)
    assert math.hypot(*wanted) == pytest.approx(10)


def test_a_scene_keeps_its_layout_from_level_to_level(material):
    suite = SUITES["noise"]
    clean, noisy = (suite.case(material, suite.levels[n], 2) for n in (0, -1))
    assert torch.equal(clean.targets[0].truth, noisy.targets[0].truth)
    assert np.abs(clean.frames[0] - noisy.frames[0]).mean() > 0.1
    other = suite.case(material, suite.levels[0], 3)
    assert not torch.equal(clean.targets[0].truth, other.targets[0].truth)


def test_a_coarser_codec_leaves_less_of_the_frames_and_all_of_the_truth(material):
    suite = SUITES["compressed"]
    cases = [suite.case(material, level, 1) for level in (suite.levels[0], suite.levels[-1])]
    fine, coarse = (case.targets[0] for case in cases)
    assert torch.equal(fine.truth, coarse.truth)
    assert torch.equal(fine.wanted, coarse.wanted)
    source = fine.source[0].permute(1, 2, 0).numpy()
    lost = [np.abs(case.frames[1] - source).mean() for case in cases]
    assert lost[1] > 2 * lost[0] > 0


def test_nothing_moves_in_still_scenes(material):
    suite = SUITES["still"]
    case = suite.case(material, suite.levels[2], 0)
    assert not case.targets[0].wanted.any()
    assert torch.equal(case.reference, case.targets[0].truth)
    spread = np.std(case.frames[1] - case.frames[0]) * 255
    assert spread == pytest.approx(math.sqrt(2) * noise_level(1.0), rel=0.25)


def test_a_sequence_magnifies_one_frequency_and_leaves_the_other(material):
    suite = SUITES["temporal"]
    level = next(x for x in suite.levels if x.value == 6)
    case = suite.case(material, level, 0)
    assert len(case.frames) == FRAMES
    assert case.band == BAND
    assert [target.number for target in case.targets] == list(JUDGED)
    target = case.targets[1]
    before, after = target.moves[0].norm(dim=0), target.wanted[0].norm(dim=0)
    sway = {f: 0.5 * abs(math.sin(2 * math.pi * f * target.number / FPS)) for f in (PICKED, 6.0)}
    kinds = [(0.0, 0.0), (sway[PICKED], 5 * sway[PICKED]), (sway[6.0], sway[6.0])]
    found = [
        ((before - a).abs() < 1e-4) & ((after - b).abs() < 1e-4)
        for a, b in kinds
    ]  # fmt: skip
    assert torch.stack(found).any(dim=0).all()
    assert all(kind.any() for kind in found)
    again = suite.case(material, level, 0)
    assert np.array_equal(again.frames[7], case.frames[7])
    film = list(case.truths())
    assert len(film) == FRAMES
    for target in case.targets:
        assert np.array_equal(film[target.number], target.truth[0].permute(1, 2, 0).numpy())


def test_thinned_and_capped_suites_keep_what_they_can():
    few = SUITES["subpixel"].thinned(3)
    assert [level.value for level in few.levels] == [0.04, 0.2, 1.0]
    assert few.thinned(9) is few
    assert [level.value for level in few.thinned(1).levels] == [0.2]
    capped = SUITES["subpixel"].capped(100)
    assert [level.alpha for level in capped.levels][:6] == [100] * 5 + [
        pytest.approx(76.9, abs=0.1)
    ]
    assert capped.line.endswith("; here by 100 times at most")
    assert [level.alpha for level in SUITES["alpha"].capped(10).levels] == [1, 2, 5, 10]
    bound = SUITES["magnified-motion"].capped(20)  # half a pixel x 20 is 10 px, never 30
    assert [(level.value, level.alpha) for level in bound.levels][-1] == (10, 20)
    with pytest.raises(UserError, match="no level"):
        SUITES["noise-real"].capped(1.5)


def test_what_cannot_be_asked_is_said():
    with pytest.raises(UserError, match="no suite 'pixel'; there are all, subpixel"):
        suites(["pixel"])
    with pytest.raises(UserError, match="64 x 64 or more, found 40 x 90"):
        Material([], [], (40, 90), 0)
    bare = Material(photographs(), [], (64, 64), 0)
    with pytest.raises(UserError, match="temporal needs objects"):
        SUITES["temporal"].case(bare, SUITES["temporal"].levels[0], 0)
    assert list(suites(["all"])) == list(SUITES)
    assert list(suites(["all"], objects=False)) == [name for name in SUITES if name != "temporal"]
    with pytest.raises(UserError, match="temporal needs objects"):
        suites(["temporal"], objects=False)
    assert list(suites(["all"], ["pairs", "clips"])) == ["pairs", "noise-real"]
    with pytest.raises(UserError, match="the suites need material"):
        suites(["all"], [])
    with pytest.raises(UserError, match="the suite pairs needs real pairs: --pairs DIR"):
        suites(["pairs"], ["scenes"])
