"""Weights of a network in a safetensors file that says what it is; no pickle is ever read.

The file's metadata hold JSON: ``network`` (name and options, enough to build it again) and ``card``
(how it was trained, on what, how good it is, its licence).
"""

import json
import os
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from motionloupe.errors import UserError
from motionloupe.networks import build, channels_last


class Trained(NamedTuple):
    """A network by ``name`` and ``options`` with its weights, frozen and ready, and its card."""

    name: str
    network: nn.Module
    card: dict[str, Any]
    options: dict[str, Any]


def write_atomically(path: Path, tensors: dict[str, Tensor], metadata: Mapping[str, Any]) -> None:
    """A safetensors file that appears whole or not at all; metadata values become JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    texts = {key: json.dumps(value) for key, value in metadata.items()}
    try:
        save_file({k: v.contiguous() for k, v in tensors.items()}, partial, metadata=texts)
        partial.chmod(0o644)  # the library makes it private
        with open(partial, "rb") as written:
            os.fsync(written.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


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


def save_weights(
    path: Path,
    name: str,
    options: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    card: Mapping[str, Any],
    *,
    half: bool = True,
) -> None:
    """Write the weights of the network ``name`` with ``options``; in half precision by default."""
    stored = {
        key: value.half() if half and value.is_floating_point() else value
        for key, value in tensors.items()
    }
    network = {"name": name, "options": dict(options)}
    write_atomically(path, stored, {"network": network, "card": dict(card)})


def network_of(metadata: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Name and options of the network in a file. Raises UserError where it does not say."""
    described = metadata.get("network")
    if not (isinstance(described, dict) and isinstance(described.get("name"), str)):
        raise UserError(f"{path} does not say which network it holds: train or export it again")
    return described


def load_weights(path: str | Path, device: torch.device | str = "cpu") -> Trained:
    """The network that a file describes, in float32, in eval mode and without gradients.

    Raises UserError for a missing or foreign file, an unknown network, or tensors that do not fit.
    """
    path = Path(path)
    tensors, metadata = read_tensors(path)
    described = network_of(metadata, path)
    with torch.device("meta"):  # no memory until the shapes are known to fit
        network = build(described["name"], described.get("options"))
    try:
        network.load_state_dict(tensors, assign=True)
    except RuntimeError:
        raise UserError(
            f"the tensors in {path} do not fit the network {described['name']}: "
            "it was written by another version or is damaged"
        ) from None
    card = metadata.get("card")
    network = network.float().to(device)
    network = channels_last(network).eval().requires_grad_(False)
    options = described.get("options") or {}
    return Trained(described["name"], network, card if isinstance(card, dict) else {}, options)


def find_weights(method: str, given: str | Path | None) -> Path:
    """The file ``given``, or the one that the package ships for ``method``. Raises UserError."""
    if given is not None:
        return Path(given)
    shipped = Path(str(resources.files("motionloupe"))) / "weights" / f"{method}.safetensors"
    if not shipped.is_file():
        raise UserError(
            f"no weights for {method} are shipped yet: train some with "
            f"`motionloupe train {method}` and give their file as weights=PATH"
        )
    return shipped
