"""Cases from synthetic scenes, whose truth is exact.

A scene has the same layout at every level of a suite, so that only what the suite varies differs;
where its photograph is too small for the larger motion, the background lies a little aside.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from torch import Tensor

from motionloupe.arrays import Image, from_tensor
from motionloupe.data.config import SceneConfig
from motionloupe.data.photometry import Bytes
from motionloupe.data.scenes import Scene, Scenes
from motionloupe.errors import UserError
from motionloupe.evaluation.cases import FPS, Case, Level, Suite, Target, check_size
from motionloupe.evaluation.identity import of_pictures

LARGEST_MAGNIFIED = 30.0  # pixels
DRAWN = 2
"""Raised whenever an equal seed gives other scenes."""

BAND = (1.0, 3.0)  # hertz
PICKED = 2.0  # hertz, in the band
FRAMES = 61  # two seconds: every motion ends where it began
JUDGED = range(20, 41, 4)


@dataclass(frozen=True)
class Material:
    """What scenes are made of, and how."""

    backgrounds: Sequence[Bytes]
    objects: Sequence[Bytes]
    size: tuple[int, int]
    seed: int
    fingerprint: str = ""
    """Differs where the pictures do; empty: a digest of them."""

    def __post_init__(self) -> None:
        check_size(self.size)

    @cached_property
    def identity(self) -> list[Any]:
        pictures = (
            [self.fingerprint]
            if self.fingerprint
            else [of_pictures(self.backgrounds), of_pictures(self.objects)]
        )
        return [DRAWN, self.size, self.seed, *pictures]

    def scenes(self, count: int) -> int:
        return count


def draw_pair(material: Material, suite: Suite, level: Level, index: int) -> Case:
    """Two frames with exact truth."""
    scene = _scene(material, suite, level, index)
    flow = scene.flow[None]
    target = Target(
        number=1,
        truth=scene.y[None],
        source=scene.at(1.0)[None],
        wanted=level.alpha * flow,
        moves=flow,
        seen=scene.visible(level.alpha)[None, None],
    )
    frames = [_image(scene.a), _image(scene.b)]
    return Case(index, level.alpha, frames, scene.at(0.0)[None], [target])


def draw_sequence(material: Material, suite: Suite, level: Level, index: int) -> Case:
    """Objects that sway in turn at ``PICKED`` and at ``level.value`` hertz; one band is wanted."""
    if not len(material.objects):
        raise UserError("the suite temporal needs objects: give a folder of cut-outs")
    scene = _scene(material, suite, level, index)
    picked = [number % 2 == 1 for number in range(len(scene.layers))]

    def at(number: int, alpha: float) -> Scene:
        """A scene whose frame b is this frame, with the picked layers' motion times alpha."""
        seconds = number / FPS
        layers = []
        for layer, chosen in zip(scene.layers, picked, strict=True):
            share = math.sin(2 * math.pi * (PICKED if chosen else level.value) * seconds)
            share *= alpha if chosen else 1.0
            shift = (share * layer.motion.shift[0], share * layer.motion.shift[1])
            layers.append(replace(layer, motion=replace(layer.motion, shift=shift)))
        return replace(scene, layers=layers, index=scene.index * FRAMES + number)

    targets = []
    for number in JUDGED:
        source, truth = at(number, 1.0), at(number, level.alpha)
        targets.append(
            Target(
                number=number,
                truth=truth.at(1.0)[None],
                source=source.at(1.0)[None],
                wanted=truth.flow[None],
                moves=source.flow[None],
                seen=truth.visible()[None, None],
            )
        )
    frames = [_image(at(number, 1.0).b) for number in range(FRAMES)]

    def truths() -> Iterator[Image]:
        return (_image(at(number, level.alpha).at(1.0)) for number in range(FRAMES))

    return Case(
        index,
        level.alpha,
        frames,
        scene.at(0.0)[None],
        targets,
        fps=FPS,
        band=suite.band,
        truths=truths,
    )


def _scene(material: Material, suite: Suite, level: Level, index: int) -> Scene:
    parts = suite.parts
    if not len(material.objects):
        parts = {"background": 1.0}
    config = SceneConfig(
        size=material.size,
        parts=parts,
        motion=level.motion,
        alpha=(level.alpha, level.alpha),
        largest_magnified=LARGEST_MAGNIFIED,
        noise=(level.noise, level.noise),
        compressed=0.0 if level.rate_factor is None else 1.0,
        rate_factor=(level.rate_factor or 0.0,) * 2,
    )
    return Scenes(material.backgrounds, material.objects, config, material.seed)[index]


def _image(frame: Tensor) -> Image:
    return from_tensor(frame[None], np.float32)
