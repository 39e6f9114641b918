"""The Riesz transform against its definition, and the phase that it gives."""

import numpy as np
import pytest
import torch

from motionloupe.pyramids.riesz import build, collapse, phase_difference, transformed
from tests.scenes import texture

INNER = (slice(None), slice(None), slice(12, -12), slice(12, -12))


def wave(frequency: float, degrees: float, dx: float = 0.0, dy: float = 0.0) -> torch.Tensor:
    """cos(k . (p - d)) as (1, 1, 64, 72), for k of ``frequency`` radians per pixel."""
    k = frequency * np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])
    y, x = np.mgrid[0:64, 0:72]
    picture = np.cos(k[0] * (x - dx) + k[1] * (y - dy))
    return torch.from_numpy(picture.astype(np.float32))[None, None]


@pytest.mark.parametrize("degrees", [0, 30, 45, 90, 135, 200])
@pytest.mark.parametrize(("frequency", "error"), [(1.2, 0.1), (1.57, 0.075), (2.0, 0.1)])
def test_a_plane_wave_gives_its_sine_along_its_direction(frequency, error, degrees):
    level = transformed(wave(frequency, degrees))[INNER]
    direction = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    quarter = np.pi / 2 / frequency  # sin(k p) is the wave moved on by a quarter
    sine = wave(frequency, degrees, quarter * direction[0], quarter * direction[1])[INNER]
    for axis in (0, 1):
        odd = level[:, 1 + axis : 2 + axis]
        assert (odd - direction[axis] * sine).abs().max() < error


@pytest.mark.parametrize("degrees", [0, 30, 90, 135])
@pytest.mark.parametrize("d", [0.01, 0.3, 1.2])
def test_the_phase_difference_is_the_motion_along_the_wave(d, degrees):
    dx, dy = 0.8 * d, 0.6 * d
    before, after = transformed(wave(1.57, degrees)), transformed(wave(1.57, degrees, dx, dy))
    weight = before.square().sum(dim=1, keepdim=True)
    phase = phase_difference(before, after) * weight
    x, y = (phase[INNER].sum(dim=(0, 2, 3)) / weight[INNER].sum()).tolist()
    direction = np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])
    expected = -1.57 * (direction @ [dx, dy]) * direction
    assert (x, y) == pytest.approx(tuple(expected), rel=0.05, abs=2e-3 * d)


def test_equal_opposite_and_flat_levels_give_no_nan():
    level = transformed(wave(1.5, 20))
    flat = torch.zeros_like(level)
    assert phase_difference(level, level).abs().max() < 1e-6
    turned = phase_difference(level, -level)  # the case of acos(-1)
    assert torch.isfinite(turned).all()
    for a, b in ((flat, flat), (flat, level), (level, flat)):
        assert (phase_difference(a, b) == 0).all()


@pytest.mark.parametrize("size", [(96, 128), (53, 37), (16, 16)])
def test_any_size_comes_back(size):
    luma = torch.from_numpy(texture(*size)[..., 0].astype(np.float32))[None, None]
    torch.testing.assert_close(collapse(*build(luma)), luma, atol=1e-5, rtol=0)
