"""What the benchmark asks: for each suite the levels, and for each level the scenes.

Levels follow Table A.2 of Oh et al. 2018 where it states them (``subpixel``, both ``noise`` suites,
the range of ``alpha``); the others are chosen here. A scene has the same layout at every level of a
suite, so that only what the suite varies differs.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from torch import Tensor

from motionloupe.arrays import Image, from_tensor
from motionloupe.data.config import Part, Range, SceneConfig
from motionloupe.data.photometry import Bytes, noise_level
from motionloupe.data.scenes import Scene, Scenes
from motionloupe.errors import UserError

SHORTEST_SIDE = 64
MAGNIFIED = 10.0  # pixels
LARGEST_MAGNIFIED = 30.0

FPS = 30.0
BAND = (1.0, 3.0)  # hertz
PICKED = 2.0  # hertz, in the band
FRAMES = 61  # two seconds: every motion ends where it began
JUDGED = range(20, 41, 4)


@dataclass(frozen=True)
class Level:
    """One column of a suite: its ``value`` on the suite's axis, and the scenes that it takes."""

    value: float
    alpha: float
    motion: Range
    """Pixels from a to b, every moving layer; for a sequence, the amplitude."""
    noise: float = 0.0
    """Standard deviation at mid grey, in levels of 255."""


@dataclass(frozen=True)
class Material:
    """What scenes are made of, and how."""

    backgrounds: Sequence[Bytes]
    objects: Sequence[Bytes]
    size: tuple[int, int]
    seed: int
    fingerprint: str = ""
    """Differs where the pictures do."""

    def __post_init__(self) -> None:
        if min(self.size) < SHORTEST_SIDE:
            raise UserError(
                f"the benchmark needs scenes of {SHORTEST_SIDE} x {SHORTEST_SIDE} or more, "
                f"found {self.size[0]} x {self.size[1]}"
            )


@dataclass(frozen=True)
class Target:
    """What one frame of a case should become. Only the judge sees it.

    ``truth`` is the true magnified frame and ``source`` the same frame before, both without noise,
    (1, 3, H, W). ``wanted`` is the true motion from the reference to the truth, (1, 2, H, W)
    pixels, and ``moves`` how far each point went before. ``seen``, (1, 1, H, W) bool, marks the
    points of the reference that the truth shows too.
    """

    number: int
    truth: Tensor
    source: Tensor
    wanted: Tensor
    moves: Tensor
    seen: Tensor


@dataclass(frozen=True)
class Case:
    """One scene at one level. ``frames`` are what every contestant is given.

    They are (H, W, 3) float32 pictures whose values are 8-bit levels; the first is the reference.
    With a ``band`` in hertz it is a sequence at ``FPS``, else a pair. ``reference`` is the first
    frame without noise, against which motion is measured.
    """

    index: int
    alpha: float
    frames: list[Image]
    reference: Tensor
    targets: list[Target]
    band: tuple[float, float] | None = None


Draw = Callable[[Material, "Suite", Level, int], Case]


@dataclass(frozen=True)
class Suite:
    """A question: what varies along ``axis``, and how the scenes of a level are drawn."""

    line: str
    axis: str
    levels: tuple[Level, ...]
    draw: Draw
    parts: Mapping[Part, float] = field(default_factory=lambda: {"moving": 1.0})
    sequence: bool = False
    log: bool = True
    """Whether the axis is drawn logarithmic."""

    def case(self, material: Material, level: Level, index: int) -> Case:
        """Scene number ``index`` at a level. Raises UserError where pictures are missing."""
        return self.draw(material, self, level, index)

    def thinned(self, count: int) -> "Suite":
        """The same with about ``count`` of its levels, first and last among them."""
        if count >= len(self.levels):
            return self
        chosen = np.linspace(0, len(self.levels) - 1, count).round().astype(int)
        return replace(self, levels=tuple(self.levels[number] for number in chosen))

    def capped(self, alpha: float) -> "Suite":
        """The same with no factor above ``alpha``; levels that need a larger one are gone.

        Raises UserError where none is left.
        """
        levels = self.levels
        if self.axis == _ALPHA_AXIS:
            levels = tuple(level for level in levels if level.alpha <= alpha)
        if not levels:
            raise UserError(f"the suite has no level with a factor of {alpha:g} or less")
        return replace(self, levels=tuple(replace(x, alpha=min(x.alpha, alpha)) for x in levels))


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
    return Case(index, level.alpha, frames, scene.at(0.0)[None], targets, BAND)


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
    )
    return Scenes(material.backgrounds, material.objects, config, material.seed)[index]


