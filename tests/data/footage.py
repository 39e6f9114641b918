"""Footage whose verdict is known: folders of frames, and a folder of pairs made of them."""

from pathlib import Path

import cv2
import numpy as np

from motionloupe.data.clips import find_clips
from motionloupe.data.curate import Estimator, Rules, curate
from motionloupe.flow import load_flow
from tests.scenes import shifted, texture, to_uint8

HEIGHT, WIDTH = 48, 80


def frames(step: float, first: int, count: int = 12) -> list[np.ndarray]:
    """A texture that moves by ``step`` pixels a frame from column ``first`` on, else stands."""
    still = texture(HEIGHT, WIDTH, seed=7)
    shown = []
    for index in range(count):
        frame = still.copy()
        frame[:, first:] = shifted(still, step * index)[:, first:]
        shown.append(to_uint8(frame))
    return shown


def write_folder(folder: Path, shown: list[np.ndarray]) -> list[np.ndarray]:
    folder.mkdir(parents=True)
    for index, frame in enumerate(shown):
        cv2.imwrite(str(folder / f"{index:03d}.png"), frame[..., ::-1])
    return shown


def estimator() -> Estimator:
    return Estimator(load_flow("lucas-kanade", iterations=1), "lucas-kanade", 1)


def write_pairs(root: Path) -> Path:
    """Two curated pairs of each of eight videos, some of them held out."""
    for number in range(8):
        write_folder(root / "footage" / f"v{number}", frames(0.2 + 0.1 * number, 45, count=4))
    rules = Rules(strides=(1,), test_share=0.3, least_change=0.0)
    curate(find_clips([root / "footage"]), root / "pairs", rules, estimator())
    return root / "pairs"
