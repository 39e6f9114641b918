"""Learning from real frames: samples by number, mixtures, splits, and a run that goes on."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from motionloupe.cli import main
from motionloupe.data.pairs import Pairs
from motionloupe.errors import UserError
from motionloupe.networks.weights import load_weights
from motionloupe.stored import read_tensors, write_atomically
from motionloupe.training.checkpoints import fresh, restore, save
from motionloupe.training.config import Data, FlowLoss, NetworkChoice, Real
from motionloupe.training.material import gather
from motionloupe.training.real import (
    Mixture,
    RealSamples,
    ShuffledPairs,
    clip_samples,
    curated_samples,
)
from motionloupe.training.recipes import CONFIGS, load_config
from tests.data.footage import write_pairs
from tests.scenes import texture, to_uint8
from tests.training.test_loop import same

CPU = torch.device("cpu")
DATA = Data(size=32, batch=2)
SMALL = """
[data]
size = 32
batch = 2
[data.real]
share = 0.5
alpha = [1, 8]
test_share = 0.3
[network]
options = { base = 4, mend = 4 }
[loss]
flow = "lucas-kanade"
iterations = 1
[report]
log = 1
save = 1
validate = 2
scenes = 2
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """``footage``, the ``pairs`` of it, and ``backgrounds`` and ``objects`` for scenes."""
    root = tmp_path_factory.mktemp("real")
    write_pairs(root)
    for name in ("backgrounds", "objects"):
        (root / name).mkdir()
    mask = cv2.circle(np.zeros((48, 64, 1), np.uint8), (32, 24), 20, 255, -1)
    for number in range(40):
        picture = to_uint8(texture(48, 64, seed=number))
        cv2.imwrite(str(root / "backgrounds" / f"{number}.png"), picture)
        cv2.imwrite(str(root / "objects" / f"{number}.png"), np.concatenate([picture, mask], 2))
    return root


def equal(one, other):
    return all(torch.equal(one[name], other[name]) for name in ("a", "b", "alpha"))


@pytest.mark.parametrize("source", ["pairs", "clips"])
def test_a_sample_is_a_function_of_seed_and_number(root, source):
    def samples(seed):
        data = replace(DATA, seed=seed, real=Real(test_share=0.3))
        if source == "pairs":
            return curated_samples(root / "pairs", data, "train")
        return clip_samples(root / "footage", data, "train")

    one, other = samples(0), samples(0)
    later = {index: other[index] for index in (40, 3, 17)}
    for index, sample in later.items():
        assert equal(one[index], sample)
        assert sample["a"].shape == sample["b"].shape == (3, 32, 32)
        assert sample["alpha"].shape == (1, 1, 1)
        assert sample["a"].dtype == torch.float32
        assert not torch.equal(sample["a"], sample["b"])
    assert not equal(samples(1)[3], later[3])


def test_every_round_has_each_pair_once_in_another_order(root):
    class Names:
        def __len__(self):
            return 7

        def __getitem__(self, index):
            return index

    shuffled = ShuffledPairs(Names(), seed=5)
    rounds = [[shuffled[7 * turn + k] for k in range(7)] for turn in range(3)]
    for order in rounds:
        assert sorted(order) == list(range(7))
    assert rounds[0] != rounds[1] != rounds[2]


def test_alpha_is_log_uniform(root):
    class Grey:
        def __getitem__(self, index):
            return (np.full((40, 40, 3), 99, np.uint8),) * 2

    plain = Real(alpha=(2.0, 32.0), crop=(1.0, 1.0), turn=0.0, colour=0.0)
    data = replace(DATA, size=16, real=plain)
    drawn = [RealSamples(Grey(), data, "train", 0, "")[n]["alpha"].item() for n in range(300)]
    assert min(drawn) >= 2
    assert max(drawn) <= 32
    assert np.quantile(drawn, [0.25, 0.5, 0.75]) == pytest.approx([4, 8, 16], rel=0.25)
    with pytest.raises(UserError, match="alpha must rise"):
        RealSamples(Grey(), replace(DATA, real=Real(alpha=(0.0, 2.0))), "train", 0, "")


def test_held_out_frames_are_other_videos_seen_as_they_are(root):
    learned, kept = (curated_samples(root / "pairs", DATA, split) for split in ("train", "test"))
    assert not set(learned.frames.pairs.videos) & set(kept.frames.pairs.videos)
    sample = kept[0]
    levels = sample["b"] * 255
    assert torch.equal(levels.round(), levels.round(decimals=2))  # neither turned nor scaled
    originals = [frame for pair in Pairs(root / "pairs", "test") for frame in pair]
    cut = levels.round().permute(1, 2, 0).numpy()
    found = [
        np.array_equal(frame[y : y + 32, x : x + 32], cut)
        for frame in originals
        for y in range(17)
        for x in range(49)
    ]
    assert any(found)
    by_clip = [clip_samples(root / "footage", replace(DATA, real=Real(test_share=0.3)), s)
               for s in ("train", "test")]  # fmt: skip
    names = [{clip.name for clip in samples.frames.clips} for samples in by_clip]
    assert not names[0] & names[1]
    assert names[1] == {video.split("/")[1] for video in kept.frames.pairs.videos}


