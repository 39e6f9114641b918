"""How an answer is scored: its picture against the truth, its motion by chosen estimators.

Motion is measured from the reference, without noise, to the answer. It counts at the points that
the true frame shows too, or, of real pairs, whose motion times alpha ends in the frame, ``BORDER``
pixels away from the rim; pictures count inside that border. Where the true motion is not known,
alpha times the measured motion of the input stands in. A recorded sequence is judged by what is
measured of its motion, against a sensor's reading.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from motionloupe.arrays import Image, to_tensor
from motionloupe.errors import UserError
from motionloupe.evaluation.cases import Case, Target
from motionloupe.evaluation.metrics import (
    end_point_error,
    flow_l1,
    magnification_error,
    motion_error,
    motion_gain,
    photometric_error,
    psnr,
    rmse,
    ssim,
)
from motionloupe.evaluation.perceptual import Perceptual
from motionloupe.evaluation.signals import Recorded
from motionloupe.flow import load_flow
from motionloupe.flow.base import FlowEstimator, FromReference, length
from motionloupe.flow.warp import inside
from motionloupe.measurement.displacement import displacement
from motionloupe.measurement.tracking import Track

BORDER = 16  # pixels: nobody can know what enters the frame
AT_REST = 0.005  # pixels: motion below this has no ratio
_RAFT_ITERATIONS = 20

Scores = dict[str, float]
Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Metric:
    """What a score means. ``best`` is the end of the scale to be at; ``nearest`` is to 1.

    ``flaw`` is why the perfect answer may not lead or a broken one not come last.
    """

    title: str
    best: Literal["least", "most", "nearest"]
    flaw: str

    def badness(self, value: float) -> float:
        """Smaller is better."""
        if self.best == "nearest":
            return abs(value - 1.0)
        return -value if self.best == "most" else value

    def penalties(self, values: Values) -> Values:
        """One for each of the values; their mean is the badness of the values' mean."""
        if self.best == "nearest":
            return values - 1.0 if values.mean() > 1.0 else 1.0 - values
        return -values if self.best == "most" else values


_METER = "the estimator errs on the perfect answer too"
_TWICE = "the estimator errs on the input too, by alpha times that"
_SATURATES = "pictures that are far off score alike"

METRICS = {
    "motion_gap": Metric("motion gap (px)", "least", "an estimator that is lost sees any motion"),
    "motion_error": Metric("motion error, FlowMag's (px)", "least", _TWICE),
    "true_motion_error": Metric("motion error against the true motion (px)", "least", _METER),
    "end_point_error": Metric("end-point error against the true motion (px)", "least", _METER),
    "magnification_error": Metric("magnification error", "least", "it is blind to directions"),
    "gain": Metric("measured over wanted motion", "nearest", "a false motion may point right"),
    "photometric": Metric(
        "photometric inconsistency (of 255)",
        "least",
        "doing nothing, or a shift, is consistent",
    ),
    "correlation": Metric("correlation with the sensor", "most", "it is blind to the amount"),
    "phase_lag": Metric("phase lag (degrees)", "least", "doing nothing lags nothing"),
    "ssim": Metric("SSIM", "most", _SATURATES),
    "psnr": Metric("PSNR (dB)", "most", _SATURATES),
    "rmse": Metric("RMSE (of 255)", "least", _SATURATES),
    "lpips": Metric("LPIPS", "least", _SATURATES),
}


def metric_of(score: str) -> Metric:
    """The metric of a score, which is called "METRIC" or "METRIC/ESTIMATOR"."""
    return METRICS[score.partition("/")[0]]


def title(score: str) -> str:
    """ "motion_gap/raft-small" -> "motion gap (px), by raft-small"."""
    _, _, estimator = score.partition("/")
    return metric_of(score).title + (f", by {estimator}" if estimator else "")


def meter(name: str) -> FlowEstimator:
    """The estimator of that name with as many iterations as a judge needs. Raises UserError."""
    settings = {"iterations": _RAFT_ITERATIONS} if name.startswith("raft") else {}
    return load_flow(name, **settings)


