"""Short filters over pictures: the inner loop of the spatial pyramids.

On the CPU OpenCV filters single planes about ten times as fast as torch convolves them, so it does
there what torch does elsewhere. All functions take and give (B, C, H, W) float32 tensors, filter
every plane alike, correlate (no flip), and carry no gradient.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from motionloupe.flow.filters import reflected

Plane = npt.NDArray[np.float32]
Taps = Sequence[float]


def separable(x: Tensor, taps: Taps) -> Tensor:
    """The odd number of ``taps`` along both axes; the picture is mirrored about its edge pixels."""
    if _on_cpu(x):
        line = np.asarray(taps, dtype=np.float32)
        return _by_plane(x, lambda p, out: cv2.sepFilter2D(p, -1, line, line, out))
    weights = torch.tensor(taps, dtype=x.dtype, device=x.device)
    padded = _planes(_around(x, len(taps) // 2))
    across = functional.conv2d(padded, weights.view(1, 1, 1, -1))
    return functional.conv2d(across, weights.view(1, 1, -1, 1)).view(x.shape)


def correlated(x: Tensor, kernel: npt.NDArray[np.float32]) -> Tensor:
    """An odd, square ``kernel`` (n, n); the picture is mirrored about its edge pixels."""
    if _on_cpu(x):
        return _by_plane(x, lambda p, out: cv2.filter2D(p, -1, kernel, out))
    weights = torch.from_numpy(kernel).to(x.device)[None, None]
    padded = _planes(_around(x, kernel.shape[0] // 2))
    return functional.conv2d(padded, weights).view(x.shape)


def gaussian(x: Tensor, sigma: float) -> Tensor:
    """Gaussian blur, ``sigma`` in pixels, cut off at 2 sigma; beyond the edges everything is 0.

    With zeros outside, the ratio of two blurred pictures is a weighted mean up to the very edge.
    """
    radius = math.ceil(2 * sigma)
    steps = np.arange(-radius, radius + 1)
    line = np.exp(-0.5 * (steps / sigma) ** 2).astype(np.float32)
    line /= line.sum()
    if _on_cpu(x):
        zero = cv2.BORDER_CONSTANT
        return _by_plane(x, lambda p, o: cv2.sepFilter2D(p, -1, line, line, o, borderType=zero))
    weights = torch.from_numpy(line).to(x.device)
    across = functional.conv2d(_planes(x), weights.view(1, 1, 1, -1), padding=(0, radius))
    return functional.conv2d(across, weights.view(1, 1, -1, 1), padding=(radius, 0)).view(x.shape)


def _on_cpu(x: Tensor) -> bool:
    return x.device.type == "cpu"


def _by_plane(x: Tensor, work: Callable[[Plane, Plane], Any]) -> Tensor:
    source = x.detach().contiguous().numpy()
    result = np.empty_like(source)
    height, width = x.shape[-2:]
    pairs = zip(source.reshape(-1, height, width), result.reshape(-1, height, width), strict=True)
    for plane, out in pairs:
        work(plane, out)
    return torch.from_numpy(result)


def _planes(x: Tensor) -> Tensor:
    return x.reshape(-1, 1, *x.shape[-2:])


def _around(x: Tensor, margin: int) -> Tensor:
    return reflected(x, margin, margin, margin, margin)
