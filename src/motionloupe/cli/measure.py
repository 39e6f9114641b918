"""``motionloupe measure``: how parts of a video move, in pixels and hertz."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from motionloupe.cli import options
from motionloupe.cli.console import Progress, say, warn

if TYPE_CHECKING:
    from motionloupe.movements import Movement

Boxes = Annotated[
    list[str] | None,
    typer.Option(
        "--box", metavar="X,Y,W,H", help="What to measure; repeatable; else what moves most."
    ),
]
Target = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="A .csv; by default VIDEO_motion.csv. A .png goes beside."),
]


def command(
    video: options.Video,
    box: Boxes = None,
    output: Target = None,
    reference: options.Reference = None,
    stabilise: options.Stabilise = False,
    still: options.Still = None,
    fps: options.Fps = None,
    start: options.Start = None,
    end: options.End = None,
    force: options.Force = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Measure how parts of a video move, to some thousandths of a pixel, and how fast they swing.

    Writes a table, seconds and pixels to the right (dx) and down (dy), and a drawing of it with the
    spectrum. Each box has one motion: draw it on one solid thing that has texture.

    Example: motionloupe measure bridge.mp4 --box 165,20,120,120 --box 470,20,120,120
    """
    boxes = [options.parsed_box(text) for text in box or []]
    steady = options.steadied(stabilise, still)
    target = output or Path(f"{options.stem(video)}_motion.csv")

    from motionloupe.vibrometry import measure

    with Progress(quiet) as progress:
        found = measure(
            video,
            boxes,
            target=target,
            reference=reference,
            stabilise=steady,
            fps=fps,
            start=start,
            end=end,
            force=force,
            progress=progress,
        )
    warn(found.warnings)
    lines = [line for movement in found.movements for line in _described(movement)]
    lines += [str(path) for path in found.files.values()]
    record = {
        "boxes": [_record(movement) for movement in found.movements],
        "warnings": found.warnings,
        "files": {name: str(path) for name, path in found.files.items()},
    }
    say(lines, record, quiet=quiet, as_json=as_json)


def _described(movement: "Movement") -> list[str]:
    from motionloupe.movements import typed

    named = f"box {typed(movement.box)}"
    if not movement.tones:
        return [f"{named}: {movement.spread:.3f} px (RMS), no frequency stands out"]
    return [
        f"{named}: {tone.frequency:.4g} Hz, {tone.across:.3f} px across and {tone.down:.3f} px "
        f"down (standard error {tone.error:.1g} px)"
        for tone in movement.tones
    ]


def _record(movement: "Movement") -> dict[str, Any]:
    return {
        "box": movement.box,
        "frames": len(movement.track.seconds),
        "measured": len(movement.measured.seconds),
        "spread": movement.spread,
        "tones": [asdict(tone) for tone in movement.tones],
    }
