"""The meter that judges the magnifiers is itself held against known answers."""

import numpy as np
import pytest

from motionloupe.errors import UserError
from motionloupe.measurement.displacement import displacement, register
from tests.scenes import shifted, texture, to_uint8


@pytest.mark.parametrize("d", [0.0, 0.01, 0.2, -0.7, 3.4, -11.25])
def test_a_known_shift_is_measured_to_a_thousandth(d):
    still = texture()
    dx, dy = displacement(still, shifted(still, d, -0.5 * d))
    assert dx == pytest.approx(d, abs=1e-3)
    assert dy == pytest.approx(-0.5 * d, abs=1e-3)


def test_eight_bits_cost_little():
    still = texture()
    dx, _ = displacement(to_uint8(still), to_uint8(shifted(still, 0.1)))
    assert dx == pytest.approx(0.1, abs=5e-3)


@pytest.mark.parametrize("gain", [0.97, 1.0, 1.1, 0.7])
def test_a_change_of_light_is_no_motion(gain):
    """A gentle slope that grows brighter looks as if it had moved by many pixels."""
    y, x = (np.linspace(0, 1, side) for side in texture().shape[:2])
    slope = 0.4 + 0.1 * x[None, :, None] + 0.04 * y[:, None, None] + 0.02 * (texture() - 0.5)
    for still in (texture(), slope):
        moved = shifted(still, 0.2, -0.1) if still is not slope else still
        dx, dy = displacement(0.8 * still, 0.8 * gain * moved + 0.02)
        wanted = (0.2, -0.1) if still is not slope else (0.0, 0.0)
        assert (dx, dy) == pytest.approx(wanted, abs=2e-3)


def highlit(picture, x):
    """A bright spot on it, as a lamp in lacquer."""
    down, across = np.mgrid[: picture.shape[0], : picture.shape[1]]
    spot = np.exp(-((across - x) ** 2 + (down - 60) ** 2) / 32)
    return to_uint8(np.clip(0.6 * picture + 0.5 * spot[..., None], 0, 1))


@pytest.mark.parametrize("d", [0.0, 0.3, -2.0])
@pytest.mark.parametrize("noise", [0.0, 0.006])
def test_a_highlight_that_wanders_is_no_motion_and_told(d, noise):
    rng, still = np.random.default_rng(0), texture(120, 120)
    frames = [0.1 + 0.7 * picture for picture in (still, shifted(still, d, -0.5 * d))]
    a, b = (picture + rng.normal(0, noise, picture.shape) for picture in frames)
    for x in (56, 66):
        found = register(highlit(a, 60), highlit(b, x))
        assert (found.dx, found.dy) == pytest.approx((d, -0.5 * d), abs=0.01)
        assert found.astray
    found = register(highlit(a, 60), to_uint8(0.6 * b))
    assert found.dx == pytest.approx(d, abs=0.01)
    assert not register(a, b).astray


@pytest.mark.parametrize("d", [0.1, 0.5, 1.5])
def test_one_thing_before_a_plain_wall_does_not_stray(d):
    """What sampling leaves along a hard edge is far more than the wall's nothing."""
    y, x = (np.mgrid[:480, :480] + 0.5) / 4

    def disc(shift):
        fine = 0.9 - 0.8 * ((x - 60 - shift) ** 2 + (y - 60) ** 2 < 12**2)
        picture = fine.reshape(120, 4, 120, 4).mean(axis=(1, 3))
        return to_uint8(np.stack([picture] * 3, axis=2))

    assert not register(disc(0.0), disc(d), (20, 20, 80, 80)).astray


@pytest.mark.parametrize("noise", [0.002, 0.01])
@pytest.mark.parametrize("turn", [False, True])
def test_along_an_edge_noise_is_no_motion(noise, turn):
    rng, x = np.random.default_rng(0), np.arange(120.0)

    def edge(d):
        picture = np.broadcast_to(0.25 + 0.5 / (1 + np.exp(-(x - 60 - d))), (120, 120))
        picture = np.stack([picture.T if turn else picture] * 3, axis=2)
        return to_uint8(picture + rng.normal(0, noise, picture.shape))

    for d in (0.05, 0.2, -1.5):
        found = register(edge(0.0), edge(d))
        across, along = (found.dy, found.dx) if turn else (found.dx, found.dy)
        assert across == pytest.approx(d, abs=0.01)
        assert abs(along) < 0.01
        assert not found.whole
    for d in (0.3, -2.0):
        still = texture(120, 120) + rng.normal(0, noise, (120, 120, 3))
        found = register(still, shifted(texture(120, 120), d, d))
        assert (found.dx, found.dy) == pytest.approx((d, d), abs=0.02)
        assert found.whole


def test_only_the_box_is_measured():
    still = texture(96, 160)
    both = np.concatenate([still[:, :80], shifted(still, 0.6)[:, 80:]], axis=1)
    assert displacement(still, both, (0, 0, 72, 96))[0] == pytest.approx(0, abs=1e-3)
    assert displacement(still, both, (88, 0, 72, 96))[0] == pytest.approx(0.6, abs=5e-3)


def test_errors_name_the_fault():
    flat = np.full((64, 64, 3), 0.5)
    with pytest.raises(UserError, match="texture"):
        displacement(flat, flat)
    with pytest.raises(UserError, match="texture"):
        displacement(texture(64, 64), np.zeros((64, 64, 3)))
    with pytest.raises(UserError, match="too far"):
        displacement(texture(48, 48), np.roll(texture(48, 48), 23, axis=1))
    holed = texture(64, 64)
    holed[30, 30] = np.nan
    for pair in ((holed, texture(64, 64)), (texture(64, 64), holed)):
        with pytest.raises(UserError, match="texture"):
            displacement(*pair)
    for strange in (np.zeros((64, 64, 4), np.uint8), np.zeros((64, 64, 3), int)):
        with pytest.raises(UserError, match="a picture to measure is"):
            displacement(strange, strange)
    with pytest.raises(UserError, match="leaves the frame"):
        displacement(texture(), texture(), (100, 0, 64, 64))
    with pytest.raises(UserError, match="differ in size"):
        displacement(texture(), texture(64, 64))
