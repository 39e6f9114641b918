"""The adapter of ptlflow's models, on a fake of the package."""

import sys
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from motionloupe.errors import UserError
from motionloupe.flow import load_flow


class RedMinusBlue(nn.Module):
    """Takes what ptlflow's models take, and answers what they answer."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(2.0))
        self.iters = 32

    def forward(self, inputs):
        images = inputs["images"]
        assert images.shape[1:3] == (2, 3)
        blue, red = images[:, 1, 0], images[:, 0, 2]
        flow = self.scale * torch.stack([red, blue], dim=1) * self.iters
        return {"flows": flow.unsqueeze(1)}


@pytest.fixture
def asked(monkeypatch):
    calls = []

    def get_model(name, ckpt_path=None):
        calls.append((name, ckpt_path))
        if name != "sea_raft_s":
            raise ValueError(f"Unknown model name: {name}. Choose from [...]")
        return RedMinusBlue()

    monkeypatch.setitem(sys.modules, "ptlflow", SimpleNamespace(get_model=get_model))
    return calls


def test_a_model_is_asked_in_its_own_terms(asked):
    estimator = load_flow("ptlflow:sea_raft_s", checkpoint="sintel", iterations=3)
    assert asked == [("sea_raft_s", "sintel")]
    a, b = torch.rand(2, 2, 3, 20, 24, generator=torch.Generator().manual_seed(0))
    expected = 6 * torch.stack([a[:, 0], b[:, 2]], dim=1)  # red of a, blue of b
    torch.testing.assert_close(estimator(a, b), expected)
    assert not list(estimator.parameters())
    assert "network.scale" in estimator.state_dict()


def test_its_own_iterations_stay(asked):
    a, b = torch.rand(2, 1, 3, 20, 24)
    flow = load_flow("ptlflow:sea_raft_s")(a, b)
    torch.testing.assert_close(flow[:, 0], 64 * a[:, 0])


@pytest.mark.parametrize(
    ("name", "words"),
    [("ptlflow", "after a colon"), ("ptlflow:raft9", "Unknown model name: raft9")],
)
def test_mistakes_are_named(asked, name, words):
    with pytest.raises(UserError, match=words):
        load_flow(name)


def test_without_the_package_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ptlflow", None)
    with pytest.raises(UserError, match=r"pip install motionloupe\[ptlflow\]"):
        load_flow("ptlflow:sea_raft_s")


def test_only_ptlflow_has_models():
    with pytest.raises(UserError, match="no option 'model'"):
        load_flow("lucas-kanade:small")
