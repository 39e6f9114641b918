"""Everything computes on the device that it is told to, and mixes no two."""

import json
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import torch

from motionloupe import load, magnify
from motionloupe.magnifiers import METHODS
from motionloupe.masks import Focus, Region
from motionloupe.networks.weights import load_weights
from motionloupe.stored import shipped
from motionloupe.training import loop
from motionloupe.training.adaptation import Adaptation, adapt
from motionloupe.training.checkpoints import fresh
from motionloupe.training.config import FlowLoss, NetworkChoice
from motionloupe.training.distributed import Process
from motionloupe.training.loop import learn
from motionloupe.training.recipes import CONFIGS
from motionloupe.video import open_reader
from tests.elsewhere import AWAY, elsewhere
from tests.scenes import shifted, texture, to_uint8
from tests.training.test_mixed import CONFIG as MIXED
from tests.training.test_mixed import mixed as scene
from tests.training.tiny import Drifting, tiny
from tests.video.media import make_video


@pytest.fixture(scope="module")
def frames():
    still = texture(40, 48)
    return [to_uint8(shifted(still, 0.3 * np.sin(index))) for index in range(8)]


def test_the_device_behaves_as_one():
    with elsewhere():
        there = torch.arange(6.0, device=AWAY)
        assert there.device.type == AWAY
        assert (there + 1).cpu().tolist() == [1, 2, 3, 4, 5, 6]
        assert float(there.sum()) == 15
        here = torch.zeros(6)
        here.copy_(there)
        assert here.tolist() == [0, 1, 2, 3, 4, 5]
        with pytest.raises(RuntimeError, match="two devices"):
            there + torch.ones(6)
        with pytest.raises((RuntimeError, TypeError)):
            there.numpy()


@pytest.mark.parametrize("options", [{}, {"band": (2, 4)}, {"mode": "dynamic"}])
@pytest.mark.parametrize("name", METHODS)
def test_every_method_draws_the_same_elsewhere(name, options, frames):
    if name == "acceleration":
        options = {**options, "band": (2, 4)}
    factor = np.full((40, 48), 3.0)
    factor[10:20, 10:20] = 6.0
    here = list(load(name, **options).stream(frames, alpha=factor, fps=20))
    with elsewhere():
        there = list(load(name, device=AWAY, **options).stream(frames, alpha=factor, fps=20))
    # Elsewhere networks compute in float32.
    assert max(np.abs(a.astype(int) - b).max() for a, b in zip(here, there, strict=True)) <= 2


def test_objects_have_their_factors_elsewhere(frames, tmp_path):
    source = make_video(tmp_path / "in.mkv", frames, codec="ffv1", pixel_format="bgr0")
    mask = np.zeros((40, 48), np.uint8)
    mask[8:30, 10:30] = 255
    focus = Focus([Region(mask=mask)], feather=2, background="composite", follow=True)
    drawn = []
    for name, device in (("here.mkv", "cpu"), ("there.mkv", AWAY)):
        with elsewhere():
            magnify(source, tmp_path / name, alpha=4, focus=focus, lossless=True, device=device)
        with open_reader(tmp_path / name) as reader:
            drawn.append(np.array([frame.image for frame in reader]).astype(int))
    assert np.abs(drawn[0] - drawn[1]).max() <= 2
    assert np.abs(drawn[1] - np.array(frames)).max() > 2


SMALL = {"base": 4}
LESSONS = {
    "oh2018": tiny(),
    "flowmag, the paper's": replace(
        CONFIGS["flowmag"]["paper"],
        network=NetworkChoice("flowmag-unet", SMALL),
        loss=FlowLoss("motion-finder"),
    ),
    "flowmag, mixed": replace(MIXED, network=NetworkChoice("flowmag-splat", SMALL)),
    "flavr": replace(
        CONFIGS["flowmag"]["flavr"], network=NetworkChoice("flavr", {"alpha": 10.0, "width": 2})
    ),
    "motion-finder": CONFIGS["flow"]["small"],
    "pwc-lite": CONFIGS["flow"]["paper"],
}


@pytest.mark.parametrize("autocast", [False, True])
@pytest.mark.parametrize("name", LESSONS)
def test_every_lesson_is_learned_alike_elsewhere(name, autocast):
    config = LESSONS[name]
    config = replace(config, optimiser=replace(config.optimiser, autocast=autocast))
    losses = []
    for device in ("cpu", AWAY):
        torch.manual_seed(0)
        with elsewhere():
            state = fresh(config, torch.device(device))
            batch = {part: values.to(device) for part, values in _batch(name).items()}
            taught = [learn(state.task, state, batch)["loss"] for _ in range(2)]
            assert {str(each.device.type) for each in taught} == {device}
            losses.append([float(each.detach()) for each in taught])
    assert losses[0] == pytest.approx(losses[1], rel=0.05 if autocast else 1e-3)


def _batch(name):
    if name == "oh2018":
        samples = [Drifting()[index] for index in range(2)]
        return {part: torch.stack([each[part] for each in samples]) for part in samples[0]}
    if name in ("motion-finder", "pwc-lite"):
        return {part: scene(0, 1)[part] for part in ("a", "b")}
    return scene(0, 1) if name == "flowmag, mixed" else scene(1, 1)


def test_a_run_goes_on_elsewhere(tmp_path, monkeypatch):
    @contextmanager
    def joined(_):
        yield Process(device=torch.device(AWAY, 0))

    monkeypatch.setattr(loop, "joined", joined)
    with elsewhere():
        for steps in (2, 4):
            loop.train(tiny(steps), Drifting(), Drifting(seed=9), tmp_path, tell=lambda _: None)
    monkeypatch.undo()
    loop.train(tiny(6), Drifting(), Drifting(seed=9), tmp_path, tell=lambda _: None)
    read = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in read if line["kind"] == "train"] == [2, 4, 6]
    assert load_weights(tmp_path / "weights.safetensors")[0] == "oh2018"


def test_a_video_is_learned_elsewhere(frames, tmp_path):
    source = make_video(tmp_path / "in.mkv", frames * 2, codec="ffv1", pixel_format="bgr0")
    with elsewhere():
        options = Adaptation(steps=2)
        done = adapt(source, shipped("flowmag"), tmp_path / "w.safetensors", options, device=AWAY)
    assert done.steps == 2
    assert load_weights(tmp_path / "w.safetensors")[0] == "flowmag-splat"
