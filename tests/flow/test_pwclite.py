"""PWC-Lite: the paper's shape, its correlation by hand, and where its weights come from."""

import pytest
import torch

from motionloupe.errors import UserError
from motionloupe.flow import checkpoints, learned, load_flow
from motionloupe.flow.pwclite import PwcLite, correlation
from motionloupe.networks.weights import save_weights

TINY = {"width": 0.1}


def pictures(height=48, width=56):
    return torch.rand(2, 1, 3, height, width, generator=torch.Generator().manual_seed(3))


def trained():
    """A small network that no longer answers zero."""
    torch.manual_seed(0)
    network = PwcLite(**TINY)
    for leave in (network.decoder.leave, network.context[-1]):
        torch.nn.init.normal_(leave.weight, std=0.05)
    return network


def test_it_is_as_large_as_the_paper_says():
    count = sum(parameter.numel() for parameter in PwcLite().parameters())
    assert count == pytest.approx(2.24e6, rel=0.005)


def test_correlation_is_the_mean_product_with_every_displaced_cell():
    a, b = torch.rand(2, 2, 3, 5, 6, generator=torch.Generator().manual_seed(0))
    found = correlation(a, b, reach=2)
    assert found.shape == (2, 25, 5, 6)
    for down in range(-2, 3):
        for right in range(-2, 3):
            for y in range(5):
                for x in range(6):
                    there = 0 <= y + down < 5 and 0 <= x + right < 6
                    partner = b[:, :, y + down, x + right] if there else torch.zeros(2, 3)
                    expected = (a[:, :, y, x] * partner).mean(dim=1)
                    channel = (down + 2) * 5 + right + 2
                    torch.testing.assert_close(found[:, channel, y, x], expected)


def test_correlation_has_the_slopes_of_its_values():
    dice = torch.Generator().manual_seed(0)
    a, b = torch.rand(2, 1, 2, 3, 4, generator=dice, dtype=torch.float64)
    assert torch.autograd.gradcheck(
        lambda p, q: correlation(p, q, 1), (a.requires_grad_(), b.requires_grad_())
    )


def test_every_grid_answers_in_pixels_of_the_picture():
    flows = trained()(*pictures(50, 70))
    assert [flow.shape for flow in flows] == [(1, 2, 50, 70)] * 5
    assert all(flow.isfinite().all() and flow.abs().max() > 0 for flow in flows)


def test_untrained_it_answers_zero():
    assert PwcLite(**TINY)(*pictures())[0].abs().max() == 0


def test_gradients_reach_every_weight():
    network = trained()
    sum(flow.square().mean() for flow in network(*pictures(64, 64))).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_wild_weights_do_not_crash_the_sampler():
    network = trained()
    with torch.no_grad():
        network.decoder.leave.bias.fill_(float("nan"))
    assert not network(*pictures())[0].isfinite().all()


def test_a_width_that_makes_no_sense_is_named():
    with pytest.raises(UserError, match="width"):
        PwcLite(width=0)


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "pwc_lite.safetensors"
    save_weights(path, "pwc-lite", TINY, trained().state_dict(), {}, half=False)
    return path


def test_a_file_of_weights_becomes_a_frozen_estimator(weights):
    a, b = pictures()
    estimator = load_flow("pwc-lite", weights=weights, iterations=5)
    torch.testing.assert_close(estimator(a, b), trained()(a, b)[0])
    assert not list(estimator.parameters())
    assert not any(module.training for module in estimator.train().modules())


def test_weights_come_from_the_folder_else_from_the_package_else_an_error(
    weights, tmp_path, monkeypatch
):
    monkeypatch.setenv(checkpoints.FOLDER, str(tmp_path))
    assert load_flow("pwc-lite")(*pictures()).abs().max() > 0
    monkeypatch.delenv(checkpoints.FOLDER)
    monkeypatch.setattr(learned, "shipped", lambda name: weights)
    assert load_flow("pwc-lite")(*pictures()).abs().max() > 0
    monkeypatch.setattr(learned, "shipped", lambda name: None)
    with pytest.raises(UserError, match="motionloupe train flow"):
        load_flow("pwc-lite")


def test_other_weights_are_refused(tmp_path):
    path = tmp_path / "w.safetensors"
    save_weights(path, "oh2018", {}, {"x": torch.zeros(1)}, {})
    with pytest.raises(UserError, match="holds weights of oh2018"):
        load_flow("pwc-lite", weights=path)
    save_weights(path, "pwc-lite", {"width": 0.2}, trained().state_dict(), {})
    with pytest.raises(UserError, match="do not fit pwc-lite"):
        load_flow("pwc-lite", weights=path)
    with pytest.raises(UserError, match="no weights at"):
        load_flow("pwc-lite", weights=tmp_path / "nothing.safetensors")


@torch.no_grad()
def test_half_precision_costs_little():
    a, b = pictures()
    expected = trained()(a, b)[0]
    with torch.autocast("cpu", torch.bfloat16):
        found = trained()(a, b)[0]
    assert found.dtype == torch.float32
    assert float((found - expected).abs().mean()) < 0.05 * float(expected.abs().mean())
