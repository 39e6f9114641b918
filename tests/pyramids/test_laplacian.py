"""The Laplacian pyramid gives every picture back and agrees with pyrtools."""

import numpy as np
import pytest
import torch

from motionloupe.pyramids import filtering
from motionloupe.pyramids.laplacian import band_count, build, collapse
from tests.scenes import texture

SIZES = [(96, 128), (97, 71), (53, 37), (16, 16), (5, 3), (1, 1)]


def plane(height: int, width: int) -> torch.Tensor:
    rng = np.random.default_rng(height * width)
    return torch.from_numpy(rng.random((1, 2, height, width), dtype=np.float32))


@pytest.mark.parametrize("size", SIZES)
def test_any_size_comes_back(size):
    x = plane(*size)
    bands, rest = build(x)
    assert len(bands) == band_count(*size)
    torch.testing.assert_close(collapse(bands, rest), x, atol=1e-5, rtol=0)


@pytest.mark.parametrize("size", [(96, 128), (97, 71), (64, 37)])
def test_bands_agree_with_pyrtools(size):
    pyramids = pytest.importorskip("pyrtools").pyramids
    picture = texture(*size)[..., 0]
    theirs = pyramids.LaplacianPyramid(
        picture, height=4, downsample_filter_name="binom5", edge_type="reflect1"
    )
    bands, rest = build(torch.from_numpy(picture.astype(np.float32))[None, None], 3)
    for level, ours in enumerate([*bands, rest]):  # their filters have the gain 2 per level
        expected = theirs.pyr_coeffs[(level, 0)] / 2**level
        np.testing.assert_allclose(ours[0, 0].numpy(), expected, atol=1e-5)


def test_a_flat_picture_has_empty_bands():
    bands, rest = build(torch.full((1, 1, 45, 33), 0.7))
    assert all(band.abs().max() < 1e-6 for band in bands)
    torch.testing.assert_close(rest, torch.full_like(rest, 0.7))


@pytest.mark.parametrize("size", SIZES)
def test_both_backends_filter_alike(size, monkeypatch):
    """What torch does on a GPU is what OpenCV does on the CPU; here torch is made to run on it."""
    kernel = np.random.default_rng(0).standard_normal((7, 7)).astype(np.float32)
    x = plane(*size)

    def everything():
        return (
            filtering.separable(x, (0.1, 0.2, 0.4, 0.2, 0.1)),
            filtering.correlated(x, kernel),
            filtering.gaussian(x, 1.4),
        )

    by_opencv = everything()
    monkeypatch.setattr(filtering, "_on_cpu", lambda _: False)
    for ours, theirs in zip(by_opencv, everything(), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
