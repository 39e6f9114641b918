"""Who is called best, and when the checks speak: never by what may be chance."""

import numpy as np
import pytest

from motionloupe.evaluation.checks import beaten_by_broken, beaten_by_input, beaten_truth, findings
from motionloupe.evaluation.results import Key, Results, Row
from motionloupe.evaluation.standing import leaders


def rows(**means):
    return [Row(Key("still", 1.0, 0, m), "", {"ssim": v}, 0.1, 1.0) for m, v in means.items()]


def test_the_checks_speak_up():
    results = Results(rows(phase=0.5, riesz=0.2, input=0.6, truth=0.4, broken=0.3))
    (truth,) = beaten_truth(results, "still", "ssim")
    assert (truth.winner, truth.scores) == ("input", (0.6, 0.4))
    (broken,) = beaten_by_broken(results, "still", "ssim")
    assert (broken.loser, broken.scores) == ("riesz", (0.3, 0.2))
    assert beaten_by_input(results, "still", "ssim") == [1.0]
    (line,) = findings(results, "still")
    assert "`truth` is not best at 1 of 1 levels, most at 1 (`input` 0.6, `truth` 0.4)" in line
    assert leaders(results, "still", 1.0, "ssim") == {"phase"}


def scored(metric, groups=(), **values):
    """Rows of many scenes at one level."""
    return Results(
        Row(Key("still", 1.0, n, who), "", {metric: v}, 0.1, 1.0, groups[n] if groups else "")
        for who, each in values.items()
        for n, v in enumerate(each)
    )


HARD = np.array([0.2, 0.5, 0.9, 0.4])  # what makes a scene easy or hard for everybody
NOISE = np.array([0.01, -0.02, 0.02, 0.0])


def test_bold_is_who_is_not_worse_scene_by_scene():
    even, behind = HARD + NOISE, HARD - 0.05
    results = scored("ssim", phase=HARD + 0.005, riesz=even, linear=behind, truth=HARD + 1)
    assert leaders(results, "still", 1.0, "ssim") == {"phase", "riesz"}
    apart = results.difference("still", 1.0, "ssim", "riesz", "phase")
    expected = HARD + 0.005 - even
    assert apart.mean == pytest.approx(expected.mean())
    assert apart.standard_error == pytest.approx(expected.std(ddof=1) / 2)
    of_one = scored("ssim", ["v"] * 4, phase=HARD + 0.005, riesz=even, linear=HARD - 0.05)
    assert leaders(of_one, "still", 1.0, "ssim") == {"phase"}


def test_scenes_without_a_score_are_not_compared():
    values = {"phase": [0.5, 0.6, 0.7], "riesz": [np.nan, 0.5, 0.6], "linear": [np.nan] * 3}
    results = scored("ssim", **values)
    apart = results.difference("still", 1.0, "ssim", "riesz", "phase")
    assert (apart.n, apart.mean) == (2, pytest.approx(0.1))
    assert leaders(results, "still", 1.0, "ssim") == {"phase"}
    perfect = scored("psnr", phase=[np.inf, np.inf], riesz=[np.inf, 40.0], linear=[np.inf] * 2)
    assert leaders(perfect, "still", 1.0, "psnr") == {"phase", "linear"}


def test_a_gain_is_compared_by_how_far_its_mean_is_from_1():
    results = scored("gain/x", phase=1 + NOISE, riesz=1.1 + NOISE, linear=0.8 + NOISE)
    assert leaders(results, "still", 1.0, "gain/x") == {"phase"}
    apart = results.difference("still", 1.0, "gain/x", "linear", "riesz")
    means = [results.summary("still", 1.0, who, "gain/x").mean for who in ("linear", "riesz")]
    assert apart.mean == pytest.approx(abs(means[0] - 1) - abs(means[1] - 1))


def test_chance_is_no_defeat():
    found = {"phase": HARD + NOISE - 0.001, "input": HARD, "broken": HARD, "truth": HARD}
    results = scored("ssim", **found)
    assert not beaten_truth(results, "still", "ssim")
    assert not beaten_by_broken(results, "still", "ssim")
    assert beaten_by_input(results, "still", "ssim") == []
    (line,) = findings(results, "still")
    assert line == (
        "- SSIM: nobody is better than `truth` at any level; "
        "nobody is worse than `broken` at any level."
    )
    worse = scored("ssim", **found | {"phase": HARD - 0.05 + NOISE, "truth": HARD - 0.2})
    assert beaten_truth(worse, "still", "ssim")[0].winner == "input"
    assert beaten_by_broken(worse, "still", "ssim")[0].loser == "truth"
    assert beaten_by_input(worse, "still", "ssim") == [1.0]
