"""FlowMag as a magnifier: its passes for large factors, its maps, its refusals."""

import numpy as np
import pytest
import torch
from torch import nn

from motionloupe.errors import UserError
from motionloupe.magnifiers.flowmag import FlowMag, passes
from motionloupe.networks import build
from motionloupe.networks.weights import save_weights
from tests.scenes import shifted, texture


def number(value):
    return torch.full((1, 1, 1, 1), value)


@pytest.mark.parametrize(
    ("alpha", "expected"), [(0.0, 1), (1.0, 1), (16.0, 1), (16.1, 2), (256.0, 2), (300.0, 3)]
)
def test_the_fewest_equal_passes_within_sixteen(alpha, expected):
    count, factor = passes(number(alpha))
    assert count == expected
    assert float(factor) ** count == pytest.approx(alpha, rel=1e-4)
    assert float(factor) <= 16.001


def test_a_map_takes_the_passes_of_its_largest_factor():
    count, factor = passes(torch.tensor([1.0, 4.0, 256.0]).reshape(1, 1, 1, 3))
    assert count == 2
    torch.testing.assert_close(factor.flatten(), torch.tensor([1.0, 2.0, 16.0]))


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "flowmag.safetensors"
    options = {"base": 2}
    save_weights(path, "flowmag-unet", options, build("flowmag-unet", options).state_dict(), {})
    return path


class Extrapolating(nn.Module):
    """Magnifies brightness as if it were motion, so that passes can be counted by hand."""

    def forward(self, reference, frame, alpha):
        return reference + alpha * (frame - reference)


@pytest.mark.parametrize("alpha", [4.0, 100.0])
def test_passes_against_one_reference_give_the_whole_factor(weights, alpha):
    method = FlowMag(weights=weights)
    method.network = Extrapolating()
    before = np.full((16, 20, 3), 0.5, np.float32)
    drawn = method.pair(before, before + 0.001, alpha)
    np.testing.assert_allclose(drawn, 0.5 + 0.001 * alpha, rtol=1e-3)


def test_alpha_one_gives_the_frame_itself(weights):
    frame, before = texture(21, 34), shifted(texture(21, 34), 0.5)
    np.testing.assert_allclose(FlowMag(weights=weights).pair(before, frame, 1.0), frame, atol=1e-7)


def test_outside_the_map_nothing_changes(weights):
    frame, before = texture(32, 40), shifted(texture(32, 40), 0.5)
    alpha = np.ones((32, 40))
    alpha[8:, 8:] = 40.0
    drawn = FlowMag(weights=weights).pair(before, frame, alpha)
    np.testing.assert_allclose(drawn[:8], frame[:8], atol=1e-7)
    assert np.abs(drawn[8:, 8:] - frame[8:, 8:]).mean() > 1e-3


def test_a_network_that_knows_no_motion_refuses_a_band(weights):
    with pytest.raises(UserError, match="knows no motion"):
        FlowMag(weights=weights, band=(1.0, 2.0))


def test_weights_of_another_network_are_refused(tmp_path):
    path = tmp_path / "w.safetensors"
    save_weights(path, "oh2018", {"width": 8}, build("oh2018", {"width": 8}).state_dict(), {})
    with pytest.raises(UserError, match="expected a network of flowmag"):
        FlowMag(weights=path)
