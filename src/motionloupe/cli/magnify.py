"""``motionloupe magnify``: from file to file."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from motionloupe.cli import focus, options
from motionloupe.cli.adapt import chosen
from motionloupe.cli.console import Progress, say_result, teller
from motionloupe.errors import UserError
from motionloupe.magnifiers import DEFAULT_ALPHA, DEFAULT_METHOD

Target = Annotated[
    Path | None,
    typer.Argument(help="A video or a folder; by default VIDEO_METHOD_xALPHA.mp4, here."),
]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="The same, as other commands take it.")
]
Method = Annotated[str, typer.Option("--method", "-m", help="See motionloupe methods.")]
Alpha = Annotated[
    float, typer.Option("--alpha", "-a", help="Total factor: 1 changes nothing, 0 freezes.")
]
Mode = Annotated[
    str, typer.Option(help="static: against the first frame; dynamic: against the previous one.")
]
Band = Annotated[
    tuple[float, float] | None,
    typer.Option(metavar="LOW HIGH", help="Magnify only these frequencies, in hertz."),
]
Filter = Annotated[str | None, typer.Option(help="For the band: fir, butterworth, iir or ideal.")]
SideBySide = Annotated[
    bool, typer.Option("--side-by-side", help="Write input and result beside each other, too.")
]
Slice = Annotated[
    str | None,
    typer.Option("--slice", metavar="X1,Y1,X2,Y2", help="Draw this line over time, too."),
]
Adapt = Annotated[
    str | None,
    typer.Option(
        metavar="STEPS|MINUTESmin", help="First let flowmag learn from this video: 100, or 2min."
    ),
]


def command(
    video: options.Video,
    target: Target = None,
    output: Output = None,
    method: Method = DEFAULT_METHOD,
    alpha: Alpha = DEFAULT_ALPHA,
    mode: Mode = "static",
    band: Band = None,
    filter: Filter = None,
    reference: options.Reference = None,
    stabilise: options.Stabilise = False,
    still: options.Still = None,
    mask: focus.Masks = None,
    box: focus.Boxes = None,
    point: focus.Points = None,
    sam: focus.Sam = None,
    dilate: focus.Dilate = None,
    feather: focus.Feather = None,
    outside: focus.Outside = None,
    background: focus.Background = None,
    follow: focus.Follow = False,
    fps: options.Fps = None,
    start: options.Start = None,
    end: options.End = None,
    scale: options.Scale = 1.0,
    lossless: options.Lossless = False,
    depth: options.Depth = None,
    no_sound: options.NoSound = False,
    device: options.Device = "cpu",
    side_by_side: SideBySide = False,
    slice_line: Slice = None,
    settings: options.Settings = None,
    adapt: Adapt = None,
    force: options.Force = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Magnify the motion of a video; all else stays as it is.

    Example: motionloupe magnify guitar.mp4 -a 25 --fps 600 --band 72 92
    """
    if adapt is not None and method != "flowmag":
        raise UserError(f"only flowmag adapts to a video, not {method}")
    if target and output:
        raise UserError(f"the output is named twice, {target} and {output}: leave one away")
    own = options.method_options(method, settings or [])
    name = f"{options.stem(video)}_{method}_x{alpha:g}{'.mkv' if lossless else '.mp4'}"
    choices: dict[str, Any] = {"method": method, "alpha": alpha, "mode": mode, "band": band}
    choices |= {"filter": filter, "reference": reference, "device": device, "depth": depth}
    choices["stabilise"] = options.steadied(stabilise, still)
    choices |= {"fps": fps, "start": start, "end": end, "scale": scale}
    choices |= {"lossless": lossless, "sound": not no_sound, "force": force}
    choices["focus"] = focus.focus(
        mask,
        box,
        point,
        sam=sam,
        dilate=dilate,
        feather=feather,
        outside=outside,
        background=background,
        follow=follow,
    )
    choices |= {"slice_line": options.line(slice_line) if slice_line else None}

    from motionloupe.pipeline import magnify

    with ExitStack() as stack:
        progress = stack.enter_context(Progress(quiet))
        if adapt is not None:
            learning = _adapted(video, adapt, quiet, own, choices, progress.warn)
            choices["prepare"] = lambda: {"weights": stack.enter_context(learning)}
        result = magnify(
            video,
            target or output or name,
            side_by_side=side_by_side,
            progress=progress,
            warn=progress.warn,
            **choices,
            **own,
        )
    say_result(result, quiet=quiet, as_json=as_json)


@contextmanager
def _adapted(
    video: str,
    limit: str,
    quiet: bool,
    own: dict[str, Any],
    choices: dict[str, Any],
    warn: Callable[[str], None],
) -> Iterator[Path]:
    """Weights of flowmag that have learned from the video, for as long as they are needed."""
    from motionloupe.networks.weights import find_weights
    from motionloupe.training.adaptation import adapt

    begin = find_weights("flowmag", own.get("weights"))
    focus = choices["focus"]
    largest = choices["alpha"] if focus is None else focus.largest(choices["alpha"])
    wanted = chosen(limit, largest)
    same = ("reference", "stabilise", "fps", "start", "end", "scale", "device")
    cut = {name: choices[name] for name in same}
    with TemporaryDirectory(prefix="motionloupe-") as folder:
        done = adapt(
            video, begin, Path(folder) / "adapted.safetensors", wanted, tell=teller(quiet), **cut
        )
        for text in done.warnings:
            warn(text)
        yield done.path
