"""A folded network answers like the one that it was made of, and leaves that one alone."""

import pytest
import torch
from torch import nn

from motionloupe.networks import build
from motionloupe.networks.folding import folded


@pytest.mark.parametrize("name", ["flowmag-unet", "flowmag-splat"])
def test_a_folded_network_answers_the_same(name):
    torch.manual_seed(0)
    network = build(name, {"base": 4}).eval()
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.uniform_(-0.5, 0.5)
            part.running_var.uniform_(0.2, 4.0)
            nn.init.uniform_(part.weight, 0.5, 2.0)
            nn.init.normal_(part.bias)
        elif isinstance(part, nn.Conv2d):
            nn.init.normal_(part.weight, std=0.1)
    for name, part in network.named_modules():
        if name.endswith("leave"):  # large corrections would carry rounding far
            nn.init.normal_(part.weight, std=0.002)
    kept = {key: value.clone() for key, value in network.state_dict().items()}
    quick = folded(network)
    assert not any(isinstance(part, nn.BatchNorm2d) for part in quick.modules())
    a, b = torch.rand(2, 1, 3, 34, 45)
    with torch.no_grad():
        answers = [each(a, b, torch.full((1, 1, 1, 1), 5.0)) for each in (network, quick)]
    torch.testing.assert_close(*answers, atol=1e-4, rtol=1e-4)
    assert (answers[0] - b).abs().max() > 0.01  # the layers under test did take part
    assert network.state_dict().keys() == kept.keys()
    for key, value in network.state_dict().items():
        torch.testing.assert_close(value, kept[key], rtol=0, atol=0)
