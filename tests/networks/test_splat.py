"""The splatting generator starts from sound motion and leaves alone what does not move."""

import numpy as np
import pytest
import torch

from motionloupe.arrays import luma
from motionloupe.flow.motion_finder import (
    enlarged,
    first_order_motion,
    from_around,
    left_unexplained,
)
from motionloupe.measurement.displacement import displacement
from motionloupe.networks.splat import FlowmagSplat
from motionloupe.networks.splatting import fill, softmax_splat
from tests.scenes import shifted, texture


def tensor(picture):
    return torch.from_numpy(picture).permute(2, 0, 1)[None].float()


def constant(value, shape):
    return torch.tensor(value, dtype=torch.float32).reshape(1, 2, 1, 1).expand(1, 2, *shape)


def test_whole_pixels_are_carried_exactly():
    image = torch.rand(1, 3, 12, 14)
    moved, weight, cover = softmax_splat(
        image, constant([3, -2], (12, 14)), torch.zeros(1, 1, 12, 14)
    )
    torch.testing.assert_close(moved[..., :10, 3:], image[..., 2:, :-3])
    assert cover[..., 10:, :].max() == 0
    assert cover[..., :10, 3:].min() == 1
    torch.testing.assert_close(weight, cover)


def test_the_more_important_pixel_wins():
    image = torch.zeros(1, 1, 4, 4)
    image[..., 1, 1], image[..., 1, 2] = 0.2, 0.9
    motion = torch.zeros(1, 2, 4, 4)
    motion[:, 0, 1, 1] = 1.0  # lands on the other
    importance = torch.zeros(1, 1, 4, 4)
    importance[..., 1, 1] = 9.0
    moved, _, cover = softmax_splat(image, motion, importance)
    assert moved[0, 0, 1, 2] == pytest.approx(0.2, abs=1e-3)
    assert cover[0, 0, 1, 2] == 2
    assert cover[0, 0, 1, 1] == 0


def test_the_splat_has_the_right_gradients():
    dice = torch.Generator().manual_seed(3)
    image = torch.rand(1, 2, 5, 4, dtype=torch.float64, generator=dice, requires_grad=True)
    motion = torch.rand(1, 2, 5, 4, dtype=torch.float64, generator=dice) * 0.8 + 0.1
    importance = torch.rand(1, 1, 5, 4, dtype=torch.float64, generator=dice, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda *parts: softmax_splat(*parts)[0], (image, motion.requires_grad_(), importance)
    )


@pytest.mark.parametrize("size", [(16, 16), (17, 23), (3, 40)])
def test_filling_keeps_what_is_covered_and_stays_within_it(size):
    image, cover = torch.rand(2, 3, *size), (torch.rand(2, 1, *size) > 0.6).float()
    filled = fill(image, cover)
    torch.testing.assert_close(filled * cover, image * cover)
    known = image[(cover > 0).expand_as(image)]
    assert filled.min() >= known.min() - 1e-6
    assert filled.max() <= known.max() + 1e-6
    torch.testing.assert_close(
        fill(torch.full_like(image, 0.3) * cover, cover), torch.full_like(image, 0.3)
    )


def test_the_first_order_estimate_is_close_for_small_motion():
    still = texture()
    before, after = luma(tensor(still)), luma(tensor(shifted(still, 0.2, -0.1)))
    (motion,) = first_order_motion(before, after, [21])
    middle = motion[..., 16:-16, 16:-16].median(dim=2)[0].median(dim=2)[0].flatten()
    torch.testing.assert_close(middle, torch.tensor([0.2, -0.1]), atol=0.02, rtol=0)


def test_the_enlarged_motion_is_a_mean_of_its_neighbours_or_any_one_of_them():
    coarse = torch.rand(1, 2, 5, 6)
    smooth = enlarged(coarse, torch.zeros(1, 36, 5, 6))
    assert smooth.shape == (1, 2, 10, 12)
    inner = torch.nn.functional.avg_pool2d(coarse, 3, 1)
    torch.testing.assert_close(smooth[..., 2:-2:2, 2:-2:2], inner)
    mix = torch.zeros(1, 9, 4, 5, 6)
    mix[:, 5] = 50.0  # the neighbour to the right
    right = enlarged(coarse, mix.view(1, 36, 5, 6))
    torch.testing.assert_close(right[..., ::2, :-2:2], coarse[..., 1:])
    torch.testing.assert_close(right[..., 1::2, 1:-2:2], coarse[..., 1:])


def test_neighbours_on_every_side_are_asked_and_the_edge_repeats():
    motion = torch.arange(30.0).reshape(1, 1, 5, 6)
    left, right, above, below = from_around(motion, [2])
    torch.testing.assert_close(left[..., 2:], motion[..., :-2])
    torch.testing.assert_close(right[..., :-2], motion[..., 2:])
    torch.testing.assert_close(above[..., 2:, :], motion[..., :-2, :])
    torch.testing.assert_close(below[..., :-2, :], motion[..., 2:, :])
    torch.testing.assert_close(left[..., :2], motion[..., :1].expand(1, 1, 5, 2))
    assert len(from_around(motion, [1, 9])) == 8


def test_the_true_motion_leaves_nothing_unexplained():
    still = texture()
    before, after = tensor(still), tensor(shifted(still, 2.0, -1.0))
    size = before.shape[-2:]
    candidates = [constant([0.0, 0.0], size), constant([2.0, -1.0], size)]
    rest = left_unexplained(before, after, candidates)[..., 4:-4, 4:-4]
    assert rest.shape[1] == 2
    assert rest[:, 1].max() < 0.01 < rest[:, 0].mean()


@pytest.fixture(scope="module")
def untrained():
    torch.manual_seed(0)
    return FlowmagSplat(base=4, mend=4).eval()


def test_an_untrained_network_magnifies_small_motion_already(untrained):
    still = texture()
    moved = shifted(still, 0.2)
    with torch.no_grad():
        drawn = untrained(tensor(still), tensor(moved), torch.full((1, 1, 1, 1), 10.0))
    picture = drawn[0].permute(1, 2, 0).clamp(0, 1).numpy().astype(np.float64)
    measured, _ = displacement(still, picture, (16, 16, 96, 64))
    assert measured == pytest.approx(2.0, rel=0.2)


def test_a_still_frame_and_factor_one_come_back_as_they_are(untrained):
    a, b = torch.rand(2, 1, 3, 21, 34)
    with torch.no_grad():
        torch.testing.assert_close(untrained(b, b, torch.full((1, 1, 1, 1), 16.0)), b)
        torch.testing.assert_close(untrained(a, b, torch.ones(1, 1, 1, 1)), b)


@pytest.mark.parametrize("size", [(16, 16), (17, 31), (40, 22)])
def test_any_size_goes_in_and_gradients_reach_every_weight(size):
    network = FlowmagSplat(base=4, mend=4)
    for part in (network.finder.body.leave, network.mender.leave):
        torch.nn.init.normal_(part.weight)  # the zeros that it starts with would hide the rest
    a, b = torch.rand(2, 2, 3, *size)
    answer = network(a, b, torch.full((2, 1, *size), 4.0))
    assert answer.shape == b.shape
    answer.square().mean().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in network.parameters())
