"""FLAVR's network has the layers of R3D-18 and a decoder, and takes pictures of any size."""

import pytest
import torch

from motionloupe.errors import UserError
from motionloupe.networks import build
from motionloupe.networks.flavr import FlavrUNet, Gate
from tests.scenes import shifted, texture


def tensor(picture):
    return torch.from_numpy(picture).permute(2, 0, 1)[None].float()


def gated(channels):
    return channels * channels + channels


def convolved(inputs, outputs, places):
    return places * inputs * outputs + outputs


def residual(inputs, outputs):
    past = 0 if inputs == outputs else convolved(inputs, outputs, 1)
    body = convolved(inputs, outputs, 27) + convolved(outputs, outputs, 27) + gated(outputs)
    return past + body


def test_the_parameters_are_those_of_the_layers():
    encoder = convolved(3, 64, 3 * 49) + 2 * residual(64, 64)
    for inputs, outputs in ((64, 128), (128, 256), (256, 512)):
        encoder += residual(inputs, outputs) + residual(outputs, outputs)
    decoder = sum(
        convolved(inputs, outputs, places) + gated(outputs)
        for inputs, outputs, places in (
            (512, 256, 27),
            (512, 128, 48),
            (256, 64, 48),
            (128, 64, 27),
            (128, 64, 48),
        )
    )
    last = convolved(64, 64, 27) + convolved(128, 64, 1) + convolved(64, 3, 49)
    with torch.device("meta"):
        counted = sum(p.numel() for p in FlavrUNet().parameters())
    assert counted == encoder + decoder + last == 42_168_899


def test_both_moments_last_and_space_is_halved_three_times():
    net = FlavrUNet(width=2)
    shapes = []
    for stage in [*net.down, *net.up, net.out]:
        stage.register_forward_hook(lambda _, __, out: shapes.append(tuple(out.shape[1:])))
    net(torch.rand(1, 3, 32, 48), torch.rand(1, 3, 32, 48))
    assert shapes == [
        (2, 2, 16, 24),
        (2, 2, 16, 24),
        (4, 2, 8, 12),
        (8, 2, 4, 6),
        (16, 2, 4, 6),
        (8, 2, 4, 6),
        (4, 2, 8, 12),
        (2, 2, 16, 24),
        (2, 2, 16, 24),
        (2, 2, 32, 48),
    ]


@pytest.mark.parametrize("size", [(16, 16), (17, 45), (64, 40)])
def test_any_size_comes_back(size):
    a, b = torch.rand(2, 2, 3, *size)
    assert FlavrUNet(width=2)(a, b, torch.full((2, 1, 1, 1), 10.0)).shape == (2, 3, *size)


def test_colour_goes_round_the_network_and_every_weight_is_learned():
    net = FlavrUNet(width=2)
    a, b = torch.rand(2, 1, 3, 24, 24)
    tint = torch.tensor([0.2, -0.1, 0.3]).view(1, 3, 1, 1)
    torch.testing.assert_close(net(a + tint, b + tint), net(a, b) + tint, atol=1e-5, rtol=1e-5)
    net(a, b).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())


def test_steps_lower_the_loss():
    still = tensor(texture(32, 40))
    sides = [
        (tensor(shifted(texture(32, 40), d)), tensor(shifted(texture(32, 40), 10 * d)))
        for d in (0.3, -0.3)
    ]
    torch.manual_seed(0)
    net = FlavrUNet(width=4)
    adam = torch.optim.Adam(net.parameters(), lr=3e-3)
    losses = []
    for _ in range(20):
        loss = sum((net(still, frame) - truth).abs().mean() for frame, truth in sides)
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.9 * losses[0]


def test_a_gate_weighs_whole_channels_by_their_means():
    gate = Gate(2)
    torch.nn.init.zeros_(gate.weigh.weight)
    gate.weigh.weight.data[1, 0] = 1.0  # the second channel is let through by the first's mean
    torch.nn.init.zeros_(gate.weigh.bias)
    x = torch.rand(1, 2, 2, 3, 4)
    torch.testing.assert_close(gate(x)[:, 0], 0.5 * x[:, 0])
    torch.testing.assert_close(gate(x)[:, 1], torch.sigmoid(x[:, 0].mean()) * x[:, 1])


def test_nonsense_is_refused():
    for options in ({"alpha": 0.0}, {"width": 0}):
        with pytest.raises(UserError, match="flavr needs a positive alpha and width"):
            build("flavr", options)


def test_processors_compute_it_in_float32_whatever_is_asked():
    torch.manual_seed(0)
    net = FlavrUNet(width=2)
    frames = torch.rand(2, 1, 3, 32, 32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = net(*frames)
    assert cast.dtype == torch.float32
    torch.testing.assert_close(cast, net(*frames), rtol=0, atol=0)
