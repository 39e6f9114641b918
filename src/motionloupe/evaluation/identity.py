"""What tells the material of one run from that of another: digests."""

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from motionloupe.data.folders import Pictures
from motionloupe.data.pairs import Pairs
from motionloupe.data.photometry import Bytes
from motionloupe.errors import UserError
from motionloupe.files import stamp
from motionloupe.flow import load_flow
from motionloupe.flow.base import FlowEstimator


def of_pictures(pictures: Sequence[Bytes] | Sequence[tuple[Bytes, Bytes]]) -> str:
    """A digest of pictures or pairs: of their files where they are read from some, else of pixels.

    Raises UserError where a file is gone.
    """
    if isinstance(pictures, Pictures | Pairs) and pictures.files:
        return stamp(pictures.files)
    digest = hashlib.sha256()
    for item in pictures:
        for picture in item if isinstance(item, tuple | list) else [item]:
            digest.update(f"{picture.shape} {picture.dtype}".encode())
            digest.update(np.ascontiguousarray(picture).data)
    return digest.hexdigest()


def of_estimator(estimator: FlowEstimator) -> str:
    """A digest of the weights that an estimator has loaded."""
    digest = hashlib.sha256()
    for name, tensor in sorted(estimator.state_dict().items()):
        values: npt.NDArray[np.generic] = tensor.detach().cpu().contiguous().numpy()
        digest.update(f"{name} {values.shape} {values.dtype}".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()[:16]


def of_flow(name: str) -> str:
    """The same of an estimator by name; empty where it cannot be had."""
    try:
        return of_estimator(load_flow(name))
    except UserError:
        return ""
