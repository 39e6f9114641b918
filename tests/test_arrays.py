"""The edge: pictures go in and come out in their own dtype, rounded and never wrapped."""

import numpy as np
import pytest
import torch

from motionloupe.arrays import from_tensor, to_tensor
from motionloupe.errors import UserError

KINDS = [np.uint8, np.uint16, ">u2", np.float16, np.float32, ">f4", np.float64, np.longdouble]


@pytest.mark.parametrize("dtype", KINDS)
def test_every_dtype_comes_back_as_it_went_in(dtype):
    rng = np.random.default_rng(0)
    if np.dtype(dtype).kind == "f":
        image = rng.random((37, 53, 3)).astype(dtype)
    else:
        whole = np.dtype(dtype).newbyteorder("=")
        image = rng.integers(0, np.iinfo(whole).max, (37, 53, 3), whole, endpoint=True)
        image = image.astype(dtype)
    back = from_tensor(to_tensor(image), dtype)
    assert back.dtype == dtype
    assert back.flags.c_contiguous
    assert np.allclose(back.astype(float), image.astype(float), atol=1e-7)


def test_a_tensor_is_planar_rgb_in_unit_range():
    image = np.zeros((16, 20, 3), np.uint8)
    image[2, 5] = 255, 128, 0
    tensor = to_tensor(image)
    assert tensor.shape == (1, 3, 16, 20)
    assert tensor[0, :, 2, 5].tolist() == pytest.approx([1.0, 128 / 255, 0.0])


def test_values_are_rounded_and_clamped_not_truncated_or_wrapped():
    tensor = torch.full((1, 3, 16, 16), 0.9999)
    tensor[0, 0], tensor[0, 1] = 1.7, -0.4
    kept = tensor.clone()
    assert from_tensor(tensor, np.uint8)[0, 0].tolist() == [255, 0, 255]
    assert from_tensor(tensor, np.uint16)[0, 0].tolist() == [65535, 0, 65528]
    assert torch.equal(tensor, kept)


def test_the_users_picture_is_left_alone_also_where_it_is_a_view():
    image = np.random.default_rng(0).random((64, 64, 3)).astype(np.float32)
    view = image[::2, ::-2]
    before = image.copy()
    tensor = to_tensor(view).mul_(0)
    assert tensor.shape == (1, 3, 32, 32)
    assert np.array_equal(image, before)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((32, 32), np.uint8), "shape"),
        (np.zeros((32, 32, 4), np.uint8), "shape"),
        ([[1, 2, 3]], "list"),
        (np.zeros((32, 32, 3), np.int64), "int64"),
        (np.zeros((15, 32, 3), np.uint8), "32 x 15"),
    ],
)
def test_what_is_no_picture_is_refused(image, message):
    with pytest.raises(UserError, match=message):
        to_tensor(image)
