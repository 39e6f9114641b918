"""What a training run is made of; saved in every checkpoint.

Named ones, and how a file becomes one: :mod:`motionloupe.training.recipes`.
"""

from dataclasses import asdict, dataclass, field
from math import inf
from typing import Any, Literal

from motionloupe.arrays import SMALLEST_SIDE
from motionloupe.errors import UserError

TaskName = Literal["oh2018", "flowmag", "flow"]
Border = Literal["reflect", "valid"]
Rule = Literal["adam", "muon"]
Photometric = Literal["census", "ssim"]
_COARSEST = 3  # pixels of the smallest pictures that are compared


def check_least(options: Any, **least: int) -> None:
    """Raise UserError where an option is below what it must at least be, or no number."""
    for name, bound in least.items():
        value = getattr(options, name)
        if not bound <= value < inf:
            raise UserError(f"{name} must be {bound} or more, found {value:g}")


@dataclass(frozen=True)
class NetworkChoice:
    """A network of :mod:`motionloupe.networks` by name, and its options.

    ``start`` is a file of weights to begin with, or the name of some that came with the package;
    without it they are random. The part of flowmag-splat that finds motion may begin with those of
    a motion-finder.
    """

    name: str
    options: dict[str, Any] = field(default_factory=dict)
    start: str = ""


@dataclass(frozen=True)
class Real:
    """Pairs of real frames, for runs that have any; ``share`` of the samples beside scenes.

    ``alpha`` is drawn log-uniformly. ``crop``, ``turn``, ``flip``, ``colour`` and ``noise`` are
    those of :class:`motionloupe.data.augment.Augment`. Of clips, pairs are between ``strides``
    frames apart, the longer side is reduced to ``side`` pixels, and ``test_share`` is held out.
    """

    share: float = 0.5
    alpha: tuple[float, float] = (1.0, 16.0)
    crop: tuple[float, float] = (0.7, 1.0)
    turn: float = 15.0
    flip: bool = True
    colour: float = 0.4
    noise: tuple[float, float] = (0.0, 0.0)
    strides: tuple[int, int] = (1, 5)
    side: int = 512
    test_share: float = 0.1


@dataclass(frozen=True)
class Data:
    """``batch`` samples of ``size`` x ``size`` pixels a step, over all processes together.

    ``scene`` changes options of the synthetic scenes (see ``motionloupe.data``). Every sample is a
    pure function of (``seed``, its number), whatever ``workers`` (processes that make samples) is.
    Each is learned from ``replays`` times, mirrored and turned: rendering costs as much as a step.
    """

    size: int = 128
    batch: int = 4
    seed: int = 0
    workers: int = 0
    replays: int = 1
    scene: dict[str, Any] = field(default_factory=dict, metadata={"merged": True})
    real: Real = field(default_factory=Real)

    def __post_init__(self) -> None:
        check_least(self, size=SMALLEST_SIDE, batch=1, seed=0, workers=0, replays=1)


@dataclass(frozen=True)
class OhLoss:
    """L1 of the picture + ``regulariser`` x the three terms that part texture from shape.

    ``structure`` x (1 - SSIM) on top keeps the picture crisp where L1 alone settles for a mean.
    ``scales`` resolutions, each half the last, share the L1: the paper has one. ``motion`` x the
    motion gap in pixels, as in :class:`TruthLoss`, against motion that falls short.
    """

    regulariser: float = 0.1
    structure: float = 0.0
    scales: int = 1
    motion: float = 0.0
    flow: str = "lucas-kanade"
    iterations: int = 2

    def __post_init__(self) -> None:
        check_least(self, scales=1)


@dataclass(frozen=True)
class FlowLoss:
    """L1 of flows in pixels + ``colour`` x L1 of colours, through the estimator ``flow``.

    Of several, parted by commas, each counts alike.
    """

    flow: str = "raft-small"
    iterations: int = 5
    zero_correct: bool = False
    colour: float = 10.0
    border: Border = "reflect"


