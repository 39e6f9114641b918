"""``motionloupe train``: a network of one of the papers, on synthetic scenes or real pairs."""

import os
from pathlib import Path
from typing import Annotated

import typer

from motionloupe.cli import options
from motionloupe.cli.console import say, teller
from motionloupe.errors import UserError

TaskName = Annotated[str, typer.Argument(metavar="METHOD", help="oh2018, flowmag or flow.")]
ConfigName = Annotated[
    str,
    typer.Option(
        "--config", "-c", help="small, paper, for flowmag truth, mixed, flavr too, or a TOML file."
    ),
]
Backgrounds = Annotated[Path | None, typer.Option(help="Folder of photographs; COCO or VOC too.")]
Objects = Annotated[
    Path | None, typer.Option(help="Folder of cut-outs with transparency; COCO or VOC too.")
]
Pairs = Annotated[Path | None, typer.Option(help="Folder of pairs from `motionloupe curate`.")]
Clips = Annotated[Path | None, typer.Option(help="Folder of videos to draw pairs of frames from.")]
Output = Annotated[
    Path, typer.Option("--output", "-o", help="Folder of the run; a stopped run goes on in it.")
]


def command(
    method: TaskName,
    output: Output,
    backgrounds: Backgrounds = None,
    objects: Objects = None,
    pairs: Pairs = None,
    clips: Clips = None,
    config: ConfigName = "small",
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Train a network; stop it whenever you like and run the same command to go on.

    Synthetic scenes are made of --backgrounds and --objects; flowmag and flow (the estimator
    motion-finder, or pwc-lite) also learn from real frames, --pairs or --clips, alone or mixed with
    scenes. A part of the files, chosen by name, is held out to validate on. Under torchrun each
    process takes its share of every batch.

    Example: motionloupe train flowmag --backgrounds photos --objects cutouts -o run
    """
    from motionloupe.training.loop import WEIGHTS, train
    from motionloupe.training.material import gather
    from motionloupe.training.recipes import CONFIGS, load_config

    if method not in CONFIGS:
        raise UserError(f"what can be trained is oh2018, flowmag and flow, found {method!r}")
    chosen = load_config(method, config)
    material = gather(chosen, backgrounds=backgrounds, objects=objects, pairs=pairs, clips=clips)
    tell = teller(quiet)
    train(chosen, material.samples, material.held_out, output, about_data=material.about, tell=tell)
    if os.environ.get("RANK", "0") != "0":
        return  # of the processes that torchrun started, one speaks
    record = {"output": str(output), "weights": str(output / WEIGHTS)}
    say([f"{output / WEIGHTS}: trained"], record, quiet=quiet, as_json=as_json)
