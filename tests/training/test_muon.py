"""Muon: what a step of it is, and that it learns."""

import pytest
import torch
from torch import nn

from motionloupe.training.muon import Muon, orthogonal
from tests.training.test_loop import lines, load_file, run, same


@pytest.mark.parametrize("shape", [(32, 288), (288, 32), (48, 48)])
def test_every_direction_that_counts_becomes_about_as_long(shape):
    rows, _, columns = torch.linalg.svd(torch.randn(shape), full_matrices=False)
    values = torch.logspace(0, -1.2, min(shape))
    answer = orthogonal(rows * values @ columns)
    turned = rows.T @ answer @ columns.T
    assert 0.6 < turned.diagonal().min() < turned.diagonal().max() < 1.25
    assert (turned - turned.diagonal().diag()).abs().max() < 1e-3  # U and V are kept


def test_a_step_is_as_long_as_adams_usually_is():
    kernel = nn.Parameter(torch.zeros(16, 8, 3, 3))
    kernel.grad = 1e-6 * torch.randn(kernel.shape)
    Muon([kernel], lr=0.01).step()
    assert kernel.detach().square().mean().sqrt() == pytest.approx(0.2 * 0.01, rel=0.15)


def test_what_has_one_direction_moves_as_by_adam():
    ours, theirs = (nn.Parameter(torch.zeros(5)) for _ in range(2))
    single = nn.Parameter(torch.zeros(1, 4)), nn.Parameter(torch.zeros(1, 4))
    rules = Muon([ours, single[0]], lr=0.1), torch.optim.Adam([theirs, single[1]], lr=0.1)
    for _ in range(4):
        slope, other = torch.randn(5), torch.randn(1, 4)
        for rule, vector, row in zip(rules, (ours, theirs), single, strict=True):
            vector.grad, row.grad = slope.clone(), other.clone()
            rule.step()
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(*single)


def test_it_learns_and_goes_on_where_it_stopped(tmp_path):
    run(tmp_path / "parts", 6, rule="muon", rate=1e-2)
    run(tmp_path / "parts", 10, rule="muon", rate=1e-2)
    run(tmp_path / "whole", 10, rule="muon", rate=1e-2)
    names = [tmp_path / name / "checkpoint.safetensors" for name in ("parts", "whole")]
    same(*map(load_file, names))
    losses = [line["loss"] for line in lines(tmp_path / "whole") if line["kind"] == "validation"]
    assert losses[-1] < losses[0]
