"""``motionloupe train``: a network of one of the papers, on synthetic scenes."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from motionloupe.cli import options
from motionloupe.cli.console import say
from motionloupe.errors import UserError

TaskName = Annotated[str, typer.Argument(metavar="METHOD", help="oh2018 or flowmag.")]
ConfigName = Annotated[
    str, typer.Option("--config", "-c", help="small, paper, or a TOML file; see the docs.")
]
Backgrounds = Annotated[Path, typer.Option(help="Folder of photographs; COCO or VOC too.")]
Objects = Annotated[
    Path, typer.Option(help="Folder of cut-outs with transparency; COCO or VOC too.")
]
Output = Annotated[
    Path, typer.Option("--output", "-o", help="Folder of the run; a stopped run goes on in it.")
]


def command(
    method: TaskName,
    backgrounds: Backgrounds,
    objects: Objects,
    output: Output,
    config: ConfigName = "small",
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Train a network; stop it whenever you like and run the same command to go on.

    A part of the files, chosen by name, is held out to validate on. Under torchrun each process
    takes its share of every batch.

    Example: motionloupe train oh2018 --backgrounds photos --objects cutouts -o runs/oh
    """
    from motionloupe.training.config import load_config
    from motionloupe.training.loop import WEIGHTS, train
    from motionloupe.training.samples import held_out_scenes, training_scenes

    if method not in ("oh2018", "flowmag"):
        raise UserError(f"what can be trained is oh2018 and flowmag, found {method!r}")
    chosen = load_config(method, config)  # type: ignore[arg-type]  # one of the two
    samples = training_scenes(chosen, backgrounds, objects)
    held_out = held_out_scenes(chosen, backgrounds, objects)
    about = (
        f"synthetic scenes from {len(samples.scenes.backgrounds)} photographs and "
        f"{len(samples.scenes.objects)} cut-outs"
    )
    train(chosen, samples, held_out, output, about_data=about, tell=_silent if quiet else _tell)
    record = {"output": str(output), "weights": str(output / WEIGHTS)}
    say([f"{output / WEIGHTS}: trained"], record, quiet=quiet, as_json=as_json)


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _silent(line: str) -> None:
    pass
