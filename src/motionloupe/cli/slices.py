"""``motionloupe slice``: a line of the picture, over time."""

from pathlib import Path
from typing import Annotated

import typer

from motionloupe.cli import options
from motionloupe.cli.console import Progress, say_result, warn

LineText = Annotated[
    str, typer.Option("--line", metavar="X1,Y1,X2,Y2", help="From where to where, in pixels.")
]
Target = Annotated[
    Path | None, typer.Option("--output", "-o", help="A PNG; by default VIDEO_slice.png, here.")
]


def command(
    videos: options.Videos,
    line: LineText,
    output: Target = None,
    label: options.Labels = None,
    fps: options.Fps = None,
    start: options.Start = None,
    end: options.End = None,
    scale: options.Scale = 1.0,
    force: options.Force = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Draw how a line of the picture changes with time.

    Time runs to the right: still things draw straight stripes, whatever moves draws a wave. Several
    videos are drawn below each other.

    Example: motionloupe slice before.mp4 after.mp4 --line 90,40,90,200
    """
    points = options.line(line)
    target = output or Path(f"{options.stem(videos[0])}_slice.png")

    from motionloupe.comparison import draw_slice

    with Progress(quiet) as progress:
        result = draw_slice(
            videos,
            target,
            points,
            label or None,
            force=force,
            progress=progress,
            fps=fps,
            start=start,
            end=end,
            scale=scale,
        )
    warn(result.warnings)
    say_result(result, quiet=quiet, as_json=as_json)
