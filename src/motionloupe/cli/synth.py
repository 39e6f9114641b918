"""``motionloupe synth``: synthetic scenes with exact truth, to files."""

import math
from pathlib import Path
from typing import Annotated, Any

import typer

from motionloupe.cli import options
from motionloupe.cli.console import Progress, say
from motionloupe.errors import UserError

Output = Annotated[Path, typer.Argument(help="Folder to write to; a stopped run goes on in it.")]
Backgrounds = Annotated[Path, typer.Option(help="Folder of photographs; COCO or VOC too.")]
Objects = Annotated[
    Path | None, typer.Option(help="Folder of cut-outs with transparency; COCO or VOC too.")
]
Count = Annotated[int, typer.Option("--count", "-n", help="How many scenes.")]
Size = Annotated[str, typer.Option(help="W,H in pixels.")]
Seed = Annotated[int, typer.Option(help="Equal seeds give equal scenes.")]
Parts = Annotated[
    str | None,
    typer.Option(help="Kinds of scene, of: moving,background,blurred,static,foreground,plain."),
]
Motion = Annotated[str | None, typer.Option(help="LOW,HIGH in pixels.")]
Alpha = Annotated[str | None, typer.Option(help="LOW,HIGH of the factor.")]
Noise = Annotated[str | None, typer.Option(help="LOW,HIGH at mid grey, in levels of 255.")]
Turn = Annotated[float, typer.Option(help="Layers turn by up to so many degrees.")]
Growth = Annotated[float, typer.Option(help="Layers grow or shrink by up to this fraction.")]
Elastic = Annotated[float, typer.Option(help="Layers bend by up to so many pixels.")]
Compressed = Annotated[float, typer.Option(help="Share of scenes stored as H.264 in between.")]
Split = Annotated[str, typer.Option(help="Files to use: all, train or test (held out by name).")]


def command(
    output: Output,
    backgrounds: Backgrounds,
    objects: Objects = None,
    count: Count = 100,
    size: Size = "384,384",
    seed: Seed = 0,
    parts: Parts = None,
    motion: Motion = None,
    alpha: Alpha = None,
    noise: Noise = None,
    turn: Turn = 0.0,
    growth: Growth = 0.0,
    elastic: Elastic = 0.0,
    compressed: Compressed = 0.0,
    split: Split = "all",
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Make synthetic scenes: two frames, the true magnified one, and the exact flow.

    Example: motionloupe synth scenes --backgrounds photos --objects cutouts --count 100
    """
    from motionloupe.data import disk, folders
    from motionloupe.data.scenes import SceneConfig, Scenes

    width, height = (round(side) for side in _pair("--size", size))
    settings: dict[str, Any] = {
        "turn": turn,
        "growth": growth,
        "elastic": elastic,
        "compressed": compressed,
    }
    for name, text in (("motion", motion), ("alpha", alpha), ("noise", noise)):
        if text is not None:
            settings[name] = _pair(f"--{name}", text)
    if parts is not None:
        settings["parts"] = dict.fromkeys((part.strip() for part in parts.split(",")), 1.0)
    elif objects is None:
        settings["parts"] = {"background": 1.0, "blurred": 1.0}
    config = SceneConfig(size=(width, height), **settings)
    photographs = folders.backgrounds(backgrounds, split)  # type: ignore[arg-type]  # checked there
    cutouts = folders.objects(objects, split) if objects else []  # type: ignore[arg-type]
    about = {
        "backgrounds": str(backgrounds),
        "objects": str(objects) if objects else None,
        "split": split,
        "files": [len(photographs), len(cutouts)],
    }
    scenes = Scenes(photographs, cutouts, config, seed)
    with Progress(quiet, "scenes") as progress:
        written = disk.write_scenes(scenes, output, count, about=about, progress=progress)
    record = {"output": str(output), **written._asdict()}
    there = f", {written.kept} were there already" if written.kept else ""
    say([f"{output}: {written.made} scenes made{there}"], record, quiet=quiet, as_json=as_json)


def _pair(option: str, text: str) -> tuple[float, float]:
    try:
        first, second = (float(part) for part in text.split(","))
        if not (math.isfinite(first) and math.isfinite(second)):
            raise ValueError
    except ValueError:
        raise UserError(f"{option} takes two numbers with a comma, found {text!r}") from None
    return first, second
