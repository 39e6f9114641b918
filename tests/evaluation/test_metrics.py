"""Metrics against scikit-image, and against sums done by hand."""

import math

import numpy as np
import pytest
import torch
from skimage.metrics import mean_squared_error, peak_signal_noise_ratio, structural_similarity

from motionloupe.errors import UserError
from motionloupe.evaluation.metrics import (
    Summary,
    end_point_error,
    flow_l1,
    magnification_error,
    motion_error,
    psnr,
    rmse,
    ssim,
    ssim_map,
    summarise,
)
from tests.scenes import shifted, texture


def pairs(height=60, width=71, dtype=torch.float64):
    """Three pairs: moved, noisy, and nearly equal."""
    still = texture(height, width)
    rng = np.random.default_rng(0)
    others = [
        shifted(still, 0.7, 0.3),
        np.clip(still + 0.1 * rng.standard_normal(still.shape), 0, 1),
        still + 1e-4,
    ]
    stack = [torch.from_numpy(np.stack(p).transpose(0, 3, 1, 2)) for p in ([still] * 3, others)]
    return [each.to(dtype) for each in stack]


def reference(first, second, **options):
    return structural_similarity(
        first.permute(1, 2, 0).numpy(),
        second.permute(1, 2, 0).numpy(),
        data_range=1.0,
        channel_axis=2,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        **options,
    )


@pytest.mark.parametrize(("dtype", "off"), [(torch.float64, 1e-6), (torch.float32, 2e-5)])
def test_ssim_agrees_with_scikit_image(dtype, off):
    first, second = pairs()
    ours = ssim(first.to(dtype), second.to(dtype))
    assert ours.dtype == dtype
    expected = [reference(a, b) for a, b in zip(first, second, strict=True)]
    assert ours.tolist() == pytest.approx(expected, abs=off)
    assert min(expected) < 0.9


def test_ssim_at_each_place_agrees_with_scikit_image():
    first, second = pairs()
    _, full = reference(first[1], second[1], full=True)
    ours = ssim_map(first, second)[1].permute(1, 2, 0).numpy()
    assert np.abs(ours - full[5:-5, 5:-5]).max() < 1e-6


def test_border_and_mask_leave_out_what_they_say():
    first, second = pairs()
    _, full = reference(first[1], second[1], full=True)
    assert ssim(first, second, border=16)[1].item() == pytest.approx(
        full[16:-16, 16:-16].mean(), abs=1e-6
    )
    mask = torch.zeros(60, 71)
    mask[20:40, 10:50] = 1
    assert ssim(first, second, mask=mask)[1].item() == pytest.approx(
        full[20:40, 10:50].mean(), abs=1e-6
    )
    assert ssim(first, second, border=3)[0].item() == ssim(first, second)[0].item()
    broken = second.clone()
    broken[:, :, :10] = math.nan
    masked = rmse(first, broken, mask=mask.bool())
    assert torch.equal(masked, rmse(first, second, mask=mask.expand(3, 1, 60, 71)))


def test_psnr_and_rmse_agree_with_scikit_image():
    first, second = pairs()
    a, b = first[1].numpy(), second[1].numpy()
    assert psnr(first, second)[1].item() == pytest.approx(
        peak_signal_noise_ratio(a, b, data_range=1.0)
    )
    assert rmse(first, second)[1].item() == pytest.approx(255 * math.sqrt(mean_squared_error(a, b)))
    inner = np.s_[:, 4:-4, 4:-4]
    assert rmse(first, second, border=4)[1].item() == pytest.approx(
        255 * math.sqrt(mean_squared_error(a[inner], b[inner]))
    )


def test_equal_pictures_are_perfect():
    first, _ = pairs(dtype=torch.float32)
    assert ssim(first, first).tolist() == pytest.approx([1] * 3, abs=1e-6)
    assert torch.isinf(psnr(first, first)).all()
    assert not rmse(first, first).any()


def flows():
    wanted = torch.zeros(2, 2, 4, 6)
    wanted[0, 0], wanted[1, 1] = 3.0, 1.0
    found = wanted.clone()
    found[0, 1, :, :3] = 4.0  # half of the first is 4 px off
    found[1] += 1.0
    return found, wanted


def test_errors_of_flows_by_hand():
    found, wanted = flows()
    assert end_point_error(found, wanted).tolist() == pytest.approx([2.0, math.sqrt(2)])
    assert flow_l1(found, wanted).tolist() == pytest.approx([1.0, 1.0])
    mask = torch.zeros(4, 6)
    mask[:, :3] = 1
    assert end_point_error(found, wanted, mask=mask)[0] == pytest.approx(4.0)
    assert end_point_error(found, wanted, border=1)[0] == pytest.approx(2.0)


