"""Linear magnification against its theory: gains, wavelengths, range."""

import numpy as np
import pytest
import torch

from motionloupe import UserError, load
from motionloupe.measurement.displacement import displacement
from tests.scenes import clip, shifted, texture

WHOLE = {"lambda_c": 0.0}  # every level gets the whole factor


def gain_of(method, d, alpha):
    still = texture()
    return displacement(still, method.pair(still, shifted(still, d), alpha))[0] / (alpha * d)


@pytest.mark.parametrize(
    ("d", "alpha"), [(d, a) for d in (0.05, 0.1, 0.2, 0.4) for a in (2, 5, 10) if a * d <= 0.8]
)
def test_motion_grows_by_alpha_inside_the_range(d, alpha):
    """The texture's contrast lies at 9 pixels and more, so the range ends at 0.8 pixels."""
    assert gain_of(load("linear", **WHOLE), d, alpha) == pytest.approx(1, abs=0.1)


def test_outside_the_range_motion_falls_short():
    assert gain_of(load("linear", **WHOLE), 0.5, 10) < 0.8


@pytest.mark.parametrize("part", [0.3, 1.0, 2.0])
def test_a_wave_moves_as_the_theory_says(part):
    """atan2(alpha sin p, 1 + alpha (cos p - 1)); ``part`` is alpha d over its limit of l / 11."""
    wavelength, alpha = 16.0, 10.0
    d = part * wavelength / 11 / alpha
    x = np.arange(128.0)

    def wave(shift):
        line = 0.5 + 0.05 * np.cos(2 * np.pi * (x - shift) / wavelength)
        return np.broadcast_to(line[None, :, None], (64, 128, 3)).copy()

    out = load("linear", **WHOLE).pair(wave(0), wave(d), alpha)[32, 32:96, 1] - 0.5
    measured = -np.angle(np.sum(out * np.exp(-2j * np.pi * x[32:96] / wavelength)))
    p = 2 * np.pi * d / wavelength
    expected = np.arctan2(alpha * np.sin(p), 1 + alpha * (np.cos(p) - 1))
    assert measured == pytest.approx(expected, rel=0.05)
    if part <= 1:
        assert measured == pytest.approx(alpha * p, rel=0.1)


def test_short_waves_get_less_by_lambda_c():
    method = load("linear", lambda_c=16.0)
    gains = [float(method.gain(level, torch.tensor(10.0))) for level in range(4)]
    assert gains == pytest.approx([0, 10 * 8 / 16 - 1, 9, 9])
    assert float(load("linear", lambda_c=4.0).gain(0, torch.tensor(10.0))) == 9


def test_no_level_gains_less_than_nothing_or_less_with_more_alpha():
    method = load("linear", lambda_c=60.0)
    alpha = torch.linspace(1, 50, 200)
    for level in range(6):
        gains = method.gain(level, alpha)
        assert (gains >= 0).all()
        assert (gains.diff() >= 0).all()


def test_below_one_it_fades_to_the_reference():
    still = texture(53, 37)
    moved = shifted(still, 0.8)
    method = load("linear")
    np.testing.assert_allclose(method.pair(still, moved, 0.0), still, atol=1e-5)
    np.testing.assert_allclose(method.pair(still, moved, 0.5), (still + moved) / 2, atol=1e-5)


def test_colour_is_weakened_by_chroma():
    still = np.full((64, 64, 3), 0.5)
    y, x = np.mgrid[0:64, 0:64]
    bump = np.exp(-((x - 32) ** 2 + (y - 32) ** 2) / 60)[..., None]
    to_yiq = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
    frame = still + 0.01 * bump * np.array([1.0, 0.2, -0.5])
    added = {}
    for chroma in (0.0, 0.3, 1.0):
        method = load("linear", chroma=chroma, **WHOLE)
        added[chroma] = (method.pair(still, frame, 5.0) - frame) @ to_yiq.T
    np.testing.assert_allclose(added[0.0][..., 1:], 0, atol=1e-4)
    np.testing.assert_allclose(added[0.3][..., 1:], 0.3 * added[1.0][..., 1:], atol=1e-4)
    np.testing.assert_allclose(added[0.3][..., 0], added[1.0][..., 0], atol=1e-4)


@pytest.mark.parametrize(("filter", "leak"), [("fir", 0.1), ("ideal", 0.1), ("butterworth", 0.2)])
def test_a_band_is_magnified_and_what_lies_outside_is_not(filter, leak):
    def dx(t):
        return 0.06 * np.sin(2 * np.pi * 3 * t) + 0.3 * np.sin(2 * np.pi * 0.5 * t)

    frames = clip(dx, seconds=4, height=48, width=64)
    method = load("linear", band=(2.0, 4.0), filter=filter, **WHOLE)
    out = list(method.stream(frames, 8.0, 30.0))
    times = np.arange(len(out)) / 30
    moved = [displacement(frames[0], frame)[0] for frame in out]
    waves = np.stack([f(2 * np.pi * hz * times) for hz in (3, 0.5) for f in (np.sin, np.cos)], 1)
    inner = slice(30, 90)
    fit, *_ = np.linalg.lstsq(waves[inner], np.array(moved)[inner], rcond=None)
    assert np.hypot(*fit[:2]) == pytest.approx(8 * 0.06, rel=0.1)
    assert np.hypot(*fit[2:]) == pytest.approx(0.3, rel=leak)


def test_dynamic_magnifies_the_step_from_the_previous_frame():
    still = texture(48, 64)
    frames = [shifted(still, 0.05 * index) for index in range(6)]
    out = list(load("linear", mode="dynamic", **WHOLE).stream(frames, 6.0))
    for index in range(1, 6):
        step = displacement(still, out[index])[0] - 0.05 * (index - 1)
        assert step == pytest.approx(6 * 0.05, rel=0.1)


@pytest.mark.parametrize(
    "options", [{"lambda_c": -1}, {"lambda_c": float("nan")}, {"chroma": 1.5}, {"chroma": -0.1}]
)
def test_options_out_of_range_are_refused(options):
    with pytest.raises(UserError, match=next(iter(options))):
        load("linear", **options)