@dataclass(frozen=True)
class TruthLoss:
    """L1 to the true picture at ``scales`` resolutions, and three terms more.

    ``structure`` x (1 - SSIM); ``displacement`` x the error of the motion that the generator itself
    says it found, as a share of the scene's motion; ``front`` x the surprise at which of the pixels
    that meet is seen, were they carried by the true motion; ``motion`` x the motion gap, the mean
    distance in pixels between the flows of the answer and of the true picture by the estimator
    ``flow`` in ``iterations``. A term of weight 0 is not computed.
    """

    scales: int = 3
    structure: float = 0.0
    displacement: float = 0.0
    front: float = 0.0
    motion: float = 0.02
    flow: str = "lucas-kanade"
    iterations: int = 2

    def __post_init__(self) -> None:
        check_least(self, scales=1)


@dataclass(frozen=True)
class MixedLoss:
    """``weight`` x ``flow`` on real frames, whose truth nobody knows, and ``truth`` on scenes."""

    flow: FlowLoss = field(default_factory=lambda: FlowLoss(zero_correct=True, border="valid"))
    truth: TruthLoss = field(default_factory=TruthLoss)
    weight: float = 0.02


@dataclass(frozen=True)
class Unsupervised:
    """Flow without labels: pictures brought back must be alike, by "census" or "ssim" (with L1).

    They are compared at ``scales`` resolutions, where no point is hidden. ``smoothness`` x the
    second differences of the flow in pixels, less across ``edges``. From step ``second_from`` on,
    ``second`` x the robust distance between the flow of a changed view and the first view's.
    """

    photometric: Photometric = "census"
    scales: int = 4
    smoothness: float = 0.1
    edges: float = 10.0
    second: float = 0.01
    second_from: int = 0

    def __post_init__(self) -> None:
        check_least(self, scales=1)


@dataclass(frozen=True)
class Optimiser:
    """Adam, or Muon, for ``steps`` steps at ``rate``, after a linear rise over ``warmup`` steps.

    ``schedule`` "cosine" falls to a hundredth at the end. ``clip`` bounds the gradient's norm (0:
    no bound). ``autocast`` computes the network in bfloat16. ``ema`` is the decay of the average of
    the weights, which is what is validated and kept (0: the weights themselves). With
    ``frozen_norms`` batch normalisation uses the statistics that it came with, as at inference.
    """

    steps: int
    rate: float
    rule: Rule = "adam"
    warmup: int = 0
    schedule: Literal["constant", "cosine"] = "constant"
    clip: float = 0.0
    autocast: bool = False
    channels_last: bool = True
    ema: float = 0.999
    frozen_norms: bool = False

    def __post_init__(self) -> None:
        check_least(self, steps=1, rate=0, warmup=0, clip=0, ema=0)
        if self.ema >= 1:
            raise UserError(f"ema must be below 1, found {self.ema:g}")


@dataclass(frozen=True)
class Report:
    """Steps between lines of the log, checkpoints, and validations over ``scenes`` scenes."""

    log: int = 20
    save: int = 200
    validate: int = 500
    scenes: int = 16

    def __post_init__(self) -> None:
        check_least(self, log=1, save=1, validate=1, scenes=1)


@dataclass(frozen=True)
class Config:
    """One training run."""

    task: TaskName
    network: NetworkChoice
    loss: OhLoss | FlowLoss | TruthLoss | MixedLoss | Unsupervised
    optimiser: Optimiser
    data: Data = field(default_factory=Data)
    report: Report = field(default_factory=Report)

    def __post_init__(self) -> None:
        loss = self.loss.truth if isinstance(self.loss, MixedLoss) else self.loss
        scales = 1 if isinstance(loss, FlowLoss) else loss.scales
        if self.data.size >> (scales - 1) < _COARSEST:
            raise UserError(
                f"{scales} scales leave less than {_COARSEST} of {self.data.size} pixels: take "
                "fewer scales, or a larger size"
            )

    def as_table(self) -> dict[str, Any]:
        """Plain dictionaries, for JSON."""
        return asdict(self)
