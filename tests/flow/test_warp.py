"""Warps are held against scipy, known answers and numerical gradients."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch.autograd import gradcheck

from motionloupe.flow.filters import gaussian, reflected, separable
from motionloupe.flow.warp import backward_warp, inside, splat_bilinear, splat_nearest, splat_sum


def field(height, width, size, seed=0, batch=1):
    generator = torch.Generator().manual_seed(seed)
    return size * torch.randn(batch, 2, height, width, generator=generator, dtype=torch.float64)


def picture(height, width, seed=1, batch=1, channels=2):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(batch, channels, height, width, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize(("interpolation", "order"), [("bilinear", 1), ("bicubic", 3)])
def test_backward_warp_agrees_with_scipy_also_beyond_the_border(interpolation, order):
    image, flow = picture(23, 31, batch=2), field(23, 31, 4.0, batch=2)
    warped = backward_warp(image, flow, interpolation=interpolation).numpy()
    rows, columns = np.mgrid[0:23, 0:31].astype(float)
    for item in range(2):
        places = [rows + flow[item, 1].numpy(), columns + flow[item, 0].numpy()]
        for channel in range(2):
            expected = ndimage.map_coordinates(
                image[item, channel].numpy(), places, order=order, mode="mirror"
            )
            np.testing.assert_allclose(warped[item, channel], expected, atol=2e-4)


def test_beyond_the_border_is_zero_where_asked():
    image, flow = torch.ones(1, 1, 16, 20), torch.zeros(1, 2, 16, 20)
    flow[:, 0] = 3.0
    warped = backward_warp(image, flow, border="zeros")
    assert torch.equal(warped, inside(flow))
    assert warped[..., :17].min() == 1
    assert warped[..., 17:].max() == 0


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size", [(16, 16), (33, 641), (101, 1279)])
def test_no_flow_is_the_identity_to_the_last_bit(interpolation, size):
    image = torch.rand(1, 3, *size)
    still = torch.zeros(1, 2, *size)
    assert torch.equal(backward_warp(image, still, interpolation=interpolation), image)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_backward_warp_has_the_right_gradients(interpolation):
    image = picture(5, 6, channels=1).requires_grad_()
    flow = (0.3 + 0.1 * field(5, 6, 1.0).clamp(-2, 2)).requires_grad_()
    assert gradcheck(
        lambda i, f: backward_warp(i, f, interpolation=interpolation), (image, flow), atol=1e-5
    )


def test_gradients_flow_where_the_flow_is_zero():
    image = picture(8, 8, channels=1).requires_grad_()
    flow = torch.zeros(1, 2, 8, 8, dtype=torch.float64, requires_grad=True)
    backward_warp(image, flow).sum().backward()
    torch.testing.assert_close(image.grad, torch.ones_like(image))
    assert flow.grad is not None
    assert flow.grad.abs().max() > 0


@pytest.mark.parametrize("splat", [splat_nearest, splat_bilinear])
def test_a_splat_along_whole_pixels_moves_and_leaves_holes(splat):
    image, move = picture(18, 21, batch=2), torch.zeros(2, 2, 18, 21, dtype=torch.float64)
    move[:, 0], move[:, 1] = 3.0, -2.0
    moved, coverage = splat(image, move)
    torch.testing.assert_close(moved[:, :, :-2, 3:], image[:, :, 2:, :-3])
    assert coverage[:, :, :-2, 3:].min() == 1
    assert coverage[:, :, -2:].max() == 0
    assert coverage[:, :, :, :3].max() == 0
    assert moved[:, :, -2:].abs().max() == 0


@pytest.mark.parametrize("splat", [splat_nearest, splat_bilinear])
def test_the_larger_motion_lies_on_top(splat):
    image = torch.zeros(1, 1, 16, 24)
    image[..., 4:8] = 1.0  # a bright bar
    move = torch.zeros(1, 2, 16, 24)
    move[:, 0, :, 4:8] = 6.0  # onto pixels that stay
    moved, coverage = splat(image, move)
    assert moved[..., 10:14].min() == 1
    assert moved[..., 14:].max() == 0
    assert coverage[..., 4:8].max() == 0


def test_a_bilinear_splat_shares_by_distance_and_shows_what_lies_behind():
    image = torch.zeros(1, 1, 16, 24)
    image[..., 10, 5] = 1.0
    move = torch.zeros(1, 2, 16, 24)
    move[:, 0, 10, 5] = 4.25
    moved, coverage = splat_bilinear(image, move)
    assert moved[0, 0, 10, 9].item() == pytest.approx(0.75)
    assert moved[0, 0, 10, 10].item() == pytest.approx(0.25)
    assert coverage[0, 0, 10, 5] == 0


def test_a_constant_stays_constant_under_any_splat():
    image = torch.full((2, 3, 20, 26), 0.7)
    moved, coverage = splat_bilinear(image, field(20, 26, 2.0, batch=2).float())
    torch.testing.assert_close(moved[(coverage > 0).expand_as(moved)].mean().item(), 0.7)
    assert moved.max() < 0.7 + 1e-5


def test_a_smooth_splat_undoes_a_backward_warp():
    rows, columns = np.mgrid[0:64, 0:64]
    image = torch.from_numpy(np.sin(rows / 5.0) * np.cos(columns / 6.0))[None, None]
    move = torch.zeros(1, 2, 64, 64, dtype=torch.float64)
    move[:, 0], move[:, 1] = 1.3, -0.4
    moved, _ = splat_bilinear(backward_warp(image, move, interpolation="bicubic"), move)
    torch.testing.assert_close(moved[..., 4:-4, 4:-4], image[..., 4:-4, 4:-4], atol=0.02, rtol=0)


def test_splats_have_the_right_gradients():
    image = picture(4, 5, channels=1).requires_grad_()
    move = (0.3 + 0.05 * field(4, 5, 1.0).clamp(-2, 2)).requires_grad_()
    assert gradcheck(lambda i, d: splat_bilinear(i, d)[0], (image, move), atol=1e-5)
    assert gradcheck(lambda i: splat_nearest(i, 3 * move.detach())[0], (image,))


def test_a_batch_is_the_same_as_its_items():
    images, moves = picture(16, 19, batch=3), field(16, 19, 3.0, batch=3)
    for splat in (splat_nearest, splat_bilinear):
        together = splat(images, moves)
        for item in range(3):
            alone = splat(images[item : item + 1], moves[item : item + 1])
            torch.testing.assert_close(together[0][item], alone[0][0])
            torch.testing.assert_close(together[1][item], alone[1][0])


@pytest.mark.parametrize("pad", [(2, 3, 4, 1), (60, 52, 50, 62)])
def test_reflection_pads_by_any_number(pad):
    image = picture(16, 18, channels=1)
    left, right, top, bottom = pad
    expected = np.pad(image[0, 0].numpy(), ((top, bottom), (left, right)), mode="reflect")
    np.testing.assert_array_equal(reflected(image, *pad)[0, 0].numpy(), expected)


def test_filters_agree_with_scipy():
    image = picture(20, 25)
    kernel = gaussian(1.7)
    expected = ndimage.correlate1d(image[0, 1].numpy(), kernel, axis=0, mode="mirror")
    expected = ndimage.correlate1d(expected, kernel, axis=1, mode="mirror")
    np.testing.assert_allclose(separable(image, kernel)[0, 1].numpy(), expected, atol=1e-12)


def test_a_single_column_is_its_own_everywhere():
    column = torch.rand(1, 2, 5, 1, generator=torch.Generator().manual_seed(0))
    flow = torch.zeros(1, 2, 5, 1)
    flow[:, 0] = 0.3
    torch.testing.assert_close(backward_warp(column, flow), column)


def test_a_sum_of_splats_is_the_sum_over_four_neighbours_and_has_its_gradients():
    values, motion = picture(5, 7, batch=2), field(5, 7, 1.5, batch=2)
    motion[0, :, 2, 2] = torch.tensor([2.0, -1.0])  # exact for whole pixels
    expected = torch.zeros(2, 2, 5, 7, dtype=torch.float64)
    for item, row, column in np.ndindex(2, 5, 7):
        x, y = (
            column + float(motion[item, 0, row, column]),
            row + float(motion[item, 1, row, column]),
        )
        for j, i in np.ndindex(5, 7):
            share = max(1 - abs(x - i), 0) * max(1 - abs(y - j), 0)
            expected[item, :, j, i] += share * values[item, :, row, column]
    torch.testing.assert_close(splat_sum(values, motion), expected)
    alone = splat_sum(torch.ones(1, 1, 300, 301), torch.full((1, 2, 300, 301), 3.0))
    assert set(alone.unique().tolist()) == {0.0, 1.0}
    inputs = values.requires_grad_(), field(5, 7, 0.7, batch=2).requires_grad_()
    assert gradcheck(splat_sum, inputs)
