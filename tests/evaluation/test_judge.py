"""Scores of answers whose quality is known."""

import math
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from motionloupe.errors import UserError
from motionloupe.evaluation.contestants import CHECKS
from motionloupe.evaluation.judge import BORDER, METRICS, Judge, meter, metric_of, title
from motionloupe.evaluation.metrics import motion_gain
from motionloupe.evaluation.perceptual import Perceptual
from motionloupe.evaluation.suites import SUITES
from motionloupe.evaluation.synthetic import Material
from motionloupe.flow.base import FlowEstimator, FromReference
from tests.data.material import cutouts, photographs
from tests.scenes import texture

FLOW = "lucas-kanade"


@pytest.fixture(scope="module")
def meters():
    return {FLOW: meter(FLOW)}


@pytest.fixture(scope="module")
def material():
    return Material(photographs(), cutouts(), (112, 96), seed=1)


def scores(case, meters):
    judge = Judge(case, meters)
    return {name: judge.scores(check.answer(case)) for name, check in CHECKS.items()}


def test_the_truth_is_perfect_where_the_meter_plays_no_part(material, meters):
    suite = SUITES["input-motion"]
    found = scores(suite.case(material, suite.levels[4], 0), meters)
    assert found["truth"]["ssim"] == pytest.approx(1, abs=1e-6)
    assert found["truth"]["rmse"] == 0
    assert found["truth"]["psnr"] == math.inf
    assert found["truth"][f"motion_gap/{FLOW}"] == 0


def test_doing_nothing_is_perfect_at_alpha_1(material, meters):
    suite = SUITES["alpha"]
    idle = scores(suite.case(material, suite.levels[0], 0), meters)["input"]
    assert idle["ssim"] > 0.995
    assert idle[f"motion_gap/{FLOW}"] < 0.02
    assert idle[f"motion_error/{FLOW}"] < 0.02
    assert idle[f"magnification_error/{FLOW}"] < 0.1


def test_doing_nothing_gains_one_over_alpha(material, meters):
    bare = Material(material.backgrounds, [], material.size, seed=1)
    suite = SUITES["input-motion"]
    found = scores(suite.case(bare, suite.levels[4], 0), meters)  # 1 px at alpha 3
    assert found["input"][f"gain/{FLOW}"] == pytest.approx(1 / 3, abs=0.01)
    assert found["input"][f"end_point_error/{FLOW}"] == pytest.approx(2, abs=0.05)
    assert found["input"][f"magnification_error/{FLOW}"] == pytest.approx(2, abs=0.05)
    assert found["truth"][f"gain/{FLOW}"] == pytest.approx(1, abs=0.02)
    assert found["truth"][f"motion_error/{FLOW}"] < 0.1


def test_lpips_is_asked_of_what_lies_inside_the_border(material, meters, monkeypatch):
    class Fake(torch.nn.Module):
        def __init__(self, net, verbose):
            super().__init__()
            assert (net, verbose) == ("alex", False)

        def forward(self, first, second, normalize):
            assert normalize  # pictures are in [0, 1]
            assert first.shape[-2:] == (96 - 2 * BORDER, 112 - 2 * BORDER)
            return (first - second).abs().mean(dim=(1, 2, 3), keepdim=True)

    monkeypatch.setitem(sys.modules, "lpips", SimpleNamespace(LPIPS=Fake))
    suite = SUITES["input-motion"]
    case = suite.case(material, suite.levels[4], 0)
    judge = Judge(case, meters, Perceptual())
    assert judge.scores(CHECKS["truth"].answer(case))["lpips"] == 0
    assert judge.scores(CHECKS["input"].answer(case))["lpips"] > 0


def test_without_its_package_lpips_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "lpips", None)
    with pytest.raises(UserError, match=r"pip install motionloupe\[lpips\]"):
        Perceptual()


def test_still_scenes_have_no_ratio(material, meters):
    suite = SUITES["still"]
    found = scores(suite.case(material, suite.levels[1], 0), meters)
    assert math.isnan(found["input"][f"gain/{FLOW}"])
    assert math.isnan(found["input"][f"magnification_error/{FLOW}"])
    assert found["truth"][f"end_point_error/{FLOW}"] == 0
    assert (
        0 < found["input"][f"end_point_error/{FLOW}"] < found["broken"][f"end_point_error/{FLOW}"]
    )


def test_sequences_are_judged_by_the_mean_of_their_frames(material, meters):
    suite = SUITES["temporal"]
    case = suite.case(material, suite.levels[2], 0)
    case = replace(case, targets=case.targets[:2])
    judge = Judge(case, meters)
    answers = CHECKS["truth"].answer(case)
    one_wrong = [np.ones_like(answers[0]), *answers[1:]]
    assert judge.scores(answers)["rmse"] == 0
    wrong = torch.ones_like(case.targets[0].truth) - case.targets[0].truth
    inner = wrong[..., BORDER:-BORDER, BORDER:-BORDER]
    expected = 255 * inner.square().mean().sqrt().item() / len(answers)
    assert judge.scores(one_wrong)["rmse"] == pytest.approx(expected, rel=1e-5)
    assert f"motion_error/{FLOW}" not in judge.scores(answers)


def test_what_an_estimator_sees_at_rest_is_taken_away():
    class Drifting(FlowEstimator):
        def estimate(self, a, b):
            return (b - a)[:, :2] + 0.3

    picture = torch.from_numpy(texture(32, 32)).permute(2, 0, 1)[None].float()
    found = FromReference(Drifting(iterations=1, zero_correct=False), picture)
    assert found.to(picture).abs().max() == 0
    moved = found.to(picture + 0.25)
    assert torch.allclose(moved, torch.full_like(moved, 0.25), atol=1e-6)


def test_the_gain_is_the_factor_that_fits_best():
    wanted = torch.randn(2, 2, 20, 20, generator=torch.Generator().manual_seed(0))
    across = torch.stack([-wanted[:, 1], wanted[:, 0]], dim=1)
    assert motion_gain(0.7 * wanted + across, wanted).tolist() == pytest.approx([0.7, 0.7])
    mask = torch.zeros(20, 20)
    mask[:, :10] = 1
    half = wanted.clone()
    half[..., 10:] = math.nan
    assert motion_gain(half, wanted, mask=mask).tolist() == pytest.approx([1, 1])
    assert motion_gain(wanted, torch.zeros_like(wanted)).isnan().all()


def test_metrics_know_their_better_end_and_their_names():
    assert METRICS["ssim"].badness(0.9) < METRICS["ssim"].badness(0.8)
    assert METRICS["rmse"].badness(1) < METRICS["rmse"].badness(2)
    assert METRICS["gain"].badness(1.1) < METRICS["gain"].badness(0.8)
    assert title("motion_gap/raft-small") == "motion gap (px), by raft-small"
    assert metric_of("ssim") is METRICS["ssim"]
