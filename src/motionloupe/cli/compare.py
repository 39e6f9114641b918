"""``motionloupe compare``: videos beside each other."""

from pathlib import Path
from typing import Annotated

import typer

from motionloupe.cli import options
from motionloupe.cli.console import Progress, say_result, warn

Target = Annotated[
    Path, typer.Option("--output", "-o", help="The video to write, or a folder for images.")
]


def command(
    videos: options.Videos,
    output: Target = Path("comparison.mp4"),
    label: options.Labels = None,
    start: options.Start = None,
    end: options.End = None,
    scale: options.Scale = 1.0,
    no_sound: options.NoSound = False,
    force: options.Force = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Show videos beside each other under their names.

    The result is as long as the shortest and has the first one's rate and sound.

    Example: motionloupe compare before.mp4 after.mp4 -o both.mp4
    """
    from motionloupe.comparison import compare

    with Progress(quiet) as progress:
        result = compare(
            videos,
            output,
            label or None,
            sound=not no_sound,
            force=force,
            progress=progress,
            start=start,
            end=end,
            scale=scale,
        )
    warn(result.warnings)
    say_result(result, quiet=quiet, as_json=as_json)
