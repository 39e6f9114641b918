"""Magnification factors: one number, a map with one factor per pixel, or a map for each frame.

Convention: alpha is the total factor. 1 leaves the motion as it is, 0 freezes it, 10 makes it ten
times as large, between 0 and 1 attenuates. Papers that write (1 + a) are converted at the door.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from motionloupe.arrays import Image
from motionloupe.errors import UserError

Alpha = float | npt.NDArray[Any]
AlphaByFrame = Callable[[Image], Alpha]
"""Called with every frame once, in order, just before that frame is drawn."""


def as_alpha(alpha: Alpha) -> Tensor:
    """A factor as float32 tensor: (1, 1, 1, 1) for a number, (1, 1, H, W) for a map (H, W).

    Raises UserError for NaN, infinity, a negative factor or a map of another shape.
    """
    try:
        with np.errstate(over="ignore"):
            values = np.asarray(alpha, dtype=np.float32)
    except (TypeError, ValueError):
        raise UserError(f"alpha must be a number or a map of numbers, found {alpha!r}") from None
    if values.ndim not in (0, 2):
        raise UserError(f"an alpha map must have shape (height, width), found {values.shape}")
    if not np.isfinite(values).all():
        raise UserError("alpha must be finite, found NaN, infinity or what float32 cannot hold")
    if (values < 0).any():
        raise UserError(f"alpha must be 0 or larger (0 freezes), found {values.min():g}")
    return torch.from_numpy(values.reshape((1, 1, *(values.shape or (1, 1)))).copy())


def check_fits(alpha: Tensor, height: int, width: int) -> None:
    """Raise UserError unless ``alpha`` is one number or a map of exactly this size."""
    if alpha.shape[-2:] not in ((1, 1), (height, width)):
        found = f"{alpha.shape[-1]} x {alpha.shape[-2]}"
        raise UserError(f"the alpha map is {found}, the frames are {width} x {height}")


class Factors:
    """The factor of one frame after another, checked, on the device where it is needed.

    A fixed factor is refused at once where it means nothing; one that is made for each frame, when
    its frame comes, and the error says which.
    """

    def __init__(self, alpha: Alpha | AlphaByFrame, device: torch.device) -> None:
        self._device = device
        self._made = alpha if callable(alpha) else None
        self._fixed = None if callable(alpha) else as_alpha(alpha).to(device)
        self._count = 0

    def admit(self, frame: Image) -> None:
        """Raise UserError where a fixed map does not fit a frame that will be drawn later."""
        if self._fixed is not None:
            check_fits(self._fixed, *frame.shape[:2])

    def of(self, frame: Image) -> Tensor:
        """The factor of the next frame to be drawn: (1, 1, 1, 1) or (1, 1, H, W)."""
        if self._made is None:
            self.admit(frame)
            assert self._fixed is not None
            return self._fixed
        made = self._made(frame)
        try:
            factor = as_alpha(made)
            check_fits(factor, *frame.shape[:2])
        except UserError as error:
            raise UserError(f"frame {self._count}: {error}") from None
        self._count += 1
        return factor.to(self._device)


def resized(alpha: Tensor, height: int, width: int) -> Tensor:
    """A map averaged down (or interpolated up) to a pyramid level; a single number stays one."""
    if alpha.shape[-2:] in ((1, 1), (height, width)):
        return alpha
    return functional.interpolate(
        alpha, size=(height, width), mode="bilinear", align_corners=False, antialias=True
    )
