"""The filters near an encoder: exact for a linear one, drawn for any."""

import json
from functools import partial

import cv2
import numpy as np
import pytest
import torch
from torch.nn import functional

import motionloupe.inspection
from motionloupe.cli import main
from motionloupe.inspection import Kernels, draw_kernels, encoder_kernels
from motionloupe.networks import build
from motionloupe.networks.weights import save_weights


class Linear:
    """An encoder of one convolution for shape, at half the size, and one for texture."""

    def __init__(self):
        generator = torch.Generator().manual_seed(0)
        self.shape, self.texture = torch.randn(2, 3, 3, 7, 7, generator=generator)

    def encode(self, frames):
        frames = 2 * functional.pad(frames, (3, 3, 3, 3), mode="reflect") - 1
        texture = functional.conv2d(frames, self.texture, stride=4)
        return texture, functional.conv2d(frames, self.shape, stride=2).relu()


def test_of_a_linear_encoder_they_are_its_kernels():
    network = Linear()
    found = encoder_kernels(network, pictures=2)["texture"].kernels
    assert found.shape == (3, 3, 33, 33)
    wanted = np.pad(2 * network.texture.numpy(), ((0, 0), (0, 0), (13, 13), (13, 13)))
    np.testing.assert_allclose(found, wanted, atol=2e-3)


def test_of_a_rectified_encoder_they_are_its_kernels_made_smaller():
    """Half the time it is cut off: the kernel keeps its form and loses size."""
    network = Linear()
    found = encoder_kernels(network, pictures=30)["shape"].kernels[:, :, 9:16, 9:16]
    for kernel, wanted in zip(found, 2 * network.shape.numpy(), strict=True):
        assert np.corrcoef(kernel.ravel(), wanted.ravel())[0, 1] > 0.95
        assert 0.1 < np.vdot(kernel, wanted) / np.vdot(wanted, wanted) < 0.95


def test_a_derivative_and_a_blur_are_told_apart():
    kernels = np.zeros((2, 3, 25, 25), np.float32)
    kernels[0, :, 12, 11:14] = [-1, 0, 1]
    kernels[1, :, 11:14, 11:14] = 1
    found = Kernels(kernels)
    np.testing.assert_allclose(found.constant_shares, [0, 1], atol=1e-6)
    derivative, blur = found.spectra
    assert derivative[32, 32] == pytest.approx(0, abs=1e-4)
    assert derivative[32, 48] == pytest.approx(derivative.max()) == pytest.approx(6)
    assert blur[32, 32] == pytest.approx(blur.max()) == pytest.approx(27)


def test_a_kernel_is_drawn_in_its_place(tmp_path):
    kernels = np.zeros((9, 3, 25, 25), np.float32)
    kernels[:8, 0] = 1  # the first row is red, the second blue
    kernels[8, 2] = 1
    path = draw_kernels(tmp_path / "k.png", {"shape": Kernels(kernels)})
    blue, _, red = cv2.split(cv2.imread(str(path)).astype(int))
    reddish, bluish = np.argwhere(red - blue > 100), np.argwhere(blue - red > 100)
    assert reddish[:, 0].max() < bluish[:, 0].min()


@pytest.fixture
def weights(tmp_path):
    torch.manual_seed(0)
    path, options = tmp_path / "oh.safetensors", {"width": 8}
    save_weights(path, "oh2018", options, build("oh2018", options).state_dict(), {})
    return path


def test_the_command_draws_and_tells(weights, tmp_path, monkeypatch, capsys):
    few = partial(encoder_kernels, pictures=1)
    monkeypatch.setattr(motionloupe.inspection, "encoder_kernels", few)
    words = ["inspect", "oh2018", "--weights", str(weights), "-o", str(tmp_path / "k.png")]
    assert main([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told["constant_share"]) == {"shape", "texture"}
    assert cv2.imread(str(tmp_path / "k.png")).shape[1] > 1000
    assert main(words) == 2
    assert "force" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("phase -o k.png", "found 'phase'"),
        ("oh2018 --weights none.safetensors", "none.safetensors"),
        ("oh2018 --weights oh.safetensors -o k.jpg", ".png"),
        ("oh2018 --weights oh.safetensors -o nowhere/k.png", "nowhere"),
        ("oh2018 --weights unet.safetensors", "expected oh2018"),
    ],
)
def test_a_mistake_is_one_line(weights, tmp_path, monkeypatch, capsys, words, reason):
    monkeypatch.chdir(tmp_path)
    options = {"base": 2}
    unet = build("flowmag-unet", options).state_dict()
    save_weights(tmp_path / "unet.safetensors", "flowmag-unet", options, unet, {})
    assert main(["inspect", *words.split()]) == 2
    error = capsys.readouterr().err
    assert reason in error
    assert len(error.splitlines()) == 1
    assert not list(tmp_path.glob("*.png"))
