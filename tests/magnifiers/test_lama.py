"""The adapter of learned inpainting, on a fake of the package."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from motionloupe.errors import UserError
from motionloupe.magnifiers import load
from tests.scenes import shifted, texture, to_uint8


class Red:
    """Takes what the package takes, and like it answers in whole multiples of 8 pixels."""

    def __init__(self, device):
        self.device = device
        self.filled = 0

    def __call__(self, image, mask):
        assert image.dtype == mask.dtype == np.uint8
        assert image.shape[:2] == mask.shape
        assert set(np.unique(mask)) <= {0, 255}
        self.filled += int((mask == 255).sum())
        height, width = (-(-side // 8) * 8 for side in mask.shape)
        red = np.full((height, width, 3), 77, np.uint8)
        red[: mask.shape[0], : mask.shape[1], 0] = 255
        return red


def package(monkeypatch, model):
    monkeypatch.setitem(sys.modules, "simple_lama_inpainting", SimpleNamespace(SimpleLama=model))


@pytest.mark.parametrize("name", ["warp-nearest", "warp-bilinear"])
def test_it_fills_the_holes_and_nothing_else(monkeypatch, name):
    package(monkeypatch, Red)
    still = to_uint8(texture(61, 83))
    frame = to_uint8(shifted(texture(61, 83), 0.5))
    method = load(name, inpaint="lama")
    bare = load(name, inpaint="none").pair(still, frame, 12.0)
    filled = method.pair(still, frame, 12.0)
    hole = (filled == (255, 77, 77)).all(axis=2)
    assert hole[16:-16, :4].all()
    assert hole.sum() == method._fill._model.filled
    np.testing.assert_array_equal(filled[~hole], bare[~hole])
    assert (bare[hole] == 0).all()


def test_without_the_package_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "simple_lama_inpainting", None)
    with pytest.raises(UserError, match=r"pip install motionloupe\[lama\]"):
        load("warp-bilinear", inpaint="lama")


def test_without_the_weights_it_says_where_they_may_be(monkeypatch):
    def offline(device):
        raise OSError("no way out\nof here")

    package(monkeypatch, offline)
    with pytest.raises(UserError, match=r"\(no way out\); go online once, or name .*LAMA_MODEL"):
        load("warp-bilinear", inpaint="lama")
