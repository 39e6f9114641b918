"""Phase-based magnification against motion that is known exactly."""

import gc
import weakref
from itertools import pairwise

import numpy as np
import pytest
import torch

from motionloupe.errors import UserError
from motionloupe.magnifiers.phase import Phase, blurred_phase
from motionloupe.measurement.displacement import displacement
from motionloupe.pyramids import steerable
from tests.scenes import clip, shifted, texture, to_uint8

BOX = (16, 16, 96, 64)
FPS = 30.0
PYRAMIDS = ["octave", "half-octave", "quarter-octave"]


def amplitudes(frames, still, *hertz):
    """How much of the motion goes as sin and as cos(2 pi f t), for each f: (len(hertz), 2)."""
    picked = np.arange(len(frames) // 6, len(frames) * 5 // 6, 4)
    moved = [displacement(still, frames[index], (12, 12, 72, 40))[0] for index in picked]
    turns = 2 * np.pi * np.outer(picked / FPS, hertz)
    waves = np.concatenate([np.sin(turns), np.cos(turns), np.ones((len(picked), 1))], axis=1)
    return np.linalg.lstsq(waves, moved, rcond=None)[0][:-1].reshape(2, -1).T


@pytest.mark.parametrize("alpha", [2, 5, 10])
@pytest.mark.parametrize("d", [0.05, 0.2, 0.5, 1.0])
def test_motion_is_alpha_times_as_large(d, alpha):
    still = texture()
    drawn = Phase().pair(still, shifted(still, d), alpha)
    assert displacement(still, drawn, BOX)[0] == pytest.approx(alpha * d, rel=0.1)


def test_motion_goes_its_own_way():
    still = texture()
    dx, dy = displacement(still, Phase().pair(still, shifted(still, -0.1, 0.3), 5), BOX)
    assert (dx, dy) == (pytest.approx(-0.5, rel=0.1), pytest.approx(1.5, rel=0.1))


def test_an_octave_carries_less_and_a_quarter_octave_as_much():
    still = texture()
    gains = {
        pyramid: displacement(
            still, Phase(pyramid=pyramid).pair(still, shifted(still, 0.2), 5), BOX
        )
        for pyramid in PYRAMIDS
    }
    assert gains["octave"][0] == pytest.approx(1.0, rel=0.15)
    assert gains["half-octave"][0] == pytest.approx(1.0, rel=0.08)
    assert gains["quarter-octave"][0] == pytest.approx(1.0, rel=0.08)
    assert gains["octave"][0] < gains["half-octave"][0]


def test_alpha_zero_freezes_and_one_half_attenuates():
    still = texture()
    moved = shifted(still, 0.4)
    assert displacement(still, Phase().pair(still, moved, 0), BOX)[0] == pytest.approx(0, abs=0.05)
    half = displacement(still, Phase().pair(still, moved, 0.5), BOX)[0]
    assert half == pytest.approx(0.2, rel=0.1)


def test_dynamic_mode_magnifies_the_step_from_the_previous_frame():
    frames = clip(lambda t: 0.1 * FPS * t, seconds=0.2)
    drawn = list(Phase(mode="dynamic").stream(frames, 5, FPS))
    np.testing.assert_allclose(drawn[0], frames[0], atol=1e-6)
    for before, after in zip(frames, drawn[1:], strict=False):
        assert displacement(before, after, BOX)[0] == pytest.approx(0.5, rel=0.1)


@pytest.mark.parametrize(
    ("kind", "lag", "leak"),
    [("fir", 0.1, 0.1), ("ideal", 0.1, 0.1), ("butterworth", 0.4, 0.2)],  # 9 x 0.02 at 0.5 Hz
)
def test_a_band_is_magnified_in_step_and_slow_motion_is_left(kind, lag, leak):
    def motion(t):
        return 0.2 * np.sin(2 * np.pi * 3 * t) + 0.6 * np.sin(2 * np.pi * 0.5 * t)

    frames = clip(motion, seconds=4, height=64, width=96)
    drawn = list(Phase(band=(2, 4.5), filter=kind).stream(frames, 10, FPS))
    assert len(drawn) == len(frames)
    (with_it, across), slow = amplitudes(drawn, texture(64, 96), 3.0, 0.5)
    assert np.hypot(with_it, across) == pytest.approx(2.0, rel=0.1)
    assert abs(across) < 2.0 * lag
    assert np.hypot(*slow) == pytest.approx(0.6, rel=leak)


def test_motion_is_followed_over_many_pixels():
    frames = clip(lambda t: 8 * t, seconds=1)
    method = Phase()
    bands = [method.analyse(torch.from_numpy(f).float().permute(2, 0, 1)[None]) for f in frames]
    motion = method.motion(bands[0], bands[0])
    for before, now in pairwise(bands):
        motion = method.track(bands[0], before, motion, now)
    assert motion[0].abs().max() > 2 * np.pi  # the finest ring has turned several times
    across = motion[2][0].median()  # waves of about 5 pixels, 7.7 pixels far
    assert across == pytest.approx(-2 * np.pi * 7.7 / 5, rel=0.4)


@pytest.mark.parametrize("pyramid", PYRAMIDS)
@pytest.mark.parametrize(("height", "width"), [(16, 16), (17, 16), (45, 71)])
def test_alpha_one_is_the_identity_at_any_size(pyramid, height, width):
    rng = np.random.default_rng(0)
    one, two = rng.integers(0, 256, (2, height, width, 3), dtype=np.uint8)
    np.testing.assert_array_equal(Phase(pyramid=pyramid).pair(one, two, 1), two)


@pytest.mark.parametrize("kind", ["fir", "butterworth", "iir", "ideal"])
def test_alpha_one_is_the_identity_in_a_band(kind):
    frames = [
        to_uint8(frame) for frame in clip(lambda t: np.sin(20 * t), seconds=1, height=32, width=48)
    ]
    drawn = list(Phase(band=(2, 5), filter=kind).stream(frames, 1, FPS))
    np.testing.assert_array_equal(drawn, frames)


@pytest.mark.parametrize("options", [{}, {"mode": "dynamic"}, {"band": (2, 5)}])
def test_a_still_video_stays_still(options):
    still = to_uint8(texture(45, 70))
    for drawn in Phase(**options).stream([still] * 12, 50, FPS):
        np.testing.assert_array_equal(drawn, still)


@pytest.mark.parametrize("options", [{}, {"mode": "dynamic"}, {"band": (2, 5)}])
def test_noise_in_flat_areas_does_not_explode(options):
    rng = np.random.default_rng(0)
    frames = [0.5 + 0.01 * rng.standard_normal((48, 64, 3)) for _ in range(40)]
    drawn = np.array(list(Phase(**options).stream(frames, 50, FPS)))
    assert drawn.std() < 1.2 * np.std(frames)


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_flat_frames_give_no_nan(level):
    flat = np.full((32, 40, 3), level, dtype=np.float32)
    for drawn in Phase(band=(2, 5)).stream([flat] * 5, 100, FPS):
        np.testing.assert_allclose(drawn, flat, atol=1e-6)


def test_a_map_magnifies_here_and_not_there():
    still = texture(96, 192)
    alpha = np.ones((96, 192))
    alpha[:, :96] = 8
    drawn = Phase().pair(still, shifted(still, 0.2), alpha)
    assert displacement(still, drawn, (8, 16, 64, 64))[0] == pytest.approx(1.6, rel=0.12)
    assert displacement(still, drawn, (128, 16, 56, 64))[0] == pytest.approx(0.2, rel=0.1)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
def test_the_dtype_that_came_in_goes_out(dtype):
    full = np.iinfo(dtype).max if np.dtype(dtype).kind == "u" else 1.0
    still = texture()
    one, two = ((frame * full).astype(dtype) for frame in (still, shifted(still, 0.3)))
    drawn = Phase().pair(one, two, 3)
    assert drawn.dtype == dtype
    assert displacement(one, drawn, BOX)[0] == pytest.approx(0.9, rel=0.1)


def test_chroma_is_kept():
    still = texture()
    moved = shifted(still, 0.3)
    change = Phase().pair(still, moved.astype(np.float64), 3) - moved
    np.testing.assert_allclose(change[..., 0], change[..., 2], atol=1e-5)


def test_a_blurred_phase_is_kept_coarser_and_weighs_by_energy():
    phases = torch.full((1, 32, 48), 0.3)
    phases[:, :, ::2] = -0.3
    moduli = torch.full((1, 32, 48), 1.0)
    moduli[:, :, ::2] = 1e-3
    values = torch.polar(moduli, phases)
    for sigma, step in [(1.5, 1), (2.0, 2), (5.0, 4)]:
        smooth = blurred_phase(values, sigma, step)
        assert smooth.shape == (1, 32 // step, 48 // step)
        torch.testing.assert_close(smooth, torch.full_like(smooth, 0.3), atol=5e-3, rtol=0)
    torch.testing.assert_close(blurred_phase(values, 0, 1), phases)


def test_a_blur_has_the_width_that_was_asked_for():
    values = torch.zeros(1, 64, 64, dtype=torch.complex64)
    values += 1000.0
    values[0, 31:33, 31:33] += 1j
    places = torch.arange(64) - 31.5
    for sigma, step in [(1.5, 1), (3.0, 2), (5.0, 4)]:
        row = blurred_phase(values, sigma, step).sum((0, 1)).double()
        at = places.reshape(-1, step).mean(1).double()
        spread = float(((row * at**2).sum() / row.sum()).sqrt())
        assert spread == pytest.approx(sigma, rel=0.15)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pyramid": "third-octave"}, "octave, half-octave, quarter-octave"),
        ({"sigma": -1}, "sigma"),
        ({"sigma": float("nan")}, "sigma"),
        ({"mode": "still"}, "static, dynamic"),
    ],
)
def test_options_that_mean_nothing_are_refused(options, message):
    with pytest.raises(UserError, match=message):
        Phase(**options)


