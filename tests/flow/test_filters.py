"""Filters by banded matrices give what convolutions and poolings give, at any size."""

import pytest
import torch
from torch.nn import functional

from motionloupe.flow.filters import (
    along_x,
    along_y,
    blurred_and_halved,
    box_mean,
    gaussian,
    halved,
    in_strips,
    reflected,
    separable,
)

SIZES = [(40, 100), (33, 65), (32, 64), (3, 7), (1, 5)]


def picture(size, dtype=torch.float64):
    generator = torch.Generator().manual_seed(4)
    return torch.rand(2, 3, *size, generator=generator, dtype=dtype)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("count", [5, 19])
def test_rows_and_columns_are_correlated_with_mirrored_borders(size, count):
    image, reach = picture(size), count // 2
    kernel = torch.linspace(-1, 2, count, dtype=image.dtype).square()  # not symmetric
    taps = tuple(kernel.tolist())
    for filtered, padding, shape in (
        (along_x(image, taps), (reach, reach, 0, 0), (1, -1)),
        (along_y(image, taps), (0, 0, reach, reach), (-1, 1)),
    ):
        weight = kernel.view(shape).repeat(3, 1, 1, 1)
        expected = functional.conv2d(reflected(image, *padding), weight, groups=3)
        torch.testing.assert_close(filtered, expected)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("window", [5, 21])
def test_a_box_takes_the_mean_of_the_pixels_that_there_are(size, window):
    image = picture(size)
    numbers = torch.ones(1, 1, window, window, dtype=image.dtype)
    sums, counts = (
        functional.conv2d(part.reshape(-1, 1, *size), numbers, padding=window // 2)
        for part in (image, torch.ones_like(image))
    )
    torch.testing.assert_close(box_mean(image, window), (sums / counts).view_as(image))


def test_a_box_is_exact_where_float32_sums_over_a_row_would_not_be():
    image = picture((48, 1300), torch.float32) * 1e-3
    image[..., :16] = 1e3
    truth = box_mean(image.double(), 21)[..., 40:]
    torch.testing.assert_close(box_mean(image, 21)[..., 40:], truth.float(), rtol=1e-6, atol=0)


@pytest.mark.parametrize("size", SIZES)
def test_halving_takes_means_of_two_by_two_and_an_odd_last_pixel_alone(size):
    image = picture(size)
    torch.testing.assert_close(halved(image), functional.avg_pool2d(image, 2, ceil_mode=True))
    taps = gaussian(1.0)
    torch.testing.assert_close(blurred_and_halved(image, taps), halved(separable(image, taps)))


def test_strips_give_what_the_whole_gives_also_where_they_change_the_size():
    image = picture((70, 12))
    torch.testing.assert_close(in_strips(halved, image), halved(image), rtol=0, atol=0)
    torch.testing.assert_close(in_strips(torch.add, image, image), 2 * image, rtol=0, atol=0)


def test_gradients_pass_through():
    image = picture((5, 6)).requires_grad_()
    taps = gaussian(1.0)
    with torch.inference_mode():  # what it leaves behind must not hinder the next
        separable(box_mean(torch.rand(1, 1, 5, 6, dtype=image.dtype), 3), taps)
    assert torch.autograd.gradcheck(lambda x: separable(box_mean(x, 3), taps), image)
    assert torch.autograd.gradcheck(lambda x: blurred_and_halved(x, taps), image)
