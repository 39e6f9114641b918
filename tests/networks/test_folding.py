"""A folded network answers like the one that it was made of, and leaves that one alone."""

import pytest
import torch
from torch import nn

from motionloupe.flow.unet import UNet
from motionloupe.networks import build
from motionloupe.networks.folding import folded
from motionloupe.networks.weights import find_weights, load_weights
from tests.scenes import shifted, texture


@pytest.mark.parametrize("name", ["flowmag-unet", "flowmag-splat"])
def test_folded_u_nets_answer_the_same_and_the_original_stays(name):
    torch.manual_seed(0)
    network = build(name, {"base": 4}).eval()
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.uniform_(-0.5, 0.5)
            part.running_var.uniform_(0.2, 4.0)
            nn.init.uniform_(part.weight, 0.5, 2.0)
            nn.init.normal_(part.bias)
        elif isinstance(part, UNet):
            nn.init.normal_(part.leave.weight, std=0.1)  # zeros would hide the rest
    kept = {key: value.clone() for key, value in network.state_dict().items()}
    quick = folded(network)
    assert not any(isinstance(part, nn.BatchNorm2d) for part in quick.modules())
    pairs = zip(network.modules(), quick.modules(), strict=True)
    for slow, fast in pairs:
        if isinstance(slow, UNet):
            seen = torch.rand(1, slow.enter[0].in_channels, 34, 45)
            with torch.no_grad():
                torch.testing.assert_close(slow(seen), fast(seen), atol=1e-4, rtol=1e-4)
    assert network.state_dict().keys() == kept.keys()
    for key, value in network.state_dict().items():
        torch.testing.assert_close(value, kept[key], rtol=0, atol=0)


def test_the_shipped_network_draws_the_same_when_folded():
    network = load_weights(find_weights("flowmag", None)).network
    still = texture()
    a, b = (
        torch.from_numpy(picture).permute(2, 0, 1)[None].float()
        for picture in (still, shifted(still, 0.4, -0.2))
    )
    alpha = torch.full((1, 1, 1, 1), 10.0)
    with torch.no_grad():
        drawn, expected = folded(network)(a, b, alpha), network(a, b, alpha)
    assert (expected - b).abs().max() > 0.05
    torch.testing.assert_close(drawn, expected, atol=1e-4, rtol=0)
