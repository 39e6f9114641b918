"""The contract of every estimator; RAFT runs with random weights where none are at hand."""

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models.optical_flow import raft_small

from motionloupe.arrays import to_tensor
from motionloupe.errors import UserError
from motionloupe.flow import default_flow, estimators, load_flow
from motionloupe.flow.dis import Dis
from motionloupe.flow.learned import LearnedFlow
from motionloupe.flow.lucas_kanade import LucasKanade
from motionloupe.flow.motion_finder import FinderFlow
from motionloupe.flow.raft import Raft
from tests.flow.test_motion_finder import random_weights
from tests.flow.test_pwclite import trained
from tests.scenes import shifted, texture


def random_raft(**options):
    torch.manual_seed(0)
    return Raft(raft_small(weights=None), iterations=2, **options)


def random_pwc_lite(**options):
    return LearnedFlow(trained(), **options)


def random_finder(**options):
    return FinderFlow(random_weights(), **options)


BUILDERS = {
    "lucas-kanade": LucasKanade,
    "raft": random_raft,
    "pwc-lite": random_pwc_lite,
    "motion-finder": random_finder,
    "dis": Dis,
}
TEACHERS = ["lucas-kanade", "raft", "pwc-lite", "motion-finder"]


@pytest.fixture(params=BUILDERS)
def estimator(request):
    return BUILDERS[request.param]()


def pictures(height=48, width=56, batch=1):
    generator = torch.Generator().manual_seed(3)
    a, b = torch.rand(2, batch, 3, height, width, generator=generator)
    return a, b


@pytest.mark.parametrize("size", [(16, 16), (17, 41), (130, 33), (129, 137)])
def test_any_size_gives_a_flow_of_that_size(estimator, size):
    a, b = pictures(*size)
    flow = estimator(a, b)
    assert flow.shape == (1, 2, *size)
    assert flow.isfinite().all()


def test_a_batch_is_the_same_as_its_items(estimator):
    a, b = pictures(batch=3)
    together = estimator(a, b)
    for item in range(3):
        alone = estimator(a[item : item + 1], b[item : item + 1])
        torch.testing.assert_close(together[item], alone[0], atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("zero_correct", [False, True])
@pytest.mark.parametrize("name", TEACHERS)
def test_gradients_reach_both_pictures_and_never_the_estimator(name, zero_correct):
    estimator = BUILDERS[name](zero_correct=zero_correct)
    before = {key: value.clone() for key, value in estimator.state_dict().items()}
    whole = nn.Sequential(estimator, nn.Conv2d(2, 1, 1))
    whole.train()
    whole.requires_grad_(True)
    assert not list(estimator.parameters())
    assert not any(value.requires_grad for value in estimator.buffers())
    assert not any(module.training for module in estimator.modules())
    a, b = (image.requires_grad_() for image in pictures())
    optimiser = torch.optim.SGD(whole.parameters(), lr=1.0)
    whole[1](estimator(a, b)).square().mean().backward()
    optimiser.step()
    for image in (a, b):
        assert image.grad is not None
        assert image.grad.isfinite().all()
        assert image.grad.abs().max() > 0
    after = estimator.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(value, after[key]) for key, value in before.items())


def test_what_has_no_gradients_refuses_to_teach():
    a, b = pictures()
    with pytest.raises(UserError, match="cannot teach"):
        Dis()(a, b.requires_grad_())
    with torch.inference_mode():
        assert Dis()(a, b).isfinite().all()


@pytest.mark.parametrize("distance", [0.2, 3.0])
def test_dis_finds_a_shift_and_rest(distance):
    still = texture(96, 128)
    a, b = to_tensor(still), to_tensor(shifted(still, distance))
    flow = Dis()(a, b)[0, :, 12:-12, 12:-12]
    assert flow[0].mean().item() == pytest.approx(distance, rel=0.05, abs=0.02)
    assert flow[1].mean().item() == pytest.approx(0, abs=0.02)
    assert Dis()(a, a).abs().max() == 0


def test_zero_correction_takes_away_what_equal_frames_give():
    a, b = pictures()
    plain, corrected = random_raft(), random_raft(zero_correct=True)
    assert plain(a, a).abs().max() > 1e-3
    assert corrected(a, a).abs().max() == 0
    torch.testing.assert_close(corrected(a, b), plain(a, b) - plain(a, a))


@pytest.mark.parametrize("name", ["lucas-kanade", "motion-finder"])
def test_what_sees_nothing_at_rest_needs_no_correction(name):
    a, b = pictures()
    corrected, plain = (BUILDERS[name](zero_correct=correct) for correct in (True, False))
    assert torch.equal(corrected(a, b), plain(a, b))
    still = a.clone().requires_grad_()
    flow = plain(still, a)
    assert flow.abs().max() == 0
    flow.sum().backward()
    assert still.grad.isfinite().all()


def test_autocast_does_not_cost_lucas_kanade_its_precision():
    a, b = pictures()
    expected = LucasKanade()(a, b)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(LucasKanade()(a, b), expected)


def test_a_checkpoint_loads_into_a_frozen_network():
    source = raft_small(weights=None)
    frozen = random_raft()
    frozen.network.load_state_dict(source.state_dict())
    a, b = (image * 2 - 1 for image in pictures(128, 136))
    expected = source.eval()(a, b, num_flow_updates=2)[-1]
    torch.testing.assert_close(frozen((a + 1) / 2, (b + 1) / 2), expected, atol=1e-4, rtol=1e-4)


def test_the_correlations_are_not_kept():
    estimator = random_raft()
    estimator(*pictures())
    assert estimator.network.corr_block.corr_pyramid == []


def test_every_name_has_a_line():
    names = {"lucas-kanade", "dis", "raft-small", "raft-large", "motion-finder", "pwc-lite"}
    assert set(estimators()) == {*names, "ptlflow"}
    assert all(estimators().values())


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: load_flow("raft"), "raft-small"),
        (lambda: load_flow("lucas-kanade", colour=1), "it has iterations, window, zero_correct"),
        (lambda: load_flow("lucas-kanade", iterations=0), "iterations"),
        (lambda: load_flow("lucas-kanade", window=float("nan")), "window"),
        (lambda: LucasKanade()(*pictures(12, 40)), "at least 16 x 16"),
        (lambda: LucasKanade()(pictures()[0], pictures(40)[1]), "one shape"),
    ],
)
def test_errors_name_the_fault(call, words):
    with pytest.raises(UserError, match=words):
        call()


def test_who_insists_gets_it():
    assert default_flow("raft-large") == "raft-large"


@pytest.mark.parametrize("name", ["lucas-kanade", "dis"])
def test_a_number_of_numpy_s_is_a_number(name):
    assert load_flow(name, iterations=np.int64(3)).iterations == 3
