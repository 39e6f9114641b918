"""``motionloupe bench``: every method on the papers' suites, in one report."""

import re
import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from motionloupe.cli import options, stocks
from motionloupe.cli.console import Progress, say, warn
from motionloupe.errors import UserError

if TYPE_CHECKING:
    from motionloupe.evaluation.cases import Suite
    from motionloupe.evaluation.run import Outcome, Plan

SuiteNames = Annotated[
    str,
    typer.Argument(
        metavar="SUITE",
        help="all that there is material for, or some with commas: subpixel,noise,noise-subpixel,"
        "alpha,mixed,compressed,plain,input-motion,magnified-motion,still,temporal,pairs,noise-real,"
        "physical.",
    ),
]
Output = Annotated[
    Path, typer.Option("--output", "-o", help="Folder of the report; a stopped run goes on in it.")
]
Scenes = Annotated[
    Path | None, typer.Option(help="Folder that holds the folders backgrounds and objects.")
]
Backgrounds = Annotated[Path | None, typer.Option(help="Folder of photographs; COCO or VOC too.")]
Objects = Annotated[
    Path | None, typer.Option(help="Folder of cut-outs with transparency; COCO or VOC too.")
]
Pairs = Annotated[Path | None, typer.Option(help="Folder of real pairs that curate wrote.")]
Clips = Annotated[Path | None, typer.Option(help="Folder of real videos, for noise-real.")]
Video = Annotated[Path | None, typer.Option(help="A video whose motion a sensor read too.")]
Reference = Annotated[
    Path | None,
    typer.Option(help="CSV of that sensor: seconds, and displacement, velocity or acceleration."),
]
Box = Annotated[str | None, typer.Option(help="X,Y,W,H: where the sensor sits in the video.")]
Band = Annotated[
    tuple[float, float] | None, typer.Option(help="LOW HIGH in hertz: magnify and compare these.")
]
Split = Annotated[str, typer.Option(help="Files to use: test (held out by name), train or all.")]
Methods = Annotated[
    str | None,
    typer.Option(
        help="Rows, with commas: all, or methods; 'warp-bilinear[inpaint=none]' is a variant."
    ),
]
Weights = Annotated[
    list[str] | None,
    typer.Option(help="NAME=FILE: a row for these weights, under this name; repeatable."),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", help="METHOD.NAME=VALUE of a method's own options; repeatable."),
]
Estimators = Annotated[
    str | None,
    typer.Option(help="Flow estimators to measure motion with, commas between."),
]
Count = Annotated[int | None, typer.Option("--count", "-n", help="Scenes for each level.")]
Size = Annotated[str | None, typer.Option(help="W,H of the scenes in pixels.")]
Seed = Annotated[int, typer.Option(help="Equal seeds give equal scenes.")]
LargestAlpha = Annotated[float | None, typer.Option(help="Cap the suites' factors.")]
Lpips = Annotated[bool, typer.Option("--lpips", help="Score LPIPS too (motionloupe[lpips]).")]
Workers = Annotated[
    int | None,
    typer.Option(
        help="Processes that share the scenes; each processor under --quick, else 1, which "
        "measures speed best."
    ),
]
Quick = Annotated[bool, typer.Option("--quick", help="A minute's look: one small scene, 3 levels.")]

_COUNT, _SIZE = 20, "384,384"
_QUICK_COUNT, _QUICK_SIZE, _QUICK_LEVELS = 1, "96,96", 3


