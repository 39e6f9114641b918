"""Curves of every method over a suite's levels, as in the papers' figures."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from motionloupe.evaluation.cases import Suite
from motionloupe.evaluation.judge import title
from motionloupe.evaluation.results import Results
from motionloupe.views import write_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SHOWN = (
    *("ssim", "motion_gap", "correlation", "gain", "phase_lag", "lpips"),
    *("motion_error", "magnification_error", "end_point_error", "photometric"),
)
_COLUMNS = 3
_PANEL = (4.6, 3.5)  # inches
_TOP, _BOTTOM = 0.75, 1.1  # inches
_SIZE = 8  # points: of the numbers below
_DIGIT, _GAP = 0.017, 0.02  # of a panel's width: a digit of them, and between two
_CHECKS = {"input": ("0.5", "--"), "truth": ("black", "-"), "broken": ("0.75", ":")}


def draw_curves(path: Path, results: Results, name: str, suite: Suite, *, svg: bool = True) -> None:
    """One panel for each score, one line for each contestant, bands of one standard error.

    A PNG, and an ``svg`` of the same name; they appear complete or not at all. Raises UserError
    where they cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    scores = [score for score in results.scores(name) if score.partition("/")[0] in _SHOWN]
    scores.sort(key=lambda score: _SHOWN.index(score.partition("/")[0]))
    rows = -(-len(scores) // _COLUMNS)
    height = _PANEL[1] * rows + _TOP + _BOTTOM
    figure = Figure(figsize=(_PANEL[0] * _COLUMNS, height), dpi=110)
    FigureCanvasAgg(figure)
    for number, score in enumerate(scores):
        axes = figure.add_subplot(rows, _COLUMNS, number + 1)
        _draw_panel(axes, results, name, score)
        axes.set_xlabel(suite.axis)
        if suite.log:
            _logarithmic(axes, results.levels(name))
        axes.minorticks_off()  # a third of the time of drawing
        _ticks_at(axes, results.levels(name))
    # By hand: matplotlib's own layouts take several times as long as the drawing.
    edges = {"bottom": _BOTTOM / height, "top": 1 - _TOP / height, "left": 0.05, "right": 0.985}
    figure.subplots_adjust(**edges, wspace=0.2, hspace=0.42)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="lower center", ncols=8)
    figure.suptitle(f"{name}: {suite.line}", size=11, y=1 - 0.15 / height)
    path.parent.mkdir(parents=True, exist_ok=True)
    for target in (path, path.with_suffix(".svg")) if svg else (path,):
        write_figure(figure, target)


def _logarithmic(axes: "Axes", levels: list[float]) -> None:
    above = [level for level in levels if level > 0]
    if len(above) == len(levels):
        axes.set_xscale("log")
    elif above:  # 0 stands one decade below the least
        axes.set_xscale("symlog", linthresh=min(above), linscale=0.5)
        axes.set_xlim(-0.3 * min(above), None)


def _ticks_at(axes: "Axes", levels: list[float]) -> None:
    """Ticks at the levels, as many as have room for their numbers."""
    axes.get_xlim()  # settles what the axis shows
    across = axes.transData + axes.transAxes.inverted()
    places = across.transform([(level, 1.0) for level in levels])[:, 0]
    texts = [f"{level:g}" for level in levels]
    shown = [0]
    for number, place in enumerate(places):
        room = _GAP + _DIGIT * (len(texts[number]) + len(texts[shown[-1]])) / 2
        if place - places[shown[-1]] >= room:
            shown.append(number)
    axes.set_xticks([levels[n] for n in shown], [texts[n] for n in shown], size=_SIZE)


def _draw_panel(axes: "Axes", results: Results, name: str, score: str) -> None:
    levels = np.array(results.levels(name))
    shown: list[float] = []  # broken may leave the panel
    for number, method in enumerate(results.methods(name)):
        colour, dashes = _CHECKS.get(method, (f"C{number % 10}", "-"))
        found = [results.summary(name, level, method, score) for level in levels]
        means = np.array([each.mean for each in found])
        errors = np.nan_to_num(np.array([each.standard_error for each in found]))
        shown += [] if method == "broken" else list(means[np.isfinite(means)])
        shown_as = method.replace("$", r"\$")  # or what lies between two is set as mathematics
        axes.plot(levels, means, dashes, color=colour, label=shown_as, marker=".", lw=1.4)
        axes.fill_between(levels, means - errors, means + errors, color=colour, alpha=0.15, lw=0)
    axes.set_title(title(score), size=9)
    axes.grid(alpha=0.3)
    if score.startswith("magnification_error"):
        axes.set_yscale("log")
    elif shown:
        low, high = min(shown), max(shown)
        axes.set_ylim(low - 0.06 * (high - low), high + 0.06 * (high - low) + 1e-6)
