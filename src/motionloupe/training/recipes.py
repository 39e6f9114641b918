"""Named configurations, and those in files.

A configuration is a named one, or a TOML file whose tables carry the names of the fields of
:mod:`motionloupe.training.config` and may start from a named one: ``base = "small"``.
"""

import tomllib
from dataclasses import replace
from pathlib import Path

from motionloupe.errors import UserError
from motionloupe.training.config import (
    Config,
    Data,
    FlowLoss,
    MixedLoss,
    NetworkChoice,
    OhLoss,
    Optimiser,
    Real,
    Report,
    TaskName,
    TruthLoss,
    Unsupervised,
)
from motionloupe.training.tables import changed

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

_FLOW_SCENES = {
    "parts": {"moving": 3.0, "foreground": 2.0},
    "objects": (3, 9),
    "motion": (0.05, 10.0),
    "motion_law": "log",
    "alpha": (1.0, 1.0),
    "turn": 1.0,
    "growth": 0.01,
    "elastic": 0.3,
}

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
        "mixed": replace(
            _OH_SMALL,
            task="flowmag",
            network=NetworkChoice("flowmag-splat"),
            loss=MixedLoss(
                truth=TruthLoss(
                    motion=0.02, structure=0.15, displacement=0.2, flow="raft-small", iterations=5
                )
            ),
            optimiser=Optimiser(
                steps=1000, rate=1e-4, warmup=50, schedule="cosine", clip=1.0, frozen_norms=True
            ),
            data=Data(size=128, batch=4, scene=_TRUTH_SCENES),
            report=Report(log=20, save=100, validate=200, scenes=48),
        ),
        "flavr": replace(
            _OH_SMALL,
            task="flowmag",
            network=NetworkChoice("flavr", {"alpha": 10.0, "width": 16}),
            loss=TruthLoss(scales=1, motion=0.0),
            data=Data(
                size=128,
                batch=4,
                replays=4,
                scene={**_TRUTH_SCENES, "motion": (0.0, 3.0), "alpha": (10.0, 10.0)},
            ),
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
            network=NetworkChoice("motion-finder"),
            loss=Unsupervised(smoothness=0.5, second=0.03, second_from=900),
            optimiser=Optimiser(
                steps=1400, rate=1e-3, rule="muon", warmup=30, schedule="cosine", clip=1.0, ema=0.99
            ),
            data=Data(size=160, batch=2, replays=2, scene=_FLOW_SCENES, real=Real(crop=(0.5, 1.0))),
            report=Report(log=20, save=100, validate=200, scenes=32),
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
    if not isinstance(base, str) or base not in named:
        raise UserError(f"{path}: base must be one of {', '.join(named)}, found {base!r}")
    config: Config = changed(named[base], table, str(path))
    if config.task != task:
        raise UserError(f"{path} is a configuration of {config.task}, not of {task}")
    return config
