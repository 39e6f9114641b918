"""Learning from the truth: what the loss sees, whom its gradients reach, and that it falls."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from motionloupe.errors import UserError
from motionloupe.flow import load_flow
from motionloupe.measurement.displacement import displacement
from motionloupe.networks import build
from motionloupe.training.config import NetworkChoice, TruthLoss
from motionloupe.training.lessons import build_task, needed
from motionloupe.training.losses import (
    MotionGap,
    dissimilarity,
    multiscale_l1,
    relative_error,
    wrong_front,
)
from motionloupe.training.recipes import CONFIGS
from motionloupe.training.tasks import TruthTask
from tests.scenes import shifted, texture


def tensor(picture):
    return torch.from_numpy(picture).permute(2, 0, 1)[None].float()


@pytest.fixture(scope="module")
def teacher():
    return MotionGap(load_flow("lucas-kanade"))


def batch(d=0.5, alpha=6.0):
    still = texture(48, 64)
    frames = {"a": still, "b": shifted(still, d), "y": shifted(still, alpha * d)}
    return {
        **{name: tensor(frame) for name, frame in frames.items()},
        "alpha": torch.full((1, 1, 1, 1), alpha),
    }


def test_the_truth_costs_nothing_and_a_gap_is_in_pixels(teacher):
    still = texture(64, 96)
    a, truth = tensor(still), tensor(shifted(still, 2.0))
    assert float(multiscale_l1(truth, truth, 3)) == 0
    assert float(teacher(a, truth, truth)) == 0
    short = teacher(a, tensor(shifted(still, 1.0)), truth)
    assert float(short) == pytest.approx(1.0 / 2, rel=0.1)  # x is a pixel off, y is right


def test_gradients_reach_the_answer_alone(teacher):
    sample = batch()
    answer = sample["b"].clone().requires_grad_()
    gap = teacher(sample["a"], answer, sample["y"])
    for part in (multiscale_l1(answer, sample["y"], 3), gap):
        (gradient,) = torch.autograd.grad(part, answer, retain_graph=True)
        assert torch.isfinite(gradient).all()
        assert gradient.abs().max() > 0
    assert not list(teacher.parameters())


def test_steps_lower_the_loss(teacher):
    torch.manual_seed(0)
    network = build("flowmag-splat", {"base": 4, "mend": 4})
    task = TruthTask(network, teacher, TruthLoss(motion=0.02))
    adam = torch.optim.Adam(network.parameters(), lr=3e-3)
    sample = batch(d=2.0)  # 12 px: a rim to be filled
    losses = []
    for _ in range(15):
        adam.zero_grad()
        loss = task(sample)["loss"]
        loss.backward()
        adam.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.9 * losses[0]


def test_the_configuration_builds_its_task_and_asks_for_the_truth():
    config = CONFIGS["flowmag"]["truth"]
    assert isinstance(config.loss, TruthLoss)
    assert needed(config) == ("a", "b", "y", "backward_flow")
    assert isinstance(build_task(config), TruthTask)


def test_the_generator_starts_right_for_motion_of_pixels_too():
    torch.manual_seed(0)
    network = build("flowmag-splat", {"base": 4, "mend": 4}).eval()
    still = texture(96, 128)
    with torch.no_grad():
        drawn = network(tensor(still), tensor(shifted(still, 2.5)), torch.full((1, 1, 1, 1), 3.0))
    picture = drawn[0].permute(1, 2, 0).clamp(0, 1).numpy().astype(np.float64)
    assert displacement(still, picture, (24, 24, 80, 48))[0] == pytest.approx(7.5, rel=0.05)


def test_the_error_of_motion_is_a_share_of_the_motion():
    truth = torch.zeros(1, 2, 8, 8)
    truth[:, 0] = 2.0
    assert float(relative_error(1.5 * truth, truth)) == pytest.approx(1.0 / 2.02, rel=1e-3)
    assert float(relative_error(truth, truth)) < 1e-3
    still = torch.zeros_like(truth)
    assert float(relative_error(still + 0.05, still)) == pytest.approx(2**0.5 * 2.5, rel=1e-3)


def test_the_generator_learns_which_way_its_frame_moves():
    torch.manual_seed(0)
    network = build("flowmag-splat", {"base": 4, "mend": 4})
    options = TruthLoss(motion=0.0, displacement=1.0)
    task = TruthTask(network, None, options)
    sample = batch(d=0.5)
    sample["backward_flow"] = torch.zeros_like(sample["a"][:, :2])
    sample["backward_flow"][:, 0] = -0.5  # b's points come from the left
    losses = task(sample)
    assert set(losses) == {"loss", "picture", "displacement"}
    assert losses["displacement"] < 0.35  # it starts from Lucas and Kanade
    sample["backward_flow"] = -sample["backward_flow"]
    assert task(sample)["displacement"] > 1.0


def test_only_a_generator_that_finds_motion_can_be_taught_it():
    config = replace(
        CONFIGS["flowmag"]["truth"],
        network=NetworkChoice("flowmag-unet", {"base": 4}),
        loss=TruthLoss(displacement=0.1),
    )
    with pytest.raises(UserError, match="finds no displacement"):
        build_task(config)


def test_structure_counts_a_blur_for_more_than_l1_does(teacher):
    sample = batch(d=0.5)
    blurred = torch.nn.functional.avg_pool2d(sample["y"], 5, 1, 2)
    shifted = (sample["y"] + (blurred - sample["y"]).abs().mean()).clamp(0, 1)  # same L1, sharp
    assert dissimilarity(sample["y"], sample["y"]) == pytest.approx(0, abs=1e-5)
    assert dissimilarity(blurred, sample["y"]) > 3 * dissimilarity(shifted, sample["y"])


def test_structure_is_added_to_the_loss_by_its_weight(teacher):
    network = build("flowmag-splat", {"base": 4, "mend": 4})
    sample = batch(d=0.5)
    plain = TruthTask(network, teacher, TruthLoss())(sample)
    crisp = TruthTask(network, teacher, TruthLoss(structure=0.5))(sample)
    assert float(crisp["loss"].detach()) == pytest.approx(
        float((plain["loss"] + 0.5 * crisp["structure"]).detach()), rel=1e-5
    )


def test_front_is_a_surprise_where_the_hidden_weigh_more():
    """The left half moves one column right, onto what the right half shows."""
    displacement = torch.zeros(1, 2, 8, 8)
    displacement[:, 0, :, :4] = 1.0
    seen = torch.ones(1, 1, 8, 8)
    seen[..., 4] = 0.0  # what the left half comes to lie on
    rising = torch.arange(8.0).expand(1, 1, 8, 8)
    alike = wrong_front(torch.zeros_like(seen), displacement, seen)
    assert float(alike) == pytest.approx(np.log(2.0), rel=1e-5)  # half of the weight each
    assert wrong_front(-5.0 * rising, displacement, seen) < 0.01
    assert wrong_front(5.0 * rising, displacement, seen) > 4.0
    assert wrong_front(5.0 * rising, 0.0 * displacement, seen) == 0.0  # nothing meets


def test_the_generator_learns_what_lies_in_front():
    torch.manual_seed(0)
    network = build("flowmag-splat", {"base": 4, "mend": 4})
    task = TruthTask(network, None, TruthLoss(motion=0.0, front=1.0))
    sample = batch(d=2.0)
    seen = torch.zeros_like(sample["a"][:, :1])
    seen[..., :32] = 1.0
    sample["b_seen_in_y"], sample["backward_flow"] = seen, torch.zeros_like(sample["a"][:, :2])
    sample["backward_flow"][:, 0, :, :32] = -2.0  # the left half comes to lie on the right one
    adam = torch.optim.Adam(network.parameters(), lr=3e-3)
    losses = []
    for _ in range(15):
        adam.zero_grad()
        parts = task(sample)
        assert set(parts) == {"loss", "picture", "front"}
        parts["front"].backward()
        adam.step()
        losses.append(float(parts["front"].detach()))
    assert losses[-1] < 0.7 * losses[0]


def test_structure_is_exact_under_autocast():
    sample = batch(d=0.5)
    blurred = torch.nn.functional.avg_pool2d(sample["y"], 5, 1, 2)
    exact = dissimilarity(blurred, sample["y"])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert dissimilarity(blurred, sample["y"]) == pytest.approx(float(exact), abs=1e-6)
