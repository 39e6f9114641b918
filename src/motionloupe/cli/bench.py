"""``motionloupe bench``: every method on the papers' suites, in one report."""

import hashlib
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from motionloupe.cli import options
from motionloupe.cli.console import Progress, say
from motionloupe.errors import UserError

if TYPE_CHECKING:
    from motionloupe.evaluation.suites import Suite

SuiteNames = Annotated[
    str,
    typer.Argument(
        metavar="SUITE",
        help="all, or some with commas: subpixel,noise,noise-subpixel,alpha,input-motion,"
        "magnified-motion,still,temporal.",
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
Split = Annotated[str, typer.Option(help="Files to use: test (held out by name), train or all.")]
Methods = Annotated[str | None, typer.Option(help="Some methods with commas, instead of all.")]
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
Quick = Annotated[
    bool, typer.Option("--quick", help="A minute's look: few small scenes, 3 levels.")
]

_COUNT, _SIZE = 20, "384,384"
_QUICK_COUNT, _QUICK_SIZE, _QUICK_LEVELS = 1, "128,128", 3


def command(
    suite: SuiteNames,
    output: Output,
    scenes: Scenes = None,
    backgrounds: Backgrounds = None,
    objects: Objects = None,
    split: Split = "test",
    methods: Methods = None,
    weights: Weights = None,
    settings: Set = None,
    estimators: Estimators = None,
    count: Count = None,
    size: Size = None,
    seed: Seed = 0,
    largest_alpha: LargestAlpha = None,
    quick: Quick = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Compare every method on synthetic scenes with exact truth, after the papers' suites.

    Writes report.md, results.csv, plots and strips. What the folder holds already is kept.

    Example: motionloupe bench subpixel --scenes pictures -o report
    """
    from motionloupe.evaluation.contestants import contestants
    from motionloupe.evaluation.report import write_report
    from motionloupe.evaluation.run import Plan, run
    from motionloupe.evaluation.strips import draw_strips

    asked = _suites(suite, largest_alpha, quick)
    where = _folders(scenes, backgrounds, objects)
    side = size or (_QUICK_SIZE if quick else _SIZE)
    material, about = _material(where, split, side, seed)
    chosen = None if methods is None else _names(methods)
    plan = Plan(
        suites=asked,
        contestants=contestants(chosen, _options(settings or []), _files(weights or [])),
        estimators=_names(estimators) if estimators else _estimators(quick),
        material=material,
        count=(_QUICK_COUNT if quick else _COUNT) if count is None else count,
        about=about,
    )
    with Progress(quiet) as progress:
        outcome = run(plan, output, progress=progress)
    strips = {
        name: draw_strips(output / "strips", name, each, plan.players(each), material)
        for name, each in asked.items()
        if not (quick and each.sequence)
    }
    words = shlex.join(["motionloupe", *sys.argv[1:]])
    report = write_report(plan, outcome, output, command=words, strips=strips)
    record = {"report": report, "answers": outcome.made, "seconds": outcome.seconds}
    line = f"{report}: {outcome.made} answers in {outcome.seconds:.0f} s"
    say([line], record, quiet=quiet, as_json=as_json)


def _suites(names: str, largest_alpha: float | None, quick: bool) -> "dict[str, Suite]":
    from motionloupe.evaluation.suites import suites

    asked = suites(_names(names))
    if largest_alpha is not None:
        if not largest_alpha > 0:
            raise UserError(f"the largest alpha must be above 0, found {largest_alpha:g}")
        asked = {name: each.capped(largest_alpha) for name, each in asked.items()}
    if quick:
        asked = {n: s.thinned(1 if s.sequence else _QUICK_LEVELS) for n, s in asked.items()}
    return asked


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _folders(
    scenes: Path | None, backgrounds: Path | None, objects: Path | None
) -> tuple[Path, Path | None]:
    if scenes is not None:
        backgrounds = backgrounds or scenes / "backgrounds"
        objects = objects or scenes / "objects"
    if backgrounds is None:
        raise UserError(
            "give pictures to make scenes of: --scenes DIR with the folders backgrounds and "
            "objects in it, or --backgrounds DIR and --objects DIR"
        )
    return backgrounds, objects


def _material(
    where: tuple[Path, Path | None], split: str, size: str, seed: int
) -> tuple[Any, dict[str, str]]:
    """The pictures, and what the report says of them."""
    from motionloupe.data import folders
    from motionloupe.evaluation.suites import Material

    photographs = folders.backgrounds(where[0], split)  # type: ignore[arg-type]  # checked there
    cutouts: Any = folders.objects(where[1], split) if where[1] else []  # type: ignore[arg-type]
    about = {
        "backgrounds": f"{len(photographs)} from {where[0]}, split {split}",
        "objects": f"{len(cutouts)} from {where[1]}, split {split}" if where[1] else "none",
    }
    try:
        width, height = (int(side) for side in size.split(","))
    except ValueError:
        raise UserError(f"--size takes W,H in pixels, found {size!r}") from None
    names = "/".join([*photographs.names, "", *(cutouts.names if where[1] else [])])
    fingerprint = hashlib.sha256(names.encode()).hexdigest()
    return Material(photographs, cutouts, (width, height), seed, fingerprint), about


def _options(settings: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Texts METHOD.NAME=VALUE -> each method's options."""
    texts: dict[str, list[str]] = {}
    for setting in settings:
        method, dot, rest = setting.partition(".")
        if not dot or "=" not in rest:
            raise UserError(f"--set takes METHOD.NAME=VALUE, found {setting!r}")
        texts.setdefault(method.strip(), []).append(rest)
    return {method: options.method_options(method, each) for method, each in texts.items()}


def _files(weights: Sequence[str]) -> dict[str, Path]:
    named = {}
    for text in weights:
        name, equals, path = text.partition("=")
        if not (equals and name and path):
            raise UserError(f"--weights takes NAME=FILE, found {text!r}")
        named[name] = Path(path)
    return named


def _estimators(quick: bool) -> list[str]:
    """Lucas-Kanade, and RAFT-small where its weights are at hand."""
    from motionloupe.flow import FALLBACK, default_flow

    return [FALLBACK] if quick else list(dict.fromkeys([FALLBACK, default_flow()]))
