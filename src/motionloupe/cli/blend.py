"""``motionloupe blend``: the mean of two trainings of one network."""

from pathlib import Path
from typing import Annotated

import typer

from motionloupe.cli import options
from motionloupe.cli.console import say

First = Annotated[Path, typer.Argument(metavar="FIRST", help="A file of weights, or their name.")]
Second = Annotated[Path, typer.Argument(metavar="SECOND", help="Others, of the same network.")]
Target = Annotated[Path, typer.Option("--output", "-o", help="A .safetensors file.")]
Share = Annotated[
    float, typer.Option(help="How much of the mean is the second's, between 0 and 1.")
]


def command(
    first: First,
    second: Second,
    output: Target,
    share: Share = 0.5,
    force: options.Force = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Write the mean of two files of weights, often better than either stage of a training.

    Example: motionloupe blend flowmag after.safetensors --share 0.65 -o both.safetensors
    """
    from motionloupe.networks.weights import blend_weights
    from motionloupe.stored import check_weights_name
    from motionloupe.video.target import check_target

    check_weights_name(output)
    for source in (first, second):
        check_target(output, source, force=force)
    blend_weights(first, second, share, output)
    record = {"output": output, "first": first, "second": second, "share": share}
    say([str(output)], record, quiet=quiet, as_json=as_json)
