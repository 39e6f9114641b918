"""Every temporal filter against scipy or its definition, streaming as a video streams."""

import numpy as np
import pytest
import torch
from scipy import signal

from motionloupe.errors import UserError
from motionloupe.temporal import (
    AffordableFilter,
    FirFilter,
    IdealFilter,
    SosFilter,
    design,
    second_derivative,
)
from motionloupe.temporal.fir import band_pass
from motionloupe.temporal.recursive import butterworth, difference_of_lowpasses

FPS = 30.0
BAND = (2.0, 5.0)
STREAMING = ["fir", "butterworth", "iir"]


def run(temporal, values):
    """Filter (T, N) values as T signals of two parts of different shapes; (T, N) back."""
    signals = [
        [
            torch.tensor(row[:1], dtype=torch.float32),
            torch.tensor(row[1:], dtype=torch.float32)[None],
        ]
        for row in values
    ]
    if hasattr(temporal, "begin"):
        temporal.begin(len(signals))
        for motion in signals:
            temporal.observe(motion)
        answers = [(motion, temporal.at(index)) for index, motion in enumerate(signals)]
    else:
        answers = [answer for motion in signals for answer in temporal.push(motion)]
        answers += temporal.finish()
    assert all(m is s for (m, _), s in zip(answers, signals, strict=True))
    return np.stack([np.concatenate([band[0], band[1][0]]) for _, band in answers])


def sine(hertz, seconds=12.0, fps=FPS, phase=0.3):
    times = np.arange(round(seconds * fps)) / fps
    return np.sin(2 * np.pi * hertz * times + phase)[:, None] * np.array([1.0, 0.5, -2.0])


