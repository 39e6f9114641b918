"""Magnification factors: one number, or a map with one factor per pixel.

Convention: alpha is the total factor. 1 leaves the motion as it is, 0 freezes it, 10 makes it ten
times as large, between 0 and 1 attenuates. Papers that write (1 + a) are converted at the door.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from motionloupe.errors import UserError

Alpha = float | npt.NDArray[Any]


def as_alpha(alpha: Alpha) -> Tensor:
    """A factor as float32 tensor: (1, 1, 1, 1) for a number, (1, 1, H, W) for a map (H, W).

    Raises UserError for NaN, infinity, a negative factor or a map of another shape.
    """
    try:
        values = np.asarray(alpha, dtype=np.float32)
    except (TypeError, ValueError):
        raise UserError(f"alpha must be a number or a map of numbers, found {alpha!r}") from None
    if values.ndim not in (0, 2):
        raise UserError(f"an alpha map must have shape (height, width), found {values.shape}")
    if not np.isfinite(values).all():
        raise UserError("alpha must be finite, found NaN or infinity")
    if (values < 0).any():
        raise UserError(f"alpha must be 0 or larger (0 freezes), found {values.min():g}")
    return torch.from_numpy(values.reshape((1, 1, *(values.shape or (1, 1)))).copy())


def check_fits(alpha: Tensor, height: int, width: int) -> None:
    """Raise UserError unless ``alpha`` is one number or a map of exactly this size."""
    if alpha.shape[-2:] not in ((1, 1), (height, width)):
        found = f"{alpha.shape[-1]} x {alpha.shape[-2]}"
        raise UserError(f"the alpha map is {found}, the frames are {width} x {height}")


def resized(alpha: Tensor, height: int, width: int) -> Tensor:
    """A map averaged down (or interpolated up) to a pyramid level; a single number stays one."""
    if alpha.shape[-2:] in ((1, 1), (height, width)):
        return alpha
    return functional.interpolate(
        alpha, size=(height, width), mode="bilinear", align_corners=False, antialias=True
    )
