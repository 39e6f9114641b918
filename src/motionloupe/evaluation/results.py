"""What a run has found so far: one line of JSON for each answer, so that a stopped run goes on."""

import json
import math
import statistics
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from motionloupe.errors import UserError
from motionloupe.evaluation.judge import METRICS, Scores, metric_of
from motionloupe.evaluation.metrics import Summary, summarise
from motionloupe.files import write_whole


@dataclass(frozen=True)
class Key:
    """Which answer: scene number ``scene`` of a suite's level, by one contestant."""

    suite: str
    level: float
    scene: int
    method: str


@dataclass(frozen=True)
class Row:
    """An answer's scores and what it cost. ``setup`` digests all that they depend on."""

    key: Key
    setup: str
    scores: Scores
    seconds: float
    """For each frame that was drawn."""
    megabytes: float | None
    """Peak memory while it was drawn, above what was held before; None where unknown."""
    group: str = ""
    """Of cases that are not independent, see :class:`motionloupe.evaluation.cases.Case`."""
    first: bool = False
    """Whether it is the method's first of a suite in its process, which may have to warm up."""


class Store:
    """The rows in a file, in the order in which they were found."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows: dict[tuple[Key, str], Row] = {}
        try:
            text = path.read_text(encoding="utf-8") if path.exists() else ""
            whole = text[: text.rfind("\n") + 1]
            for line in whole.splitlines():
                self._keep(_row(json.loads(line)))
            if whole != text:  # killed while it wrote
                write_whole(path, whole)
        except (ValueError, TypeError, KeyError, UnicodeDecodeError):
            raise UserError(f"{path} does not hold results of a benchmark; move it away") from None

    def get(self, key: Key, setup: str) -> Row | None:
        return self._rows.get((key, setup))

    def add(self, row: Row) -> None:
        line = json.dumps({**asdict(row), "scores": _written(row.scores)}) + "\n"
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line)
        self._keep(row)

    def _keep(self, row: Row) -> None:
        self._rows[row.key, row.setup] = row


class Results:
    """Rows as tables: summaries over the scenes of a level."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._values: dict[tuple[str, float, str], list[Row]] = {}
        for row in rows:
            self._values.setdefault((row.key.suite, row.key.level, row.key.method), []).append(row)

    def summary(self, suite: str, level: float, method: str, score: str) -> Summary:
        """Of one score, "METRIC" or "METRIC/ESTIMATOR"; of no values where there are none."""
        rows = self._values.get((suite, level, method), [])
        values = [row.scores.get(score, math.nan) for row in rows]
        return summarise(values, [row.group for row in rows])

    def difference(self, suite: str, level: float, score: str, method: str, other: str) -> Summary:
        """By how much ``method`` is worse than ``other``, scene by scene where both have a score.

        In the unit of the score; below 0 where it is better. What makes a scene hard for both does
        not count in its standard error.
        """
        first, second = (self._scenes(suite, level, who, score) for who in (method, other))
        both = [scene for scene in first if scene in second]
        if not both:
            return summarise([])
        penalties = metric_of(score).penalties
        one, two = (
            penalties(np.array([rows[scene].scores[score] for scene in both]))
            for rows in (first, second)
        )
        with np.errstate(invalid="ignore"):
            apart = np.where(one == two, 0.0, one - two)
        return summarise(apart.tolist(), [first[scene].group for scene in both])

    def _scenes(self, suite: str, level: float, method: str, score: str) -> dict[int, Row]:
        """The rows that have a score, by the scene's number."""
        rows = self._values.get((suite, level, method), [])
        return {r.key.scene: r for r in rows if not math.isnan(r.scores.get(score, math.nan))}

    def groups(self, suite: str) -> int:
        """How many videos or clips the scenes of a suite are known to come from."""
        every = (rows for (name, _, _), rows in self._values.items() if name == suite)
        return len({row.group for rows in every for row in rows if row.group})

    def methods(self, suite: str) -> list[str]:
        """Who took part in a suite."""
        return list(dict.fromkeys(method for name, _, method in self._values if name == suite))

    def levels(self, suite: str) -> list[float]:
        return sorted({level for name, level, _ in self._values if name == suite})

    def scores(self, suite: str) -> list[str]:
        """The scores that a suite has, in the order of the metrics."""
        found = {
            score
            for (name, _, _), rows in self._values.items()
            if name == suite
            for row in rows
            for score, value in row.scores.items()
            if not math.isnan(value)
        }
        order = list(METRICS)
        return sorted(found, key=lambda score: (order.index(score.split("/")[0]), score))

    def costs(self, suite: str, method: str) -> tuple[float, float | None]:
        """Median seconds a frame, and the largest of the peaks in MB.

        First answers count towards the seconds only where there are no others.
        """
        rows = [
            r
            for (n, _, m), found in self._values.items()
            if (n, m) == (suite, method)
            for r in found
        ]
        seconds = [row.seconds for row in rows if not row.first] or [row.seconds for row in rows]
        peaks = [row.megabytes for row in rows if row.megabytes is not None]
        return statistics.median(seconds), max(peaks, default=None)


def _written(scores: Scores) -> dict[str, float | str]:
    """JSON knows no infinity, and leaves out what is not a number."""
    return {
        name: value if math.isfinite(value) else str(value)
        for name, value in scores.items()
        if not math.isnan(value)
    }


def _row(record: dict[str, Any]) -> Row:
    key = Key(**record.pop("key"))
    scores = {name: float(value) for name, value in record.pop("scores").items()}
    return Row(key=key, scores=scores, **record)