def command(
    suite: SuiteNames,
    output: Output,
    scenes: Scenes = None,
    backgrounds: Backgrounds = None,
    objects: Objects = None,
    pairs: Pairs = None,
    clips: Clips = None,
    video: Video = None,
    reference: Reference = None,
    box: Box = None,
    band: Band = None,
    fps: options.Fps = None,
    split: Split = "test",
    methods: Methods = None,
    weights: Weights = None,
    settings: Set = None,
    estimators: Estimators = None,
    count: Count = None,
    size: Size = None,
    seed: Seed = 0,
    largest_alpha: LargestAlpha = None,
    lpips: Lpips = False,
    workers: Workers = None,
    quick: Quick = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Compare every method on synthetic scenes with exact truth, and on real footage.

    The suites are the papers'. Writes report.md, results.csv, plots and strips. What the folder
    holds already is kept.

    Example: motionloupe bench subpixel --scenes pictures -o report
    """
    from motionloupe.evaluation.contestants import contestants
    from motionloupe.evaluation.run import Plan

    given = stocks.Given(scenes, backgrounds, objects, pairs, clips, video, reference, box, fps)
    where = stocks.given(given, split, size or (_QUICK_SIZE if quick else _SIZE), seed)
    asked = _suites(suite, where, band, largest_alpha, quick)
    rows, settled = _rows(methods, settings or [])
    plan = Plan(
        suites=asked,
        contestants=contestants(rows, settled, _files(weights or [])),
        estimators=_names(estimators) if estimators else _estimators(quick),
        stocks=where.stocks,
        count=(_QUICK_COUNT if quick else _COUNT) if count is None else count,
        about=where.about,
        perceptual=lpips,
    )
    report, outcome = _carried_out(plan, output, workers, quick, quiet)
    record = {"report": report, "answers": outcome.made, "seconds": outcome.seconds}
    line = f"{report}: {outcome.made} answers in {outcome.seconds:.0f} s"
    say([line], record, quiet=quiet, as_json=as_json)


def _carried_out(
    plan: "Plan", output: Path, workers: int | None, quick: bool, quiet: bool
) -> "tuple[Path, Outcome]":
    from motionloupe.evaluation.report import write_report
    from motionloupe.evaluation.run import run
    from motionloupe.evaluation.strips import draw_strips
    from motionloupe.evaluation.workers import cores

    workers = (cores() if quick else 1) if workers is None else workers
    with Progress(quiet, "answers") as progress:
        outcome = run(plan, output, progress=progress, workers=workers)
    strips = {
        name: draw_strips(
            output / "strips",
            name,
            suite.thinned(1) if quick else suite,
            plan.players(suite),
            plan.stock(suite),
        )
        for name, suite in plan.suites.items()
        if not (quick and suite.sequence)
    }
    words = shlex.join(["motionloupe", *sys.argv[1:]])
    report = write_report(plan, outcome, output, command=words, strips=strips, svg=not quick)
    return report, outcome


def _suites(
    names: str,
    where: stocks.Stocked,
    band: tuple[float, float] | None,
    largest_alpha: float | None,
    quick: bool,
) -> "dict[str, Suite]":
    from motionloupe.evaluation.signals import FEWEST
    from motionloupe.evaluation.suites import suites

    material: Any = where.stocks.get("scenes")
    objects = material is None or len(material.objects) > 0
    asked = suites(_names(names), where.stocks, objects=objects)
    if band is not None:
        if "physical" not in asked:
            raise UserError("--band is for the suite physical; the suite temporal has its own")
        asked["physical"] = replace(asked["physical"], band=band)
    if "physical" in asked:
        recording: Any = where.stocks["recording"]
        recorded = recording.recorded(asked["physical"].band)
        if recorded.frequencies < FEWEST:
            warn([recorded.told])
    if largest_alpha is not None:
        if not largest_alpha > 0:
            raise UserError(f"the largest alpha must be above 0, found {largest_alpha:g}")
        asked = {name: each.capped(largest_alpha) for name, each in asked.items()}
    if quick:
        asked = {n: s.thinned(1 if s.sequence else _QUICK_LEVELS) for n, s in asked.items()}
    return asked


def _names(text: str) -> list[str]:
    """What stands between commas, those in brackets apart."""
    return [name.strip() for name in re.split(r",(?![^\[]*\])", text) if name.strip()]


def _rows(
    methods: str | None, settings: Sequence[str]
) -> tuple[list[str] | None, dict[str, dict[str, Any]]]:
    """The rows to bench, None for one of each method, and their options."""
    from motionloupe.magnifiers import METHODS

    settled = _options(settings)
    if methods is None:
        return None, settled
    rows: list[str] = []
    for row in _names(methods):
        rows += list(METHODS) if row == "all" else [row]
        if "[" in row:
            inside = row.partition("[")[2]
            if not inside.endswith("]"):
                raise UserError(f"a variant is written METHOD[NAME=VALUE,...], found {row!r}")
            settled[row] = _own(row, inside[:-1].split(","))
    return rows, settled


def _options(settings: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Texts METHOD.NAME=VALUE -> each method's options."""
    texts: dict[str, list[str]] = {}
    for setting in settings:
        method, dot, rest = setting.partition(".")
        if not dot or "=" not in rest:
            raise UserError(f"--set takes METHOD.NAME=VALUE, found {setting!r}")
        texts.setdefault(method.strip(), []).append(rest)
    return {method: _own(method, each) for method, each in texts.items()}


def _own(row: str, settings: list[str]) -> dict[str, Any]:
    """Texts NAME=VALUE -> the own options of a row's method."""
    from motionloupe.evaluation.contestants import method_of, own_options

    method = method_of(row)
    return options.method_options(method, settings, own_options(method))


def _files(weights: Sequence[str]) -> dict[str, Path]:
    named = {}
    for text in weights:
        name, equals, path = text.partition("=")
        if not (equals and name and path):
            raise UserError(f"--weights takes NAME=FILE, found {text!r}")
        named[name] = Path(path)
    return named


def _estimators(quick: bool) -> list[str]:
    """Lucas-Kanade and, unless in haste, one that has learned."""
    from motionloupe.flow import FALLBACK, default_flow

    return [FALLBACK] if quick else [FALLBACK, default_flow()]
