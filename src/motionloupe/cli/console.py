"""What a command says: progress and warnings on stderr, its result on stdout."""

import json
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

    from motionloupe.pipeline import Result

_WARNING = "motionloupe: warning: "
_INTERVAL = 5.0  # seconds between two plain lines of progress


class Progress:
    """Frames done and expected, rate and time left: a bar on a terminal, else a line at times.

    ``unit`` says what is counted, where it is not frames.
    """

    def __init__(self, quiet: bool, unit: str = "frames") -> None:
        self._quiet = quiet
        self._unit = unit
        self._bar: Bar | None = None
        self._told = time.monotonic()
        self._first: tuple[int, float] | None = None
        self._warned: set[str] = set()

    def __call__(self, done: int, expected: int | None) -> None:
        if self._quiet:
            return
        if self._bar is None and sys.stderr.isatty():
            self._bar = _bar(self._unit)  # only now: other lines may have come before
            self._bar.start()
        if self._bar is not None:
            total = None if expected is None else max(expected, done)
            self._bar.update(self._bar.task_ids[0], completed=done, total=total)
            return
        now = time.monotonic()
        if self._first is None:
            self._first = done, now  # what was done before is no measure of the rate
        elif now - self._told >= _INTERVAL:
            self._told = now
            before, began = self._first
            rate = (done - before) / max(now - began, 1e-9)
            print(_line(done, expected, rate, self._unit), file=sys.stderr, flush=True)

    def warn(self, text: str) -> None:
        """Say a warning now, above the bar, and never again."""
        if text in self._warned:
            return
        self._warned.add(text)
        if self._bar is None:
            warn([text])
        else:
            line = f"{_WARNING}{text}"
            self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()


def _line(done: int, expected: int | None, rate: float, unit: str) -> str:
    if expected is None or expected < done:
        return f"{done} {unit}, {rate:.3g} {unit}/s"
    left = (expected - done) / max(rate, 1e-9)
    return f"{done} of {expected} {unit}, {rate:.3g} {unit}/s, {left:.0f} s left"


def _bar(unit: str) -> "Bar":
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as RichProgress
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.speed or 0:.3g} {unit}/s")

    bar = RichProgress(
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        Rate(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    bar.add_task(unit, total=None)
    return bar


def warn(warnings: Iterable[str]) -> None:
    for text in warnings:
        print(f"{_WARNING}{text}", file=sys.stderr)


def teller(quiet: bool) -> Callable[[str], None]:
    """Says each line of a long run on stderr, or nothing."""

    def tell(line: str) -> None:
        if not quiet:
            print(line, file=sys.stderr, flush=True)

    return tell


def say(lines: Iterable[str], record: Mapping[str, Any], *, quiet: bool, as_json: bool) -> None:
    """Print ``record`` as one JSON object, or ``lines`` for people."""
    if as_json:
        print(json.dumps(record, default=_plain))
    elif not quiet:
        print("\n".join(lines))


def say_result(result: "Result", *, quiet: bool, as_json: bool) -> None:
    """What was written, in a line for each file; its warnings were said as they came."""
    rate = result.frames / max(result.seconds, 1e-9)
    lines = [
        f"{result.target}: {result.frames} frames, {result.duration:.2f} s of video "
        f"in {result.seconds:.1f} s ({rate:.3g} frames/s)",
        *(str(path) for path in result.extras.values()),
    ]
    say(lines, asdict(result), quiet=quiet, as_json=as_json)


def _plain(value: Any) -> Any:
    """What JSON does not know: paths and fractions as text, arrays and their numbers as numbers."""
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    return str(value)
