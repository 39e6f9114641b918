"""What ``truth``, ``input`` and ``broken`` say of the benchmark itself and of the methods."""

import math
from collections.abc import Callable
from typing import NamedTuple

from motionloupe.evaluation.contestants import CHECKS
from motionloupe.evaluation.judge import metric_of, title
from motionloupe.evaluation.results import Results

_SLACK = 1e-6  # a draw is no defeat


class Defeat(NamedTuple):
    """At a level ``winner`` scores better than ``loser``, who should not lose to it."""

    level: float
    winner: str
    loser: str
    scores: tuple[float, float]

    @property
    def margin(self) -> float:
        return abs(self.scores[0] - self.scores[1])


def findings(results: Results, suite: str) -> list[str]:
    """One line for each score: does truth lead, is broken last, is anyone better than input?"""
    lines = []
    for score in results.scores(suite):
        count = len(results.levels(suite))
        beaten, saved = beaten_truth(results, suite, score), beaten_by_broken(results, suite, score)
        idle = beaten_by_input(results, suite, score)
        said = [_said(saved, count, "`broken` is last", "`broken` is not last")]
        if "truth" in results.methods(suite):
            said.insert(0, _said(beaten, count, "`truth` is best", "`truth` is not best"))
        if beaten or saved:
            said.append(f"the metric's flaw: {metric_of(score).flaw}")
        if idle:
            levels = ", ".join(f"{level:g}" for level in idle)
            said.append(f"no method is better than `input` at {levels}")
        lines.append(f"- {title(score)}: {'; '.join(said)}.")
    return lines


def beaten_truth(results: Results, suite: str, score: str) -> list[Defeat]:
    """Where another scores better than the perfect answer: who does by most."""
    return _defeats(results, suite, score, lambda value: [(m, "truth") for m in value])


def beaten_by_broken(results: Results, suite: str, score: str) -> list[Defeat]:
    """Where another scores worse than the broken answer: who does by most."""
    return _defeats(results, suite, score, lambda value: [("broken", m) for m in value])


def beaten_by_input(results: Results, suite: str, score: str) -> list[float]:
    """The levels at which doing nothing is better than every method."""
    levels = []
    for level in results.levels(suite):
        values = _badness(results, suite, level, score)
        idle = values.pop("input", math.nan)
        methods = [value for name, value in values.items() if name not in CHECKS]
        if methods and idle < min(methods) - _SLACK:
            levels.append(level)
    return levels


def _defeats(
    results: Results,
    suite: str,
    score: str,
    pairs: Callable[[dict[str, float]], list[tuple[str, str]]],
) -> list[Defeat]:
    """The worst defeat of each level among the pairs (winner, loser) that should not happen."""
    found = []
    for level in results.levels(suite):
        values = _badness(results, suite, level, score)
        lost = [
            Defeat(level, winner, loser, _means(results, suite, level, score, winner, loser))
            for winner, loser in pairs(values)
            if winner in values and loser in values and values[winner] < values[loser] - _SLACK
        ]
        if lost:
            found.append(max(lost, key=lambda defeat: defeat.margin))
    return found


def _badness(results: Results, suite: str, level: float, score: str) -> dict[str, float]:
    metric = metric_of(score)
    values = {
        method: metric.badness(results.summary(suite, level, method, score).mean)
        for method in results.methods(suite)
    }
    return {method: value for method, value in values.items() if not math.isnan(value)}


def _means(
    results: Results, suite: str, level: float, score: str, first: str, second: str
) -> tuple[float, float]:
    return (
        results.summary(suite, level, first, score).mean,
        results.summary(suite, level, second, score).mean,
    )


def _said(defeats: list[Defeat], count: int, good: str, bad: str) -> str:
    if not defeats:
        return f"{good} at every level"
    most = max(defeats, key=lambda defeat: defeat.margin)
    first, second = most.scores
    return (
        f"{bad} at {len(defeats)} of {count} levels, most at {most.level:g} "
        f"(`{most.winner}` {first:.3g}, `{most.loser}` {second:.3g})"
    )
