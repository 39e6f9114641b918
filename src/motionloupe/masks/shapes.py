"""Weights of a mask: 1 inside, 0 outside, and what lies between at a soft edge."""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from motionloupe.arrays import Image, from_tensor, to_tensor

Weights = npt.NDArray[np.float32]
INSIDE = 0.5
"""The weight from which on a pixel counts as part of the object."""
_ROUNDING = 1e-4  # pixels: OpenCV's distances are exact in some of its versions


def shaped(weights: Weights, dilate: float, feather: float) -> Weights:
    """Grow the object by ``dilate`` pixels and let it fade over ``feather`` more, linearly.

    Distances are Euclidean, from pixel to the nearest pixel of the object. Without either, the
    weights (H, W) stay as they are, soft edges included.
    """
    if dilate == 0 and feather == 0:
        return weights
    outside = (weights < INSIDE).astype(np.uint8)
    if outside.all():
        return np.zeros_like(weights)
    distance = cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    if feather == 0:
        return (distance <= dilate + _ROUNDING).astype(np.float32)
    fading: Weights = np.clip(1 - (distance - dilate) / feather, 0, 1).astype(np.float32)
    return fading


def composited(picture: Image, background: Image, weights: Weights) -> Image:
    """``picture`` where the weight is 1, ``background`` where it is 0, in the picture's dtype."""
    if background.dtype != picture.dtype:
        background = from_tensor(to_tensor(background), picture.dtype)
    behind = background.astype(np.float32)
    mixed = behind + weights[..., None] * (picture.astype(np.float32) - behind)
    if picture.dtype.kind in "iu":
        mixed = np.rint(mixed)
    whole: npt.NDArray[Any] = mixed.astype(picture.dtype)
    return np.where(weights[..., None] == 0, background, whole)