@pytest.mark.parametrize("share", [0.25, 0.3, 0.5, 1.0])
def test_a_mixture_keeps_its_share_and_skips_nothing(share):
    class Counted:
        def __init__(self, kind):
            self.kind = kind

        def __getitem__(self, index):
            return {"kind": self.kind, "index": index, "a": torch.ones(3, 8, 8)}

    mixed = [Mixture(Counted("real"), Counted("scene"), share)[n] for n in range(200)]
    for kind, part in (("real", share), ("scene", 1 - share)):
        numbers = [sample["index"] for sample in mixed if sample["kind"] == kind]
        assert {float(s["known"]) for s in mixed if s["kind"] == kind} <= {float(kind == "scene")}
        assert numbers == list(range(len(numbers)))
        assert len(numbers) == pytest.approx(200 * part, abs=1)
    names = ("a", "y", "backward_flow")
    real = Mixture(Counted("real"), Counted("scene"), 1.0, names)[0]
    assert torch.equal(real["a"], torch.ones(3, 8, 8))
    assert torch.equal(real["y"], torch.zeros(3, 8, 8))
    assert torch.equal(real["backward_flow"], torch.zeros(2, 8, 8))
    with pytest.raises(UserError, match="share of real pairs"):
        Mixture(Counted("real"), Counted("scene"), 0.0)


MIXED = (
    'base = "mixed"\n'
    + SMALL.replace("[loss]", "[loss.truth]")
    + """
[loss.flow]
flow = "lucas-kanade"
iterations = 1
"""
)


def run(root, output, steps, *given, text=SMALL):
    config = output.parent / "small.toml"
    config.write_text(text + f'[optimiser]\nschedule = "constant"\nsteps = {steps}\n')
    words = ["train", "flowmag", "-c", str(config), "-o", str(output), "--json"]
    for name in given:
        words += [f"--{'clips' if name == 'footage' else name}", str(root / name)]
    return main(words)


@pytest.mark.parametrize(
    ("text", "given", "about"),
    [
        (SMALL, ["pairs"], "pairs of frames from"),
        (SMALL, ["footage"], "clips"),
        (SMALL, ["pairs", "backgrounds", "objects"], "50% "),
        (MIXED, ["pairs", "backgrounds", "objects"], "50% "),
    ],
)
def test_a_run_learns_and_goes_on_as_if_it_had_not_stopped(
    root, tmp_path, capsys, text, given, about
):
    assert run(root, tmp_path / "whole", 2, *given, text=text) == 0
    assert run(root, tmp_path / "parts", 1, *given, text=text) == 0
    assert run(root, tmp_path / "parts", 2, *given, text=text) == 0
    weights = json.loads(capsys.readouterr().out.splitlines()[-1])["weights"]
    one, other = (load_file(tmp_path / n / "checkpoint.safetensors") for n in ("whole", "parts"))
    same(one, other)
    assert about in load_weights(weights).card["data"]
    assert sorted(p.name for p in (tmp_path / "whole" / "pictures").glob("*.png"))[-1] == (
        "0000002.png"
    )


@pytest.mark.parametrize(
    ("config", "given", "reason"),
    [
        ("small", {}, "nothing to learn from"),
        ("small", {"pairs": "pairs", "clips": "footage"}, "give one of the two"),
        (
            "small",
            {"backgrounds": "backgrounds", "pairs": "pairs"},
            "both --backgrounds and --objects",
        ),
        ("truth", {"pairs": "pairs"}, "leave --pairs away"),
        ("truth", {"clips": "footage"}, "leave --clips away"),
        ("small", {"pairs": "backgrounds"}, "no folder of pairs"),
        ("mixed", {"pairs": "pairs"}, "real pairs beside synthetic scenes"),
    ],
)
def test_what_does_not_fit_is_named(root, config, given, reason):
    with pytest.raises(UserError, match=reason):
        gather(CONFIGS["flowmag"][config], **{k: root / v for k, v in given.items()})


def test_oh_needs_scenes(root):
    with pytest.raises(UserError, match="leave --pairs away"):
        gather(CONFIGS["oh2018"]["small"], pairs=root / "pairs")


def test_ranges_of_a_file_become_ranges_or_are_named(tmp_path):
    path = tmp_path / "c.toml"
    path.write_text("[data.real]\nalpha = [2, 8.5]\nstrides = [1, 9]\n")
    real = load_config("flowmag", str(path)).data.real
    assert real == Real(alpha=(2.0, 8.5), strides=(1, 9))
    for text, reason in (
        ("alpha = [2]", "alpha must be 2 numbers"),
        ("alpha = 3", "alpha must be of type tuple"),
        ('strides = [1, "x"]', "strides must be of type int, found 'x'"),
        ("speed = 1", "no key 'speed'"),
    ):
        path.write_text(f"[data.real]\n{text}\n")
        with pytest.raises(UserError, match=reason):
            load_config("flowmag", str(path))


def test_a_run_from_before_there_were_some_options_goes_on(tmp_path):
    old = replace(CONFIGS["flowmag"]["small"], network=NetworkChoice("flowmag-splat", {"base": 4}))
    old = replace(old, loss=FlowLoss("lucas-kanade"), data=replace(old.data, scene={}))
    path = tmp_path / "checkpoint.safetensors"
    state = fresh(old, CPU)
    for parameter in state.task.network.parameters():
        parameter.grad = torch.zeros_like(parameter)
    state.optimiser.step()
    save(state, path)
    tensors, metadata = read_tensors(path)
    del metadata["run"]["config"]["data"]["real"]
    del metadata["run"]["config"]["data"]["replays"]
    del metadata["run"]["config"]["data"]["scene"]
    del metadata["run"]["config"]["optimiser"]["frozen_norms"]
    write_atomically(path, tensors, metadata)
    restore(fresh(old, CPU), path)
    other = replace(old, data=replace(old.data, real=Real(share=0.6)))
    with pytest.raises(UserError, match=r"data\.real\.share = 0\.5, now 0\.6"):
        restore(fresh(other, CPU), path)
