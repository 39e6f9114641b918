"""The losses are the papers' equations, and gradients go where they should."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional

from motionloupe.errors import UserError
from motionloupe.flow import load_flow
from motionloupe.flow.lucas_kanade import LucasKanade
from motionloupe.networks import build
from motionloupe.networks.oh2018 import Oh2018
from motionloupe.training.config import FlowLoss, OhLoss
from motionloupe.training.lessons import flowmag_task
from motionloupe.training.losses import (
    MagnificationLoss,
    MotionGap,
    decomposition_regularisers,
    masked_mean,
    multiscale_l1,
)
from motionloupe.training.tasks import FlowmagTask, OhTask

SIZE = (20, 24)


class Brightness(nn.Module):
    """A flow that can be read off: the difference of red is x, of green is y, times a weight."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(10.0))
        self.norm = nn.BatchNorm2d(2, affine=False)

    def forward(self, a, b):
        return self.norm.running_var[None, :, None, None] * self.scale * (b - a)[:, :2]


def pictures(red=0.1, green=0.0, batch=2):
    a = torch.full((batch, 3, *SIZE), 0.4)
    b = a + torch.tensor([red, green, 0.0])[:, None, None]
    return a, b


def factor(value, batch=2):
    return torch.full((batch, 1, 1, 1), value)


def test_an_answer_that_has_moved_alpha_times_has_no_motion_loss():
    a, b = pictures()
    loss = MagnificationLoss(Brightness())
    assert loss(a, b, a + 3.0 * (b - a), factor(3.0)).motion == pytest.approx(0, abs=1e-5)
    assert loss(a, b, b, factor(1.0)).colour == pytest.approx(0, abs=1e-6)


def test_the_terms_by_hand():
    a, b = pictures(red=0.1, green=0.05)
    terms = MagnificationLoss(Brightness())(a, b, b, factor(3.0))
    assert terms.motion == pytest.approx((2.0 * 1.0 + 2.0 * 0.5) / 2, rel=1e-5)
    answer = b + 0.03  # constant pictures stay what they are wherever they are sampled
    terms = MagnificationLoss(Brightness())(a, b, answer, factor(1.0))
    assert terms.colour == pytest.approx(0.03, rel=1e-4)


def test_an_answer_that_is_not_finite_costs_nan_and_is_never_sampled():
    a, b = pictures()
    answer = (b * torch.nan).requires_grad_()
    estimator = LucasKanade()
    terms = MagnificationLoss(estimator)(a, b, answer, factor(3.0))
    for cost in (*terms, MotionGap(estimator)(a, answer, b)):
        assert torch.isnan(cost)


def test_every_pixel_has_its_own_factor():
    a, b = pictures()
    alpha = torch.ones(2, 1, *SIZE)
    alpha[..., 12:] = 5.0
    answer = a + alpha * (b - a)
    loss = MagnificationLoss(Brightness())
    assert loss(a, b, answer, alpha).motion == pytest.approx(0, abs=1e-5)
    assert loss(a, b, answer, factor(5.0)).motion == pytest.approx(0.5 * 4.0 / 2, rel=1e-4)


def test_places_outside_the_frame_can_be_left_out():
    a, b = pictures(red=0.1)  # 1 pixel to the right; 10 times as far is wanted
    answer = a + 10.0 * (b - a)
    answer[..., -10:] = 0.0  # wrong where nobody can know what enters
    everything = MagnificationLoss(Brightness(), "reflect")(a, b, answer, factor(10.0))
    inside = MagnificationLoss(Brightness(), "valid")(a, b, answer, factor(10.0))
    assert everything.motion > 0.1
    assert inside.motion == pytest.approx(0, abs=1e-5)


def test_gradients_reach_the_answer_and_never_the_estimator():
    a, b = pictures()
    estimator = Brightness()
    loss = MagnificationLoss(estimator)
    answer = torch.rand_like(b).requires_grad_()
    a, b = a.requires_grad_(), b.requires_grad_()
    terms = loss(a, b, answer, factor(2.0))
    (terms.motion + terms.colour).backward()
    assert answer.grad.abs().sum() > 0
    assert estimator.scale.grad is None
    assert not estimator.scale.requires_grad


def test_the_estimator_stays_in_eval_mode_whatever_the_trainer_calls():
    estimator = Brightness()
    task = FlowmagTask(build("flowmag-unet", {"base": 2}), MagnificationLoss(estimator), 10.0)
    task.train()
    assert task.network.training
    assert not estimator.norm.training
    assert list(task.teacher.parameters()) == list(estimator.parameters())


def test_the_flow_of_the_input_keeps_no_gradient():
    a, b = pictures()
    calls = []

    class Watching(Brightness):
        def forward(self, a, b):
            calls.append(torch.is_grad_enabled())
            return super().forward(a, b)

    MagnificationLoss(Watching())(a, b, b.clone().requires_grad_(), factor(2.0))
    assert calls == [False, True]


