"""Pictures of what the methods make of a scene: whole frames, and a close-up below each."""

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import torch
from torch.nn import functional

from motionloupe.arrays import Image
from motionloupe.errors import UserError
from motionloupe.evaluation.contestants import Contestant
from motionloupe.evaluation.judge import BORDER
from motionloupe.evaluation.suites import Case, Material, Suite
from motionloupe.views import beside

_SHARE = 4  # the close-up shows so much less than the frame, each way
_ROW = 6  # pictures beside each other


def draw_strips(
    folder: Path,
    name: str,
    suite: Suite,
    contestants: Mapping[str, Contestant],
    material: Material,
    scene: int = 0,
) -> list[Path]:
    """Strips of one scene at the first, the middle and the last level of a suite, as PNG files.

    Of a sequence, which takes long, at the first level only.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for level in suite.thinned(1 if suite.sequence else 3).levels:
        path = folder / f"{name}-{level.value:g}.png"
        case = suite.case(material, level, scene)
        answers = {who: contestant.answer(case) for who, contestant in contestants.items()}
        _write(path, strip(case, answers))
        paths.append(path)
    return paths


def strip(case: Case, answers: Mapping[str, list[Image]]) -> Image:
    """The reference and every answer to the case's middle target, labelled; uint8 (h, w, 3)."""
    middle = len(case.targets) // 2
    shown = {"reference": case.frames[0]} | {n: found[middle] for n, found in answers.items()}
    rows, columns = close_up(case, middle)
    height, width = case.frames[0].shape[:2]
    tiles = []
    for picture in shown.values():
        whole = np.round(np.clip(picture, 0, 1) * 255).astype(np.uint8)
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
    truth, source = case.targets[target].truth, case.targets[target].source
    height, width = truth.shape[-2:]
    size = (height // _SHARE, width // _SHARE)
    change = (truth - source).abs().mean(dim=1)
    sums = functional.avg_pool2d(
        change[:, BORDER : height - BORDER, BORDER : width - BORDER], size, 1
    )
    row, column = divmod(int(torch.argmax(sums)), sums.shape[-1])
    top, left = row + BORDER, column + BORDER
    return slice(top, top + size[0]), slice(left, left + size[1])


def _write(path: Path, picture: Image) -> None:
    data = cv2.imencode(".png", picture[..., ::-1])[1].tobytes()
    partial = path.with_name(f".{path.name}.part")
    try:
        partial.write_bytes(data)
        partial.replace(path)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from None
    finally:
        partial.unlink(missing_ok=True)
