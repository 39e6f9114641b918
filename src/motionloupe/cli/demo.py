"""``motionloupe demo``: a scene with known motion, magnified and measured."""

from pathlib import Path
from typing import Annotated

import typer

from motionloupe.cli import options
from motionloupe.cli.console import Progress, say, warn

Source = Annotated[str | None, typer.Argument(help="Your own video; without it, a scene is made.")]
Folder = Annotated[Path, typer.Option("--output", "-o", help="The folder to write into.")]


def command(
    video: Source = None,
    output: Folder = Path("motionloupe-demo"),
    force: options.Force = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Magnify a scene whose motion is known, and measure it.

    A cup in a photograph trembles by a fifth of a pixel. With VIDEO, that is magnified instead.
    Writes the video, a side by side and a slice over time.

    Example: motionloupe demo --output demo
    """
    from motionloupe.demo import run

    with Progress(quiet) as progress:
        report = run(output, video, force=force, progress=progress)
    warn(report.warnings)
    say(report.lines(), report.record(), quiet=quiet, as_json=as_json)
