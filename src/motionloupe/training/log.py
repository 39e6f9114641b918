"""What a run tells: a line of JSON per report, curves for TensorBoard, pictures to look at."""

import json
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from motionloupe.arrays import from_tensor
from motionloupe.data.disk import write_png
from motionloupe.files import write_whole
from motionloupe.training.distributed import Process

_PICTURES = 4


class Log:
    """``log.jsonl`` in a run's folder, and TensorBoard's files where it is installed.

    A resumed run drops the lines that were written after its checkpoint and writes them again.
    """

    def __init__(self, folder: Path, step: int, tell: Callable[[str], None]) -> None:
        self.folder, self.tell = folder, tell
        folder.mkdir(parents=True, exist_ok=True)
        self._path = path = folder / "log.jsonl"
        kept = []
        if step and path.is_file():
            text = path.read_text(encoding="utf-8", errors="replace")
            kept = [line for line in text.splitlines(keepends=True) if _step(line) <= step]
        write_whole(path, "".join(kept))
        self._board = _tensorboard(folder, step)

    def write(self, kind: str, step: int, values: Mapping[str, float]) -> None:
        """One line; ``kind`` is "train" or "validation"."""
        rounded = {name: float(f"{value:.6g}") for name, value in values.items()}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"kind": kind, "step": step, **rounded}) + "\n")
        self.tell(f"{kind} {step}  " + "  ".join(f"{k} {v:.4g}" for k, v in rounded.items()))
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(f"{kind}/{name}", value, step)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._board is not None:
            self._board.close()

    def picture(self, step: int, rows: list[Tensor]) -> None:
        """A sheet with one row for each of ``rows`` (B, 3, H, W), the first few samples beside."""
        sheet = torch.cat([torch.cat(list(row[:_PICTURES]), dim=2) for row in rows], dim=1)
        folder = self.folder / "pictures"
        folder.mkdir(exist_ok=True)
        write_png(folder / f"{step:07d}.png", from_tensor(sheet[None], np.uint8))


def _step(line: str) -> float:
    """The step of a line; of one that a crash has cut or filled with zeros, infinity."""
    try:
        return float(json.loads(line)["step"]) if line.endswith("\n") else math.inf
    except (ValueError, TypeError, KeyError):
        return math.inf


class Means:
    """Means of the losses since they were last taken, over the steps and all processes."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._clear()

    def _clear(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._count = 0
        self._since = time.monotonic()

    def add(self, losses: Mapping[str, Tensor]) -> None:
        for name, value in losses.items():
            self._sums[name] = self._sums.get(name, torch.zeros_like(value)) + value.detach()
        self._count += 1

    def go_on(self) -> None:
        """What was done between two steps, beside learning, counts for neither."""
        if not self._count:
            self._since = time.monotonic()

    def take(self) -> dict[str, float]:
        """The means, with ``seconds`` a step; all processes must ask for it together."""
        sums = self._process.mean(torch.stack(list(self._sums.values())))
        means = dict(zip(self._sums, (sums / self._count).cpu().tolist(), strict=True))
        means["seconds"] = (time.monotonic() - self._since) / self._count
        self._clear()
        return means


def _tensorboard(folder: Path, step: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder), purge_step=step + 1)
