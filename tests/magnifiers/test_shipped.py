"""The weights that are shipped: small, with a card, and as good as their card says."""

from importlib import resources
from pathlib import Path

import cv2
import numpy as np
import pytest

from motionloupe import load
from motionloupe.arrays import to_tensor
from motionloupe.cli import main
from motionloupe.evaluation.metrics import psnr
from motionloupe.magnifiers import METHODS, load_trained
from motionloupe.magnifiers.flowmag import FlowMag
from motionloupe.measurement.displacement import displacement
from motionloupe.stored import read_tensors
from tests.scenes import shifted, texture, to_uint8

WEIGHTS = resources.files("motionloupe") / "weights"
LARGEST = 15e6  # bytes
SHIPPED = sorted(path.name for path in WEIGHTS.iterdir() if path.name.endswith(".safetensors"))
CARD = ("task", "data", "hours", "held_out", "licence")


def test_every_learned_method_and_the_benchmark_s_row_have_their_weights_and_no_other():
    learned = {"flowmag", "oh2018"} & set(METHODS)
    beside = {"flavr", "flowmag-arflow", "motion-finder"}
    assert {name.removesuffix(".safetensors") for name in SHIPPED} == learned | beside


def test_they_are_found_by_their_name():
    assert isinstance(load_trained("flowmag-arflow"), FlowMag)


@pytest.mark.parametrize("name", SHIPPED)
def test_they_are_small_and_say_how_they_were_made(name):
    path = WEIGHTS / name
    assert len(path.read_bytes()) < LARGEST
    card = read_tensors(Path(str(path)))[1]["card"]
    assert set(CARD) <= set(card)
    assert "config" in card or {"recipe", "seed"} <= set(card)  # of one stage, or of several
    page = (WEIGHTS / name.replace(".safetensors", ".md")).read_text()
    for word in ("licence", "seed", "hours"):
        assert word in page.lower()


@pytest.fixture(scope="module")
def flowmag():
    return load("flowmag")


@pytest.fixture(scope="module")
def oh2018():
    return load("oh2018")


def measured_gain(method, motion, alpha, angle=0.4):
    still = texture(96, 128)
    way = np.array([np.cos(angle), np.sin(angle)])
    moved = to_uint8(shifted(still, *(motion * way)))
    drawn = method.pair(to_uint8(still), moved, alpha) / 255.0
    return float(way @ displacement(still, drawn, (20, 20, 88, 56))) / (motion * alpha)


@pytest.mark.parametrize("alpha", [5.0, 10.0, 20.0])
@pytest.mark.parametrize("motion", [0.1, 0.5])
def test_flowmag_gives_the_factor_that_is_asked(flowmag, motion, alpha):
    assert measured_gain(flowmag, motion, alpha) == pytest.approx(1.0, abs=0.1)


def test_flowmag_sees_a_twentieth_of_a_pixel(flowmag):
    assert measured_gain(flowmag, 0.05, 100.0) == pytest.approx(1.0, abs=0.15)


def of_a_noisy_still_scene(method, seed=0):
    """Its second frame, what is drawn of it at a factor of 16, and how far that seems to move."""
    rng = np.random.default_rng(seed)
    still = texture(96, 128)
    first, second = (to_uint8(still + 0.004 * rng.standard_normal(still.shape)) for _ in range(2))
    drawn = method.pair(first, second, 16.0)
    return second, drawn, np.hypot(*displacement(still, drawn / 255.0, (20, 20, 88, 56)))


def test_flowmag_leaves_a_noisy_still_scene_still(flowmag):
    second, drawn, moved = of_a_noisy_still_scene(flowmag)
    assert moved < 0.05
    assert float(psnr(to_tensor(drawn), to_tensor(second))) > 30


@pytest.mark.parametrize(("motion", "alpha"), [(0.5, 5.0), (0.5, 10.0), (0.5, 20.0), (0.2, 20.0)])
def test_oh2018_gives_the_factor_in_its_range(oh2018, motion, alpha):
    gains = [measured_gain(oh2018, motion, alpha, angle) for angle in (0.0, 0.4, 0.8, 1.6, 2.4)]
    assert 0.8 < np.mean(gains) < 1.15
    assert max(gains) < 1.2


def test_oh2018_leaves_noisy_still_scenes_still(oh2018):
    moved = [of_a_noisy_still_scene(oh2018, seed)[2] for seed in range(10)]
    assert np.mean(moved) < 0.05
    assert max(moved) < 0.07


@pytest.mark.parametrize("background", ["keep", "composite"])
def test_flowmag_magnifies_only_what_the_user_points_at(tmp_path, background):
    def both(dx):
        return to_uint8(np.hstack([shifted(texture(96, 96, seed), dx) for seed in (0, 1)]))

    (tmp_path / "in").mkdir()
    frames = [both(0.0), both(0.3)]
    for number, frame in enumerate(frames):
        cv2.imwrite(str(tmp_path / "in" / f"{number}.png"), frame[..., ::-1])
    mask = np.zeros((96, 192), np.uint8)
    mask[:, :96] = 255
    cv2.imwrite(str(tmp_path / "mask.png"), mask)
    words = f"magnify {tmp_path / 'in'} {tmp_path / 'out'} -a 10 --background {background}"
    assert main([*words.split(), "--mask", str(tmp_path / "mask.png"), "--quiet"]) == 0
    drawn = cv2.imread(str(sorted((tmp_path / "out").iterdir())[1]))[..., ::-1]
    left, right = (20, 20, 56, 56), (116, 20, 56, 56)
    assert displacement(frames[0], drawn, left)[0] == pytest.approx(3.0, rel=0.1)
    assert displacement(frames[0], drawn, right)[0] == pytest.approx(0.3, abs=0.05)
    if background == "composite":
        off = np.abs(drawn[:, 96:].astype(float) - frames[1][:, 96:])
        assert off.mean() < 1.0
