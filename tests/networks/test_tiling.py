"""Tiled equals untiled, and reach is what it takes."""

import pytest
import torch
from torch.nn import functional

from motionloupe.networks import oh2018
from motionloupe.networks.oh2018 import Oh2018
from motionloupe.networks.tiling import tiled


@pytest.mark.parametrize("variant", ["released", "paper"])
@pytest.mark.parametrize("size", [(230, 331), (121, 500)])
def test_tiles_of_a_frame_make_up_the_whole(variant, size, monkeypatch):
    torch.manual_seed(0)
    network = Oh2018(variant).eval()
    a, b = torch.rand(2, 1, 3, *size)
    factors = 1.0 + 4.0 * torch.rand(1, 1, *size)
    with torch.inference_mode():
        whole = network(a, b, factors)
        monkeypatch.setattr(oh2018, "_SIDE", 20)
        assert torch.allclose(network(a, b, factors), whole, atol=1e-5)
        monkeypatch.setattr(oh2018, "_REACH", 2)
        assert not torch.allclose(network(a, b, factors), whole, atol=1e-3)


def test_fields_and_answers_may_have_resolutions_of_their_own():
    seen = []

    def twice(coarse, fine):
        seen.append(coarse.shape[-2:])
        blurred = functional.avg_pool2d(functional.pad(coarse, (1, 1, 1, 1)), 3, 1)
        return functional.interpolate(blurred, scale_factor=4), fine.mean(dim=1, keepdim=True)

    coarse, fine = torch.rand(2, 3, 17, 31), torch.rand(2, 3, 34, 62)
    answers = tiled(twice, [coarse, fine], (17, 31), reach=1, side=8)
    assert len(seen) == 3 * 4
    assert all(rows <= 8 + 2 and columns <= 8 + 2 for rows, columns in seen)
    for answer, expected in zip(answers, twice(coarse, fine), strict=True):
        assert torch.allclose(answer, expected, atol=1e-6)
