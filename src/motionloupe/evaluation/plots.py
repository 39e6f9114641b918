"""Curves of every method over a suite's levels, as in the papers' figures."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from motionloupe.evaluation.judge import title
from motionloupe.evaluation.results import Results
from motionloupe.evaluation.suites import Suite
from motionloupe.views import write_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SHOWN = ("ssim", "motion_gap", "gain", "motion_error", "magnification_error", "end_point_error")
_COLUMNS = 3
_CHECKS = {"input": ("0.5", "--"), "truth": ("black", "-"), "broken": ("0.75", ":")}


def draw_curves(path: Path, results: Results, name: str, suite: Suite) -> None:
    """One panel for each score, one line for each contestant, bands of one standard error.

    A PNG that appears complete or not at all. Raises UserError where it cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    scores = [score for score in results.scores(name) if score.partition("/")[0] in _SHOWN]
    scores.sort(key=lambda score: _SHOWN.index(score.partition("/")[0]))
    rows = -(-len(scores) // _COLUMNS)
    figure = Figure(figsize=(4.6 * _COLUMNS, 3.5 * rows + 0.5), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    for number, score in enumerate(scores):
        axes = figure.add_subplot(rows, _COLUMNS, number + 1)
        _draw_panel(axes, results, name, score)
        axes.set_xlabel(suite.axis)
        axes.set_xscale("log" if suite.log else "linear")
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=8)
    figure.suptitle(f"{name}: {suite.line}", size=11)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_figure(figure, path)


def _draw_panel(axes: "Axes", results: Results, name: str, score: str) -> None:
    levels = np.array(results.levels(name))
    shown: list[float] = []  # broken may leave the panel
    for number, method in enumerate(results.methods(name)):
        colour, dashes = _CHECKS.get(method, (f"C{number % 10}", "-"))
        found = [results.summary(name, level, method, score) for level in levels]
        means = np.array([each.mean for each in found])
        errors = np.nan_to_num(np.array([each.standard_error for each in found]))
        shown += [] if method == "broken" else list(means[np.isfinite(means)])
        axes.plot(levels, means, dashes, color=colour, label=method, marker=".", lw=1.4)
        axes.fill_between(levels, means - errors, means + errors, color=colour, alpha=0.15, lw=0)
    axes.set_title(title(score), size=9)
    axes.grid(alpha=0.3)
    if score.startswith("magnification_error"):
        axes.set_yscale("log")
    elif shown:
        low, high = min(shown), max(shown)
        axes.set_ylim(low - 0.06 * (high - low), high + 0.06 * (high - low) + 1e-6)
