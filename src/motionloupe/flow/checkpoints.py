"""Where published weights are looked for, and how they are read without running foreign code."""

import os
from pathlib import Path
from pickle import UnpicklingError
from typing import NamedTuple
from urllib.error import URLError
from urllib.request import Request, urlopen

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from motionloupe.errors import UserError, first_line

FOLDER = "MOTIONLOUPE_WEIGHTS"
"""The environment variable that names a folder of weights."""
_PATIENCE = 5.0  # seconds until a server that does not answer counts as out of reach


class Checkpoint(NamedTuple):
    """Published weights: the estimator's name, and the address whose file name ends in a hash."""

    name: str
    url: str

    @property
    def published_name(self) -> str:
        return self.url.rsplit("/", 1)[1]

    @property
    def plain_name(self) -> str:
        return self.name.replace("-", "_") + ".safetensors"


def in_folder(*names: str) -> Path | None:
    """The first file of these ``names`` that there is in the folder of weights."""
    folder = os.environ.get(FOLDER)
    places = [Path(folder) / name for name in names] if folder else []
    return next((place for place in places if place.is_file()), None)


def at_hand(checkpoint: Checkpoint) -> Path | None:
    """The weights on this machine: in the folder of weights, else in torch's cache, else None."""
    found = in_folder(checkpoint.plain_name, checkpoint.published_name)
    cached = _cache() / checkpoint.published_name
    return found or (cached if cached.is_file() else None)


def fetch(checkpoint: Checkpoint, given: str | Path | None = None) -> Path:
    """The weights ``given``, else those :func:`at_hand`, else downloaded into torch's cache.

    Raises UserError where the given file is missing, or nothing is at hand and nothing comes.
    """
    if given is not None:
        if not Path(given).is_file():
            raise UserError(f"no weights for {checkpoint.name} at {given}: there is no such file")
        return Path(given)
    return at_hand(checkpoint) or _download(checkpoint)


def read(path: Path) -> dict[str, Tensor]:
    """Tensors by name, from a safetensors file or torch's own format with weights only."""
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, OSError, EOFError, RuntimeError, ValueError, UnpicklingError) as error:
        raise UserError(
            f"{path} is not a file of weights that can be read ({first_line(error)}); "
            "expected safetensors, or a .pth of torchvision"
        ) from None
    return state


def _download(checkpoint: Checkpoint) -> Path:
    target = _cache() / checkpoint.published_name
    digest = checkpoint.published_name.rsplit("-", 1)[1].split(".")[0]
    try:
        # torch's own download waits for minutes where nothing answers: ask first.
        with urlopen(Request(checkpoint.url, method="HEAD"), timeout=_PATIENCE):
            pass
        target.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(checkpoint.url, str(target), digest, progress=False)
    except (URLError, OSError, RuntimeError) as error:
        raise UserError(
            f"the weights of {checkpoint.name} are not on this machine and could not be downloaded "
            f"({first_line(error)}); give weights=FILE, or put {checkpoint.plain_name} or "
            f"{checkpoint.published_name} into a folder named by {FOLDER}, or use lucas-kanade, "
            "which needs none"
        ) from None
    return target


def _cache() -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints"
