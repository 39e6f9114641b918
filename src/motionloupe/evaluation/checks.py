"""What ``truth``, ``input`` and ``broken`` say of the benchmark itself and of the methods.

Nobody is called better or worse than another by what may be chance, see ``standing.worse``.
"""

from collections.abc import Callable
from typing import NamedTuple

from motionloupe.evaluation.contestants import CHECKS
from motionloupe.evaluation.judge import metric_of, title
from motionloupe.evaluation.results import Results
from motionloupe.evaluation.standing import badness, worse


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
    """One line for each score: does truth lead, is broken last, is everyone worse than input?"""
    lines = []
    for score in results.scores(suite):
        count = len(results.levels(suite))
        beaten, saved = beaten_truth(results, suite, score), beaten_by_broken(results, suite, score)
        idle = beaten_by_input(results, suite, score)
        said = [_said(saved, count, "nobody is worse than `broken`", "`broken` is not last")]
        if "truth" in results.methods(suite):
            said.insert(
                0, _said(beaten, count, "nobody is better than `truth`", "`truth` is not best")
            )
        if beaten or saved:
            said.append(f"the metric's flaw: {metric_of(score).flaw}")
        if idle:
            levels = ", ".join(f"{level:g}" for level in idle)
            said.append(f"every method is worse than `input` at {levels}")
        lines.append(f"- {title(score)}: {'; '.join(said)}.")
    return lines


def beaten_truth(results: Results, suite: str, score: str) -> list[Defeat]:
    """Where another scores better than the perfect answer: who does by most."""
    return _defeats(results, suite, score, lambda who: [(m, "truth") for m in who])


def beaten_by_broken(results: Results, suite: str, score: str) -> list[Defeat]:
    """Where another scores worse than the broken answer: who does by most."""
    return _defeats(results, suite, score, lambda who: [("broken", m) for m in who])


def beaten_by_input(results: Results, suite: str, score: str) -> list[float]:
    """The levels at which doing nothing is better than every method."""
    levels = []
    for level in results.levels(suite):
        methods = set(badness(results, suite, level, score)) - set(CHECKS)
        apart = [results.difference(suite, level, score, who, "input") for who in methods]
        if apart and all(map(worse, apart)):
            levels.append(level)
    return levels


def _defeats(
    results: Results,
    suite: str,
    score: str,
    pairs: Callable[[list[str]], list[tuple[str, str]]],
) -> list[Defeat]:
    """The worst defeat of each level among the pairs (winner, loser) that should not happen."""
    found = []
    for level in results.levels(suite):
        known = list(badness(results, suite, level, score))
        lost = [
            Defeat(level, winner, loser, _means(results, suite, level, score, winner, loser))
            for winner, loser in pairs(known)
            if winner in known
            and loser in known
            and worse(results.difference(suite, level, score, loser, winner))
        ]
        if lost:
            found.append(max(lost, key=lambda defeat: defeat.margin))
    return found


def _means(
    results: Results, suite: str, level: float, score: str, first: str, second: str
) -> tuple[float, float]:
    return (
        results.summary(suite, level, first, score).mean,
        results.summary(suite, level, second, score).mean,
    )


def _said(defeats: list[Defeat], count: int, good: str, bad: str) -> str:
    if not defeats:
        return f"{good} at any level"
    most = max(defeats, key=lambda defeat: defeat.margin)
    first, second = most.scores
    return (
        f"{bad} at {len(defeats)} of {count} levels, most at {most.level:g} "
        f"(`{most.winner}` {first:.3g}, `{most.loser}` {second:.3g})"
    )
