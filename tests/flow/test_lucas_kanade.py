"""Lucas-Kanade against motion that is known exactly."""

import numpy as np
import pytest
import torch

from motionloupe.arrays import to_tensor
from motionloupe.flow.lucas_kanade import LucasKanade
from motionloupe.flow.warp import backward_warp
from tests.scenes import shifted, texture, to_uint8


def flow_between(a, b, **options):
    with torch.inference_mode():
        return LucasKanade(**options)(to_tensor(a), to_tensor(b))[0]


@pytest.mark.parametrize("size", [(16, 16), (47, 90), (120, 121)])
def test_equal_frames_give_exactly_zero(size):
    image = texture(*size)
    assert flow_between(image, image).abs().max() == 0


@pytest.mark.parametrize("d", [0.01, 0.05, 0.2, -0.7, 2.3, 8.4])
def test_a_shift_is_found_to_one_per_cent(d):
    still = texture(128, 160)
    flow = flow_between(still, shifted(still, d, -0.5 * d))[:, 12:-12, 12:-12]
    assert flow[0].mean().item() == pytest.approx(d, rel=0.01)
    assert flow[1].mean().item() == pytest.approx(-0.5 * d, rel=0.01)
    assert (flow[0] - d).abs().mean() < max(0.01 * abs(d), 1e-3)


def test_noise_does_not_bias_it():
    still = texture(128, 160)
    rng = np.random.default_rng(0)
    a, b = (to_uint8(p + 0.01 * rng.standard_normal(p.shape)) for p in (still, shifted(still, 0.2)))
    flow = flow_between(a, b)[:, 12:-12, 12:-12]
    assert flow[0].mean().item() == pytest.approx(0.2, rel=0.05)
    assert flow.std(dim=(1, 2)).max() < 0.05


def turned(turn, growth):
    """A texture that turns (radians) and grows about its middle, with the flow between the two."""
    rows, columns = np.mgrid[0:128, 0:160].astype(np.float32)
    x, y = torch.from_numpy(columns - 79.5), torch.from_numpy(rows - 63.5)
    truth = torch.stack([growth * x - turn * y, turn * x + growth * y])
    b = to_tensor(texture(128, 160))
    return backward_warp(b, truth.unsqueeze(0), interpolation="bicubic"), b, truth


def error_of(estimator, a, b, truth):
    with torch.inference_mode():
        return (estimator(a, b)[0] - truth)[:, 12:-12, 12:-12].norm(dim=0).mean()


def test_rotation_and_scaling_are_followed():
    assert error_of(LucasKanade(), *turned(0.01, 0.004)) < 0.02


def test_more_iterations_follow_an_object_better():
    a, thing = texture(128, 160), texture(128, 160, seed=5)
    b = a.copy()
    a[40:88, 50:106] = thing[40:88, 50:106]
    b[43:91, 55:111] = thing[40:88, 50:106]
    moved = torch.tensor([5.0, 3.0]).view(2, 1, 1)
    once, often = (
        (flow_between(a, b, iterations=n)[:, 48:80, 58:98] - moved).norm(dim=0).mean()
        for n in (1, 4)
    )
    assert often < 0.8 * once


def test_flat_areas_take_over_the_motion_around_them():
    still = texture(96, 128)
    moved = shifted(still, 1.5)
    still[30:66, 40:88] = moved[30:66, 40:88] = 0.5
    flow = flow_between(still, moved)
    assert flow.isfinite().all()
    assert flow.abs().max() < 4


def test_a_flat_picture_is_still():
    flat = np.full((40, 50, 3), 0.3)
    assert flow_between(flat, flat + 0.1).abs().max() < 0.01


def test_a_lone_slanted_edge_moves_across_itself_and_not_along():
    rows, columns = np.mgrid[0:64, 0:80]
    a, b = (
        np.repeat(1 / (1 + np.exp(-(columns + rows - d - 72.0)))[..., None], 3, axis=2)
        for d in (0.0, 1.0)
    )
    flow = flow_between(a, b)
    on_edge = torch.from_numpy(np.abs(columns + rows - 72) < 3)
    across = ((flow[0] + flow[1]) / 2**0.5)[on_edge]
    along = ((flow[0] - flow[1]) / 2**0.5)[on_edge]
    assert across.mean().item() == pytest.approx(0.5**0.5, rel=0.02)
    assert along.abs().max() < 0.15


def test_what_leaves_the_frame_does_not_spoil_the_rest():
    wide = texture(96, 192)
    a, b = wide[:, 32:160], wide[:, 26:154]  # content moves by 6 px to the right
    flow = flow_between(a, b)
    assert flow[0, 8:-8, 8:-16].mean().item() == pytest.approx(6, abs=0.05)


def test_it_is_differentiable_to_numerical_precision():
    generator = torch.Generator().manual_seed(0)
    base = to_tensor(texture(16, 18)).double()
    a = base.clone().requires_grad_()
    b = (base + 0.02 * torch.rand(base.shape, generator=generator)).double().requires_grad_()
    estimator = LucasKanade(iterations=1)
    direction = torch.randn(base.shape, generator=generator, dtype=torch.float64)
    weight = torch.randn(1, 2, 16, 18, generator=generator, dtype=torch.float64)
    (estimator(a, b) * weight).sum().backward()
    step = 1e-6
    with torch.no_grad():
        high = (estimator(a, b + step * direction) * weight).sum()
        low = (estimator(a, b - step * direction) * weight).sum()
    assert b.grad is not None
    assert ((high - low) / (2 * step)).item() == pytest.approx(
        (b.grad * direction).sum().item(), rel=1e-4
    )


def test_what_a_codec_does_to_a_faint_gradient_is_no_motion():
    still = np.broadcast_to(np.linspace(0.4, 0.5, 256)[None, :, None], (192, 256, 3)).copy()
    still[64:128, 96:160] = texture(64, 64)  # what is sharp decides what counts as faint
    lifted = to_uint8(still)
    lifted[:, 192:] += 1  # a level of 255 on slopes of a tenth of one a pixel
    flow = flow_between(to_uint8(still), lifted, iterations=1)
    # 4.5 where a slope counts as it looks from afar
    assert flow[..., 176:].norm(dim=0).mean() < 1.5
    assert flow.norm(dim=0).mean() < 0.5


@pytest.mark.parametrize("contrast", [1.0, 0.3, 0.1])
def test_a_picture_that_is_faint_as_a_whole_is_trusted(contrast):
    faint = 0.5 + (texture(96, 128) - 0.5) * contrast
    flow = flow_between(*(to_uint8(shifted(faint, dx)) for dx in (0.0, 1.0)))
    assert flow[0, 16:-16, 16:-16].mean().item() == pytest.approx(1.0, abs=0.05)
