"""The benchmark's loop: every contestant answers every scene, unless the answer is known."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from motionloupe import __version__
from motionloupe.errors import UserError
from motionloupe.evaluation.cases import Case, Kind, Level, Stock, Suite
from motionloupe.evaluation.contestants import CHECKS, Contestant
from motionloupe.evaluation.cost import measured
from motionloupe.evaluation.identity import of_estimator
from motionloupe.evaluation.judge import BORDER, Judge, meter
from motionloupe.evaluation.perceptual import Perceptual
from motionloupe.evaluation.results import Key, Results, Row, Store
from motionloupe.evaluation.workers import shared

STORE = "results.jsonl"


@dataclass(frozen=True)
class Plan:
    """All that a run depends on.

    ``stocks`` holds, for each kind of suite, what its cases are drawn from; ``about`` says for the
    report where that comes from; ``perceptual`` adds LPIPS to the scores.
    """

    suites: Mapping[str, Suite]
    contestants: Mapping[str, Contestant]
    estimators: Sequence[str]
    stocks: Mapping[Kind, Stock]
    count: int
    """Scenes for each level, where there are so many."""
    about: Mapping[str, str]
    perceptual: bool = False

    def __post_init__(self) -> None:
        if self.count < 1:
            raise UserError(f"the count of scenes must be 1 or more, found {self.count}")
        if not self.estimators:
            raise UserError("name an estimator to measure motion with, such as lucas-kanade")
        reasons = [
            f"{name}: {contestant.refuses(suite)}"
            for name, contestant in self.contestants.items()
            for suite in self.suites.values()
            if name not in CHECKS
        ]
        if reasons and not any(set(self.players(s)) - set(CHECKS) for s in self.suites.values()):
            raise UserError(f"no method can take part; {reasons[0]}")

    def players(self, suite: Suite) -> dict[str, Contestant]:
        """Who can take part in a suite."""
        return {n: c for n, c in self.contestants.items() if c.refuses(suite) is None}

    def stock(self, suite: Suite) -> Stock:
        """What a suite's cases are drawn from."""
        return self.stocks[suite.kind]

    def scenes(self, suite: Suite) -> int:
        """How many scenes each level of a suite has."""
        return self.stock(suite).scenes(self.count)

    def total(self) -> int:
        """How many answers the whole run is made of."""
        return sum(
            self.scenes(suite) * len(self.players(suite.at(level)))
            for suite in self.suites.values()
            for level in suite.levels
        )


@dataclass(frozen=True)
class Outcome:
    """What a run of ``workers`` found, in ``seconds``; all but ``made`` answers were known."""

    results: Results
    made: int
    seconds: float
    workers: int


def run(
    plan: Plan, output: Path, *, progress: Callable[[int, int | None], None], workers: int = 1
) -> Outcome:
    """Answer and score whatever the folder ``output`` does not hold yet. Raises UserError.

    ``workers`` processes of one thread share the scenes, see :func:`workers.shared`; with one,
    all happens in this process.
    """
    began = time.monotonic()
    meters = {name: meter(name) for name in plan.estimators}
    perceptual = Perceptual() if plan.perceptual else None
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write into {output}: {error.strerror or error}") from None
    store = Store(output / STORE)
    met: set[tuple[str, str]] = set()  # every worker has its own

    def answered(asked: _Asked) -> Iterator[Row]:
        case = asked.suite.case(plan.stock(asked.suite), asked.level, asked.scene)
        judge = Judge(case, meters, perceptual)
        for name, key in asked.keys.items():
            row = _row(*key, plan.contestants[name], case, judge)
            who = row.key.suite, name
            yield replace(row, first=who not in met)
            met.add(who)

    every = list(_scenes(plan, {name: of_estimator(each) for name, each in meters.items()}))
    left = [asked.without(store) for asked in every]
    left = [asked for asked in left if asked.keys]
    if workers > 1:  # what takes longest first, or the others wait for it at the end
        left.sort(key=lambda asked: not asked.suite.sequence)
    total = plan.total()
    known = total - sum(len(asked.keys) for asked in left)
    made = 0
    for made, found in enumerate(shared(answered, left, workers), start=1):
        store.add(found)
        progress(known + made, total)
    rows = [row for asked in every for key in asked.keys.values() if (row := store.get(*key))]
    return Outcome(Results(rows), made, time.monotonic() - began, workers)


@dataclass(frozen=True)
class _Asked:
    """A scene at a level, and for each who takes part the key and the digest of the answer."""

    suite: Suite
    level: Level
    scene: int
    keys: Mapping[str, tuple[Key, str]]

    def without(self, store: Store) -> "_Asked":
        """The same without the answers that are known."""
        return replace(self, keys={n: k for n, k in self.keys.items() if store.get(*k) is None})


def _scenes(plan: Plan, estimators: Mapping[str, str]) -> Iterator[_Asked]:
    """Scene after scene, each through all levels: a run that is stopped has whole curves.

    ``estimators`` are the digests of their weights.
    """
    for name, suite in plan.suites.items():
        setups = [
            {
                who: _setup(plan, suite, level, contestant, estimators)
                for who, contestant in plan.players(suite.at(level)).items()
            }
            for level in suite.levels
        ]
        for scene in range(plan.scenes(suite)):
            for level, setup in zip(suite.levels, setups, strict=True):
                keys = {who: (Key(name, level.value, scene, who), s) for who, s in setup.items()}
                yield _Asked(suite, level, scene, keys)


def _row(key: Key, setup: str, contestant: Contestant, case: Case, judge: Judge) -> Row:
    try:
        answers, seconds, megabytes = measured(lambda: contestant.answer(case))
        scores = judge.scores(answers)
    except UserError as error:
        raise UserError(f"{key.method}, {key.suite} at {key.level:g}: {error}") from None
    drawn = len(case.frames) if case.fps else 1
    return Row(key, setup, scores, seconds / drawn, megabytes, case.group)


def _setup(
    plan: Plan, suite: Suite, level: Level, contestant: Contestant, estimators: Mapping[str, str]
) -> str:
    """A digest of whatever the scores depend on beside the key."""
    parts = [
        __version__,
        contestant.fingerprint,
        asdict(level),
        [dict(suite.parts), suite.band],
        [dict(estimators), plan.perceptual],
        BORDER,
        plan.stock(suite).identity,
    ]
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:16]
