"""What a benchmark is made of: suites of levels, and the cases that their scenes become."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

import numpy as np
from torch import Tensor

from motionloupe.arrays import Image
from motionloupe.data.config import Part, Range
from motionloupe.errors import UserError
from motionloupe.evaluation.signals import Recorded

SHORTEST_SIDE = 64
FPS = 30.0
ALPHA_AXIS = "alpha"

Kind = Literal["scenes", "pairs", "clips", "recording"]
"""What a suite's cases are drawn from."""


@dataclass(frozen=True)
class Level:
    """One column of a suite: its ``value`` on the suite's axis, and the scenes that it takes."""

    value: float
    alpha: float
    motion: Range = (0.0, 0.0)
    """Pixels from a to b, every moving layer; for a sequence, the amplitude."""
    noise: float = 0.0
    """Standard deviation at mid grey, in levels of 255."""
    rate_factor: float | None = None
    """Of H.264 that the frames go through (:class:`motionloupe.video.codec.Codec`), if they do."""


class Stock(Protocol):
    """What cases are drawn from."""

    @property
    def identity(self) -> list[Any]:
        """Differs where the cases do."""

    def scenes(self, count: int) -> int:
        """How many different cases there are at a level, ``count`` at most."""


@dataclass(frozen=True)
class Target:
    """What one frame of a case should become. Only the judge sees it.

    ``source`` is the frame before magnification, (1, 3, H, W), without noise. What is not known of
    real pictures is None: ``truth``, the true magnified frame without noise; ``wanted``, the true
    motion from the reference to the truth, (1, 2, H, W) pixels; ``moves``, how far each point went
    before; ``seen``, (1, 1, H, W) bool, the points of the reference that the truth shows too.
    """

    number: int
    source: Tensor
    truth: Tensor | None = None
    wanted: Tensor | None = None
    moves: Tensor | None = None
    seen: Tensor | None = None


@dataclass(frozen=True)
class Case:
    """One scene at one level. ``frames`` are what every contestant is given.

    They are (H, W, 3) pictures, uint8 or float32 with 8-bit levels; the first is the reference. It
    is a pair, or, with ``fps``, a sequence, which may have a ``band`` in hertz. ``reference`` is
    the first frame without noise, against which motion is measured. ``truths`` gives the true
    frames of a sequence one after the other; ``recorded`` is what a sensor says of its motion,
    and then nothing but the motion is judged. Cases of one ``group``, by its name, come from one
    video.
    """

    index: int
    alpha: float
    frames: Sequence[Image]
    reference: Tensor
    targets: list[Target]
    fps: float | None = None
    band: tuple[float, float] | None = None
    truths: Callable[[], Iterator[Image]] | None = None
    recorded: Recorded | None = None
    group: str = ""


def check_size(size: tuple[int, int]) -> None:
    """Raise UserError for frames (width, height) too small to be judged inside their border."""
    if min(size) < SHORTEST_SIDE:
        raise UserError(
            f"the benchmark needs frames of {SHORTEST_SIDE} x {SHORTEST_SIDE} or more, "
            f"found {size[0]} x {size[1]}"
        )


def judged(case: Case, drawn: Iterable[Image]) -> list[Image]:
    """What is judged of the frames of a case: its targets; the box of a recorded one's frames."""
    if case.recorded is not None:
        x, y, width, height = case.recorded.box
        return [picture[y : y + height, x : x + width].copy() for picture in drawn]
    wanted = {target.number for target in case.targets}
    return [picture for number, picture in enumerate(drawn) if number in wanted]


Draw = Callable[[Any, "Suite", Level, int], Case]


@dataclass(frozen=True)
class Suite:
    """A question: what varies along ``axis``, and how the scenes of a level are drawn.

    ``draw`` makes a case from the stock of the suite's ``kind``.
    """

    line: str
    axis: str
    levels: tuple[Level, ...]
    draw: Draw
    parts: Mapping[Part, float] = field(default_factory=lambda: {"moving": 1.0})
    kind: Kind = "scenes"
    sequence: bool = False
    band: tuple[float, float] | None = None
    """Hertz; of a sequence."""
    truth: bool = True
    """Whether the true answer is known."""
    log: bool = True
    """Whether the axis is drawn logarithmic."""
    bound: bool = False
    """Whether a level, or its truth, means nothing at another factor."""

    def case(self, stock: Stock, level: Level, index: int) -> Case:
        """Scene number ``index`` at a level. Raises UserError where pictures are missing."""
        return self.draw(stock, self, level, index)

    def at(self, level: Level) -> "Suite":
        """The same with one level alone."""
        return replace(self, levels=(level,))

    def thinned(self, count: int) -> "Suite":
        """The same with ``count`` of its levels, first and last among them; of one, the middle."""
        if count >= len(self.levels):
            return self
        if count == 1:
            return self.at(self.levels[len(self.levels) // 2])
        chosen = np.linspace(0, len(self.levels) - 1, count).round().astype(int)
        return replace(self, levels=tuple(self.levels[number] for number in chosen))

    def capped(self, alpha: float) -> "Suite":
        """The same with no factor above ``alpha``; levels that need a larger one are gone.

        Raises UserError where none is left.
        """
        levels = self.levels
        if self.axis == ALPHA_AXIS or self.bound:
            levels = tuple(level for level in levels if level.alpha <= alpha)
        if not levels:
            raise UserError(f"the suite has no level with a factor of {alpha:g} or less")
        if all(level.alpha <= alpha for level in levels):
            return replace(self, levels=levels)
        kept = tuple(replace(level, alpha=min(level.alpha, alpha)) for level in levels)
        return replace(self, levels=kept, line=f"{self.line}; here by {alpha:g} times at most")
