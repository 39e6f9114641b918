"""Oh et al. as a magnifier: modes, bands and maps on an untrained network."""

import numpy as np
import pytest
import torch

from motionloupe.errors import UserError
from motionloupe.magnifiers.oh2018 import Oh2018
from motionloupe.networks import build
from motionloupe.networks.precision import in_half
from motionloupe.networks.weights import save_weights
from motionloupe.temporal import Signal
from tests.scenes import clip, shifted, texture, to_uint8

OPTIONS = {"width": 8}


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "oh2018.safetensors"
    save_weights(path, "oh2018", OPTIONS, build("oh2018", OPTIONS).state_dict(), {"step": 1})
    return path


def test_the_card_of_the_weights_is_kept(weights):
    assert Oh2018(weights=weights).card == {"step": 1}


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_alpha_one_gives_the_frame_itself(weights, dtype):
    full = np.iinfo(dtype).max if dtype != np.float32 else 1
    frame = (texture(33, 42) * full).astype(dtype)
    before = (shifted(texture(33, 42), 1.0) * full).clip(0, full).astype(dtype)
    drawn = Oh2018(weights=weights).pair(before, frame, 1.0)
    assert drawn.dtype == dtype
    np.testing.assert_array_equal(drawn, frame)


def test_outside_the_map_nothing_changes(weights):
    frame, before = texture(40, 48), shifted(texture(40, 48), 0.5)
    alpha = np.ones((40, 48))
    alpha[:, 24:] = 8.0
    drawn = Oh2018(weights=weights).pair(before, frame, alpha)
    np.testing.assert_allclose(drawn[:, :24], frame[:, :24], atol=1e-6)
    assert np.abs(drawn[:, 24:] - frame[:, 24:]).mean() > 1e-3


def test_a_still_pair_is_drawn_alike_at_any_factor(weights):
    method, frame = Oh2018(weights=weights), texture(32, 32)
    few, many = method.pair(frame, frame, 2.0), method.pair(frame, frame, 100.0)
    np.testing.assert_allclose(few, many, atol=1e-6)


def test_streaming_static_is_the_pair_with_the_first_frame(weights):
    method = Oh2018(weights=weights)
    frames = clip(lambda t: t, seconds=0.2, height=24, width=32)
    streamed = list(method.stream(frames, 5.0))
    assert len(streamed) == len(frames)
    np.testing.assert_allclose(streamed[3], method.pair(frames[0], frames[3], 5.0), atol=1e-6)


def test_streaming_dynamic_is_the_pair_with_the_previous_frame(weights):
    frames = clip(lambda t: t, seconds=0.2, height=24, width=32)
    streamed = list(Oh2018(weights=weights, mode="dynamic").stream(frames, 5.0))
    expected = Oh2018(weights=weights).pair(frames[2], frames[3], 5.0)
    np.testing.assert_allclose(streamed[3], expected, atol=1e-6)


@pytest.mark.parametrize("ensemble", [2, 4, 8])
def test_an_ensemble_is_the_mean_over_mirrored_and_turned_frames(weights, ensemble):
    before, frame, alpha = shifted(texture(33, 42), 0.5), texture(33, 42), np.full((33, 42), 4.0)
    alpha[:16] = 9.0
    views = {
        2: [(0, False), (0, True)],
        4: [(k, m) for k in (0, 2) for m in (False, True)],
        8: [(k, m) for k in range(4) for m in (False, True)],
    }[ensemble]

    def seen(picture, turns, mirrored):
        return np.ascontiguousarray(np.rot90(picture[:, ::-1] if mirrored else picture, turns))

    def undone(picture, turns, mirrored):
        upright = np.rot90(picture, -turns)
        return upright[:, ::-1] if mirrored else upright

    one = Oh2018(weights=weights)
    answers = [
        undone(one.pair(*(seen(part, *view) for part in (before, frame, alpha))), *view)
        for view in views
    ]
    together = Oh2018(weights=weights, ensemble=ensemble).pair(before, frame, alpha)
    np.testing.assert_allclose(together, np.mean(answers, axis=0), atol=1e-5)
    assert np.abs(together - answers[0]).mean() > 1e-4


def test_an_ensemble_streams_a_band(weights):
    frames = clip(lambda t: np.sin(2 * np.pi * 3 * t), seconds=1.0, height=24, width=30)
    method = Oh2018(weights=weights, ensemble=8, band=(2.0, 4.0))
    assert len(list(method.stream(frames, 5.0))) == len(frames)


@pytest.mark.parametrize("ensemble", [0, 3, 16])
def test_an_ensemble_has_so_many_views_as_there_are(weights, ensemble):
    with pytest.raises(UserError, match="1, 2, 4 and 8"):
        Oh2018(weights=weights, ensemble=ensemble)


class Everything:
    """A filter whose band is half of the motion, at once."""

    delay = 0

    def push(self, motion: Signal):
        yield motion, [0.5 * part for part in motion]

    def finish(self):
        return []


def test_a_band_is_magnified_on_top_of_all_the_motion(weights, monkeypatch):
    method = Oh2018(weights=weights)
    frames = [to_uint8(f) / 255.0 for f in clip(lambda t: t, seconds=0.1, height=24, width=32)]
    monkeypatch.setattr(method, "temporal_filter", lambda fps: Everything())
    streamed = list(method.stream(frames, 5.0))
    first, last = (
        method.network.encode(torch.tensor(f).permute(2, 0, 1)[None].float())
        for f in (frames[0], frames[-1])
    )
    h, g = method.network.manipulator.h, method.network.manipulator.g
    with torch.no_grad(), in_half(method.device):
        shape = last[1] + h(4.0 * g(0.5 * (last[1] - first[1])))  # equation 4
        expected = method.network.decode(last[0], shape, (24, 32)).clamp(0, 1)
    np.testing.assert_allclose(streamed[-1], expected[0].permute(1, 2, 0), atol=1e-5)


def test_weights_of_another_network_are_refused(tmp_path):
    path = tmp_path / "w.safetensors"
    options = {"base": 2}
    save_weights(path, "flowmag-unet", options, build("flowmag-unet", options).state_dict(), {})
    with pytest.raises(UserError, match="expected oh2018"):
        Oh2018(weights=path)
