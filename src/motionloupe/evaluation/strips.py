"""Pictures of what the methods make of a scene: whole frames, and a close-up below each."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from motionloupe.arrays import Image, from_tensor, to_tensor
from motionloupe.data.disk import write_png
from motionloupe.evaluation.cases import FPS, Case, Stock, Suite, Target, judged
from motionloupe.evaluation.contestants import Contestant
from motionloupe.evaluation.judge import BORDER
from motionloupe.views import Line, SliceRecorder, beside, draw_slices

_SHARE = 4  # the close-up shows so much less than the frame, each way
_ROW = 6  # pictures beside each other


def draw_strips(
    folder: Path,
    name: str,
    suite: Suite,
    contestants: Mapping[str, Contestant],
    stock: Stock,
    scene: int = 0,
) -> list[Path]:
    """Pictures of one scene as PNG files: strips at the first, the middle and the last level.

    Of a sequence, which takes long, at the middle level only, and a slice through space and time of
    every answer beside it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if suite.sequence:
        (level,) = suite.thinned(1).levels
        path = folder / f"{name}-{level.value:g}.png"
        able = _able(contestants, suite.at(level))
        return _draw_sequence(path, suite.case(stock, level, scene), able)
    paths = []
    for level in suite.thinned(3).levels:
        path = folder / f"{name}-{level.value:g}.png"
        case = suite.case(stock, level, scene)
        able = _able(contestants, suite.at(level))
        answers = {who: contestant.answer(case) for who, contestant in able.items()}
        write_png(path, strip(case, answers))
        paths.append(path)
    return paths


def _able(contestants: Mapping[str, Contestant], suite: Suite) -> dict[str, Contestant]:
    return {name: each for name, each in contestants.items() if each.refuses(suite) is None}


def _draw_sequence(path: Path, case: Case, contestants: Mapping[str, Contestant]) -> list[Path]:
    line, fps = slice_line(case), case.fps or FPS
    slices: list[tuple[str, SliceRecorder]] = []
    answers: dict[str, list[Image]] = {}
    for who, contestant in contestants.items():
        recorder = SliceRecorder(line)
        slices.append((who, recorder))
        drawn = _recording(contestant.stream(case), recorder, fps)
        if case.targets:
            answers[who] = judged(case, drawn)
        else:
            deque(drawn, maxlen=0)  # only the slice is wanted, and a film may be long
    sliced = path.with_stem(f"{path.stem}-slices")
    draw_slices(sliced, slices, f"x{case.alpha:g}")
    if not case.targets:
        return [sliced]
    write_png(path, strip(case, answers))
    return [path, sliced]


def _recording(frames: Iterable[Image], recorder: SliceRecorder, fps: float) -> Iterator[Image]:
    for number, frame in enumerate(frames):
        recorder.add(frame, number / fps)
        yield frame


def slice_line(case: Case) -> Line:
    """The line (x1, y1, x2, y2) to cut a sequence along: through what moves, the way it moves."""
    if case.recorded is not None:
        x, y, width, height = case.recorded.box
        source = case.recorded.source
        across = source.dx.std() > source.dy.std()
        row, column = y + height // 2, x + width // 2
        rows, columns = slice(y, y + height), slice(x, x + width)
    else:
        target = case.targets[len(case.targets) // 2]
        rows, columns = close_up(case, len(case.targets) // 2)
        change = _change(case, target)[0, rows, columns]
        row, column = divmod(int(torch.argmax(change)), change.shape[1])
        row, column = row + rows.start, column + columns.start
        u, v = (0.0, 1.0) if target.wanted is None else target.wanted[0, :, row, column].tolist()
        across = abs(u) > abs(v)
    if across:
        return float(columns.start), float(row), float(columns.stop - 1), float(row)
    return float(column), float(rows.start), float(column), float(rows.stop - 1)


def strip(case: Case, answers: Mapping[str, list[Image]]) -> Image:
    """The reference and every answer to the case's middle target, labelled; uint8 (h, w, 3)."""
    middle = len(case.targets) // 2
    shown = {"reference": case.frames[0]} | {n: found[middle] for n, found in answers.items()}
    rows, columns = close_up(case, middle)
    height, width = case.frames[0].shape[:2]
    tiles = []
    for picture in shown.values():
        whole = from_tensor(to_tensor(picture), np.uint8)
        detail = cv2.resize(whole[rows, columns], (width, height), interpolation=cv2.INTER_CUBIC)
        tiles.append(np.concatenate([whole, np.asarray(detail, np.uint8)]))
    lines = [
        beside(tiles[first : first + _ROW], list(shown)[first : first + _ROW])
        for first in range(0, len(tiles), _ROW)
    ]
    widest = max(line.shape[1] for line in lines)
    return np.concatenate([np.pad(x, ((0, 0), (0, widest - x.shape[1]), (0, 0))) for x in lines])


def close_up(case: Case, target: int) -> tuple[slice, slice]:
    """Rows and columns of the window where magnification changes most."""
    change = _change(case, case.targets[target])
    height, width = change.shape[-2:]
    size = (height // _SHARE, width // _SHARE)
    sums = functional.avg_pool2d(
        change[:, BORDER : height - BORDER, BORDER : width - BORDER], size, 1
    )
    row, column = divmod(int(torch.argmax(sums)), sums.shape[-1])
    top, left = row + BORDER, column + BORDER
    return slice(top, top + size[0]), slice(left, left + size[1])


def _change(case: Case, target: Target) -> Tensor:
    """(1, H, W): what magnification changes; where the truth is not known, what motion does."""
    other = case.reference if target.truth is None else target.truth
    return (other - target.source).abs().mean(dim=1)