def test_a_band_that_the_rate_cannot_hold_is_refused_at_once():
    with pytest.raises(UserError, match="below 15 Hz"):
        Phase(band=(72, 92)).stream([], 10, FPS)


def test_large_frames_are_computed_in_parts_alike(monkeypatch):
    frames = [texture(96, 128), shifted(texture(96, 128), 0.4)]
    whole = Phase().pair(*frames, alpha=5)
    monkeypatch.setattr(steerable, "_AT_ONCE", 1)
    np.testing.assert_allclose(Phase().pair(*frames, alpha=5), whole, atol=1e-5)


def test_no_more_frames_stay_analysed_than_motion_is_measured_between():
    class Counting(Phase):
        def analyse(self, frame):
            gc.collect()
            alive.append(sum(known() is not None for known in analysed))
            bands = super().analyse(frame)
            analysed.append(weakref.ref(bands))
            return bands

    frames = clip(lambda t: 0.2 * np.sin(6 * t), seconds=6 / FPS, fps=FPS, height=32, width=48)
    for options, most in (({}, 1), ({"mode": "dynamic"}, 1), ({"band": (2, 4)}, 2)):
        analysed, alive = [], []
        list(Counting(**options).stream(frames, alpha=3, fps=FPS))
        assert max(alive) == most, options
