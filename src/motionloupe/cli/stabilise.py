"""``motionloupe stabilise``: the camera's own motion out of a video."""

from pathlib import Path
from typing import Annotated

import typer

from motionloupe.cli import options
from motionloupe.cli.console import Progress, say_result

Target = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="A video or a folder; by default VIDEO_stabilised.mp4."),
]
Still = Annotated[
    str | None,
    typer.Option(metavar="X,Y,W,H", help="What stands still; else what most of the picture does."),
]


def command(
    video: options.Video,
    output: Target = None,
    reference: options.Reference = None,
    still: Still = None,
    start: options.Start = None,
    end: options.End = None,
    scale: options.Scale = 1.0,
    lossless: options.Lossless = False,
    depth: options.Depth = None,
    no_sound: options.NoSound = False,
    force: options.Force = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Draw every frame as the camera of the first would have seen it: as from a tripod.

    Example: motionloupe stabilise phone.mp4 --lossless -o still.mkv
    """
    box = options.parsed_box(still) if still else None
    name = f"{options.stem(video)}_stabilised{'.mkv' if lossless else '.mp4'}"

    from motionloupe.stabilisation import stabilise

    with Progress(quiet) as progress:
        result = stabilise(
            video,
            output or name,
            reference=reference,
            still=box,
            start=start,
            end=end,
            scale=scale,
            lossless=lossless,
            depth=depth,
            sound=not no_sound,
            force=force,
            progress=progress,
            warn=progress.warn,
        )
    say_result(result, quiet=quiet, as_json=as_json)
