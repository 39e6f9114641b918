"""A run small enough for a test: ``python -m tests.training.tiny FOLDER STEPS``."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from motionloupe.training.config import (
    Config,
    Data,
    NetworkChoice,
    OhLoss,
    Optimiser,
    Report,
)
from motionloupe.training.loop import train

SIZE = 16


class Drifting:
    """Smooth pictures that drift by whole pixels: sample n is a function of n."""

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        dice = torch.Generator().manual_seed(1_000_003 * self.seed + index)
        coarse = torch.rand(1, 3, SIZE // 4, SIZE // 4, generator=dice)
        still = torch.nn.functional.interpolate(coarse, (SIZE, SIZE), mode="bilinear")[0]
        alpha = float(torch.randint(2, 5, (1,), generator=dice))
        moved, truth = still.roll(1, 2), still.roll(int(alpha), 2)
        return {
            "a": still,
            "b": moved,
            "b_perturbed": 0.8 * moved,
            "y": truth,
            "y_perturbed": 0.8 * truth,
            "alpha": torch.full((1, 1, 1), alpha),
        }


class Jumping(Drifting):
    """The same with a truth that nobody could guess."""

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        sample = super().__getitem__(index)
        return sample | {name: 1.0 - sample[name] for name in ("y", "y_perturbed")}


def tiny(steps: int = 6, **optimiser: Any) -> Config:
    """A configuration of Oh's network, width 4."""
    return Config(
        task="oh2018",
        network=NetworkChoice("oh2018", {"width": 4}),
        loss=OhLoss(),
        optimiser=replace(Optimiser(steps=steps, rate=3e-3, warmup=2), **optimiser),
        data=Data(size=SIZE, batch=4),
        report=Report(log=2, save=2, validate=4, scenes=2),
    )


if __name__ == "__main__":
    train(tiny(int(sys.argv[2])), Drifting(), Drifting(seed=9), Path(sys.argv[1]), tell=print)
