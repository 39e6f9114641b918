"""The meter that judges the magnifiers is itself held against known answers."""

import numpy as np
import pytest

from motionloupe.errors import UserError
from motionloupe.measurement.displacement import displacement
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
        displacement(texture(24, 24), np.roll(texture(24, 24), 11, axis=1))
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
