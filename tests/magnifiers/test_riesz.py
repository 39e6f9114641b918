"""Riesz magnification against known motion, pairwise and in time."""

import numpy as np
import pytest

from motionloupe import UserError, load
from motionloupe.measurement.displacement import displacement
from tests.scenes import clip, shifted, texture


@pytest.mark.parametrize(
    ("d", "alpha"), [(d, a) for d in (0.05, 0.1, 0.2, 0.5, 1.0) for a in (2, 5, 10) if a * d <= 4]
)
def test_motion_grows_by_alpha_inside_the_range(d, alpha):
    """The range ends at 4 pixels: a band's phase means about half a wavelength."""
    still = texture()
    for direction in ((1, 0), (0.6, -0.8)):
        frame = shifted(still, d * direction[0], d * direction[1])
        moved = displacement(still, load("riesz").pair(still, frame, alpha))
        assert np.dot(moved, direction) == pytest.approx(alpha * d, rel=0.1)


@pytest.mark.parametrize("d", [0.2, 0.8])
def test_alpha_zero_freezes_and_a_half_halves(d):
    still = texture()
    frame = shifted(still, d)
    method = load("riesz")
    assert displacement(still, method.pair(still, frame, 0.0))[0] == pytest.approx(0, abs=0.05 * d)
    assert displacement(still, method.pair(still, frame, 0.5))[0] == pytest.approx(d / 2, rel=0.1)


def test_waves_of_one_orientation_move_whole_too():
    """The aperture problem: across stripes nothing is known and nothing may be made up."""
    y, x = np.mgrid[0:64, 0:96]

    def stripes(d):
        line = 0.5 + 0.2 * np.cos(2 * np.pi * (0.8 * (x - d) + 0.6 * y) / 9)
        return np.repeat(line[..., None], 3, axis=2)

    out = load("riesz").pair(stripes(0), stripes(0.1), 10.0)
    np.testing.assert_allclose(out[12:-12, 12:-12], stripes(1.0)[12:-12, 12:-12], atol=0.03)


def fitted(frames, reference, hertz, fps):
    """Amplitudes in pixels at each of ``hertz``, beside a constant and a drift."""
    times = np.arange(len(frames)) / fps
    moved = np.array([displacement(reference, frame)[0] for frame in frames])
    waves = [f(2 * np.pi * hz * times) for hz in hertz for f in (np.sin, np.cos)]
    inner = slice(len(frames) // 4, -len(frames) // 4)
    system = np.stack([*waves, np.ones_like(times), times], axis=1)[inner]
    fit, *_ = np.linalg.lstsq(system, moved[inner], rcond=None)
    return [float(np.hypot(*fit[2 * n : 2 * n + 2])) for n in range(len(hertz))]


@pytest.mark.parametrize(
    ("amplitude", "hertz", "alpha"), [(0.05, 2, 10), (0.2, 5, 10), (0.3, 3, 5), (1.0, 4, 2)]
)
def test_static_motion_in_time_grows_by_alpha(amplitude, hertz, alpha):
    frames = clip(lambda t: amplitude * np.sin(2 * np.pi * hertz * t), seconds=1)
    out = list(load("riesz").stream(frames, alpha, 30.0))
    assert fitted(out, frames[0], [hertz], 30)[0] == pytest.approx(alpha * amplitude, rel=0.1)


def test_dynamic_magnifies_the_step_from_the_previous_frame():
    still = texture(64, 80)
    frames = [shifted(still, 0.2 * index) for index in range(5)]
    out = list(load("riesz", mode="dynamic").stream(frames, 6.0))
    for index in range(1, 5):
        step = displacement(still, out[index])[0] - 0.2 * (index - 1)
        assert step == pytest.approx(6 * 0.2, rel=0.1)


@pytest.mark.parametrize(("filter", "leak"), [("fir", 0.1), ("butterworth", 0.2)])
def test_a_band_is_magnified_and_what_lies_outside_is_not(filter, leak):
    def dx(t):
        return 0.1 * np.sin(2 * np.pi * 3 * t) + 0.3 * np.sin(2 * np.pi * 0.5 * t)

    frames = clip(dx, seconds=4, fps=20, height=64, width=80, noise=0.01)
    out = list(load("riesz", band=(2, 4), filter=filter).stream(frames, 8.0, 20.0))
    inside, outside = fitted(out, frames[0], [3, 0.5], 20)
    assert inside == pytest.approx(0.8, rel=0.1)
    assert outside == pytest.approx(0.3, rel=leak)


def test_a_tremble_is_followed_through_a_drift_of_many_radians():
    frames = clip(
        lambda t: 0.1 * np.sin(2 * np.pi * 3 * t) + 2 * t, seconds=3, fps=20, height=64, width=80
    )
    out = list(load("riesz", band=(2, 4), filter="butterworth").stream(frames, 5.0, 20.0))
    assert fitted(out, frames[0], [3], 20)[0] == pytest.approx(0.5, rel=0.15)


def test_tracked_phase_does_not_drift_under_noise():
    frames = clip(lambda t: 0.0, seconds=3, height=48, width=48, noise=0.01)
    method = load("riesz", band=(0.1, 1), filter="butterworth")
    out = list(method.stream(frames, 5.0, 30.0))
    assert max(abs(displacement(frames[0], frame)[0]) for frame in out) < 0.05


def test_flat_areas_stay_flat_under_noise():
    rng = np.random.default_rng(0)
    still = np.full((64, 64, 3), 0.5)
    frame = still + 0.002 * rng.standard_normal(still.shape)
    out = load("riesz").pair(still + 0.002 * rng.standard_normal(still.shape), frame, 50.0)
    assert np.isfinite(out).all()
    assert out.std() < 2 * frame.std()
    assert np.array_equal(load("riesz").pair(still, still, 50.0), still)


def test_colour_stays():
    still = texture(48, 64)
    frame = shifted(still, 0.2)
    added = load("riesz").pair(still, frame, 3.0) - frame
    np.testing.assert_allclose(added[..., 0], added[..., 2], atol=1e-5)


@pytest.mark.parametrize("sigma", [0, 0.5, 51, float("nan"), float("inf")])
def test_a_blur_that_cannot_be_is_refused(sigma):
    with pytest.raises(UserError, match="sigma"):
        load("riesz", sigma=sigma)
