"""``motionloupe curate``: pairs of real frames that are worth learning from."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from motionloupe.cli import options
from motionloupe.cli.console import Progress, say, warn
from motionloupe.errors import UserError

if TYPE_CHECKING:
    from motionloupe.data.curate import Count

Videos = Annotated[
    list[str], typer.Argument(help="Videos, folders of frames, or folders that hold such.")
]
Output = Annotated[
    Path, typer.Option("--output", "-o", help="Folder of the pairs; a stopped run goes on in it.")
]
Strides = Annotated[str, typer.Option(help="Frames from a pair's first to its second.")]
Every = Annotated[
    int, typer.Option(help="Frames from the beginning of a pair to that of the next.")
]
Side = Annotated[int, typer.Option(help="Reduce frames whose longer side has more pixels.")]
FlowSide = Annotated[int, typer.Option(help="Reduce them further to measure their motion.")]
TestShare = Annotated[float, typer.Option(help="Share of the videos to hold out, by their name.")]
Flow = Annotated[
    str, typer.Option(help="Estimator of the motion: lucas-kanade, raft-small or raft-large.")
]
Iterations = Annotated[
    int | None, typer.Option(help="Of the estimator, instead of its own number.")
]
LeastChange = Annotated[
    float, typer.Option(help="Mean squared difference of the frames to exceed, levels of 255.")
]
RestMotion = Annotated[float, typer.Option(help="The stillest 0.01 % moves at most so far, in px.")]
BulkMotion = Annotated[float, typer.Option(help="80 % of the picture moves at most so far, in px.")]
LargestMotion = Annotated[
    float, typer.Option(help="99.9 % of the picture moves at most so far, in px.")
]


def command(
    videos: Videos,
    output: Output,
    strides: Strides = "1,5",
    every: Every = 2,
    side: Side = 512,
    flow_side: FlowSide = 256,
    test_share: TestShare = 0.1,
    flow: Flow = "lucas-kanade",
    iterations: Iterations = None,
    least_change: LeastChange = 10.0,
    rest_motion: RestMotion = 0.1,
    bulk_motion: BulkMotion = 2.0,
    largest_motion: LargestMotion = 20.0,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Collect pairs of frames with small motion from real video, to train and to judge with.

    Stop it whenever you like and run it again, also with more videos.

    Example: motionloupe curate footage -o pairs
    """
    from motionloupe.data.clips import find_clips
    from motionloupe.data.curate import Estimator, Rules, curate, summary
    from motionloupe.flow import load_flow

    rules = Rules(
        strides=_numbers(strides),
        every=every,
        side=side,
        flow_side=flow_side,
        test_share=test_share,
        least_change=least_change,
        rest_motion=rest_motion,
        bulk_motion=bulk_motion,
        largest_motion=largest_motion,
    )
    clips = find_clips(videos)
    settings: dict[str, Any] = {} if iterations is None else {"iterations": iterations}
    estimator = Estimator(load_flow(flow, **settings), flow, iterations)
    with Progress(quiet, "videos") as progress:
        done = curate(clips, output, rules, estimator, progress=progress)
    counts = summary(output)
    warn(done.warnings)
    kept = sum(count.kept for count in counts)
    there = f", {done.done_before} were done before" if done.done_before else ""
    lines = [
        f"{output}: {kept} pairs kept; {done.read} videos read{there}",
        *(_table(counts) if counts else ()),
    ]
    if {count.split for count in counts} == {"train"}:
        lines.append("no video is held out: add videos, or begin anew with a larger --test-share")
    record = {
        "output": str(output),
        **done._asdict(),
        "kept": kept,
        "counts": [count._asdict() for count in counts],
    }
    say(lines, record, quiet=quiet, as_json=as_json)


def _table(counts: "list[Count]") -> list[str]:
    """The summary, in columns."""
    rows = [list(counts[0]._fields), *([str(cell) for cell in count] for count in counts)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise UserError(
            f"--strides takes whole numbers with commas between, found {text!r}"
        ) from None
