"""FlowMag's generator has the paper's size and takes pictures of any size."""

import math

import pytest
import torch

from motionloupe.flow.unet import UNet
from motionloupe.networks.alpha_encoding import encode_alpha
from motionloupe.networks.unet import FlowmagUNet


def double(inputs, outputs, between):
    """Weights and biases of two 3x3 convolutions, two of each in their batch norms."""
    return 9 * (inputs * between + between * outputs) + 3 * (between + outputs)


def test_the_parameters_are_the_papers():
    expected = (
        double(38, 64, 64)
        + double(64, 128, 128)
        + double(128, 256, 256)
        + double(256, 512, 512)
        + double(512, 512, 512)
        + double(1024, 256, 512)
        + double(512, 128, 256)
        + double(256, 64, 128)
        + double(128, 64, 64)
        + 64 * 3
        + 3
    )
    counted = sum(p.numel() for p in FlowmagUNet().parameters())
    assert counted == expected
    assert counted == pytest.approx(17.29e6, rel=5e-4)


def test_every_resolution_has_the_papers_shape():
    net = UNet(38, 3).eval()
    shapes = []
    for block in [net.enter, *net.down, *net.up]:
        block.register_forward_hook(lambda _, __, out: shapes.append(tuple(out.shape[1:])))
    with torch.no_grad():
        net(torch.rand(1, 38, 32, 48))
    down = [(64, 32, 48), (128, 16, 24), (256, 8, 12), (512, 4, 6), (512, 2, 3)]
    up = [(256, 4, 6), (128, 8, 12), (64, 16, 24), (64, 32, 48)]
    assert shapes == down + up


@pytest.mark.parametrize("size", [(16, 16), (17, 31), (40, 64), (33, 18)])
def test_any_size_goes_in_and_comes_out(size):
    net = FlowmagUNet(base=4).eval()
    frames = torch.rand(2, 2, 3, *size)
    with torch.no_grad():
        answer = net(frames[0], frames[1], torch.full((2, 1, 1, 1), 4.0))
    assert answer.shape == (2, 3, *size)
    assert answer.min() >= 0
    assert answer.max() <= 1


def test_a_number_and_a_map_of_it_draw_the_same():
    net = FlowmagUNet(base=4).eval()
    a, b = torch.rand(2, 1, 3, 24, 24)
    with torch.no_grad():
        number = net(a, b, torch.full((1, 1, 1, 1), 5.0))
        spread = net(a, b, torch.full((1, 1, 24, 24), 5.0))
    torch.testing.assert_close(number, spread)


def test_the_encoding_is_the_papers_sines():
    alpha = 3.7
    encoded = encode_alpha(torch.full((1, 1, 1, 1), alpha))[0, :, 0, 0]
    waves = [2 ** (-3 + 10 * k / 31) for k in range(32)]
    expected = torch.tensor([math.sin(2 * math.pi * alpha / w) for w in waves])
    torch.testing.assert_close(encoded, expected, atol=1e-4, rtol=0)


def test_each_pixel_has_the_encoding_of_its_own_factor():
    alpha = torch.tensor([[1.0, 2.5], [16.0, 0.3]])[None, None]
    encoded = encode_alpha(alpha)
    alone = encode_alpha(torch.tensor(2.5).reshape(1, 1, 1, 1))
    assert encoded.shape == (1, 32, 2, 2)
    torch.testing.assert_close(encoded[..., 0, 1], alone[..., 0, 0])
