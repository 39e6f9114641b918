"""Weights of a network in a file that says which network it is, see :mod:`motionloupe.stored`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from motionloupe.errors import UserError
from motionloupe.networks import build, channels_last
from motionloupe.stored import file_of, network_of, read_tensors, shipped, write_atomically


class Trained(NamedTuple):
    """A network by ``name`` and ``options`` with its weights, frozen and ready, and its card."""

    name: str
    network: nn.Module
    card: dict[str, Any]
    options: dict[str, Any]


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


def blend_weights(first: Path, second: Path, share: float, output: Path) -> None:
    """Write the mean of two files' weights, ``share`` in (0, 1) of it the second's.

    Either may be the name of weights that came with the package. Of two stages of one training the
    mean is often better than either: the weights lie in one basin (Wortsman et al. 2022, "Robust
    fine-tuning of zero-shot models"). Raises UserError for files of different networks.
    """
    if not 0.0 < share < 1.0:
        raise UserError(f"the share of the second file must be between 0 and 1, found {share:g}")
    one, two = load_weights(file_of(first)), load_weights(file_of(second))
    for what, a, b in (("network", one.name, two.name), ("options", one.options, two.options)):
        if a != b:
            raise UserError(f"{first} and {second} differ in their {what}, {a} and {b}")
    others = two.network.state_dict()
    mean = {
        name: torch.lerp(value, others[name], share) if value.is_floating_point() else value
        for name, value in one.network.state_dict().items()
    }
    shares = [[str(first), 1.0 - share], [str(second), share]]
    save_weights(output, one.name, one.options, mean, {"blend": shares, "of": [one.card, two.card]})


def find_weights(method: str, given: str | Path | None) -> Path:
    """The file ``given``, or weights that came with the package: those called so, or ``method``'s.

    Raises UserError.
    """
    if given is not None:
        return file_of(given)
    path = shipped(method)
    if path is None:
        raise UserError(
            f"no weights for {method} are shipped yet: train some with "
            f"`motionloupe train {method}` and give their file as weights=PATH"
        )
    return path
