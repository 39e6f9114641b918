"""How an answer is scored: its picture against the truth, its motion by chosen estimators.

Motion is measured from the reference, without noise, to the answer. It counts at the points that
the true frame shows too, ``BORDER`` pixels away from the rim; pictures count inside that border.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from motionloupe.arrays import Image, to_tensor
from motionloupe.evaluation.metrics import (
    end_point_error,
    flow_l1,
    magnification_error,
    motion_error,
    motion_gain,
    psnr,
    rmse,
    ssim,
)
from motionloupe.evaluation.suites import Case, Target
from motionloupe.flow import load_flow
from motionloupe.flow.base import FlowEstimator, FromReference

BORDER = 16  # pixels: nobody can know what enters the frame
AT_REST = 0.005  # pixels: motion below this has no ratio
_RAFT_ITERATIONS = 20

Scores = dict[str, float]


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
    "ssim": Metric("SSIM", "most", _SATURATES),
    "psnr": Metric("PSNR (dB)", "most", _SATURATES),
    "rmse": Metric("RMSE (of 255)", "least", _SATURATES),
}


def metric_of(score: str) -> Metric:
    """The metric of a score, which is called "METRIC" or "METRIC/ESTIMATOR"."""
    return METRICS[score.partition("/")[0]]


def title(score: str) -> str:
    """ "motion_gap/raft-small" -> "motion gap (px), by raft-small"."""
    _, _, estimator = score.partition("/")
    return metric_of(score).title + (f", by {estimator}" if estimator else "")


class Meter:
    """An estimator that answers F(a, b) - F(a, a), where it does not see zero at rest."""

    def __init__(self, name: str) -> None:
        settings = {"iterations": _RAFT_ITERATIONS} if name.startswith("raft") else {}
        self.estimator: FlowEstimator = load_flow(name, **settings)

    def from_reference(self, reference: Tensor) -> FromReference:
        return FromReference(self.estimator, reference)


class Judge:
    """Scores answers to one case; what does not depend on the answer is measured once."""

    @torch.inference_mode()
    def __init__(self, case: Case, meters: Mapping[str, Meter]) -> None:
        self._case = case
        self._meters = {name: m.from_reference(case.reference) for name, m in meters.items()}
        self._known = {
            name: [(meter.to(t.source), meter.to(t.truth)) for t in case.targets]
            for name, meter in self._meters.items()
        }

    @torch.inference_mode()
    def scores(self, answers: Sequence[Image]) -> Scores:
        """Every metric, those of motion as "METRIC/ESTIMATOR"; means over the judged frames."""
        frames = [to_tensor(answer) for answer in answers]
        pairs = list(zip(frames, self._case.targets, strict=True))
        found = [_of_picture(frame, target) for frame, target in pairs]
        scores = _means(found)
        for name, meter in self._meters.items():
            moved = [
                self._of_motion(meter.to(frame), target, *known)
                for (frame, target), known in zip(pairs, self._known[name], strict=True)
            ]
            scores |= {f"{metric}/{name}": value for metric, value in _means(moved).items()}
        return scores

    def _of_motion(self, flow: Tensor, target: Target, source: Tensor, truth: Tensor) -> Scores:
        seen = target.seen
        scores = {
            "motion_gap": end_point_error(flow, truth, border=BORDER, mask=seen),
            "true_motion_error": flow_l1(flow, target.wanted, border=BORDER, mask=seen),
            "end_point_error": end_point_error(flow, target.wanted, border=BORDER, mask=seen),
            "gain": motion_gain(flow, target.wanted, border=BORDER, mask=seen),
        }
        if self._case.band is None:  # else no single factor applies
            alpha = self._case.alpha
            moving = seen & (torch.linalg.vector_norm(target.moves, dim=1, keepdim=True) > AT_REST)
            scores["motion_error"] = motion_error(flow, source, alpha, border=BORDER, mask=seen)
            scores["magnification_error"] = magnification_error(
                flow, source, alpha, border=BORDER, mask=moving
            )
        return {name: value.item() for name, value in scores.items()}


def _of_picture(frame: Tensor, target: Target) -> Scores:
    scores = {
        "ssim": ssim(frame, target.truth, border=BORDER),
        "psnr": psnr(frame, target.truth, border=BORDER),
        "rmse": rmse(frame, target.truth, border=BORDER),
    }
    return {name: value.item() for name, value in scores.items()}


def _means(found: Sequence[Scores]) -> Scores:
    return {name: sum(each[name] for each in found) / len(found) for name in found[0]}
