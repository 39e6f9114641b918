"""``motionloupe inspect``: what a network has learned to see."""

from pathlib import Path
from typing import Annotated

import typer

from motionloupe.cli import options
from motionloupe.cli.console import say
from motionloupe.errors import UserError

Network = Annotated[str, typer.Argument(metavar="METHOD", help="oh2018.")]
Target = Annotated[Path, typer.Option("--output", "-o", help="A PNG.")]
Weights = Annotated[
    Path | None, typer.Option(help="A file of weights, instead of those that are shipped.")
]


def command(
    method: Network,
    output: Target = Path("kernels.png"),
    weights: Weights = None,
    force: options.Force = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Draw the filters that come nearest to a trained encoder, for shape and for texture.

    Example: motionloupe inspect oh2018 --weights oh2018.safetensors -o kernels.png
    """
    if method != "oh2018":
        raise UserError(f"what can be looked into is oh2018, found {method!r}")
    if output.suffix.lower() != ".png":
        raise UserError(f"the filters are drawn as .png, found {output.name}")
    from motionloupe.inspection import draw_kernels, encoder_kernels
    from motionloupe.magnifiers.oh2018 import Oh2018
    from motionloupe.networks.weights import find_weights
    from motionloupe.video.target import check_target

    source = find_weights(method, weights)
    check_target(output, source, force=force)
    found = encoder_kernels(Oh2018(weights=source).network)
    draw_kernels(output, found, f"Linear approximation of the encoder in {source.name}")
    shares = {
        name: sorted(each.constant_shares.tolist())[len(each.constant_shares) // 2]
        for name, each in found.items()
    }
    lines = [str(output)]
    lines += [
        f"{name}: {len(found[name].kernels)} kernels, |sum| over sum of magnitudes {share:.2f} "
        "(median; 0 for a derivative, 1 for a blur)"
        for name, share in shares.items()
    ]
    record = {"output": output, "weights": source, "constant_share": shares}
    say(lines, record, quiet=quiet, as_json=as_json)