class Judge:
    """Scores answers to one case; what does not depend on the answer is measured once."""

    @torch.inference_mode()
    def __init__(
        self, case: Case, meters: Mapping[str, FlowEstimator], perceptual: Perceptual | None = None
    ) -> None:
        """``meters`` are estimators by name, see :func:`meter`."""
        self._case, self._perceptual = case, perceptual
        self._meters = {
            name: FromReference(estimator, case.reference)
            for name, estimator in meters.items()
            if case.targets
        }
        self._known = {
            name: [_Known.of(found, target, case.alpha) for target in case.targets]
            for name, found in self._meters.items()
        }

    @torch.inference_mode()
    def scores(self, answers: Sequence[Image]) -> Scores:
        """Every metric, those of motion as "METRIC/ESTIMATOR"; means over the judged frames."""
        if self._case.recorded is not None:
            return _of_recording(answers, self._case, self._case.recorded)
        frames = [to_tensor(answer) for answer in answers]
        pairs = list(zip(frames, self._case.targets, strict=True))
        scores = _means([self._of_picture(frame, target.truth) for frame, target in pairs])
        for name, found in self._meters.items():
            moved = [
                self._of_motion(frame, found.to(frame), target, known)
                for (frame, target), known in zip(pairs, self._known[name], strict=True)
            ]
            scores |= {f"{metric}/{name}": value for metric, value in _means(moved).items()}
        return scores

    def _of_picture(self, frame: Tensor, truth: Tensor | None) -> Scores:
        if truth is None:
            return {}
        scores = {
            "ssim": ssim(frame, truth, border=BORDER),
            "psnr": psnr(frame, truth, border=BORDER),
            "rmse": rmse(frame, truth, border=BORDER),
        }
        if self._perceptual is not None:
            inner = (..., slice(BORDER, -BORDER), slice(BORDER, -BORDER))
            scores["lpips"] = self._perceptual(frame[inner], truth[inner])
        return {name: value.item() for name, value in scores.items()}

    def _of_motion(self, frame: Tensor, flow: Tensor, target: Target, known: "_Known") -> Scores:
        seen = known.seen
        wanted = self._case.alpha * known.source if target.wanted is None else target.wanted
        scores = {"gain": motion_gain(flow, wanted, border=BORDER, mask=seen)}
        if known.truth is not None:
            scores["motion_gap"] = end_point_error(flow, known.truth, border=BORDER, mask=seen)
        else:
            scores["photometric"] = photometric_error(
                frame, flow, target.source, known.source, border=BORDER, mask=seen
            )
        if target.wanted is not None:
            scores["true_motion_error"] = flow_l1(flow, wanted, border=BORDER, mask=seen)
            scores["end_point_error"] = end_point_error(flow, wanted, border=BORDER, mask=seen)
        if self._case.band is None:  # else no single factor applies
            alpha = self._case.alpha
            moves = known.source if target.moves is None else target.moves
            moving = seen & (length(moves) > AT_REST)
            scores["motion_error"] = motion_error(
                flow, known.source, alpha, border=BORDER, mask=seen
            )
            scores["magnification_error"] = magnification_error(
                flow, known.source, alpha, border=BORDER, mask=moving
            )
        return {name: value.item() for name, value in scores.items()}


@dataclass(frozen=True)
class _Known:
    """What an estimator says of a target before any answer; see the module for ``seen``."""

    source: Tensor
    truth: Tensor | None
    seen: Tensor

    @classmethod
    def of(cls, found: FromReference, target: Target, alpha: float) -> "_Known":
        source = found.to(target.source)
        truth = None if target.truth is None else found.to(target.truth)
        seen = inside(alpha * source) > 0 if target.seen is None else target.seen
        return cls(source, truth, seen)


def _of_recording(answers: Sequence[Image], case: Case, recorded: Recorded) -> Scores:
    """Scores of the motion in the box of every frame, measured against the first before."""
    x, y, width, height = recorded.box
    first = case.frames[0][y : y + height, x : x + width]
    if len(answers) != len(recorded.source.seconds):
        raise UserError(
            f"the video has {len(recorded.source.seconds)} frames, the answer {len(answers)}"
        )
    dx, dy = np.array([_moved(first, answer) for answer in answers], np.float64).T
    return recorded.scores(Track(recorded.source.seconds, dx, dy), case.alpha)


def _moved(first: Image, answer: Image) -> tuple[float, float]:
    try:
        return displacement(first, answer)
    except UserError:  # an answer with nothing in it has no motion, which no score survives
        return math.nan, math.nan


def _means(found: Sequence[Scores]) -> Scores:
    return {name: sum(each[name] for each in found) / len(found) for name in found[0]}
