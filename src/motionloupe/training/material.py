"""What a run learns from and is judged by, out of what the user gave."""

from pathlib import Path
from typing import NamedTuple

from motionloupe.errors import UserError
from motionloupe.training.config import Config, FlowLoss, MixedLoss, Unsupervised
from motionloupe.training.lessons import needed
from motionloupe.training.real import Mixture, RealSamples, clip_samples, curated_samples
from motionloupe.training.samples import (
    Samples,
    SceneSamples,
    held_out_scenes,
    training_scenes,
)


class Material(NamedTuple):
    """Samples to learn from and samples held out, and where they come from, for the card."""

    samples: Samples
    held_out: Samples
    about: str


def gather(
    config: Config,
    *,
    backgrounds: Path | None = None,
    objects: Path | None = None,
    pairs: Path | None = None,
    clips: Path | None = None,
) -> Material:
    """Synthetic scenes of ``backgrounds`` and ``objects``, real pairs, or a mixture of both.

    Real pairs are curated ``pairs``, or are drawn from ``clips``. Raises UserError where the loss
    needs a truth that real frames do not have, or where too little or too much is given.
    """
    scenes = _scenes(config, backgrounds, objects)
    real = _real(config, pairs, clips)
    return _joined(config, scenes, real)


def _joined(
    config: Config,
    scenes: tuple[SceneSamples, SceneSamples] | None,
    real: tuple[RealSamples, RealSamples] | None,
) -> Material:
    if scenes and real:
        share = config.data.real.share
        names = needed(config)
        about = f"{share:.0%} {real[0].about}, else {_about_scenes(scenes[0])}"
        learned = Mixture(real[0], scenes[0], share, names)
        if isinstance(config.loss, Unsupervised):  # what is reported needs the truth of each
            return Material(learned, scenes[1], about)
        held_out = SceneSamples(scenes[1].scenes, names)  # a truth would not be in all
        return Material(learned, Mixture(real[1], held_out, share, names), about)
    if isinstance(config.loss, MixedLoss):
        raise UserError(
            "this loss is for real pairs beside synthetic scenes: give folders as --backgrounds "
            "and --objects, and as --pairs or --clips"
        )
    if scenes:
        return Material(*scenes, _about_scenes(scenes[0]))
    if real:
        return Material(*real, real[0].about)
    raise UserError(
        "nothing to learn from: give folders as --backgrounds and --objects, or as --pairs or "
        "--clips"
    )


def _scenes(
    config: Config, backgrounds: Path | None, objects: Path | None
) -> tuple[SceneSamples, SceneSamples] | None:
    if backgrounds is None and objects is None:
        return None
    if backgrounds is None or objects is None:
        raise UserError("synthetic scenes need both --backgrounds and --objects")
    return (
        training_scenes(config, backgrounds, objects),
        held_out_scenes(config, backgrounds, objects),
    )


def _real(
    config: Config, pairs: Path | None, clips: Path | None
) -> tuple[RealSamples, RealSamples] | None:
    if pairs is not None and clips is not None:
        raise UserError("real frames come from --pairs or from --clips: give one of the two")
    if pairs is not None:
        make, folder, given = curated_samples, pairs, "--pairs"
    elif clips is not None:
        make, folder, given = clip_samples, clips, "--clips"
    else:
        return None
    if not isinstance(config.loss, FlowLoss | MixedLoss | Unsupervised):
        raise UserError(
            "this loss compares with the true magnified frame, which real frames do not have: "
            f"leave {given} away, or train flow, or flowmag with small, mixed or paper"
        )
    return make(folder, config.data, "train"), make(folder, config.data, "test")


def _about_scenes(samples: SceneSamples) -> str:
    return (
        f"synthetic scenes from {len(samples.scenes.backgrounds)} photographs and "
        f"{len(samples.scenes.objects)} cut-outs"
    )
