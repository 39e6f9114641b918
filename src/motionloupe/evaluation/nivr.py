"""The row of NIVR: an implicit video fitted to each case, whose phase shifts are multiplied.

Too slow and too coarse to be one of the user's methods; in the benchmark it stands for what Mai and
Liu (CVPR 2022) show: that such phases carry motion.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import Tensor
from torch.optim.lr_scheduler import OneCycleLR

from motionloupe.arrays import Image, from_tensor, to_tensor
from motionloupe.errors import UserError
from motionloupe.evaluation.cases import FPS, Case, Suite, judged
from motionloupe.networks.phase_video import PhaseVideo
from motionloupe.temporal import Signal
from motionloupe.temporal.fir import band_pass

_RATE = 2e-3
_RISE = 0.1  # of the steps


@dataclass(frozen=True)
class Fit:
    """How an implicit video is fitted: Adam for ``steps`` on ``batch`` random pixels each.

    ``patterns`` sinusoids enter a perceptron of ``width``. Equal seeds give equal pictures.
    """

    steps: int = 600
    batch: int = 4096
    patterns: int = 96
    width: int = 128
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "patterns", "width"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} of nivr must be 1 or more, found {getattr(self, name)}")


class Nivr:
    """Magnifies by multiplying the phase shifts of an implicit video of the one case."""

    def __init__(self, fit: Fit) -> None:
        self._fit = fit
        self.fingerprint = json.dumps(["nivr", asdict(fit)])
        self.label = (
            "an implicit video after Mai and Liu 2022, nothing learned beforehand; fitted "
            f"to the frames of each case alone in {fit.steps} steps of {fit.batch} pixels, whose "
            "time its seconds hold"
        )

    def refuses(self, suite: Suite) -> str | None:
        if suite.kind == "recording":
            return "it would hold the whole film in memory and fit it anew for every factor"
        return None

    def answer(self, case: Case) -> list[Image]:
        return judged(case, self.stream(case))

    def stream(self, case: Case) -> Iterator[Image]:
        video = fitted(torch.cat([to_tensor(frame) for frame in case.frames]), self._fit)
        for shifts, band in _followed(video.phases(), case):
            drawn = video.draw(shifts + (case.alpha - 1.0) * band)
            yield from_tensor(drawn, np.float32)


def fitted(frames: Tensor, fit: Fit) -> PhaseVideo:
    """The implicit video of (n, 3, H, W) in [0, 1], by the mean squared error of random pixels."""
    count, _, height, width = frames.shape
    pixels = frames.permute(0, 2, 3, 1).reshape(count, height * width, 3)
    with torch.enable_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(fit.seed)
        video = PhaseVideo(count, (height, width), fit.patterns, fit.width)
        adam = torch.optim.Adam(video.parameters())
        rate = OneCycleLR(adam, _RATE, fit.steps + 1, pct_start=_RISE)
        for _ in range(fit.steps):
            numbers = torch.randint(height * width, (fit.batch,))
            of = torch.randint(count, (fit.batch,))
            drawn = video(video.places(numbers), video.phases()[of])
            loss = (drawn - pixels[of, numbers]).square().mean()
            adam.zero_grad()
            loss.backward()
            adam.step()
            rate.step()
    return video.eval().requires_grad_(False)


def _followed(phases: Tensor, case: Case) -> Iterator[tuple[Tensor, Tensor]]:
    """Each frame's shifts and the part of them to magnify: all, or what is in the case's band."""
    if case.band is None:
        yield from zip(phases, phases, strict=True)
        return
    filtered = band_pass(case.band, case.fps or FPS)
    ready: list[tuple[Signal, Signal]] = []
    for shifts in phases:
        ready += filtered.push([shifts])
    for whole, part in [*ready, *filtered.finish()]:
        yield whole[0], part[0]
