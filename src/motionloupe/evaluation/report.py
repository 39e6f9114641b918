"""The report of a run: Markdown, CSV, and plots in the form of the papers' figures."""

import csv
import io
import os
import platform
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from motionloupe import __version__
from motionloupe.evaluation.cases import Kind, Suite
from motionloupe.evaluation.checks import findings
from motionloupe.evaluation.contestants import CHECKS
from motionloupe.evaluation.judge import title
from motionloupe.evaluation.metrics import Summary
from motionloupe.evaluation.physical import Recording
from motionloupe.evaluation.plots import draw_curves
from motionloupe.evaluation.results import Results
from motionloupe.evaluation.run import Outcome, Plan
from motionloupe.evaluation.standing import leader, leaders
from motionloupe.files import write_whole

REPORT, TABLE = "report.md", "results.csv"
_COLUMNS = (
    *("suite", "level", "alpha", "method", "metric", "estimator"),
    *("mean", "standard_deviation", "standard_error", "n", "groups"),
    *("difference", "difference_error"),
)
_FOOTAGE: dict[Kind, tuple[str, str]] = {
    "pairs": ("pairs", "video"),
    "clips": ("triples", "clip"),
}


def write_report(
    plan: Plan,
    outcome: Outcome,
    output: Path,
    *,
    command: str,
    strips: Mapping[str, Sequence[Path]],
    svg: bool = True,
) -> Path:
    """Write ``report.md``, ``results.csv`` and ``plots/`` into ``output``; the report's path.

    The plots are PNG, and ``svg`` for print, which takes two thirds as long again.
    """
    results = outcome.results
    write_whole(output / TABLE, _csv(plan, results))
    lines = _header(plan, outcome, command)
    for name, suite in plan.suites.items():
        scenes = (
            f"Scenes at each level: {plan.scenes(suite)}{_whence(suite, results.groups(name))}."
        )
        lines += [f"## {name}", "", f"{suite.line[0].upper()}{suite.line[1:]}. {scenes}", ""]
        stock = plan.stock(suite)
        if isinstance(stock, Recording):
            lines += [f"Beside the sensor {stock.recorded(suite.band).told}.", ""]
        lines += _absences(plan, suite)
        figure = output / "plots" / f"{name}.png"
        draw_curves(figure, results, name, suite, svg=svg)
        lines += ["", f"![{name}](plots/{figure.name})", ""]
        for score in results.scores(name):
            lines += _table(results, name, suite.axis, score)
        lines += _costs(results, name)
        lines += ["### What the checks say", "", *findings(results, name), ""]
        lines += [f"![{p.stem}]({p.relative_to(output).as_posix()})" for p in strips.get(name, [])]
        lines.append("")
    write_whole(output / REPORT, "\n".join(lines))
    return output / REPORT


def _whence(suite: Suite, groups: int) -> str:
    """ " (pairs of 7 videos)", where that is known."""
    if not groups:
        return ""
    scenes, whole = _FOOTAGE[suite.kind]
    return f" ({scenes} of {groups} {whole}{'s' if groups > 1 else ''})"


def _header(plan: Plan, outcome: Outcome, command: str) -> list[str]:
    facts = {
        "command": f"`{command}`",
        "versions": f"motionloupe {__version__}, torch {torch.__version__}, "
        f"numpy {np.__version__}, Python {platform.python_version()}",
        "machine": f"{_processor()}, {os.cpu_count()} processors, {platform.system()}",
        "processes": _processes(outcome.workers),
        **plan.about,
        **{f"`{name}`": c.label for name, c in plan.contestants.items() if c.label},
        "time": f"{time.strftime('%Y-%m-%d %H:%M %Z')}; {outcome.made} answers in "
        f"{outcome.seconds:.0f} s, all others were known",
    }
    return [
        "# Benchmark",
        "",
        *(f"- {name}: {value}" for name, value in facts.items()),
        "",
        "Means ± standard errors over scenes, of real footage over its videos; none where there is "
        "one alone. Bold are the best method of a row and those that are not worse by more than 2 "
        "standard errors of the difference, taken scene by scene, for all answer the same scenes; "
        "the differences are in results.csv. `input` does nothing, `truth` is the perfect answer "
        "(what it scores is the meter's own error), `broken` is shifted at random; they never "
        "count as best. Motion is measured at points that the true frame shows, pictures inside a "
        "border of 16 pixels.",
        "",
    ]


def _processes(workers: int) -> str:
    if workers > 1:
        return f"{workers} at once, of one thread: seconds are those of a busy machine"
    return f"1, of {torch.get_num_threads()} threads"


def _absences(plan: Plan, suite: Suite) -> list[str]:
    """Who does not take part in a suite, or in some of its levels, and why."""
    lines = []
    for name, contestant in plan.contestants.items():
        why = contestant.refuses(suite)
        reasons = [r for level in suite.levels if (r := contestant.refuses(suite.at(level)))]
        if why:
            lines.append(f"`{name}` does not take part: {why}.")
        elif reasons:
            absent = f"{len(reasons)} of {len(suite.levels)} levels"
            lines.append(f"`{name}` does not take part at {absent}: {reasons[0]}.")
    return lines


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _table(results: Results, suite: str, axis: str, score: str) -> list[str]:
    methods = results.methods(suite)
    lines = [f"### {title(score)}", "", f"| {axis} | {' | '.join(methods)} |"]
    lines.append("|---" * (len(methods) + 1) + "|")
    for level in results.levels(suite):
        best = leaders(results, suite, level, score)
        cells = [_cell(results.summary(suite, level, m, score), m in best) for m in methods]
        lines.append(f"| {level:g} | {' | '.join(cells)} |")
    return [*lines, ""]


def _cell(summary: Summary, best: bool) -> str:
    if not summary.n or np.isnan(summary.mean):
        return "-"
    if np.isinf(summary.mean):
        return "inf"
    mean = f"{summary.mean:.3f}" if abs(summary.mean) < 10 else f"{summary.mean:.3g}"
    return (f"**{mean}**" if best else mean) + summary.plus_minus


def _costs(results: Results, suite: str) -> list[str]:
    lines = ["### Cost", "", "| method | seconds a frame | peak memory (MB) |", "|---|---|---|"]
    for method in results.methods(suite):
        if method not in CHECKS:
            seconds, megabytes = results.costs(suite, method)
            peak = "-" if megabytes is None else f"{megabytes:.0f}"
            lines.append(f"| {method} | {seconds:.3g} | {peak} |")
    return [*lines, ""]


def _csv(plan: Plan, results: Results) -> str:
    """One line for each suite, level, method and score; ``difference`` is to the leader."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(_COLUMNS)
    for name, suite in plan.suites.items():
        for level in suite.levels:
            scores = results.scores(name)
            firsts = {score: leader(results, name, level.value, score) or "" for score in scores}
            for method in results.methods(name):
                for score, first in firsts.items():
                    numbers = _numbers(results, name, level.value, score, method, first)
                    metric, _, estimator = score.partition("/")
                    table.writerow(
                        [name, f"{level.value:g}", f"{level.alpha:g}", method, metric, estimator]
                        + [f"{number:.6g}" for number in numbers]
                    )
    return text.getvalue()


def _numbers(
    results: Results, suite: str, level: float, score: str, method: str, first: str
) -> list[float]:
    """The columns from the mean on, beside the leader ``first``."""
    found = results.summary(suite, level, method, score)
    apart = results.difference(suite, level, score, method, first)
    own = [found.mean, found.standard_deviation, found.standard_error, found.n, found.groups]
    return [*own, apart.mean, apart.standard_error]
