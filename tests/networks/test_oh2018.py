"""The network of Oh et al. counts, keeps sizes, and treats alpha as the total factor."""

import pytest
import torch

from motionloupe.errors import UserError
from motionloupe.networks.oh2018 import Oh2018


def conv(inputs, outputs, kernel):
    return inputs * outputs * kernel**2


def block(width):
    return 2 * conv(width, width, 3)


COMMON = conv(3, 16, 7) + conv(16, 32, 3) + 3 * block(32)
TEXTURE = conv(32, 32, 3) + 2 * block(32)
H = conv(32, 32, 3) + block(32)
DECODER = 9 * block(64) + conv(64, 32, 3) + conv(32, 3, 7)
LAYERS = {
    "released": COMMON + TEXTURE + 2 * block(32) + conv(32, 32, 7) + H + conv(32, 32, 3) + DECODER,
    "paper": COMMON + TEXTURE + TEXTURE + conv(32, 32, 3) + H + DECODER,
}
TOTALS = {"released": 918_928, "paper": 877_968}


@pytest.mark.parametrize("variant", ["released", "paper"])
def test_the_parameters_are_those_of_the_layers(variant):
    counted = sum(p.numel() for p in Oh2018(variant).parameters())
    assert counted == LAYERS[variant] == TOTALS[variant]


@pytest.mark.parametrize("size", [(16, 16), (17, 30), (45, 22)])
@pytest.mark.parametrize("variant", ["released", "paper"])
def test_any_size_goes_in_and_comes_out(variant, size):
    net = Oh2018(variant, width=8).eval()
    a, b = torch.rand(2, 2, 3, *size)
    with torch.no_grad():
        texture, shape = net.encode(a)
        assert shape.shape[-2:] == (-(-size[0] // 4) * 2, -(-size[1] // 4) * 2)
        assert texture.shape[-2:] == (-(-size[0] // 4), -(-size[1] // 4))
        assert net(a, b, torch.full((2, 1, 1, 1), 3.0)).shape == b.shape
        assert net(a, b, torch.full((2, 1, *size), 3.0)).shape == b.shape


@pytest.fixture
def shapes():
    return torch.randn(2, 2, 8, 12, 10)


@pytest.mark.parametrize("manipulation", ["linear", "nonlinear"])
def test_the_released_shape_at_alpha_one_is_the_frames(manipulation, shapes):
    net = Oh2018("released", manipulation, width=8)
    out = net.manipulate(shapes[1], shapes[1] - shapes[0], torch.ones(2, 1, 1, 1))
    torch.testing.assert_close(out, shapes[1], atol=0, rtol=0)


def test_the_papers_shape_at_alpha_zero_is_the_references(shapes):
    net = Oh2018("paper", width=8)
    out = net.manipulate(shapes[1], shapes[1] - shapes[0], torch.zeros(2, 1, 1, 1))
    torch.testing.assert_close(out, shapes[0])


@pytest.mark.parametrize("variant", ["released", "paper"])
def test_without_motion_the_shape_stays_at_any_factor(variant, shapes):
    net = Oh2018(variant, width=8)
    still = torch.zeros_like(shapes[0])
    out = net.manipulate(shapes[0], still, torch.full((2, 1, 1, 1), 50.0))
    torch.testing.assert_close(out, shapes[0], atol=0, rtol=0)


@pytest.mark.parametrize("variant", ["released", "paper"])
def test_the_linear_shape_has_moved_alpha_times(variant, shapes):
    net = Oh2018(variant, "linear", width=8)
    out = net.manipulate(shapes[1], shapes[1] - shapes[0], torch.full((2, 1, 1, 1), 7.0))
    torch.testing.assert_close(out - shapes[0], 7.0 * (shapes[1] - shapes[0]), atol=1e-5, rtol=1e-5)


def test_the_papers_equations_by_hand(shapes):
    before, after = shapes
    alpha = torch.full((2, 1, 1, 1), 4.0)
    paper, released = Oh2018("paper", width=8), Oh2018("released", width=8)
    g, h = paper.manipulator.g, paper.manipulator.h
    torch.testing.assert_close(
        paper.manipulate(after, after - before, alpha), before + h(4.0 * g(after - before))
    )
    g, h = released.manipulator.g, released.manipulator.h
    torch.testing.assert_close(
        released.manipulate(after, after - before, alpha), after + h(3.0 * g(after - before))
    )


def test_a_map_magnifies_each_place_by_its_own_factor(shapes):
    net = Oh2018("released", "linear", width=8)
    alpha = torch.ones(1, 1, 24, 20)
    alpha[..., 10:] = 9.0
    out = net.manipulate(shapes[1], shapes[1] - shapes[0], alpha)
    torch.testing.assert_close(out[..., :4], shapes[1][..., :4])
    expected = (shapes[0] + 9.0 * (shapes[1] - shapes[0]))[..., 6:]
    torch.testing.assert_close(out[..., 6:], expected, atol=1e-4, rtol=1e-4)


def test_shapes_that_differ_by_little_are_exact_under_autocast():
    net = Oh2018().eval()
    frame = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        exact = net.encode(frame)[1] - net.encode(frame + 1e-4)[1]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            half = net.encode(frame)[1] - net.encode(frame + 1e-4)[1]
    assert exact.abs().max() > 0
    torch.testing.assert_close(half, exact)


def test_an_unknown_variant_is_named():
    with pytest.raises(UserError, match="variant"):
        Oh2018("published")
