"""Frames through H.264: any size, the first alone, coarser where told, and how scenes use it."""

import numpy as np
import pytest
import torch

from motionloupe.data.scenes import SceneConfig, Scenes
from motionloupe.errors import UserError
from motionloupe.video.codec import Codec
from tests.data.material import cutouts, photographs
from tests.scenes import shifted, texture, to_uint8


def pictures(d=0.3, size=(45, 61)):
    still = texture(*size)
    return [to_uint8(picture) for picture in (still, shifted(still, d))]


def psnr(one, other):
    return 20 * np.log10(255) - 10 * np.log10(np.mean((one - other.astype(float)) ** 2))


@pytest.mark.parametrize("predicted", [True, False])
def test_coarser_is_worse_and_the_first_frame_stands_alone(predicted):
    a, b = pictures()
    fine, coarse = (Codec(q, predicted)(a, b) for q in (16, 34))
    for picture, near, far in zip((a, b), fine, coarse, strict=True):
        assert near.shape == picture.shape
        assert near.dtype == np.uint8
        assert psnr(near, picture) > psnr(far, picture) + 5
        assert psnr(near, picture) > 28  # colour at half resolution alone costs as much
    np.testing.assert_array_equal(Codec(16, predicted)(a)[0], fine[0])
    np.testing.assert_array_equal(Codec(16, predicted)(a, b)[1], fine[1])


def test_a_predicted_frame_repeats_what_has_not_changed():
    a, _ = pictures()
    noisy = a + np.random.default_rng(0).normal(0, 1, a.shape)
    noisy = noisy.clip(0, 255).astype(np.uint8)
    first, second = Codec(30, predicted=True)(a, noisy)
    alone = Codec(30, predicted=False)(a, noisy)[1]
    assert np.mean(first == second) > 0.9  # skipped blocks
    assert np.mean(first == alone) < 0.9


def scenes(**options):
    config = SceneConfig(size=(64, 48), motion=(0.5, 2), alpha=(2, 6), **options)
    return Scenes(photographs(), cutouts(), config, 5)


def test_a_share_of_the_scenes_is_compressed_and_their_truth_is_not():
    plain, mixed = scenes(), scenes(compressed=0.5, rate_factor=(24, 30))
    through = [n for n in range(24) if mixed[n].codec]
    assert 6 <= len(through) <= 18
    assert len({mixed[n].codec.predicted for n in through}) == 2
    assert all(24 <= mixed[n].codec.rate_factor <= 30 for n in through)
    for number in (through[0], next(n for n in range(24) if n not in through)):
        one, other = plain[number], mixed[number]
        assert torch.equal(one.y, other.y)
        assert torch.equal(one.flow, other.flow)
        same = number not in through
        assert torch.equal(one.a, other.a) == same
        assert torch.equal(one.b, other.b) == same
        assert torch.equal(one.b_perturbed, other.b_perturbed) == same
    assert torch.equal(
        mixed[through[0]].b, scenes(compressed=0.5, rate_factor=(24, 30))[through[0]].b
    )


@pytest.mark.parametrize("wrong", [{"compressed": 1.5}, {"rate_factor": (10, 60)}])
def test_what_no_codec_does_is_refused(wrong):
    with pytest.raises(UserError, match="found"):
        SceneConfig(**wrong)
