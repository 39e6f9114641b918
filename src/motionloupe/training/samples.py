"""Batches by number: step s of a run holds the same samples however often the run was resumed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from motionloupe.data import folders
from motionloupe.data.config import SceneConfig
from motionloupe.data.scenes import Scenes
from motionloupe.errors import UserError
from motionloupe.training.config import Config, Data
from motionloupe.training.distributed import Process
from motionloupe.training.lessons import judged, needed
from motionloupe.training.tables import changed

Sample = dict[str, Tensor]


class Samples(Protocol):
    """``samples[number]`` is a pure function of its number."""

    def __getitem__(self, index: int) -> Sample: ...


class SceneSamples(Dataset[Sample]):
    """Synthetic scenes as dictionaries: the parts called ``names``, and ``alpha`` (1, 1, 1).

    What is not asked for is not rendered.
    """

    def __init__(self, scenes: Scenes, names: tuple[str, ...]) -> None:
        self.scenes, self.names = scenes, names

    def __getitem__(self, index: int) -> Sample:
        scene = self.scenes[index]
        sample = {name: getattr(scene, name) for name in self.names}
        return {**sample, "alpha": torch.full((1, 1, 1), scene.alpha)}


class SecondLooks(Dataset[Sample]):
    """Samples with ``second`` (1, 1, 1): the number that decides a second look.

    It is 0 before ``step``. See :mod:`motionloupe.training.second_look`.
    """

    def __init__(self, samples: Samples, data: Data, step: int) -> None:
        self.samples, self.seed = samples, data.seed
        self.first = step * data.batch

    def __getitem__(self, index: int) -> Sample:
        number = 0
        if index >= self.first:
            number = int(np.random.default_rng([self.seed, index]).integers(1, 2**31))
        return {**self.samples[index], "second": torch.full((1, 1, 1), number)}


def scene_config(data: Data) -> SceneConfig:
    """The scenes of a run. Raises UserError for an option that they do not have."""
    if "size" in data.scene:
        raise UserError("the size of scenes is that of [data]: say [data] size")
    plain = {k: list(v) if isinstance(v, tuple) else v for k, v in data.scene.items()}
    scene: SceneConfig = changed(SceneConfig(size=(data.size,) * 2), plain, "[data.scene]")
    return scene


def training_scenes(config: Config, backgrounds: Path, objects: Path) -> SceneSamples:
    """What a run learns from, out of folders of pictures. Raises UserError."""
    return SceneSamples(_scenes(config, backgrounds, objects, "train", 0), needed(config))


def held_out_scenes(config: Config, backgrounds: Path, objects: Path) -> SceneSamples:
    """What a run is judged by: scenes made of files that it never learns from."""
    return SceneSamples(_scenes(config, backgrounds, objects, "test", 1), judged(config))


def _scenes(
    config: Config, backgrounds: Path, objects: Path, split: folders.Split, further: int
) -> Scenes:
    return Scenes(
        folders.backgrounds(backgrounds, split),
        folders.objects(objects, split),
        scene_config(config.data),
        config.data.seed + further,
    )


class _Numbers(Sampler[list[int]]):
    """The samples of every step from ``start`` on, of them the share of one process."""

    def __init__(self, data: Data, start: int, stop: int, process: Process) -> None:
        self.share = data.batch // process.count
        self.first = process.number * self.share
        self.batch, self.start, self.stop = data.batch, start, stop

    def __iter__(self) -> Iterator[list[int]]:
        for step in range(self.start, self.stop):
            first = step * self.batch + self.first
            yield list(range(first, first + self.share))

    def __len__(self) -> int:
        return self.stop - self.start


def batches(
    samples: Samples, data: Data, start: int, stop: int, process: Process
) -> Iterator[Sample]:
    """The batch of every step from ``start`` up to ``stop``, on the process's device."""
    loader: DataLoader[Sample] = DataLoader(
        samples,  # type: ignore[arg-type]  # whatever has numbered samples
        batch_sampler=_Numbers(data, start, stop, process),
        num_workers=data.workers,
        pin_memory=process.device.type == "cuda",
    )
    for batch in loader:
        yield {name: part.to(process.device, non_blocking=True) for name, part in batch.items()}
