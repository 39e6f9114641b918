"""FLAVR as a method: its one factor, from a file of weights."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from motionloupe.errors import UserError
from motionloupe.magnifiers import load, load_trained
from motionloupe.networks import build
from motionloupe.networks.weights import save_weights
from motionloupe.training.config import FlowLoss, NetworkChoice
from motionloupe.training.lessons import build_task, needed
from motionloupe.training.recipes import CONFIGS
from motionloupe.training.tasks import TruthTask
from tests.scenes import shifted, texture


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("flavr") / "flavr.safetensors"
    options = {"alpha": 6.0, "width": 2}
    torch.manual_seed(0)
    save_weights(path, "flavr", options, build("flavr", options).state_dict(), {}, half=False)
    return path


@pytest.fixture
def frames():
    still = texture(29, 40).astype(np.float32)
    return [still, shifted(still, 0.4).astype(np.float32)]


def test_it_draws_what_its_network_draws_at_its_own_factor(weights, frames):
    method = load_trained(weights)
    assert method.only_alpha == 6.0
    a, b = (torch.from_numpy(frame).permute(2, 0, 1)[None] for frame in frames)
    with torch.inference_mode():
        expected = method.network(a, b)[0].permute(1, 2, 0).clamp(0, 1)
    drawn = method.pair(*frames, 6.0)
    np.testing.assert_allclose(drawn, expected, atol=1e-6)
    np.testing.assert_array_equal(method.pair(*frames, 1.0), frames[1])
    alpha = np.ones((29, 40))
    alpha[:, 20:] = 6.0
    by_map = method.pair(*frames, alpha)
    np.testing.assert_array_equal(by_map[:, :20], frames[1][:, :20])
    np.testing.assert_array_equal(by_map[:, 20:], drawn[:, 20:])


def test_any_other_factor_and_a_band_are_refused(weights, frames):
    for alpha in (2.0, 10.0, np.full((29, 40), 3.0)):
        with pytest.raises(UserError, match="magnify 6 times and by no other factor"):
            load_trained(weights).pair(*frames, alpha)
    with pytest.raises(UserError, match="band"):
        load_trained(weights, band=(1.0, 2.0))


def test_no_other_method_takes_its_weights(weights):
    with pytest.raises(UserError, match="holds weights of flavr"):
        load("flowmag", weights=weights)


def test_its_configuration_teaches_one_factor_alone():
    config = CONFIGS["flowmag"]["flavr"]
    assert isinstance(build_task(config), TruthTask)
    assert needed(config) == ("a", "b", "y")
    other = replace(config, network=NetworkChoice("flavr", {"alpha": 5.0, "width": 2}))
    with pytest.raises(UserError, match=r"magnifies 5 times: set alpha = \[5, 5\]"):
        build_task(other)
    with pytest.raises(UserError, match="truth of scenes"):
        build_task(replace(config, loss=FlowLoss()))
