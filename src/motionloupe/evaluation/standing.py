"""Who is best, and who is worse by more than chance: all answer the same scenes."""

import math

from motionloupe.evaluation.contestants import CHECKS
from motionloupe.evaluation.judge import metric_of
from motionloupe.evaluation.metrics import Summary
from motionloupe.evaluation.results import Results

_ERRORS = 2.0  # standard errors of a difference beyond which it is not chance
_SLACK = 1e-6  # a draw is no defeat


def badness(results: Results, suite: str, level: float, score: str) -> dict[str, float]:
    """How bad everybody's mean is, of those who have one."""
    metric = metric_of(score)
    values = {
        method: metric.badness(results.summary(suite, level, method, score).mean)
        for method in results.methods(suite)
    }
    return {method: value for method, value in values.items() if not math.isnan(value)}


def leader(results: Results, suite: str, level: float, score: str) -> str | None:
    """The method, without the checks, with the best mean at a level."""
    values = badness(results, suite, level, score)
    return min(
        (name for name in values if name not in CHECKS), key=values.__getitem__, default=None
    )


def leaders(results: Results, suite: str, level: float, score: str) -> set[str]:
    """The leader, and every method that is not worse by more than chance."""
    first = leader(results, suite, level, score)
    if first is None:
        return set()
    methods = set(results.methods(suite)) - set(CHECKS)
    apart = {who: results.difference(suite, level, score, who, first) for who in methods}
    return {who for who, difference in apart.items() if difference.n and not worse(difference)}


def worse(difference: Summary) -> bool:
    """Whether a difference is above 0 by more than two of its standard errors.

    At all, where it has none: a single scene, or scenes of one video.
    """
    error = difference.standard_error
    return difference.mean > (0.0 if math.isnan(error) else _ERRORS * error) + _SLACK
