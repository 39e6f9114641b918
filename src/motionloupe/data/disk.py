"""Scenes as files: PNG frames, flow, and a manifest; one folder a scene, there whole or not."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from torch import Tensor

from motionloupe import __version__
from motionloupe.arrays import Image, from_tensor
from motionloupe.data.scenes import Scene, Scenes
from motionloupe.errors import UserError
from motionloupe.files import write_whole

FRAMES = ("a", "b", "b_perturbed", "y", "y_perturbed")
_MANIFEST = "manifest.json"
_FLO_TAG = b"PIEH"


class Written(NamedTuple):
    """How many scenes were made now, and how many were there already."""

    made: int
    kept: int


def write_scenes(
    scenes: Scenes,
    output: Path,
    count: int,
    *,
    about: Mapping[str, Any],
    progress: Callable[[int, int | None], None] = lambda done, expected: None,
) -> Written:
    """Write scenes 0 to count - 1 below ``output``, each to a folder of its number.

    Scenes that are there already are kept, so a stopped run goes on where it was. ``about`` says
    where the pictures came from. Raises UserError where ``output`` holds scenes of other settings.
    """
    if count < 1:
        raise UserError(f"the count of scenes must be 1 or more, found {count}")
    if output.exists() and not output.is_dir():
        raise UserError(f"{output}: is a file; name a folder to write scenes into")
    settings = {
        "motionloupe": __version__,
        "seed": scenes.seed,
        **about,
        "config": asdict(scenes.config),
    }
    settle_settings(output, _MANIFEST, settings, "scenes")
    made = 0
    for index in range(count):
        folder = output / f"{index:06d}"
        if not folder.is_dir():
            _write_scene(scenes[index], folder)
            made += 1
        progress(index + 1, count)
    return Written(made, count - made)


def settle_settings(output: Path, name: str, wanted: Mapping[str, Any], what: str) -> None:
    """Write the settings of a run into the file ``name``, or check that they are the same there.

    Raises UserError where ``output`` holds ``what`` of other settings, or other files.
    """
    text = json.dumps(wanted, indent=2) + "\n"
    path = output / name
    if path.is_file():
        if path.read_text(encoding="utf-8") != text:
            raise UserError(
                f"{output}: holds {what} of other settings, see {name}; choose another folder"
            )
        return
    if output.is_dir() and any(output.iterdir()):
        raise UserError(f"{output}: holds other files; choose an empty or a new folder")
    output.mkdir(parents=True, exist_ok=True)
    write_whole(path, text)


def _write_scene(scene: Scene, folder: Path) -> None:
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix="."))
    try:
        for name in FRAMES:
            frame = from_tensor(getattr(scene, name)[None], np.uint8)
            write_png(temporary / f"{name}.png", frame)
        write_flo(temporary / "flow.flo", scene.flow)
        (temporary / "scene.json").write_text(json.dumps(_describe(scene), indent=2) + "\n")
        temporary.chmod(0o755)
        os.replace(temporary, folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def write_png(path: Path, frame: Image) -> None:
    """(H, W, 3) RGB uint8 -> a PNG file. Raises UserError."""
    picture = cv2.cvtColor(frame, cv2.COLOR_RGB2BGR)
    write_whole(path, cv2.imencode(".png", picture)[1].tobytes())


def write_flo(path: Path, flow: Tensor) -> None:
    """(2, H, W) -> Middlebury's .flo."""
    values = flow.permute(1, 2, 0).contiguous().numpy().astype("<f4")
    size = np.array([flow.shape[2], flow.shape[1]], dtype="<i4")
    path.write_bytes(_FLO_TAG + size.tobytes() + values.tobytes())


def _describe(scene: Scene) -> dict[str, Any]:
    return {
        "seed": scene.seed,
        "index": scene.index,
        "part": scene.part,
        "alpha": scene.alpha,
        "noise": scene.noise,
        "codec": asdict(scene.codec) if scene.codec else None,
        "motions": [
            {
                name: value.tolist() if isinstance(value, np.ndarray) else value
                for name, value in asdict(layer.motion).items()
            }
            for layer in scene.layers
        ],
    }
