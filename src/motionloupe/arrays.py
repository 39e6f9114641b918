"""The edge between the user's pictures and the tensors inside.

Convention: outside, a picture is a numpy array (H, W, 3), RGB, of uint8, uint16 or float in [0, 1];
inside it is a float32 tensor (1, 3, H, W) in [0, 1]. A picture goes back in the dtype it came in,
rounded, never truncated.
"""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from motionloupe.errors import UserError

Image = npt.NDArray[Any]
SMALLEST_SIDE = 16
_BEYOND = 1.0  # by which floats may leave [0, 1], as resampling makes them
LUMA = (0.299, 0.587, 0.114)
"""Shares of R, G and B in brightness (ITU-R BT.601, as in the papers' YIQ)."""


def full_scale(dtype: np.dtype[Any]) -> float:
    """The value of white in a picture of this type."""
    return float(np.iinfo(dtype).max) if dtype.kind in "iu" else 1.0


def luma(picture: Tensor) -> Tensor:
    """Brightness of (B, 3, H, W) RGB: (B, 1, H, W)."""
    red, green, blue = picture.chunk(3, dim=1)
    return (red * LUMA[0]).add(green, alpha=LUMA[1]).add(blue, alpha=LUMA[2])


def is_picture_type(dtype: np.dtype[Any]) -> bool:
    """Whether pictures may be of this type, in whatever order of bytes."""
    return dtype.kind == "f" or dtype.newbyteorder("=") in (np.uint8, np.uint16)


def is_whole(value: object) -> bool:
    """Whether this is a whole number, one of NumPy's too; a truth value is none."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def check_image(image: Image, what: str = "frame") -> None:
    """Raise UserError unless ``image`` is a picture that every method can take."""
    if not isinstance(image, np.ndarray) or image.ndim != 3 or image.shape[2] != 3:
        shape = getattr(image, "shape", type(image).__name__)
        raise UserError(f"a {what} must be an array of shape (height, width, 3), found {shape}")
    if not is_picture_type(image.dtype):
        raise UserError(f"a {what} must be uint8, uint16 or float, found {image.dtype}")
    height, width = image.shape[:2]
    if min(height, width) < SMALLEST_SIDE:
        raise UserError(
            f"a {what} must have at least {SMALLEST_SIDE} x {SMALLEST_SIDE} pixels, "
            f"found {width} x {height}"
        )


def to_tensor(image: Image, device: torch.device | str = "cpu") -> Tensor:
    """(H, W, 3) of any accepted dtype -> (1, 3, H, W) float32; integers are scaled to [0, 1]."""
    check_image(image)
    full = full_scale(image.dtype)
    if full > 255:  # torch converts uint16 on the CPU only by way of int32
        image = image.astype(np.int32)
    elif image.dtype.kind == "f":  # also foreign orders of bytes, and doubles that MPS lacks
        image = image.astype(np.float32, copy=False)
    pixels = torch.from_numpy(np.require(image, requirements=("C", "W"))).to(device)
    height, width = image.shape[:2]
    planes = torch.empty((1, 3, height, width), dtype=torch.float32, device=device)
    planes.copy_(pixels.permute(2, 0, 1).unsqueeze(0))  # faster than a conversion, then a copy
    if full != 1.0:
        return planes.div_(full)
    _check_range(planes)
    return planes


def _check_range(planes: Tensor) -> None:
    """Raise UserError where floats are no picture: not finite, or of another scale."""
    low, high = (float(value) for value in torch.aminmax(planes))
    if not (low > -_BEYOND and high < 1.0 + _BEYOND):  # NaN is neither
        raise UserError(f"a picture of floats lies in [0, 1], found {low:g} to {high:g}")


def from_tensor(tensor: Tensor, dtype: npt.DTypeLike) -> Image:
    """(1, 3, H, W) -> (H, W, 3) of ``dtype``, clamped to [0, 1] and rounded for integers."""
    planes = tensor.detach()[0].clamp(0.0, 1.0)
    wanted = np.dtype(dtype)
    if wanted == np.uint8:
        return _interleaved(planes.mul_(255.0).round_().to(torch.uint8))
    if wanted.newbyteorder("=") == np.uint16:
        return _interleaved(planes.mul_(65535.0).round_().to(torch.int32)).astype(wanted)
    return _interleaved(planes).astype(wanted)


def _interleaved(planes: Tensor) -> Image:
    """(3, H, W) -> (H, W, 3); OpenCV does it several times as fast as torch."""
    return np.asarray(cv2.merge([plane.numpy() for plane in planes.cpu()]))
