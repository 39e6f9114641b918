"""Samples from real frames: curated pairs, clips, and a mixture with synthetic scenes.

All keep the protocol of :class:`motionloupe.training.samples.Samples`.
"""

import math
from dataclasses import fields
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from motionloupe.data.augment import PLAIN, Augment
from motionloupe.data.clips import RandomPairs, clips_of_split
from motionloupe.data.draw import draw_number
from motionloupe.data.folders import Split
from motionloupe.data.pairs import Frames, Pairs
from motionloupe.errors import UserError
from motionloupe.training.config import Data

_ORDER, _ALPHA, _VIEW = range(3)  # streams of random numbers
_HELD_OUT = 1  # what is added to the seed


class NumberedFrames(Protocol):
    """Endless pairs of frames, each a pure function of its number."""

    def __getitem__(self, index: int) -> Frames: ...


class ShuffledPairs:
    """Curated pairs over and over, every time each one once, in an order of the seed."""

    def __init__(self, pairs: Pairs, seed: int) -> None:
        self.pairs, self.seed = pairs, seed
        self._round, self._order = -1, np.empty(0, np.int64)

    def __getitem__(self, index: int) -> Frames:
        turn, place = divmod(index, len(self.pairs))
        if turn != self._round:
            rng = np.random.default_rng([self.seed, turn, _ORDER])
            self._round, self._order = turn, rng.permutation(len(self.pairs))
        return self.pairs[int(self._order[place])]


class RealSamples(Dataset[dict[str, Tensor]]):
    """Pairs of real frames as dictionaries: ``a``, ``b`` (3, size, size) and ``alpha`` (1, 1, 1).

    Alpha is drawn log-uniformly within ``data.real.alpha``. The training split is changed as
    ``data.real`` says, both frames alike; the test split is seen as it is. ``about`` says what the
    frames are.
    """

    def __init__(
        self, frames: NumberedFrames, data: Data, split: Split, seed: int, about: str
    ) -> None:
        low, high = data.real.alpha
        if not 0 < low <= high < math.inf:
            raise UserError(f"alpha must rise and be above 0, found {low:g} to {high:g}")
        wanted = Augment(*(getattr(data.real, field.name) for field in fields(Augment)))
        self.augment = PLAIN if split == "test" else wanted
        self.frames, self.size, self.seed, self.about = frames, data.size, seed, about
        self._alpha = low, high

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        alpha = draw_number(self._alpha, "log", np.random.default_rng([self.seed, index, _ALPHA]))
        rng = np.random.default_rng([self.seed, index, _VIEW])
        return view(self.frames[index], self.augment, self.size, alpha, rng)


def view(
    frames: Frames, change: Augment, size: int, alpha: float, rng: np.random.Generator
) -> dict[str, Tensor]:
    """A pair of frames as a sample: ``a`` and ``b`` (3, size, size), ``alpha`` (1, 1, 1)."""
    planes = change(frames, size, rng)
    a, b = (torch.from_numpy(np.ascontiguousarray(plane, np.float32)) for plane in planes)
    return {"a": a, "b": b, "alpha": torch.full((1, 1, 1), alpha)}


_CHANNELS = {"backward_flow": 2, "b_seen_in_y": 1}  # of the parts of a scene; pictures have 3


class Mixture(Dataset[dict[str, Tensor]]):
    """The ``share`` of the samples from ``real``, spread evenly, and the others from ``scenes``.

    ``known`` (1, 1, 1) is 1 for a scene. Of a real pair, those of the parts called ``names`` that
    only a scene has are 0.
    """

    def __init__(
        self,
        real: Dataset[dict[str, Tensor]],
        scenes: Dataset[dict[str, Tensor]],
        share: float,
        names: tuple[str, ...] = (),
    ) -> None:
        if not 0 < share <= 1:
            raise UserError(f"the share of real pairs must be above 0 and at most 1, found {share}")
        self.real, self.scenes, self.share, self.names = real, scenes, share, names

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        whole = math.floor(index * self.share)
        if math.floor((index + 1) * self.share) > whole:
            sample = self.real[whole]
            missing = [name for name in self.names if name not in sample]
            blank = torch.zeros_like(sample["a"])
            unknown = {name: blank[: _CHANNELS.get(name, 3)] for name in missing}
            return {**sample, **unknown, "known": torch.zeros(1, 1, 1)}
        return {**self.scenes[index - whole], "known": torch.ones(1, 1, 1)}


def curated_samples(folder: Path, data: Data, split: Split) -> RealSamples:
    """What a run learns from, or is judged by, out of curated pairs. Raises UserError."""
    pairs, seed = Pairs(folder, split), _seed(data, split)
    about = f"{len(pairs)} pairs of frames from {len(set(pairs.videos))} videos"
    return RealSamples(ShuffledPairs(pairs, seed), data, split, seed, about)


def clip_samples(folder: Path, data: Data, split: Split) -> RealSamples:
    """The same out of clips below a folder. Raises UserError."""
    real, seed = data.real, _seed(data, split)
    clips = clips_of_split(folder, split, real.test_share)
    pairs = RandomPairs(clips, real.strides, real.side, seed)
    return RealSamples(pairs, data, split, seed, f"pairs of frames from {len(clips)} clips")


def _seed(data: Data, split: Split) -> int:
    return data.seed + (_HELD_OUT if split == "test" else 0)
