"""Test-time adaptation (Pan et al. 2023, section 3.4): a trained network learns from one video.

The lesson is FlowMag's own loss, which needs no truth, on views of pairs (reference, later frame).
Frames spread over the video are held out; the weights that do best on them are kept, and those are
the ones it began with where nothing did better.
"""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import default_collate

from motionloupe.arrays import SMALLEST_SIDE, Image
from motionloupe.boxes import Box
from motionloupe.data.augment import PLAIN, Augment
from motionloupe.data.clips import eight_bits
from motionloupe.data.draw import draw_number
from motionloupe.data.photometry import Bytes
from motionloupe.errors import UserError
from motionloupe.flow import FALLBACK, default_flow
from motionloupe.magnifiers.base import device_named
from motionloupe.networks.weights import load_weights, save_weights
from motionloupe.stabiliser import Stabiliser, tripod
from motionloupe.training.average import WeightAverage
from motionloupe.training.config import FlowLoss, check_least
from motionloupe.training.lessons import flowmag_task
from motionloupe.training.real import view
from motionloupe.video import open_reader, read_reference

Tell = Callable[[str], None]

_HELD_OUT_EVERY = 4  # of the frames kept, one is held out
_ALPHAS = (2.0, 4.0, 8.0, 16.0)  # of the held-out views, in turn
_LARGEST_MEMORY = 256e6  # bytes of frames that are kept
_MOST_FRAMES = 96
_LEAST_FRAMES = 3
_BETTER = 1e-3  # share by which the loss must fall to count as lower
_VIEWS = Augment(crop=(0.8, 1.0), turn=5.0, flip=True, colour=0.4)
_IN_VAIN = "adaptation did not lower the loss on held-out frames: the weights are as they were"


@dataclass(frozen=True)
class Adaptation:
    """How a network is adapted; the first limit of ``steps`` and ``minutes`` ends it.

    ``size``: pixels a side of the views, ``batch``: views a step; ``alpha``: the factors that are
    practised, log-uniform; ``flow``: the estimator, None for RAFT-small where its weights are at
    hand and the motion finder else; ``average``: decay of the average of the weights over the
    steps, which is what is judged and kept (0: the weights themselves); ``check``: steps between
    two looks at ``views`` held-out views. One without a lower loss leads back to the best weights
    so far, at half the ``rate``; ``patience`` such in a row end it early.
    Raises UserError.
    """

    steps: int | None = None
    minutes: float | None = 2.0
    size: int = 128
    batch: int = 2
    rate: float = 2e-4
    average: float = 0.9
    alpha: tuple[float, float] = (1.5, 16.0)
    flow: str | None = None
    check: int = 15
    views: int = 8
    patience: int = 4
    seed: int = 0

    def __post_init__(self) -> None:
        if self.steps is None and self.minutes is None:
            raise UserError("adaptation needs an end: give steps or minutes")
        if self.steps is not None and self.steps < 1:
            raise UserError(f"adaptation takes 1 step or more, found {self.steps}")
        check_least(self, size=SMALLEST_SIDE, batch=1, check=1, views=1, patience=1)
        if self.minutes is not None and not self.minutes > 0:
            raise UserError(f"adaptation takes more than 0 minutes, found {self.minutes:g}")
        if not 1.0 <= self.alpha[0] <= self.alpha[1]:
            raise UserError(
                f"alpha must rise from 1 or more, found {self.alpha[0]:g} to {self.alpha[1]:g}"
            )


class Adapted(NamedTuple):
    """What came of it: ``before`` and ``after`` are losses on held-out frames, in pixels mostly."""

    path: Path
    steps: int
    seconds: float
    flow: str
    before: float
    after: float
    warnings: tuple[str, ...]


class _Frames(NamedTuple):
    """The reference of a video, later frames to learn from, and those to be judged by."""

    reference: Bytes
    learned: list[Bytes]
    held_out: list[Bytes]


def adapt(
    source: str | Path,
    weights: Path,
    output: Path,
    options: Adaptation | None = None,
    *,
    reference: int | str | None = None,
    stabilise: bool | Box = False,
    device: str = "cpu",
    tell: Tell = lambda line: None,
    **selection: Any,
) -> Adapted:
    """Adapt the FlowMag network in ``weights`` to the video ``source``; write it to ``output``.

    ``reference`` and ``stabilise`` are those of :func:`motionloupe.magnify`: what the frames are
    compared with, and whether the camera's own motion is taken out first. ``device`` is where torch
    computes; ``selection`` chooses a part of the video as :func:`motionloupe.video.open_reader`
    does. The result fits wherever the ``weights`` did. ``tell`` is told of every look at the
    held-out views. Raises UserError for a video with too few frames or too small ones, and for
    foreign weights.
    """
    options = options or Adaptation()
    began = time.monotonic()
    trained = load_weights(weights, device_named(device))
    if not trained.name.startswith("flowmag"):
        raise UserError(
            f"{weights} holds weights of {trained.name}: adaptation needs those of flowmag"
        )
    picture = read_reference(source, reference, selection)
    steady = tripod(picture, stabilise) if stabilise else None
    frames = _kept(source, selection, picture, steady)
    pupil = _Pupil(trained.network, frames, options)
    before, after, steps = pupil.learn(began, tell)
    card = {
        **trained.card,
        "adapted": {
            "video": Path(source).name,
            "steps": steps,
            "options": asdict(options) | {"flow": pupil.flow},
            "held_out": {"before": before, "after": after},
        },
    }
    save_weights(output, trained.name, trained.options, pupil.best, card)
    notes = [] if after < before else [_IN_VAIN]
    notes += steady.warnings if steady is not None else []
    took = time.monotonic() - began
    return Adapted(output, steps, took, pupil.flow, before, after, tuple(notes))


