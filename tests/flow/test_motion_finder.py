"""The motion finder as an estimator: a start that is sound, and edges learned without labels."""

from dataclasses import replace

import pytest
import torch

from motionloupe.errors import UserError
from motionloupe.flow import load_flow
from motionloupe.flow.motion_finder import FinderNetwork, smoothed, steadied
from motionloupe.networks import build
from motionloupe.networks.weights import save_weights
from motionloupe.training.checkpoints import fresh
from motionloupe.training.config import NetworkChoice
from motionloupe.training.flow_losses import unsupervised
from motionloupe.training.recipes import CONFIGS
from tests.scenes import shifted, texture

BASE = 4


def random_weights():
    """A small network that no longer answers the mean of its candidates."""
    torch.manual_seed(0)
    network = FinderNetwork(BASE)
    torch.nn.init.normal_(network.finder.body.leave.weight, std=0.05)
    return network


def two_planes(seed, motion=3.0):
    """A square that moves over a still ground: the pictures (1, 3, 64, 64) and the flow."""
    ground, above = (texture(64, 64, 2 * seed + one) for one in (0, 1))
    square = torch.zeros(1, 1, 64, 64)
    square[..., 20:44, 20:44] = 1.0
    a, b, still, moved = (
        torch.from_numpy(picture).permute(2, 0, 1)[None].float()
        for picture in (above, shifted(above, motion), ground, ground)
    )
    a = square * a + (1 - square) * still
    there = square.roll(int(motion), dims=-1)
    b = there * b + (1 - there) * moved
    return a, b, torch.cat([motion * square, 0 * square], dim=1)


def error(network, scenes):
    with torch.no_grad():
        wrong = [network(a, b)[0] - flow for a, b, flow in scenes]
    return float(torch.cat(wrong).square().sum(dim=1).sqrt().mean())


@pytest.mark.parametrize("distance", [0.1, 2.0])
def test_untrained_it_finds_a_shift(distance):
    still = texture(64, 80)
    a, b = (
        torch.from_numpy(picture).permute(2, 0, 1)[None].float()
        for picture in (still, shifted(still, distance))
    )
    flow = FinderNetwork(BASE).eval()(a, b)[0][0, :, 12:-12, 12:-12]
    assert flow[0].mean().item() == pytest.approx(distance, rel=0.1)
    assert flow[1].mean().item() == pytest.approx(0, abs=0.02)


def test_it_learns_edges_without_ever_seeing_a_flow():
    torch.manual_seed(0)
    network = build("motion-finder", {"base": BASE})
    adam = torch.optim.Adam(network.parameters(), lr=5e-3)
    options = CONFIGS["flow"]["small"].loss
    scenes = [two_planes(seed) for seed in range(4)]
    before = error(network, scenes)
    for step in range(40):
        a, b, _ = scenes[step % 3]
        flows = network(torch.cat([a, b]), torch.cat([b, a]))
        there, back = flows[0].detach().chunk(2)
        terms = unsupervised(
            flows, torch.cat([a, b]), torch.cat([b, a]), torch.cat([back, there]), options
        )
        adam.zero_grad()
        (terms.photometric + options.smoothness * terms.smoothness).backward()
        adam.step()
    assert error(network, scenes[3:]) < 0.9 * before


def test_a_generator_may_begin_with_it(tmp_path):
    path, finder = tmp_path / "finder.safetensors", random_weights()
    save_weights(path, "motion-finder", {"base": BASE}, finder.state_dict(), {}, half=False)
    options = {"base": BASE, "mend": BASE}
    choice = NetworkChoice("flowmag-splat", options, str(path))
    state = fresh(replace(CONFIGS["flowmag"]["truth"], network=choice), torch.device("cpu"))
    begun = state.task.network.finder.state_dict()
    assert all(torch.equal(begun[key], value) for key, value in finder.finder.state_dict().items())
    came = NetworkChoice("flowmag-splat", {"mend": BASE}, "motion-finder")
    fresh(replace(CONFIGS["flowmag"]["truth"], network=came), torch.device("cpu"))
    choice = NetworkChoice("flowmag-splat", options | {"base": 2 * BASE}, str(path))
    with pytest.raises(UserError, match="holds motion-finder"):
        fresh(replace(CONFIGS["flowmag"]["truth"], network=choice), torch.device("cpu"))


def test_the_shipped_weights_draw_edges_finer_than_lucas_kanade():
    scenes = [two_planes(seed, motion) for seed, motion in ((11, 1.0), (12, 3.0), (13, 5.0))]
    finder, plain = load_flow("motion-finder"), load_flow("lucas-kanade")
    errors = [error(lambda a, b, flow=flow: [flow(a, b)], scenes) for flow in (finder, plain)]
    assert errors[0] < 0.8 * errors[1]


def test_jitter_goes_and_rims_and_rest_stay():
    smooth = torch.full((1, 2, 4, 4), 0.3)
    jitter = torch.randn(1, 2, 4, 4, generator=torch.Generator().manual_seed(0)) * 3e-3
    torch.testing.assert_close(steadied(smooth + jitter, smooth), smooth)
    for far in (0.2, 2.0):  # pixels; the more a pixel moves, the more its motion trembles
        rim = smooth + far  # another object's motion, at least 0.28 px away
        moved = (steadied(rim, smooth) - rim).square().sum(1).sqrt()
        assert moved.max() < 0.05 * rim[0, :, 0, 0].norm() + 1e-4
    rest = torch.zeros_like(smooth)
    assert (steadied(rest, 0.05 * smooth) - rest).abs().max() < 1e-5
    assert steadied(rest, rest).abs().max() == 0


def test_smoothed_motion_loses_its_jitter_but_keeps_a_rim():
    left = (torch.arange(64) < 32).expand(1, 2, 48, 64)
    steps = torch.where(left, 0.1, -0.1)
    jitter = 2e-3 * torch.randn(1, 2, 48, 64, generator=torch.Generator().manual_seed(0))
    off = (smoothed(steps + jitter) - steps).abs()
    inside = (torch.arange(64) - 31.5).abs() > 12
    assert off[..., inside].mean() < 0.3 * jitter.abs().mean()
    assert off[..., ~inside].max() <= jitter.abs().max()
    assert torch.equal(smoothed(torch.zeros(1, 2, 16, 16)), torch.zeros(1, 2, 16, 16))


def test_steadied_motion_has_a_slope_at_rest():
    rest = torch.zeros(1, 2, 4, 4, requires_grad=True)
    steadied(rest, torch.zeros(1, 2, 4, 4)).sum().backward()
    assert bool(torch.isfinite(rest.grad).all())
