"""How exact the optical flow estimators are: Middlebury, and sub-pixel shifts of photographs.

    MOTIONLOUPE_WEIGHTS=DIR python -m benchmarks.flow_accuracy --middlebury DIR

``--middlebury`` is a folder of scenes, each with frame10.png, frame11.png and flow10.flo. The
photographs come with scikit-image (the extra "demo") and are moved exactly, in the Fourier domain.
Prints a Markdown table; estimators whose weights cannot be had are left out with a line on stderr.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from skimage import data

from motionloupe.arrays import Image, to_tensor
from motionloupe.errors import UserError
from motionloupe.flow import load_flow

SHIFTS = (0.05, 0.1, 0.2, 0.5, 1.0)  # pixels
DIRECTION = (0.8, 0.6)  # of a shift: x and y at once
PHOTOGRAPHS: tuple[Callable[[], Image], ...] = (data.astronaut, data.chelsea, data.coffee)
SIDE, BORDER = 256, 16  # pixels of a photograph that are used; pixels at its edge that do not count
ITERATIONS = {
    "lucas-kanade": (1, 2, 5),
    "dis": (5, 10, 20),
    "raft-small": (5, 12, 20),
    "raft-large": (5, 12, 20),
    "motion-finder": (1,),
    "pwc-lite": (1,),
}
UNKNOWN = 1e9  # Middlebury's mark for pixels without truth
TAG = 202021.25  # first number of a .flo file


class Case(NamedTuple):
    """Two pictures with the flow (H, W, 2) between them and where it is known (H, W)."""

    a: torch.Tensor
    b: torch.Tensor
    truth: np.ndarray
    counts: np.ndarray


def read_flo(path: Path) -> np.ndarray:
    """A Middlebury .flo file as (H, W, 2), pixels, x then y."""
    raw = path.read_bytes()
    if np.frombuffer(raw, "<f4", 1)[0] != TAG:
        raise UserError(f"{path} is not a Middlebury .flo file")
    width, height = np.frombuffer(raw, "<i4", 2, offset=4)
    return np.frombuffer(raw, "<f4", offset=12).reshape(height, width, 2)


def middlebury(folder: Path) -> Iterator[Case]:
    for scene in sorted(path.parent for path in folder.glob("*/flow10.flo")):
        pictures = [
            to_tensor(cv2.cvtColor(cv2.imread(str(scene / name)), cv2.COLOR_BGR2RGB))
            for name in ("frame10.png", "frame11.png")
        ]
        truth = read_flo(scene / "flow10.flo")
        yield Case(*pictures, truth, (np.abs(truth) < UNKNOWN).all(axis=-1))


def shifted(picture: np.ndarray, dx: float, dy: float) -> np.ndarray:
    """A periodic picture (H, W, 3) whose content has moved by (dx, dy) pixels."""
    height, width = picture.shape[:2]
    fy = np.fft.fftfreq(height)[:, None, None]
    fx = np.fft.rfftfreq(width)[None, :, None]
    spectrum = np.fft.rfft2(picture, axes=(0, 1)) * np.exp(-2j * np.pi * (fx * dx + fy * dy))
    return np.fft.irfft2(spectrum, s=(height, width), axes=(0, 1))


def photographs(distance: float, noise: float = 0.0) -> Iterator[Case]:
    """Each photograph moved by ``distance`` pixels, under sensor noise of standard deviation."""
    rng = np.random.default_rng(0)
    dx, dy = (distance * part for part in DIRECTION)
    crop = slice(BORDER, BORDER + SIDE)
    for photograph in PHOTOGRAPHS:
        still = photograph() / 255.0
        pair = [picture[crop, crop] for picture in (still, shifted(still, dx, dy))]
        a, b = (to_tensor(p + noise * rng.standard_normal(p.shape)) for p in pair)
        counts = np.zeros((SIDE, SIDE), dtype=bool)
        counts[BORDER:-BORDER, BORDER:-BORDER] = True
        yield Case(a, b, np.broadcast_to((dx, dy), (SIDE, SIDE, 2)), counts)


def end_point_error(estimator: torch.nn.Module, case: Case) -> float:
    """Mean distance in pixels between the flow found and the true one."""
    with torch.inference_mode():
        flow = estimator(case.a, case.b)[0].permute(1, 2, 0).numpy()
    error = (flow - case.truth)[case.counts]
    return float(np.hypot(error[:, 0], error[:, 1]).mean())


def mean_error(estimator: torch.nn.Module, cases: list[Case]) -> float:
    return float(np.mean([end_point_error(estimator, case) for case in cases]))


def main() -> None:
    parser = argparse.ArgumentParser(description="accuracy of the flow estimators")
    parser.add_argument("--middlebury", type=Path, help="folder of Middlebury scenes")
    parser.add_argument("--estimators", nargs="+", default=list(ITERATIONS))
    parser.add_argument("--noise", type=float, default=0.01, help="of the last column; 1 is white")
    options = parser.parse_args()
    scenes = list(middlebury(options.middlebury)) if options.middlebury else []
    columns = {f"{shift:g} px": list(photographs(shift)) for shift in SHIFTS}
    columns[f"0.2 px, noise {options.noise:g}"] = list(photographs(0.2, options.noise))
    columns = {"Middlebury": scenes, **columns} if scenes else columns
    print(f"| estimator | iterations | zero_correct | {' | '.join(columns)} | CPU s at 512 x 512 |")
    print("|---|---|---|" + "---|" * (len(columns) + 1))
    for name in options.estimators:
        try:
            table(name, columns)
        except UserError as error:
            print(error, file=sys.stderr)


def table(name: str, columns: dict[str, list[Case]]) -> None:
    for iterations in ITERATIONS[name]:
        for zero_correct in (False, True):
            estimator = load_flow(name, iterations=iterations, zero_correct=zero_correct)
            if zero_correct and estimator.zero_at_rest:
                continue  # it is the same thing
            errors = [f"{mean_error(estimator, cases):.3f}" for cases in columns.values()]
            said = "no need" if estimator.zero_at_rest else "yes" if zero_correct else "no"
            cells = [name, str(iterations), said, *errors, f"{seconds(estimator):.2f}"]
            print(f"| {' | '.join(cells)} |", flush=True)


def seconds(estimator: torch.nn.Module) -> float:
    """Processor time for two pictures of 512 x 512, the best of three runs."""
    a, b = torch.rand(2, 1, 3, 512, 512, generator=torch.Generator().manual_seed(0))
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        with torch.inference_mode():
            estimator(a, b)
        best = min(best, time.process_time() - start)
    return best


if __name__ == "__main__":
    main()
