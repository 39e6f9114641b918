"""``motionloupe adapt``: a trained FlowMag network learns from one video."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from motionloupe.cli import options
from motionloupe.cli.console import say, teller, warn
from motionloupe.errors import UserError

if TYPE_CHECKING:
    from motionloupe.training.adaptation import Adaptation

_MINUTE = "min"
_PRACTICE = 4.0  # factors down to so much less than the wanted one are practised

Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="Weights to write; by default VIDEO_adapted.safetensors."),
]
Weights = Annotated[
    Path | None, typer.Option(help="Weights to begin with; by default those that are shipped.")
]
Alpha = Annotated[
    float, typer.Option("--alpha", "-a", help="The factor that you are going to ask for.")
]
Limit = Annotated[
    str, typer.Option("--for", metavar="STEPS|MINUTESmin", help="When to stop: 100, or 2min.")
]
Estimator = Annotated[
    str | None,
    typer.Option(
        help="Optical flow to learn through: raft-small, or motion-finder where it has no weights."
    ),
]


def command(
    video: options.Video,
    output: Output = None,
    weights: Weights = None,
    limit: Limit = "2min",
    alpha: Alpha = 10.0,
    flow: Estimator = None,
    reference: options.Reference = None,
    stabilise: options.Stabilise = False,
    still: options.Still = None,
    fps: options.Fps = None,
    start: options.Start = None,
    end: options.End = None,
    scale: options.Scale = 1.0,
    device: options.Device = "cpu",
    force: options.Force = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Adapt FlowMag's network to a video; the weights fit further videos of the same scene.

    Example: motionloupe adapt bridge.mp4 -o bridge.safetensors
    """
    from motionloupe.networks.weights import find_weights
    from motionloupe.stored import check_weights_name
    from motionloupe.training.adaptation import adapt
    from motionloupe.video.target import check_target

    target = output or Path(f"{options.stem(video)}_adapted.safetensors")
    check_target(target, Path(video), force=force)
    check_weights_name(target)
    cut: dict[str, Any] = {"fps": fps, "start": start, "end": end, "scale": scale}
    cut |= {"reference": reference, "device": device}
    cut["stabilise"] = options.steadied(stabilise, still)
    begin = find_weights("flowmag", weights)
    wanted = chosen(limit, alpha, flow)
    done = adapt(video, begin, target, wanted, tell=teller(quiet), **cut)
    warn(done.warnings)
    text = (
        f"{done.path}: {done.steps} steps through {done.flow} in {done.seconds:.0f} s, loss on "
        f"held-out frames {done.before:.4g} -> {done.after:.4g}"
    )
    say([text], done._asdict(), quiet=quiet, as_json=as_json)


def chosen(limit: str, alpha: float, flow: str | None = None) -> "Adaptation":
    """Settings from "100" (steps) or "2min", and the factor that is wanted. Raises UserError."""
    from motionloupe.training.adaptation import Adaptation

    text = limit.strip().lower()
    try:
        if text.endswith(_MINUTE):
            end: dict[str, Any] = {"minutes": float(text.removesuffix(_MINUTE))}
        else:
            end = {"minutes": None, "steps": int(text)}
    except ValueError:
        raise UserError(
            f"adaptation ends after steps (100) or minutes (2min), not {limit!r}"
        ) from None
    top = min(max(alpha, 2.0), 16.0)
    return Adaptation(**end, alpha=(max(top / _PRACTICE, 1.5), top), flow=flow)