def test_a_real_estimator_teaches_an_answer_to_move():
    """Gradient descent on the loss carries the answer itself towards three times the motion."""
    torch.manual_seed(0)
    coarse = torch.rand(1, 3, 8, 8)
    still = functional.interpolate(coarse, (40, 40), mode="bicubic", align_corners=True).clamp(0, 1)
    a, b = still[..., :32, 4:36], still[..., :32, 3:35]
    estimator = LucasKanade()
    loss = MagnificationLoss(estimator, "valid")
    answer = b.clone().requires_grad_()
    before = loss(a, b, answer, factor(3.0, 1)).motion.item()
    descent = torch.optim.Adam([answer], lr=0.01)
    for _ in range(15):
        descent.zero_grad()
        terms = loss(a, b, answer, factor(3.0, 1))
        terms.motion.backward()
        descent.step()
    assert loss(a, b, answer, factor(3.0, 1)).motion.item() < 0.7 * before


def test_a_shared_out_batch_has_the_mean_of_the_whole():
    values, counts = torch.rand(4, 2, 5, 5), (torch.rand(4, 1, 5, 5) > 0.5).float()
    halves = [masked_mean(values[k : k + 2], counts[k : k + 2]) for k in (0, 2)]
    torch.testing.assert_close(sum(halves) / 2, masked_mean(values, counts))
    assert masked_mean(values, torch.zeros_like(counts)) == 0


def test_the_flowmag_task_weighs_colour_as_told():
    a, b = pictures()
    task = FlowmagTask(build("flowmag-unet", {"base": 2}), MagnificationLoss(Brightness()), 10.0)
    losses = task({"a": a, "b": b, "alpha": factor(2.0)})
    torch.testing.assert_close(losses["loss"], losses["motion"] + 10.0 * losses["colour"])


def test_several_estimators_count_alike():
    a, b = pictures(red=0.1, green=0.05)
    answer, alpha = b + 0.03, factor(3.0)
    config = FlowLoss("lucas-kanade,dis", iterations=1)
    with pytest.raises(UserError, match="no flow estimator 'diss'"):
        flowmag_task(build("flowmag-unet", {"base": 2}), replace(config, flow="lucas-kanade,diss"))
    task = flowmag_task(build("flowmag-unet", {"base": 2}), config)
    found = task.teacher(a, b, answer, alpha)
    alone = [
        MagnificationLoss(load_flow(name, iterations=1))(a, b, answer, alpha)
        for name in ("lucas-kanade", "dis")
    ]
    for name in ("motion", "colour"):
        mean = sum(getattr(terms, name) for terms in alone) / 2
        torch.testing.assert_close(getattr(found, name), mean)


def test_the_regularisers_are_the_three_of_the_paper():
    v_a, v_b, v_twin, v_y, m_b, m_twin = torch.rand(6, 2, 4, 3, 3)
    expected = (v_a - v_b).abs().mean() + (v_twin - v_y).abs().mean() + (m_b - m_twin).abs().mean()
    torch.testing.assert_close(
        decomposition_regularisers((v_a, v_b, v_twin, v_y), (m_b, m_twin)), expected
    )


@pytest.fixture
def batch():
    torch.manual_seed(0)
    names = ("a", "b", "b_perturbed", "y_perturbed")
    return {**{name: torch.rand(2, 3, *SIZE) for name in names}, "alpha": factor(5.0)}


def test_ohs_network_sees_the_perturbed_frame_and_must_give_the_perturbed_truth(batch):
    network = Oh2018(width=4)
    losses = OhTask(network, OhLoss(regulariser=0.1))(batch)
    drawn = network(batch["a"], batch["b_perturbed"], batch["alpha"])
    torch.testing.assert_close(losses["picture"], (drawn - batch["y_perturbed"]).abs().mean())
    torch.testing.assert_close(losses["loss"], losses["picture"] + 0.1 * losses["regularisers"])


def test_without_regularisers_only_the_picture_counts(batch):
    network = Oh2018(width=4)
    plain = OhTask(network, OhLoss(regulariser=0.0))(batch)
    torch.testing.assert_close(plain["loss"], OhTask(network, OhLoss())(batch)["picture"])


def test_motion_that_falls_short_can_cost_ohs_network_too(batch):
    network = Oh2018(width=4)
    options = OhLoss(regulariser=0.0, scales=3, motion=0.05)
    gap = MotionGap(load_flow("lucas-kanade", iterations=2))
    losses = OhTask(network, options, gap)(batch)
    drawn = network(batch["a"], batch["b_perturbed"], batch["alpha"])
    wanted = gap(batch["b_perturbed"], drawn, batch["y_perturbed"])
    picture = multiscale_l1(drawn, batch["y_perturbed"], 3)
    torch.testing.assert_close(losses["gap"], wanted)
    torch.testing.assert_close(losses["loss"], picture + 0.05 * wanted)
    losses["loss"].backward()
    assert network.decoder.draw[-1].weight.grad.abs().max() > 0


def test_equal_colours_have_equal_textures_and_shapes_and_no_regulariser():
    frame = torch.rand(2, 3, *SIZE)
    names = ("a", "b", "b_perturbed", "y_perturbed")
    losses = OhTask(Oh2018(width=4), OhLoss())(
        {**dict.fromkeys(names, frame), "alpha": factor(5.0)}
    )
    assert losses["regularisers"].item() == pytest.approx(0, abs=1e-7)
