"""Tensors in a safetensors file that says what it is; no pickle is ever read.

The file's metadata hold JSON. Of a network's weights they hold ``network`` (name and options,
enough to build it again) and ``card`` (how it was trained, on what, how good it is, its licence).
"""

import json
import os
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from motionloupe.errors import UserError, first_line
from motionloupe.files import whole

_SUFFIX = ".safetensors"


def write_atomically(path: Path, tensors: dict[str, Tensor], metadata: Mapping[str, Any]) -> None:
    """A safetensors file that appears whole or not at all; metadata values become JSON.

    Raises UserError where it cannot be written.
    """
    texts = {key: json.dumps(value) for key, value in metadata.items()}
    kept = {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}
    with whole(path) as partial:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            save_file(kept, partial, metadata=texts)
        except SafetensorError as error:
            raise UserError(f"{path} cannot be written: {first_line(error)}") from None
        partial.chmod(0o644)  # the library makes it private
        with open(partial, "r+b") as written:
            os.fsync(written.fileno())


def check_weights_name(path: Path) -> None:
    """Raise UserError unless weights may have this name."""
    if path.suffix.lower() != _SUFFIX:
        raise UserError(f"weights are written as {_SUFFIX}, found {path.name}")


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors of a safetensors file and its metadata. Raises UserError where it is none."""
    if not path.is_file():
        raise UserError(f"there are no weights at {path}: give the path of a .safetensors file")
    try:
        with safe_open(path, framework="pt") as stored:
            texts = stored.metadata() or {}
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path} is not a readable safetensors file: {error}") from None
    try:
        return tensors, {key: json.loads(text) for key, text in texts.items()}
    except json.JSONDecodeError:
        raise UserError(f"{path} holds metadata that are not motionloupe's") from None


def network_of(metadata: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Name and options of the network in a file. Raises UserError where it does not say."""
    described = metadata.get("network")
    if not (isinstance(described, dict) and isinstance(described.get("name"), str)):
        raise UserError(f"{path} does not say which network it holds: train or export it again")
    return described


def shipped(name: str) -> Path | None:
    """The file of weights called ``name`` that came with the package, if one did."""
    path = Path(str(resources.files("motionloupe"))) / "weights" / f"{name}.safetensors"
    return path if path.is_file() else None


def file_of(given: str | Path) -> Path:
    """The file ``given``, or where there is none, the weights of that name that came along."""
    path = Path(given)
    return path if path.is_file() else shipped(str(given)) or path
