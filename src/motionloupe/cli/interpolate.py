"""``motionloupe interpolate``: frames between frames."""

from pathlib import Path
from typing import Annotated

import typer

from motionloupe.cli import options
from motionloupe.cli.console import Progress, say_result, warn
from motionloupe.errors import UserError

Target = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", help="A video or a folder; by default VIDEO_interpolated_xFACTOR.mp4."
    ),
]
Factor = Annotated[int, typer.Option(help="Frames for each frame, 2 to 100.")]
Method = Annotated[
    str | None, typer.Option("--method", "-m", help="Any that takes two frames; warp-bilinear.")
]
Weights = Annotated[
    Path | None, typer.Option(help="Weights of a learned method; they say which it is.")
]


def command(
    video: options.Video,
    output: Target = None,
    factor: Factor = 5,
    method: Method = None,
    weights: Weights = None,
    fps: options.Fps = None,
    start: options.Start = None,
    end: options.End = None,
    scale: options.Scale = 1.0,
    lossless: options.Lossless = False,
    depth: options.Depth = None,
    no_sound: options.NoSound = False,
    device: options.Device = "cpu",
    settings: options.Settings = None,
    force: options.Force = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Draw frames between the frames: same length and sound, FACTOR times the frame rate.

    Example: motionloupe interpolate bridge.mp4 --factor 4 -o smooth.mp4
    """
    from motionloupe.interpolation import interpolate
    from motionloupe.magnifiers.between import DEFAULT_METHOD

    if weights is not None and method is None and settings:
        raise UserError("--set is for a method's own options: give --method too")
    own = options.method_options(method or DEFAULT_METHOD, settings or [])
    if "weights" in own:
        if weights is not None:
            raise UserError("the weights are named twice, by --weights and by --set: leave one")
        weights = Path(own.pop("weights"))
    name = f"{options.stem(video)}_interpolated_x{factor}{'.mkv' if lossless else '.mp4'}"
    with Progress(quiet) as progress:
        result = interpolate(
            video,
            output or name,
            factor=factor,
            method=method,
            weights=weights,
            fps=fps,
            start=start,
            end=end,
            scale=scale,
            lossless=lossless,
            depth=depth,
            sound=not no_sound,
            force=force,
            device=device,
            progress=progress,
            **own,
        )
    warn(result.warnings)
    say_result(result, quiet=quiet, as_json=as_json)
