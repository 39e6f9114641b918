"""Real pairs and scenes in one batch: each kind is judged by its own lesson, by its share."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from motionloupe.networks import build
from motionloupe.training.checkpoints import fresh
from motionloupe.training.config import FlowLoss, MixedLoss, NetworkChoice, TruthLoss
from motionloupe.training.lessons import build_task
from motionloupe.training.loop import learn
from motionloupe.training.recipes import CONFIGS
from tests.training.test_truth import batch

LOSS = MixedLoss(
    flow=FlowLoss("lucas-kanade", iterations=1),
    truth=TruthLoss(iterations=1, structure=0.1, displacement=0.2),
    weight=0.03,
)
CONFIG = replace(
    CONFIGS["flowmag"]["mixed"],
    network=NetworkChoice("flowmag-splat", {"base": 4, "mend": 4}),
    loss=LOSS,
)


def mixed(*known):
    """The one sample of test_truth, as a scene where ``known`` and else as a real pair."""
    sample = {**batch(), "backward_flow": torch.full((1, 2, 48, 64), -0.5)}
    whole = {name: part.repeat(len(known), 1, 1, 1) for name, part in sample.items()}
    whole["known"] = torch.tensor(known).float().view(-1, 1, 1, 1)
    for name in ("y", "backward_flow"):
        whole[name] = whole[name] * whole["known"]  # nobody knows it
    return whole


@pytest.fixture(scope="module")
def tasks():
    """The mixed task in eval mode, where a sample does not see the others of its batch."""
    torch.manual_seed(0)
    task = build_task(CONFIG).eval()
    network = task.network
    nn.init.normal_(network.mender.leave.weight, std=0.1)
    parts = [build_task(replace(CONFIG, loss=loss)).eval() for loss in (LOSS.flow, LOSS.truth)]
    for part in parts:
        part.network.load_state_dict(network.state_dict())
    return task, *parts


@pytest.mark.parametrize("known", [(0,), (1,), (0, 1), (1, 0, 1, 1)])
def test_each_kind_counts_by_its_own_loss_and_its_share(tasks, known):
    task, flow, truth = tasks
    losses = task(mixed(*known))
    share = sum(known) / len(known)
    wanted = {
        "flow": (1 - share) * LOSS.weight * flow(mixed(0))["loss"].item(),
        "truth": share * truth(mixed(1))["loss"].item(),
    }
    for name, value in wanted.items():
        assert losses[name].item() == pytest.approx(value, rel=1e-4)
    assert losses["loss"].item() == pytest.approx(sum(wanted.values()), rel=1e-4)


def test_one_step_learns_from_both_and_frozen_norms_keep_their_statistics():
    state = fresh(CONFIG, torch.device("cpu"))
    before = {name: value.clone() for name, value in state.task.network.state_dict().items()}
    learn(state.task, state, mixed(0, 1))
    after = state.task.network.state_dict()
    moved = {name for name, value in after.items() if not torch.equal(value, before[name])}
    assert "mender.leave.weight" in moved
    assert not {name for name in moved if "running" in name}
    free = replace(CONFIG, optimiser=replace(CONFIG.optimiser, frozen_norms=False))
    state = fresh(free, torch.device("cpu"))
    before = {name: value.clone() for name, value in state.task.network.state_dict().items()}
    learn(state.task, state, mixed(0, 1))
    after = state.task.network.state_dict()
    assert any("running" in name and not torch.equal(after[name], before[name]) for name in after)


def test_the_lessons_share_one_network():
    task = build_task(CONFIG)
    assert task.flow.network is task.truth.network is task.network
    assert isinstance(task.network, type(build("flowmag-splat", {"base": 4})))
