"""Adapting to one video: it learns, it never ends up worse, and it says why it cannot begin."""

import math

import cv2
import numpy as np
import pytest
import torch

from motionloupe.cli import main
from motionloupe.cli.adapt import chosen
from motionloupe.errors import UserError
from motionloupe.magnifiers.flowmag import FlowMag
from motionloupe.measurement.displacement import displacement
from motionloupe.networks import build
from motionloupe.networks.weights import save_weights
from motionloupe.stored import read_tensors
from motionloupe.training.adaptation import Adaptation, adapt
from motionloupe.training.real import view
from tests.handheld import MARGIN, STILL, shaken, taken, world
from tests.scenes import shifted, texture, to_uint8
from tests.video.media import make_video

SMALL = {"base": 4, "mend": 4}
QUICK = {"minutes": None, "size": 48, "batch": 1, "views": 4, "flow": "lucas-kanade"}


def frames_to(folder, count, height=56, width=64):
    """A texture that sways by half a pixel, as pictures."""
    folder.mkdir()
    still = texture(height, width)
    for number in range(count):
        moved = to_uint8(shifted(still, 0.5 * math.sin(number)))
        cv2.imwrite(str(folder / f"{number:03d}.png"), moved[..., ::-1])
    return folder


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return frames_to(tmp_path_factory.mktemp("video") / "frames", 12)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "start.safetensors"
    network = build("flowmag-splat", SMALL)
    torch.nn.init.normal_(network.finder.body.leave.weight, std=0.2)  # it begins by erring
    card = {"licence": "mine"}
    save_weights(path, "flowmag-splat", SMALL, network.state_dict(), card, half=False)
    return path


def test_the_loss_on_held_out_frames_falls_and_the_weights_magnify(video, weights, tmp_path):
    options = Adaptation(**QUICK, steps=12, check=6, rate=3e-3, alpha=(2.0, 6.0))
    told = []
    done = adapt(video, weights, tmp_path / "out.safetensors", options, tell=told.append)
    assert done.after < done.before
    assert done.steps == 12
    assert done.flow == "lucas-kanade"
    assert len(told) == 3  # before, and every 6 steps
    assert not done.warnings
    magnifier = FlowMag(weights=done.path)
    assert magnifier.card["licence"] == "mine"
    assert magnifier.card["adapted"]["held_out"] == {"before": done.before, "after": done.after}
    still = texture(56, 64).astype(np.float32)
    assert magnifier.pair(still, still, 5.0).shape == still.shape


@pytest.mark.parametrize("rate", [1.0, 1e30])
def test_what_only_makes_it_worse_leaves_the_weights_as_they_were(video, weights, tmp_path, rate):
    options = Adaptation(**QUICK, steps=100, check=1, patience=2, rate=rate)
    done = adapt(video, weights, tmp_path / "out.safetensors", options)
    assert done.after == done.before
    assert done.steps == 2  # its patience, or the weights are lost
    assert "as they were" in done.warnings[0]
    before, after = read_tensors(weights)[0], read_tensors(done.path)[0]
    for name, tensor in before.items():
        torch.testing.assert_close(after[name].float(), tensor.float(), rtol=1e-3, atol=1e-6)


def test_from_a_rate_that_leads_astray_it_comes_back(video, weights, tmp_path):
    options = Adaptation(**QUICK, steps=40, check=2, patience=20, rate=0.1, alpha=(2.0, 6.0))
    told = []
    done = adapt(video, weights, tmp_path / "out.safetensors", options, tell=told.append)
    assert float(told[1].split()[2]) > 1.2 * done.before  # "step 2: LOSS on held-out frames, ..."
    assert done.after < done.before


def test_the_statistics_of_batch_norms_stay(video, weights, tmp_path):
    options = Adaptation(**QUICK, steps=3, check=1, rate=1e-3)
    done = adapt(video, weights, tmp_path / "out.safetensors", options)
    before, after = read_tensors(weights)[0], read_tensors(done.path)[0]
    running = [name for name in before if "running" in name]
    assert running
    for name in running:
        torch.testing.assert_close(after[name].float(), before[name].float(), rtol=1e-3, atol=1e-6)


def test_time_ends_it_too(video, weights, tmp_path):
    options = Adaptation(**(QUICK | {"minutes": 1e-6}))
    assert adapt(video, weights, tmp_path / "out.safetensors", options).steps == 0


def test_what_cannot_be_adapted_is_told(video, weights, tmp_path):
    target = tmp_path / "out.safetensors"
    two = frames_to(tmp_path / "two", 2)
    with pytest.raises(UserError, match="has 2 frames: adaptation needs 3"):
        adapt(two, weights, target, Adaptation(**QUICK, steps=1))
    oh = tmp_path / "oh.safetensors"
    network = build("oh2018", {"width": 4})
    save_weights(oh, "oh2018", {"width": 4}, network.state_dict(), {})
    with pytest.raises(UserError, match="needs those of flowmag"):
        adapt(video, oh, target, Adaptation(**QUICK, steps=1))
    assert not target.exists()
    wrongs = ({"steps": 0}, {"minutes": None}, {"minutes": 0}, {"alpha": (4.0, 2.0)})
    for wrong in (*wrongs, {"check": 0}, {"views": 0}, {"batch": 0}, {"size": 1}):
        with pytest.raises(UserError):
            Adaptation(**wrong)


