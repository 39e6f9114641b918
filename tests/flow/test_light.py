"""A change of light over the whole picture is told from motion, and nothing else is."""

import numpy as np
import pytest
import torch

from motionloupe import load
from motionloupe.arrays import to_tensor
from motionloupe.flow.light import lit_alike
from tests.scenes import shifted, texture, to_uint8

STILL = 0.8 * texture(96, 128)


def tensors(*pictures):
    return [to_tensor(picture) for picture in pictures]


@pytest.mark.parametrize(("gain", "offset"), [(0.97, 0.0), (1.1, 0.02), (0.5, 0.1), (1.0, -0.05)])
@pytest.mark.parametrize("noise", [0.0, 0.004])
def test_gain_and_offset_are_found_while_something_moves(gain, offset, noise):
    rng, moved = np.random.default_rng(0), shifted(STILL, 0.3)
    moved[30:70, 40:80] = texture(40, 40, seed=5)
    frame = gain * moved + offset + rng.normal(0, noise, moved.shape)
    before, after = tensors(STILL, frame)
    lit = lit_alike(before, after)
    assert float((lit - (gain * before + offset)).abs().max()) < 0.01


@pytest.mark.parametrize("motion", [0.0, 0.5, 12.0])
@pytest.mark.parametrize("noise", [0.0, 0.02, 0.1])
def test_where_the_light_stays_the_picture_stays(motion, noise):
    rng = np.random.default_rng(0)
    frames = (shifted(STILL, d) + rng.normal(0, noise, STILL.shape) for d in (0.0, motion))
    before, after = tensors(*(to_uint8(frame) for frame in frames))
    assert lit_alike(before, after) is before


@pytest.mark.parametrize("amplitude", [0.03, 0.06, 0.1, 0.2])
@pytest.mark.parametrize("motion", [1.0, 3.0])
@pytest.mark.parametrize("name", ["flowmag", "warp-bilinear"])
def test_a_slope_of_light_that_moves_is_motion(name, motion, amplitude):
    """A wall or a face: its brightness changes as by a lamp, its texture tells that it moved."""

    def seen(d):
        x = (np.arange(128.0) - d)[None, :, None]
        return to_uint8(0.3 + 0.4 * x / 128 + amplitude * (shifted(texture(96, 128), d) - 0.5))

    own = {} if name == "flowmag" else {"flow": "lucas-kanade"}
    loupe = load(name, **own)
    found = loupe.motion(*tensors(seen(0.0), seen(motion)))[0][..., 20:-20, 20:-20]
    assert float(found[:, 0].median()) == pytest.approx(motion, abs=0.02)


@pytest.mark.parametrize("size", [(16, 16), (17, 301)])
@pytest.mark.parametrize("level", [0.0, 0.4, 1.0])
def test_pictures_that_show_nothing_do_no_harm(size, level):
    blank = torch.full((1, 3, *size), level)
    assert lit_alike(blank, 0.5 * blank).isfinite().all()
    assert lit_alike(blank, torch.rand(1, 3, *size)) is blank


@pytest.mark.parametrize("name", ["flowmag", "warp-bilinear", "warp-nearest"])
@pytest.mark.parametrize("gain", [0.99, 0.97, 1.03, 0.8])
def test_a_flickering_lamp_moves_nothing(name, gain):
    """Slopes of light, as of a wall or a face, used to be carried along by many pixels."""
    y, x = np.mgrid[:96, :128] / 128
    slopes = 0.45 + 0.2 * np.sin(3 * x + 1)[..., None] + 0.1 * np.cos(4 * y)[..., None]
    still = slopes + 0.05 * (STILL - STILL.mean())
    a, b = to_uint8(still), to_uint8(gain * still)
    own = {} if name == "flowmag" else {"flow": "lucas-kanade"}
    drawn = load(name, **own).pair(a, b, 10.0)
    wanted = b if name == "flowmag" else a  # the warps draw with the reference's pixels
    assert np.abs(drawn.astype(float) - wanted).mean() < 1.0