def test_motion_error_is_held_against_alpha_times_the_input():
    _, flow = flows()
    assert not motion_error(5 * flow, flow, 5.0).any()
    assert motion_error(4 * flow, flow, 5.0).tolist() == pytest.approx([1.5, 0.5])
    each = torch.tensor([4.0, 5.0]).reshape(2, 1, 1, 1)
    assert motion_error(4 * flow, flow, each).tolist() == pytest.approx([0, 0.5])


def test_magnification_error_by_hand():
    found, wanted = flows()
    ratio = (5 / 3.0001 + 3 / 3.0001) / 2
    assert magnification_error(found, wanted, 1.0)[0].item() == pytest.approx(
        (5 / 3.0001 - 1 + 1 - 3 / 3.0001) / 2, abs=1e-5
    )
    assert magnification_error(found, wanted, 0.0)[0].item() == pytest.approx(ratio, abs=1e-5)
    still = torch.zeros_like(wanted)
    assert magnification_error(still, still, 7.0).tolist() == [7, 7]


def test_a_batch_is_as_good_as_its_parts():
    first, second = pairs()
    for metric in (ssim, psnr, rmse):
        each = [metric(first[i : i + 1], second[i : i + 1]).item() for i in range(3)]
        assert metric(first, second).tolist() == pytest.approx(each)


def test_nothing_left_is_nan():
    first, second = pairs()
    assert ssim(first, second, mask=torch.zeros(60, 71)).isnan().all()


def test_a_summary_by_hand():
    summary = summarise([1.0, 2.0, math.nan, 6.0])
    spread, error = pytest.approx(math.sqrt(7)), pytest.approx(math.sqrt(7 / 3))
    assert summary == Summary(3.0, spread, error, 3, 3)
    assert str(summary) == "3 ± 1.5 (n = 3)"
    assert summarise(torch.tensor([1.0, 2.0, 6.0])) == summary
    assert summarise([2.5]).mean == 2.5
    assert math.isnan(summarise([2.5]).standard_error)
    assert str(summarise([2.5])) == "2.5 (n = 1)"
    assert math.isnan(summarise([]).mean)
    assert summarise([]).n == 0
    assert summarise([math.inf, 40.0]).mean == math.inf


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"border": 30}, "leaves nothing"),
        ({"border": -1}, "leaves nothing"),
        ({"mask": torch.ones(5, 5)}, "the mask is 5 x 5"),
    ],
)
def test_impossible_regions_are_refused(options, message):
    first, second = pairs()
    with pytest.raises(UserError, match=message):
        psnr(first, second, **options)


def test_pictures_that_do_not_match_are_refused():
    first, second = pairs()
    with pytest.raises(UserError, match="one shape"):
        ssim(first, second[:2])
    with pytest.raises(UserError, match="11 x 11"):
        ssim(first[..., :10], second[..., :10])


def test_frames_of_one_video_are_not_independent():
    """Of videos of equal length the error is that of the videos' means."""
    values, videos = [1.0, 1.2, 5.0, 5.4, 3.0, 2.8], list("aabbcc")
    means = np.array([1.1, 5.2, 2.9])
    summary = summarise(values, videos)
    assert (summary.n, summary.groups) == (6, 3)
    assert summary.standard_error == pytest.approx(means.std(ddof=1) / math.sqrt(3))
    alone = summarise(values, [""] * 6)
    assert alone == summarise(values, list("abcdef")) == summarise(values)
    assert alone.standard_error == pytest.approx(np.std(values, ddof=1) / math.sqrt(6))
    assert summarise([1.0, math.nan, 2.0], ["a", "b", "a"]).groups == 1
    assert math.isnan(summarise(values, ["a"] * 6).standard_error)


@pytest.mark.parametrize(
    ("half", "shown"),
    [(2.0, " ± 2.0"), (0.0512, " ± 0.051"), (9.96, " ± 10"), (123.4, " ± 123"), (0.0, " ± 0.0")],
)
def test_an_error_has_two_digits(half, shown):
    summary = summarise([5.0 - half, 5.0 + half])
    assert summary.plus_minus == shown
    assert str(summary) == f"5{shown} (n = 2)"
    assert summarise([5.0]).plus_minus == ""
