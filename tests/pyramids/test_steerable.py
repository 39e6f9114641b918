"""The pyramid reconstructs, is what pyrtools draws, and its phase follows motion."""

import math

import numpy as np
import pytest
import torch

from motionloupe.pyramids import steerable
from motionloupe.pyramids.steerable import SteerablePyramid, fast_size, steerable_pyramid
from tests.scenes import shifted, texture

CPU = torch.device("cpu")
BANDWIDTHS = ["octave", "half-octave", "quarter-octave"]
SIZES = [(16, 16), (17, 23), (48, 64), (90, 121), (128, 128)]


def grey(picture):
    return torch.from_numpy(picture.mean(axis=-1)).float()


@pytest.mark.parametrize("bandwidth", BANDWIDTHS)
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_bands_and_residual_make_the_picture(bandwidth, height, width):
    picture = torch.rand(height, width, generator=torch.Generator().manual_seed(0))
    pyramid = SteerablePyramid(height, width, bandwidth, CPU)
    bands = pyramid.analyse(picture)
    again = pyramid.synthesise(bands) + pyramid.residual(picture)
    torch.testing.assert_close(again, picture, atol=1e-5, rtol=0)


@pytest.mark.parametrize("bandwidth", BANDWIDTHS)
def test_only_slow_changes_in_space_stay_out_of_the_bands(bandwidth):
    picture = torch.rand(97, 129, generator=torch.Generator().manual_seed(0))
    rest = SteerablePyramid(97, 129, bandwidth, CPU).residual(picture)
    y, x = torch.fft.fftfreq(97)[:, None], torch.fft.fftfreq(129)[None]
    spectrum = torch.fft.fft2(rest).abs()
    assert spectrum[torch.hypot(y, x) > 1 / 16].max() < 1e-4 * spectrum.max()


@pytest.mark.parametrize("bandwidth", BANDWIDTHS)
def test_bands_are_sampled_as_coarsely_as_their_ring_allows(bandwidth):
    pyramid = SteerablePyramid(128, 192, bandwidth, CPU)
    rings = {"octave": 1, "half-octave": 2, "quarter-octave": 4}[bandwidth]
    assert len(pyramid.filters) == rings * (int(math.log2(128)) - 1)
    for number, masks in enumerate(pyramid.filters):
        assert masks.shape[0] == (4 if bandwidth == "octave" else 8)
        assert masks.shape[-1] == min(192, fast_size(math.ceil(192 * 2 ** (-number / rings))))


def test_octave_bands_below_the_finest_are_those_of_pyrtools():
    pyrtools = pytest.importorskip("pyrtools")
    picture = texture(128, 128)
    values = picture.mean(axis=-1)
    pyramid = SteerablePyramid(128, 128, "octave", CPU)
    theirs = pyrtools.pyramids.SteerablePyramidFreq(values, height=4, order=3, is_complex=True)
    for level, bands in list(enumerate(pyramid.analyse(grey(picture))))[1:4]:
        scale = {abs_ratio(bands[k], theirs.pyr_coeffs[level, k]) for k in range(4)}
        assert max(scale) / min(scale) == pytest.approx(1, abs=0.01)
        for k in range(4):
            wanted = np.abs(theirs.pyr_coeffs[level, k]) * max(scale)
            np.testing.assert_allclose(bands[k].abs(), wanted, atol=0.01 * wanted.max())


def abs_ratio(mine, its):
    return float(mine.abs().square().mean().sqrt() / np.sqrt((np.abs(its) ** 2).mean()))


@pytest.mark.parametrize("bandwidth", BANDWIDTHS)
def test_turning_the_phase_of_a_grating_moves_it(bandwidth):
    x = np.arange(128)
    grating = np.tile(0.5 + 0.3 * np.cos(2 * np.pi * x / 8), (64, 1))
    moved = np.tile(0.5 + 0.3 * np.cos(2 * np.pi * (x - 1.3) / 8), (64, 1))
    still, wanted = torch.from_numpy(grating).float(), torch.from_numpy(moved).float()
    pyramid = SteerablePyramid(64, 128, bandwidth, CPU)
    bands = pyramid.analyse(still)
    across = torch.sign(torch.cos(torch.arange(len(bands[0])) * np.pi / len(bands[0])) + 1e-3)
    turns = torch.exp(-2j * np.pi * 1.3 / 8 * across)[:, None, None]
    bands = [band * turns for band in bands]
    drawn = pyramid.synthesise(bands) + pyramid.residual(still)
    torch.testing.assert_close(drawn, wanted, atol=1e-4, rtol=0)


def test_the_phase_of_a_band_follows_motion_across_it():
    still = texture(96, 128)
    pyramid = SteerablePyramid(96, 128, "half-octave", CPU)
    before = pyramid.analyse(grey(still))[2][0]
    after = pyramid.analyse(grey(shifted(still, 0.1)))[2][0]
    turn = torch.angle((after * before.conj()).sum())
    assert -2 * np.pi * 0.1 * 0.25 < turn < -2 * np.pi * 0.1 * 0.10


def test_pyramids_are_built_once_per_size():
    assert steerable_pyramid(32, 32, "octave", CPU) is steerable_pyramid(32, 32, "octave", CPU)
    assert steerable_pyramid(32, 36, "octave", CPU).size == (32, 36)


@pytest.mark.parametrize("size", [1, 15, 16, 17, 130, 361, 1081])
def test_fast_sizes_are_next_multiples_of_four(size):
    assert size <= fast_size(size) <= size * 1.1 + 4
    assert fast_size(size) % 4 == 0


def test_few_orientations_at_a_time_give_what_all_at_once_give(monkeypatch):
    picture = torch.rand(48, 64, generator=torch.Generator().manual_seed(0))
    pyramid = SteerablePyramid(48, 64, "half-octave", CPU)
    bands = pyramid.analyse(picture)
    whole = pyramid.synthesise(bands)
    monkeypatch.setattr(steerable, "_AT_ONCE", 3 * 48 * 64)
    assert [len(first) for (first,) in steerable.in_parts(bands[0])] == [3, 3, 2]
    again = pyramid.analyse(picture)
    for band, its in zip(bands, again, strict=True):
        torch.testing.assert_close(its, band)
    torch.testing.assert_close(pyramid.synthesise(iter(again)), whole)