@pytest.fixture
def pairs_seen(monkeypatch):
    """The pairs of frames that views are taken of, in uint8."""
    pairs = []

    def spy(pair, *rest):
        pairs.append(pair)
        return view(pair, *rest)

    monkeypatch.setattr("motionloupe.training.adaptation.view", spy)
    return pairs


def test_frames_are_compared_with_the_reference_that_is_asked_for(
    video, weights, tmp_path, pairs_seen
):
    options = Adaptation(**QUICK, steps=30, check=30)
    adapt(video, weights, tmp_path / "out.safetensors", options, reference=7)
    wanted = cv2.imread(str(video / "007.png"))[..., ::-1]
    assert all(np.array_equal(reference, wanted) for reference, _ in pairs_seen)
    assert not any(np.array_equal(later, wanted) for _, later in pairs_seen)
    assert len({later.tobytes() for _, later in pairs_seen}) == 11


@pytest.mark.parametrize(("stabilise", "least", "most"), [(False, 1.0, 9.0), (True, 0.0, 0.1)])
def test_the_shake_of_a_hand_is_taken_out_before_it_learns(
    weights, tmp_path, pairs_seen, stabilise, least, most
):
    rng = np.random.default_rng(1)
    cameras = [STILL, *(shaken(3.0, rng, 144, 192) for _ in range(7))]
    frames = [taken(world(), camera) for camera in cameras]
    frames[5][:] = 0  # of which nothing can be aligned
    source = make_video(tmp_path / "in.mkv", frames, codec="ffv1", pixel_format="bgr0")
    options = Adaptation(**QUICK, steps=20, check=20)
    done = adapt(source, weights, tmp_path / "out", options, reference="0s", stabilise=stabilise)
    pairs = [pair for pair in pairs_seen if np.median(pair[1]) > 0]
    middle = (MARGIN, MARGIN, 144, 96)
    far = [np.hypot(*displacement(*pair, middle)) for pair in pairs]
    assert least <= max(far) < most
    assert any("could not be aligned" in text for text in done.warnings) == stabilise


def test_a_small_or_long_video_will_do(weights, tmp_path, monkeypatch):
    monkeypatch.setattr("motionloupe.training.adaptation._MOST_FRAMES", 5)
    long = frames_to(tmp_path / "long", 23, 17, 21)
    done = adapt(long, weights, tmp_path / "out.safetensors", Adaptation(**QUICK, steps=1))
    assert math.isfinite(done.after)


def test_limits_as_one_types_them():
    assert chosen("100", 10.0).steps == 100
    assert chosen("100", 10.0).minutes is None
    assert chosen("1.5min", 10.0).minutes == 1.5
    assert chosen("10", 40.0).alpha == (4.0, 16.0)
    assert chosen("10", 1.0).alpha == (1.5, 2.0)
    with pytest.raises(UserError, match="steps \\(100\\) or minutes"):
        chosen("soon", 10.0)


def test_the_commands(video, weights, tmp_path, capsys):
    target = tmp_path / "adapted.safetensors"
    words = ["adapt", str(video), "--weights", str(weights), "--for", "1", "-o", str(target)]
    assert main([*words, "--flow", "lucas-kanade"]) == 0
    assert target.is_file()
    assert "1 steps through lucas-kanade" in capsys.readouterr().out
    assert main(words) == 2
    assert "force to replace it" in capsys.readouterr().err
    assert main(["magnify", str(video), str(tmp_path / "x"), "-m", "phase", "--adapt", "5"]) == 2
    assert "only flowmag adapts" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("factors", "practised"),
    [
        (["--alpha", "1", "--mask", "{mask}=12"], (3.0, 12.0)),
        (["--alpha", "4", "--mask", "{mask}", "--outside", "8"], (2.0, 8.0)),
        (["--alpha", "16", "--mask", "{mask}=4"], (1.5, 4.0)),
    ],
)
def test_magnify_adapts_to_the_largest_factor_where_it_draws(
    factors, practised, video, tmp_path, monkeypatch
):
    mask, asked = tmp_path / "mask.npy", []
    np.save(mask, np.ones((56, 64), np.uint8))

    def stand_in(source, begin, output, wanted, *, device, tell, **cut):
        asked.append((wanted.alpha, device, cut["scale"], cut["stabilise"], cut["reference"]))
        raise UserError("enough")

    monkeypatch.setattr("motionloupe.training.adaptation.adapt", stand_in)
    words = [word.format(mask=mask) for word in factors] + ["--adapt", "5", "--stabilise"]
    words += ["--reference", "2", "--device", "cpu"]
    assert main(["magnify", str(video), str(tmp_path / "x.mkv"), *words]) == 2
    assert asked == [(practised, "cpu", 1.0, True, "2")]


def test_a_device_that_is_not_there_is_told(video, weights, tmp_path, capsys):
    words = [
        "adapt",
        str(video),
        "--weights",
        str(weights),
        "-o",
        str(tmp_path / "x.safetensors"),
        "--for",
        "1",
    ]
    assert main([*words, "--device", "warp"]) == 2
    assert "torch has no device 'warp' here" in capsys.readouterr().err
