"""Growing, fading and laying over, against distances by hand."""

import numpy as np
import pytest
from scipy import ndimage

from motionloupe.masks.shapes import composited, shaped


@pytest.fixture
def blob():
    rng = np.random.default_rng(3)
    return (ndimage.gaussian_filter(rng.standard_normal((45, 61)), 4) > 0.1).astype(np.float32)


def test_without_growing_or_fading_a_soft_mask_stays_as_it_is(blob):
    soft = ndimage.gaussian_filter(blob, 1)
    assert shaped(soft, 0, 0) is soft


@pytest.mark.parametrize("dilate", [1, 2.5, 7])
def test_dilation_is_by_euclidean_distance(blob, dilate):
    distance = ndimage.distance_transform_edt(blob == 0)
    np.testing.assert_array_equal(shaped(blob, dilate, 0), distance <= dilate + 1e-4)


@pytest.mark.parametrize("dilate", [0, 3])
def test_feathering_falls_linearly_beyond_the_dilated_edge(blob, dilate):
    distance = ndimage.distance_transform_edt(blob == 0)
    expected = np.clip(1 - (distance - dilate) / 8, 0, 1)
    weights = shaped(blob, dilate, 8)
    np.testing.assert_allclose(weights, expected, atol=1e-3)
    steps = [np.abs(np.diff(weights, axis=axis)).max() for axis in (0, 1)]
    assert max(steps) <= 1 / 8 + 1e-4


def test_an_empty_mask_stays_empty():
    assert shaped(np.zeros((20, 20), np.float32), 5, 5).max() == 0


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
def test_composition_is_exact_at_both_ends_and_rounds_between(dtype):
    rng = np.random.default_rng(0)
    full = np.iinfo(dtype).max if np.dtype(dtype).kind == "u" else 1
    a, b = ((full * rng.random((20, 20, 3))).astype(dtype) for _ in range(2))
    weights = np.zeros((20, 20), np.float32)
    weights[:, 10:] = 1
    weights[:, 19] = 0.25
    both = composited(a, b, weights)
    assert both.dtype == dtype
    tolerance = 0 if np.dtype(dtype).kind == "u" else 1e-6
    np.testing.assert_allclose(both[:, :10], b[:, :10], atol=tolerance)
    np.testing.assert_allclose(both[:, 10:19], a[:, 10:19], atol=tolerance)
    mixed = 0.25 * a[:, 19].astype(float) + 0.75 * b[:, 19]
    np.testing.assert_allclose(both[:, 19], mixed, atol=0.5 if full > 1 else 1e-6)