class _Pupil:
    """A network in the course of adaptation, and its best weights so far.

    Batch norms keep the statistics of training: a batch of views of one video has others.
    """

    def __init__(self, network: nn.Module, frames: _Frames, options: Adaptation) -> None:
        self.options, self.frames = options, frames
        self.flow = default_flow(options.flow)
        rounds = 2 if self.flow == FALLBACK else FlowLoss.iterations
        lesson = FlowLoss(self.flow, rounds, zero_correct=True, border="valid")
        self.network = network.eval().requires_grad_(True)
        self.device = next(network.parameters()).device
        self.task = flowmag_task(network, lesson).eval().to(self.device)
        self._begin(options.rate)
        self.best = self._weights()

    def learn(self, began: float, tell: Tell) -> tuple[float, float, int]:
        """Loss on held-out views before, the lowest after, and the steps that were taken."""
        options = self.options
        test = self._held_out_views()
        before = lowest = self._judge(test)
        tell(f"before: {before:.4g}")
        step = in_vain = 0
        while not self._over(step, began) and in_vain < options.patience:
            losses = self._step(step)
            step += 1
            if not math.isfinite(losses):
                break  # the weights are lost; the best so far are kept
            if step % options.check and not self._over(step, began):
                continue
            found = self._judge(test)
            tell(f"step {step}: {found:.4g} on held-out frames, {losses:.4g} on views learned from")
            in_vain += 1
            if found < lowest * (1.0 - _BETTER):
                lowest, in_vain, self.best = found, 0, self._weights()
            else:
                self._go_back()
        return before, lowest, step

    def _go_back(self) -> None:
        """On from the best weights so far, at half the rate: the last steps led astray."""
        self.network.load_state_dict(self.best)
        self._begin(self.adam.param_groups[0]["lr"] / 2)

    def _begin(self, rate: float) -> None:
        self.adam = torch.optim.Adam(self.network.parameters(), lr=rate)
        self.average = WeightAverage(self.network, self.options.average)

    def _over(self, step: int, began: float) -> bool:
        minutes, steps = self.options.minutes, self.options.steps
        late = minutes is not None and time.monotonic() - began >= 60.0 * minutes
        return late or (steps is not None and step >= steps)

    def _step(self, step: int) -> float:
        rng = np.random.default_rng([self.options.seed, step])
        learned = self.frames.learned
        samples = [
            self._view(learned[rng.integers(len(learned))], _VIEWS, self._draw_alpha(rng), rng)
            for _ in range(self.options.batch)
        ]
        loss = self._loss(samples)
        if not bool(torch.isfinite(loss)):
            return math.nan
        self.adam.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.adam.step()
        self.average.update(self.network, step)
        return float(loss.detach())

    def _draw_alpha(self, rng: np.random.Generator) -> float:
        return draw_number(self.options.alpha, "log", rng)

    def _view(
        self, later: Bytes, change: Augment, alpha: float, rng: np.random.Generator
    ) -> dict[str, Tensor]:
        return view((self.frames.reference, later), change, self.options.size, alpha, rng)

    def _held_out_views(self) -> list[dict[str, Tensor]]:
        """Fixed views, not changed, at factors within those that are practised."""
        rng = np.random.default_rng([self.options.seed])
        low, high = self.options.alpha
        views = []
        for number in range(self.options.views):
            later = self.frames.held_out[number % len(self.frames.held_out)]
            alpha = min(max(_ALPHAS[number % len(_ALPHAS)], low), high)
            views.append(self._view(later, PLAIN, alpha, rng))
        return views

    @torch.no_grad()
    def _judge(self, views: list[dict[str, Tensor]]) -> float:
        with self.average.within(self.network):
            losses = [float(self._loss([sample])) for sample in views]
        return sum(losses) / len(losses)

    def _loss(self, samples: list[dict[str, Tensor]]) -> Tensor:
        parts = default_collate(samples).items()
        loss: Tensor = self.task({name: part.to(self.device) for name, part in parts})["loss"]
        return loss

    def _weights(self) -> dict[str, Tensor]:
        return {name: value.clone() for name, value in self.average.weights.items()}


def _kept(
    source: str | Path, selection: dict[str, Any], reference: Image, steady: Stabiliser | None
) -> _Frames:
    """Frames spread over a video of any length, without holding more than ``_LARGEST_MEMORY``.

    Where too many have come, every second one is dropped and the step between two doubles.
    """
    original = eight_bits(reference)
    itself: int | None = None
    kept: dict[int, Bytes] = {}
    step = 1
    with open_reader(source, **selection) as reader:
        info = reader.info
        most = int(_LARGEST_MEMORY / (3.0 * info.width * info.height))
        most = min(max(most, _LEAST_FRAMES), _MOST_FRAMES)
        for frame in reader:
            if itself is None and np.array_equal(eight_bits(frame.image), original):
                itself = frame.index
            if frame.index % step:
                continue
            drawn = steady.drawn(frame.image, frame.seconds) if steady else frame.image
            kept[frame.index] = eight_bits(drawn)
            if len(kept) > most:
                step *= 2
                kept = {index: image for index, image in kept.items() if index % step == 0}
    if len(kept) < _LEAST_FRAMES:
        raise UserError(
            f"{source} has {len(kept)} frames: adaptation needs {_LEAST_FRAMES} or more"
        )
    later = [image for index, image in kept.items() if index != itself]
    apart = slice(min(_HELD_OUT_EVERY // 2, len(later) - 1), None, _HELD_OUT_EVERY)
    held_out = later[apart]
    del later[apart]
    return _Frames(original, later, held_out)
