"""Half precision where the processor has it, and never more than a level away."""

import torch

import motionloupe
from motionloupe.networks import precision


def half_or_not(monkeypatch, method, half):
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda: half)
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(1, 3, 8, 8, generator=generator)
    wide = torch.nn.functional.interpolate(coarse, size=(64, 68), mode="bicubic").clamp(0, 1)
    frames = [wide[0, :, :, left : left + 64].permute(1, 2, 0).numpy() for left in (0, 1)]
    return torch.from_numpy(motionloupe.load(method).pair(*frames, 5.0))


def test_half_precision_draws_the_same_picture(monkeypatch):
    for method in ("flowmag", "oh2018"):
        exact, half = (half_or_not(monkeypatch, method, half) for half in (False, True))
        assert 0 < (half - exact).abs().mean() < 0.5 / 255, method


def test_only_the_processor_is_told_to_use_it(monkeypatch):
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda: True)
    for device, wanted in (("meta", False), ("cpu", True)):
        with precision.in_half(torch.device(device)):
            assert torch.is_autocast_enabled("cpu") is wanted
