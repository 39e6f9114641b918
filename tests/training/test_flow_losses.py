"""Flow without labels: what the losses want, second looks, and a network that learns."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from motionloupe.errors import UserError
from motionloupe.flow.warp import backward_warp
from motionloupe.networks import build
from motionloupe.training import second_look as looks
from motionloupe.training.config import Config, Data, NetworkChoice, Optimiser, Report, Unsupervised
from motionloupe.training.flow_losses import (
    census,
    dissimilar,
    robust_distance,
    roughness,
    unsupervised,
    visible,
)
from motionloupe.training.lessons import build_task
from motionloupe.training.loop import train
from motionloupe.training.recipes import CONFIGS
from motionloupe.training.replay import Replayed
from motionloupe.training.samples import SecondLooks
from motionloupe.training.second_look import second_look
from tests.scenes import shifted, texture
from tests.training.test_loop import same

KINDS = ["census", "ssim"]


def tensor(picture):
    return torch.from_numpy(picture).permute(2, 0, 1)[None].float()


def constant(dx, dy=0.0, height=64, width=80):
    return torch.tensor([dx, dy]).view(1, 2, 1, 1).expand(1, 2, height, width).clone()


def pair(dx, height=64, width=80, seed=0):
    still = texture(height, width, seed)
    return tensor(still), tensor(shifted(still, dx))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("distance", [0.1, 0.5, 3.0])
def test_the_true_flow_costs_least(kind, distance):
    a, b = pair(distance)
    options = Unsupervised(kind, scales=1)

    def cost(flow):
        terms = unsupervised([flow], a, b, -flow, options)
        return float(terms.photometric + terms.smoothness)

    truth = constant(distance)
    dice = torch.Generator().manual_seed(0)
    noisy = truth + 0.2 * torch.randn(truth.shape, generator=dice)
    wrong = [cost(factor * truth) for factor in (0.0, 0.8, 1.2)]
    wrong += [cost(noisy), cost(constant(distance, 0.2 * distance))]
    assert cost(truth) < 0.9 * min(wrong)


@pytest.mark.parametrize("kind", KINDS)
def test_equal_pictures_cost_nothing_and_what_is_hidden_is_not_judged(kind):
    a, _ = pair(0.0)
    assert float(dissimilar(a, a, kind).abs().max()) < 1e-6
    spoilt = a.clone()
    spoilt[..., 20:40, 20:40] = 0
    # Where the flow back disagrees, the point is hidden.
    back = constant(0.0)
    back[..., 16:44, 16:44] = 3.0
    options = Unsupervised(kind, scales=1)
    assert float(unsupervised([constant(0.0)], a, spoilt, back, options).photometric) < 1e-6
    assert float(unsupervised([constant(0.0)], a, spoilt, 0 * back, options).photometric) > 0.01


def test_census_does_not_see_brightness():
    a, _ = pair(0.0)
    grey = a.mean(dim=1, keepdim=True)
    torch.testing.assert_close(census(grey + 0.05), census(grey), atol=1e-3, rtol=0)
    assert census(grey, 2).shape == (1, 24, 64, 80)


def test_points_that_leave_the_frame_or_do_not_return_are_not_visible():
    seen = visible(constant(4.0), constant(-4.0))
    assert seen[..., :76].all()
    assert not seen[..., 76:].any()
    assert not visible(constant(1.0), constant(0.0)).any()


def test_nothing_is_won_by_flow_that_hides_everything():
    a, b = pair(1.0)
    options = Unsupervised("ssim", scales=2)

    def cost(flow, back):
        return float(unsupervised([flow, flow], a, b, back, options).photometric)

    truth = cost(constant(1.0), constant(-1.0))
    assert cost(constant(500.0), constant(0.0)) > 3 * truth
    assert cost(constant(9.0), constant(9.0)) > 3 * truth


def test_roughness_is_for_bends_and_forgives_them_at_edges():
    x = torch.arange(80.0).expand(1, 2, 64, 80)
    flat = torch.full((1, 3, 64, 80), 0.5)
    assert float(roughness(0.3 * x + 1, flat, 10.0)) < 1e-5
    step = (x > 39.5).float()
    picture = flat + 0.4 * step[:, :1]
    assert float(roughness(step, flat, 10.0)) == pytest.approx(2 / 78 / 2, rel=1e-5)
    assert float(roughness(step, picture, 10.0)) < 0.1 * float(roughness(step, flat, 10.0))


def test_far_off_is_hardly_worse_than_off():
    zero, counts = constant(0.0), torch.ones(1, 1, 64, 80)
    near, far = (float(robust_distance(constant(d, d), zero, counts)) for d in (1.0, 4.0))
    assert near == pytest.approx(1.01**0.4)
    assert far < 2 * near
    assert float(robust_distance(constant(9.0), zero, 0 * counts)) == 0


@pytest.fixture
def plain(monkeypatch):
    """Second looks that change the view and nothing else."""
    for name in ("_GAIN", "_GAMMA", "_OFFSET", "_NOISE", "_PATCHES"):
        monkeypatch.setattr(looks, name, 0)


def numbers(*values):
    return torch.tensor(values).view(-1, 1, 1, 1)


def test_a_second_look_knows_its_own_flow(plain):
    a, b = pair(1.5)
    everywhere = torch.ones(1, 1, 64, 80)
    for number in range(1, 7):
        look = second_look(a, b, constant(1.5), everywhere, numbers(number))
        returned = backward_warp(look.b, look.flow, interpolation="bicubic")
        inner = visible(look.flow, -look.flow) * look.known
        inner[..., :4, :] = inner[..., -4:, :] = 0
        inner[..., :4] = inner[..., -4:] = 0
        off = ((returned - look.a).abs() * inner).sum() / inner.sum() / 3
        assert float(off) < 0.006, number
        assert float((look.flow - 1.5).abs().max()) > 0.05  # the view has changed


def test_a_second_look_is_a_function_of_its_number_and_trusts_only_what_was_seen():
    a, b = pair(0.5)
    seen = torch.ones(1, 1, 64, 80)
    seen[..., 24:40, 30:50] = 0
    two = [part.expand(2, -1, -1, -1) for part in (a, b, constant(0.5), seen)]
    first, again = second_look(*two, numbers(7, 8)), second_look(*two, numbers(8, 7))
    for one, other in zip(first, again, strict=True):
        assert torch.equal(one, other.flip(0))
    assert not torch.equal(first.b[0], first.b[1])
    assert 0.4 < float(first.known.mean()) < 0.99
    assert 0 <= float(first.a.min()) <= float(first.a.max()) <= 1


class Shifts:
    """Textures that move by one to two pixels: sample n is a function of n."""

    def __getitem__(self, index):
        dx = 1.0 + index % 3 / 2
        a, b = pair(dx, 32, 32, seed=index % 3)
        flow = constant(dx, 0.0, 32, 32)
        return {"a": a[0], "b": b[0], "flow": flow[0]}


def config(steps, **loss):
    return Config(
        task="flow",
        network=NetworkChoice("pwc-lite", {"width": 0.12}),
        loss=Unsupervised("ssim", scales=2, **loss),
        optimiser=Optimiser(steps=steps, rate=5e-4, clip=1.0, ema=0.0),
        data=Data(size=32, batch=2),
        report=Report(log=2, save=2, validate=steps, scenes=3),
    )


def run(folder, chosen):
    train(chosen, Shifts(), Shifts(), folder, tell=lambda _: None)
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_a_short_training_brings_the_flow_nearer():
    torch.manual_seed(0)
    network = build("pwc-lite", {"width": 0.12})
    adam = torch.optim.Adam(network.parameters(), lr=5e-4)
    options = Unsupervised("ssim", scales=2)
    toys = [pair(1.5, 64, 64, seed) for seed in range(3)]

    def error():
        with torch.no_grad():
            found = [network(a, b)[0] - constant(1.5, 0.0, 64, 64) for a, b in toys]
        return float(torch.cat(found).square().sum(dim=1).sqrt().mean())

    before = error()
    for step in range(15):
        a, b = toys[step % 3]
        flows = network(a, b)
        terms = unsupervised(flows, a, b, -flows[0].detach(), options)
        adam.zero_grad()
        (terms.photometric + terms.smoothness).backward()
        adam.step()
    assert before == pytest.approx(1.5, rel=1e-3)
    assert error() < 0.7 * before


def test_stopping_and_going_on_is_as_never_stopping(tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    chosen = config(4, second_from=2)
    run(whole, chosen)
    for steps in (2, 4):
        run(parts, replace(chosen, optimiser=replace(chosen.optimiser, steps=steps)))
    same(*(load_file(folder / "checkpoint.safetensors") for folder in (parts, whole)))


def test_second_looks_begin_at_their_step_and_frozen_norms_keep_them(tmp_path):
    chosen = config(6, second_from=3)
    chosen = replace(
        chosen,
        data=replace(chosen.data, replays=2),
        optimiser=replace(chosen.optimiser, frozen_norms=True),
        report=Report(log=1, save=6, validate=6, scenes=1),
    )
    told = [line["second"] for line in run(tmp_path, chosen) if line["kind"] == "train"]
    assert told[:3] == [0, 0, 0]
    assert min(told[3:]) > 0


@pytest.mark.parametrize("replays", [1, 2, 8])
def test_second_looks_know_the_step_whatever_is_replayed(replays):
    data = Data(size=32, batch=2, replays=replays)
    looks = SecondLooks(Replayed(Shifts(), replays), data, 200)
    begun = [bool(looks[index]["second"].all()) for index in range(0, 600, 13)]
    assert begun == [index >= 400 for index in range(0, 600, 13)]


def test_the_task_wants_its_network():
    flow = CONFIGS["flow"]["paper"]
    with pytest.raises(UserError, match="trains a network of flow, not flowmag-unet"):
        build_task(replace(flow, network=NetworkChoice("flowmag-unet", {"base": 4})))
    flowmag = CONFIGS["flowmag"]["paper"]
    with pytest.raises(UserError, match="trains a generator, not pwc-lite"):
        build_task(replace(flowmag, network=NetworkChoice("pwc-lite")))


def test_flow_that_is_not_finite_becomes_a_loss_that_is_not():
    task = build_task(config(1)).train()
    with torch.no_grad():
        task.network.decoder.leave.bias.fill_(float("nan"))
    batch = {name: part[None] for name, part in Shifts()[0].items()}
    assert not torch.isfinite(task(batch)["loss"])
