"""What `flowmag` would gain by knowing more: its picture with the true motion and the true front.

    python -m benchmarks.ceiling --backgrounds PHOTOS --objects CUTOUTS --count 12 --alpha 16
    python -m benchmarks.ceiling ... --weights mine.safetensors --estimators lucas-kanade

The scenes are those of `bench mixed`, of pictures kept out of training. The network's own motion,
or its own order of what lies in front, is replaced by the scene's; what is missing then is due to
the splat, to the mending, and to the meter, which errs on what is guessed in holes. So the last row
has the truth in the holes of its own picture: neither frame shows what belongs there.
"""

import argparse
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from motionloupe.arrays import from_tensor, to_tensor
from motionloupe.data import folders
from motionloupe.data.config import SceneConfig
from motionloupe.data.scenes import Scene, Scenes
from motionloupe.evaluation.metrics import end_point_error, ssim
from motionloupe.evaluation.synthetic import LARGEST_MAGNIFIED
from motionloupe.flow import load_flow
from motionloupe.flow.base import FlowEstimator
from motionloupe.magnifiers import load
from motionloupe.magnifiers.base import Magnifier
from motionloupe.networks.splat import FlowmagSplat
from motionloupe.networks.splatting import softmax_splat
from motionloupe.networks.weights import find_weights, load_weights

BASELINE = "warp-bilinear"
BORDER = 16  # pixels that do not count: nobody knows what enters the frame
DECISIVE = 4.0  # natural logarithm of the weight that one layer has over the next


def answers(
    network: FlowmagSplat, baseline: Magnifier[Any], scene: Scene
) -> Iterator[tuple[str, Tensor]]:
    """Names and pictures (1, 3, H, W) of one scene."""
    a, b = scene.a[None], scene.b[None]
    frames = [from_tensor(frame, np.float32) for frame in (a, b)]
    yield BASELINE, to_tensor(baseline.pair(*frames, scene.alpha))
    found = network.find(a, b)
    motions = {"own": found.motion, "true": -scene.backward_flow[None]}
    fronts = {"own": found.importance, "true": DECISIVE * scene.layer_of_b[None]}
    drawn = {
        f"{motion} motion, {front} front": network.draw(
            b, (scene.alpha - 1.0) * displacement, importance
        ).clamp(0.0, 1.0)
        for front, importance in fronts.items()
        for motion, displacement in motions.items()
    }
    yield from drawn.items()
    own = "own motion, own front"
    yield f"{own}, true holes", torch.where(holes(scene), scene.y[None], drawn[own])


def holes(scene: Scene) -> Tensor:
    """(1, 1, H, W): where less than half a pixel lands, and one pixel around."""
    farther = (1.0 - scene.alpha) * scene.backward_flow[None]
    alike = torch.zeros_like(farther[:, :1])
    _, _, cover = softmax_splat(scene.b[None], farther, alike)
    return functional.max_pool2d((cover < 0.5).float(), 3, 1, 1) > 0


def judge(scene: Scene, meters: Iterable[FlowEstimator]) -> Callable[[Tensor], list[float]]:
    """What gives a picture's SSIM, and its motion gap in pixels by every meter."""
    a, truth = scene.a[None], scene.y[None]
    wanted = [(meter, meter(a, truth)) for meter in meters]

    def scores(picture: Tensor) -> list[float]:
        gaps = [end_point_error(meter(a, picture), flow, border=BORDER) for meter, flow in wanted]
        return [float(score) for score in (ssim(picture, truth, border=BORDER), *gaps)]

    return scores


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--backgrounds", type=Path, required=True)
    parser.add_argument("--objects", type=Path, required=True)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--alpha", type=float, default=16.0)
    parser.add_argument("--count", type=int, default=12)
    parser.add_argument("--side", type=int, default=160, help="pixels")
    parser.add_argument("--estimators", default="raft-small,lucas-kanade")
    args = parser.parse_args()
    network = load_weights(find_weights("flowmag", args.weights)).network
    baseline = load(BASELINE)
    meters = {name: load_flow(name, zero_correct=True) for name in args.estimators.split(",")}
    config = SceneConfig(
        size=(args.side, args.side),
        parts={"moving": 1.0, "foreground": 1.0},
        motion=(0.1, min(3.0, LARGEST_MAGNIFIED / args.alpha)),
        largest_magnified=LARGEST_MAGNIFIED,
        alpha=(args.alpha, args.alpha),
        noise=(0.0, 0.0),
    )
    pictures = folders.backgrounds(args.backgrounds, "test")
    scenes = Scenes(pictures, folders.objects(args.objects, "test"), config)
    rows: dict[str, list[list[float]]] = {}
    for index in range(args.count):
        scene = scenes[index]
        scores = judge(scene, meters.values())
        for name, picture in answers(network, baseline, scene):
            rows.setdefault(name, []).append(scores(picture))
    print(f"alpha {args.alpha:g}, {args.count} scenes\n\n| | SSIM | {' | '.join(meters)} (px) |")
    print("|---|---|" + "---|" * len(meters))
    for name, values in rows.items():
        cells = [f"{value:.3f}" for value in np.mean(values, axis=0)]
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
