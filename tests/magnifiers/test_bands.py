"""Two objects that tremble at 2 and at 6 hertz: a band magnifies the one and leaves the other."""

import numpy as np
import pytest

from benchmarks.bands import FPS, HEIGHT, WIDTH, amplitudes, factors, scene, settings
from motionloupe import load
from motionloupe.measurement.displacement import displacement
from tests.scenes import shifted, texture, to_uint8

ALPHA, MOTION = 6.0, 0.2
STATIC, SLOW, _, DYNAMIC = settings(ALPHA)
SHORT = 0.2  # share of the factor that octave bands may fall short of on a fine texture


@pytest.fixture(scope="module")
def frames():
    return list(scene([texture(HEIGHT, WIDTH, seed) for seed in range(3)], MOTION))


def test_the_scene_moves_as_it_says(frames):
    assert amplitudes(frames) == pytest.approx([MOTION, MOTION], rel=0.03)


def measured(frames, setting):
    def build(**options):
        return load("phase", pyramid="octave", **options)

    return factors(build, frames, setting, ALPHA)


def test_a_band_gives_phase_s_whole_factor_to_what_is_in_it_and_none_to_the_rest(frames):
    static, banded = measured(frames, STATIC), measured(frames, SLOW)
    assert static == pytest.approx(STATIC.wanted, rel=SHORT)
    assert banded == pytest.approx([static[0], 1.0], rel=0.05)


def test_dynamic_mode_magnifies_fast_motion_more(frames):
    slow, fast = DYNAMIC.wanted
    assert slow == pytest.approx(abs(1 + 5 * (1 - np.exp(-2j * np.pi * 2 / FPS))))
    assert 1 < slow < fast < 11
    assert measured(frames, DYNAMIC) == pytest.approx((slow, fast), rel=SHORT)


@pytest.mark.parametrize("filter", ["fir", "butterworth", "iir", "ideal"])
@pytest.mark.parametrize("name", ["phase", "warp-bilinear"])
def test_steady_motion_begins_without_a_jolt_in_dynamic_mode(name, filter):
    still = texture(64, 96)
    frames = [to_uint8(shifted(still, 0.2 * number)) for number in range(16)]
    own = {"flow": "lucas-kanade"} if name == "warp-bilinear" else {}
    loupe = load(name, band=(2.0, 6.0), filter=filter, mode="dynamic", **own)
    drawn = list(loupe.stream(frames, 10.0, 30.0))
    box = (16, 12, 64, 40)
    off = [displacement(*pair, box)[0] for pair in zip(frames, drawn, strict=True)]
    assert np.abs(off).max() < 0.1
