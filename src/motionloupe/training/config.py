"""What a training run is made of; saved in every checkpoint.

A configuration is a named one, or a TOML file whose tables carry the names of the fields below and
may start from a named one: ``base = "small"``.
"""

import tomllib
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from motionloupe.errors import UserError
from motionloupe.training.tables import changed

TaskName = Literal["oh2018", "flowmag", "flow"]
Border = Literal["reflect", "valid"]
Photometric = Literal["census", "ssim"]


@dataclass(frozen=True)
class NetworkChoice:
    """A network of :mod:`motionloupe.networks` by name, and its options.

    ``start`` is a file of weights to begin with; without it they are random.
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
    scene: dict[str, Any] = field(default_factory=dict)
    real: Real = field(default_factory=Real)


@dataclass(frozen=True)
class OhLoss:
    """L1 of the picture + ``regulariser`` x the three terms that part texture from shape.

    ``structure`` x (1 - SSIM) on top keeps the picture crisp where L1 alone settles for a mean.
    """

    regulariser: float = 0.1
    structure: float = 0.0


@dataclass(frozen=True)
class FlowLoss:
    """L1 of flows in pixels + ``colour`` x L1 of colours, through the estimator ``flow``."""

    flow: str = "raft-small"
    iterations: int = 5
    zero_correct: bool = False
    colour: float = 10.0
    border: Border = "reflect"


@dataclass(frozen=True)
class TruthLoss:
    """L1 to the true picture at ``scales`` resolutions, and three terms more.

    ``structure`` x (1 - SSIM); ``displacement`` x the error of the motion that the generator itself
    says it found, as a share of the scene's motion; ``motion`` x the motion gap, the mean distance
    in pixels between the flows of the answer and of the true picture by the estimator ``flow`` in
    ``iterations``. A term of weight 0 is not computed.
    """

    scales: int = 3
    structure: float = 0.0
    displacement: float = 0.0
    motion: float = 0.02
    flow: str = "lucas-kanade"
    iterations: int = 2


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


@dataclass(frozen=True)
class Optimiser:
    """Adam for ``steps`` steps at ``rate``, after a linear rise over ``warmup`` steps.

    ``schedule`` "cosine" falls to a hundredth at the end. ``clip`` bounds the gradient's norm (0:
    no bound). ``autocast`` computes the network in bfloat16. ``ema`` is the decay of the average of
    the weights, which is what is validated and kept (0: the weights themselves).
    """

    steps: int
    rate: float
    warmup: int = 0
    schedule: Literal["constant", "cosine"] = "constant"
    clip: float = 0.0
    autocast: bool = False
    channels_last: bool = True
    ema: float = 0.999


@dataclass(frozen=True)
class Report:
    """Steps between lines of the log, checkpoints, and validations over ``scenes`` scenes."""

    log: int = 20
    save: int = 200
    validate: int = 500
    scenes: int = 16


@dataclass(frozen=True)
class Config:
    """One training run."""

    task: TaskName
    network: NetworkChoice
    loss: OhLoss | FlowLoss | TruthLoss | Unsupervised
    optimiser: Optimiser
    data: Data = field(default_factory=Data)
    report: Report = field(default_factory=Report)

    def as_table(self) -> dict[str, Any]:
        """Plain dictionaries, for JSON."""
        return asdict(self)


_SMALL_SCENES = {
    "parts": {"moving": 3.0, "foreground": 1.0, "background": 1.0, "static": 0.5, "blurred": 0.25},
    "objects": (3, 10),
    "motion": (0.0, 5.0),
    "largest_magnified": 16.0,
}

_TRUTH_SCENES = {
    **_SMALL_SCENES,
    "parts": {"moving": 3.0, "foreground": 2.0, "background": 0.5, "static": 0.5, "blurred": 0.25},
    "motion": (0.0, 4.0),
    "alpha": (1.0, 16.0),
    "largest_magnified": 30.0,
}

_FLOW_SCENES = {"motion": (0.05, 5.0), "motion_law": "log", "turn": 0.5, "growth": 0.005}

_OH_SMALL = Config(
    task="oh2018",
    network=NetworkChoice("oh2018", {"variant": "released"}),
    loss=OhLoss(regulariser=0.0),
    optimiser=Optimiser(steps=20_000, rate=3e-4, warmup=100, schedule="cosine", clip=1.0),
    data=Data(size=96, batch=4, scene={**_SMALL_SCENES, "alpha": (0.25, 100.0)}),
)

CONFIGS: dict[TaskName, dict[str, Config]] = {
    "oh2018": {
        "paper": Config(
            task="oh2018",
            network=NetworkChoice("oh2018", {"variant": "paper"}),
            loss=OhLoss(),
            optimiser=Optimiser(steps=300_000, rate=1e-4, ema=0.0),
            data=Data(size=384, batch=4, workers=8),
            report=Report(save=2000, validate=5000, scenes=64),
        ),
        "small": _OH_SMALL,
    },
    "flowmag": {
        "paper": Config(
            task="flowmag",
            network=NetworkChoice("flowmag-unet", {"base": 64}),
            loss=FlowLoss(flow="raft-large"),
            optimiser=Optimiser(steps=300_000, rate=3e-4, ema=0.0),
            data=Data(size=512, batch=40, workers=16, scene={"alpha": (1.0, 16.0)}),
            report=Report(save=1000, validate=2000, scenes=80),
        ),
        "small": replace(
            _OH_SMALL,
            task="flowmag",
            network=NetworkChoice("flowmag-splat"),
            loss=FlowLoss(zero_correct=True, border="valid"),
            data=Data(size=128, batch=4, scene={**_SMALL_SCENES, "alpha": (0.5, 16.0)}),
        ),
        "truth": replace(
            _OH_SMALL,
            task="flowmag",
            network=NetworkChoice("flowmag-splat"),
            loss=TruthLoss(motion=0.0, structure=0.1, displacement=0.2),
            optimiser=Optimiser(
                steps=6000, rate=1e-3, warmup=100, schedule="cosine", clip=1.0, ema=0.995
            ),
            data=Data(size=128, batch=4, replays=4, scene=_TRUTH_SCENES),
            report=Report(log=20, save=100, validate=500, scenes=48),
        ),
    },
    "flow": {
        "paper": Config(
            task="flow",
            network=NetworkChoice("pwc-lite"),
            loss=Unsupervised(second_from=100_000),
            optimiser=Optimiser(steps=200_000, rate=1e-4, ema=0.0),
            data=Data(size=384, batch=4, workers=8),
            report=Report(save=1000, validate=2000, scenes=64),
        ),
        "small": Config(
            task="flow",
            network=NetworkChoice("pwc-lite", {"width": 0.5, "start": "lucas-kanade"}),
            loss=Unsupervised("ssim", smoothness=0.5, second_from=500),
            optimiser=Optimiser(steps=20_000, rate=3e-4, warmup=100, schedule="cosine", clip=1.0),
            data=Data(size=128, batch=4, scene={**_SMALL_SCENES, **_FLOW_SCENES}),
        ),
    },
}


def load_config(task: TaskName, given: str) -> Config:
    """The configuration of ``task`` that is called or stored at ``given``. Raises UserError."""
    named = CONFIGS[task]
    if given in named:
        return named[given]
    path = Path(given)
    if not path.is_file():
        raise UserError(f"no configuration {given!r}: give {' or '.join(named)}, or a TOML file")
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not TOML: {error}") from None
    base = table.pop("base", "small")
    if base not in named:
        raise UserError(f"{path}: base must be one of {', '.join(named)}, found {base!r}")
    config: Config = changed(named[base], table, str(path))
    if config.task != task:
        raise UserError(f"{path} is a configuration of {config.task}, not of {task}")
    return config