def amplitude(values, hertz, fps=FPS):
    """The amplitude at ``hertz`` of the first column, away from both ends."""
    inner = values[len(values) // 4 : -len(values) // 4, 0]
    times = np.arange(len(inner)) / fps
    waves = np.stack([np.cos(2 * np.pi * hertz * times), np.sin(2 * np.pi * hertz * times)], 1)
    return np.hypot(*np.linalg.lstsq(waves, inner, rcond=None)[0])


@pytest.mark.parametrize(
    ("kind", "leak"), [("fir", 0.01), ("butterworth", 0.03), ("ideal", 0.01), ("iir", 0.7)]
)
def test_mid_band_passes_whole_and_far_away_not_at_all(kind, leak):
    middle = np.sqrt(10.0)
    passed = run(design(kind, BAND, FPS), sine(middle))
    assert amplitude(passed, middle) == pytest.approx(1, abs=0.04)
    for hertz in (0.25, 12.0):
        assert amplitude(run(design(kind, BAND, FPS), sine(hertz)), hertz) < leak


@pytest.mark.parametrize("kind", STREAMING)
def test_a_constant_gives_nothing_from_the_first_frame_on(kind):
    assert np.abs(run(design(kind, BAND, FPS), np.full((90, 3), 7.0))).max() < 1e-4


@pytest.mark.parametrize("kind", STREAMING)
def test_a_band_from_zero_keeps_a_constant(kind):
    band = run(design(kind, (0, 3.0), FPS), np.full((90, 3), 7.0))
    np.testing.assert_allclose(band, 7.0, rtol=1e-4)


@pytest.mark.parametrize("kind", STREAMING)
def test_the_first_frames_are_no_larger_than_the_rest(kind):
    band = run(design(kind, BAND, FPS), sine(3.0) + 20.0)
    assert np.abs(band[:30, 0]).max() < 1.3
    assert np.abs(band[-30:, 0]).max() < 1.3


def test_fir_is_scipys_response_without_its_delay():
    temporal = band_pass(BAND, FPS)
    assert len(temporal.weights) % 2 == 1
    np.testing.assert_allclose(temporal.weights, temporal.weights[::-1], atol=1e-12)
    _, response = signal.freqz(temporal.weights, worN=[0.0, 2.0, 3.5, 5.0], fs=FPS)
    np.testing.assert_allclose(np.abs(response), [0, 0.5, 1, 0.5], atol=0.01)
    assert abs(response[0]) < 1e-12
    assert abs(response[2]) == pytest.approx(1, abs=1e-12)

    values = np.random.default_rng(0).standard_normal((300, 3))
    half = len(temporal.weights) // 2
    extended = np.concatenate(
        [2 * values[:1] - values[half:0:-1], values, 2 * values[-1:] - values[-2 : -half - 2 : -1]]
    )
    wanted = signal.lfilter(temporal.weights, 1, extended, axis=0)[2 * half :]
    np.testing.assert_allclose(run(temporal, values), wanted, atol=1e-5)


@pytest.mark.parametrize("frames", [1, 2, 3, 17, 40, 99])
def test_fir_takes_clips_shorter_than_its_taps(frames):
    temporal = band_pass(BAND, FPS)
    assert len(temporal.weights) > 40
    line = np.arange(frames)[:, None] * np.array([1.0, -0.5, 2.0]) + 3
    np.testing.assert_allclose(run(temporal, line), 0, atol=1e-4)  # odd reflection: still a line


def test_fir_gives_no_more_than_its_stated_delay_and_holds_a_bounded_number():
    temporal = band_pass(BAND, FPS)
    given = 0
    for frame in range(500):
        given += len(temporal.push([torch.zeros(4)]))
        assert frame + 1 - given <= temporal.delay
        assert len(temporal._held) <= len(temporal.weights) + temporal.block
    taps = len(temporal.weights)
    assert temporal.bytes_needed([torch.zeros(4)]) == (taps + 2 * temporal.block) * 16


def test_fir_filters_wide_signals_slice_by_slice():
    values = torch.randn(9, 2, 70_001, generator=torch.Generator().manual_seed(0))
    temporal = FirFilter([-0.5, 1.0, -0.5])
    answers = [a for value in values for a in temporal.push([value])] + list(temporal.finish())
    band = torch.stack([part for _, (part,) in answers])
    wanted = values[1:-1] - (values[:-2] + values[2:]) / 2
    torch.testing.assert_close(band[1:-1], wanted, atol=1e-5, rtol=0)


@pytest.mark.parametrize("build", [butterworth, difference_of_lowpasses])
@pytest.mark.parametrize(("band", "fps"), [((2, 5), 30), ((0.2, 0.25), 24), ((0.01, 0.02), 600)])
def test_recursive_filters_agree_with_sosfilt_from_its_steady_state(build, band, fps):
    temporal = build(band, fps)
    values = np.cumsum(np.random.default_rng(0).standard_normal((400, 3)), axis=0)
    steady = signal.sosfilt_zi(temporal.sections)[:, :, None] * values[0]
    wanted, _ = signal.sosfilt(temporal.sections, values, axis=0, zi=steady)
    np.testing.assert_allclose(run(temporal, values), wanted, atol=2e-3 * np.abs(wanted).max())


def test_butterworth_hertz_are_hertz():
    _, response = signal.freqz_sos(butterworth(BAND, FPS).sections, worN=[2.0, 5.0], fs=FPS)
    np.testing.assert_allclose(np.abs(response), np.sqrt(0.5), atol=1e-6)


def test_iir_is_the_difference_of_two_first_order_low_passes():
    values = np.random.default_rng(0).standard_normal((200, 3))
    values[0] = 0
    lows = []
    for edge in BAND:
        r = 1 - np.exp(-2 * np.pi * edge / FPS)
        lows.append(signal.lfilter([r], [1, r - 1], values, axis=0))
    wanted = lows[1] - lows[0]
    band = run(difference_of_lowpasses(BAND, FPS), values)
    scale = (band * wanted).sum() / (wanted**2).sum()
    np.testing.assert_allclose(band, scale * wanted, atol=1e-4)
    assert scale > 1  # normalised to 1 at its peak, where the plain difference stays below


@pytest.mark.parametrize("frames", [90, 91])
def test_ideal_is_the_band_of_the_dft_with_both_halves(frames):
    values = np.random.default_rng(0).standard_normal((frames, 3))
    spectrum = np.fft.rfft(values, axis=0)
    hertz = np.fft.rfftfreq(frames, 1 / FPS)
    spectrum[(hertz < BAND[0]) | (hertz > BAND[1])] = 0
    wanted = np.fft.irfft(spectrum, frames, axis=0)
    np.testing.assert_allclose(run(design("ideal", BAND, FPS), values), wanted, atol=1e-5)


def test_ideal_keeps_0_hertz_and_the_highest_bin_once():
    values = np.random.default_rng(0).standard_normal((30, 3))
    np.testing.assert_allclose(run(IdealFilter((0, 15.0), FPS), values), values, atol=1e-5)


def test_ideal_says_what_a_short_clip_can_hold():
    temporal = design("ideal", (2.1, 2.2), FPS)
    with pytest.raises(UserError, match=r"45 frames at 30 fps hold multiples of 0\.6667 Hz"):
        temporal.begin(45)


def test_ideal_refuses_what_would_not_fit_memory():
    temporal = design("ideal", BAND, FPS)
    temporal.begin(30_000)
    with pytest.raises(UserError, match="GiB"):
        temporal.observe([torch.zeros(1).expand(10_000_000)])


def test_none_is_fir_while_that_is_small():
    small = [torch.zeros(8)]
    short, long = AffordableFilter(BAND, FPS), AffordableFilter((0.2, 0.25), FPS)
    assert len(short.push(small)) == 0
    assert len(long.push(small)) == 1
    assert long.delay == 0
    huge = AffordableFilter(BAND, FPS)
    huge._fir.bytes_needed = lambda motion: 2**40
    assert len(huge.push(small)) == 1
    assert isinstance(huge._chosen, SosFilter)
    assert list(AffordableFilter(BAND, FPS).finish()) == []


@pytest.mark.parametrize(
    ("band", "message"),
    [
        ((3, 3), "low < high"),
        ((5, 2), "low < high"),
        ((-1, 2), "0 <= low"),
        ((float("nan"), 2), "0 <= low"),
        ((1, float("inf")), "0 <= low"),
        ((1,), "two numbers"),
        ((72, 92), "below 15 Hz.*--fps"),
        ((1, 15), "below 15 Hz"),
    ],
)
def test_a_band_that_cannot_be_is_refused(band, message):
    for kind in (None, "fir", "butterworth", "iir", "ideal"):
        with pytest.raises(UserError, match=message):
            design(kind, band, FPS)


def test_an_unknown_kind_is_refused():
    with pytest.raises(UserError, match="fir, butterworth, iir, ideal, found 'sharp'"):
        design("sharp", BAND, FPS)


@pytest.mark.parametrize("kernel", ["dog", "integer"])
def test_second_derivative_passes_its_frequency_and_no_linear_motion(kernel):
    temporal = second_derivative(3.0, FPS, kernel)
    line = np.arange(80)[:, None] * np.array([0.5, -2.0, 3.0]) + 1
    np.testing.assert_allclose(run(temporal, line), 0, atol=1e-3)
    band = run(second_derivative(3.0, FPS, kernel), sine(3.0))
    np.testing.assert_allclose(band[20:-20], sine(3.0)[20:-20], atol=1e-3)


def test_second_derivative_kernels_have_the_papers_shape():
    assert len(second_derivative(4.0, FPS, "dog").weights) == 4 * 2 + 1
    weights = second_derivative(7.5, FPS, "integer").weights
    np.testing.assert_allclose(weights, [-0.5, 1, -0.5])
    n = 5
    dog = second_derivative(FPS / (4 * n), FPS, "dog").weights
    times = np.arange(-2 * n, 2 * n + 1)
    narrow, wide = (np.exp(-0.5 * (times / s) ** 2) for s in (n / 4, n))
    wanted = narrow / narrow.sum() - wide / wide.sum()
    np.testing.assert_allclose(dog / dog.max(), wanted / wanted.max(), atol=1e-12)


def test_a_band_too_narrow_for_the_fir_says_what_is_taken_in_its_place():
    told = []
    design(None, (1.0, 3.0), 30.0, told.append)
    assert not told
    chosen = design(None, (0.2, 0.25), 24.0, told.append)
    assert chosen.delay == 0
    (line,) = told
    assert "butterworth" in line
    assert "ideal" in line


@pytest.mark.parametrize(("band", "blunt"), [((2, 4), False), ((0.05, 0.1), True)])
def test_a_band_too_narrow_for_fir_is_told(band, blunt):
    told = []
    design("fir", band, 30.0, told.append)
    assert [("passes more around it" in line) for line in told] == [True] * blunt
    design(None, band, 30.0, told.append)
    assert not any("else fir" in line for line in told)