def _image(frame: Tensor) -> Image:
    return from_tensor(frame[None], np.float32)


def _noisy(motion: float, alpha: float) -> tuple[Level, ...]:
    """21 levels of noise whose variance is the level times the pixel's value."""
    factors = [float(f"{10 ** (step / 5):.3g}") for step in range(-10, 11)]
    return tuple(Level(f, alpha, (motion, motion), noise_level(f)) for f in factors)


def _alphas(*alphas: float) -> tuple[Level, ...]:
    """Motion of 0.01 to 2 pixels, magnified to at most ``MAGNIFIED``."""
    return tuple(Level(a, a, (0.01, min(2.0, MAGNIFIED / a))) for a in alphas)


_SUBPIXEL = (0.04, 0.05, 0.063, 0.079, 0.1, 0.13, 0.16, 0.2, 0.25, 0.32, 0.4, 0.5, 0.63, 0.79, 1.0)
_MIXED: dict[Part, float] = {"moving": 1.0, "foreground": 1.0}
_ALPHA_AXIS = "alpha"
_NOISE_AXIS = "variance of the noise / pixel value"

SUITES = {
    "subpixel": Suite(
        "everything moves by a fraction of a pixel, magnified to 10 px (Oh 2018, Table A.2)",
        "motion (px)",
        tuple(Level(d, MAGNIFIED / d, (d, d)) for d in _SUBPIXEL),
        draw_pair,
    ),
    "noise": Suite(
        "2 px x 5 under photon noise (Oh 2018, Table A.2)",
        _NOISE_AXIS,
        _noisy(2.0, 5.0),
        draw_pair,
    ),
    "noise-subpixel": Suite(
        "0.05 px x 200 under photon noise (Oh 2018, Table A.2)",
        _NOISE_AXIS,
        _noisy(0.05, 200.0),
        draw_pair,
    ),
    "alpha": Suite(
        "factors of 1 to 1000; motion of .01 to 2 px, magnified to 10 px at most",
        _ALPHA_AXIS,
        _alphas(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000),
        draw_pair,
        _MIXED,
    ),
    "input-motion": Suite(
        "motion of .05 to 10 px at a factor of 3",
        "motion (px)",
        tuple(Level(d, 3.0, (d, d)) for d in (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 3.0, 5.0, 7.0, 10.0)),
        draw_pair,
        _MIXED,
    ),
    "magnified-motion": Suite(
        "half a pixel, magnified to 1 to 30 px",
        "magnified motion (px)",
        tuple(
            Level(d, 2 * d, (0.5, 0.5)) for d in (1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 15.0, 20.0, 30.0)
        ),
        draw_pair,
        _MIXED,
    ),
    "still": Suite(
        "nothing moves: what a factor of 16 makes of noise",
        _NOISE_AXIS,
        tuple(Level(f, 16.0, (0.0, 0.0), noise_level(f)) for f in (0.01, 0.1, 1.0, 10.0, 100.0)),
        draw_pair,
        {"static": 1.0},
    ),
    "temporal": Suite(
        "half a pixel x 5 at 2 Hz in a band of 1 to 3 Hz, beside motion at another frequency",
        "frequency beside the band (Hz)",
        tuple(Level(f, 5.0, (0.5, 0.5)) for f in (0.5, 4.0, 6.0, 10.0)),
        draw_sequence,
        {"foreground": 1.0},
        sequence=True,
    ),
}


def suites(names: Sequence[str]) -> dict[str, Suite]:
    """Suites by name, "all" for every one. Raises UserError with the known names."""
    wanted = list(SUITES) if "all" in names else list(dict.fromkeys(names))
    for name in wanted:
        if name not in SUITES:
            raise UserError(f"no suite {name!r}; there are all, {', '.join(SUITES)}")
    if not wanted:
        raise UserError(f"name a suite, or several with commas: all, {', '.join(SUITES)}")
    return {name: SUITES[name] for name in wanted}
