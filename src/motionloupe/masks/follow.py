"""A mask that moves with its object."""

import math
from types import EllipsisType

import cv2
import numpy as np
import torch
from torch import Tensor

from motionloupe.arrays import Image, to_tensor
from motionloupe.flow.base import FlowEstimator
from motionloupe.flow.filters import gaussian, separable
from motionloupe.flow.warp import backward_warp
from motionloupe.masks.shapes import INSIDE, Weights

_REACH = 0.25  # of the object's side: the blur of its motion
_LEAST_REACH, _MOST_REACH = 3.0, 24.0  # pixels
_MARGIN = 32  # pixels around the object in which its motion is looked for
_LEFT = 0.02  # share of the object, inner parts first, below which it has left the frame
_ALIKE = 0.6  # likeness to the reference below which the object may be lost
_NOISE = 0.03  # contrast that means nothing, in each colour
_FAINT = 1e-3  # share of the object's mean motion, for what lies far from it
_Window = tuple[EllipsisType, slice, slice]


class Follower:
    """Carries a mask of the reference frame to one frame after another.

    It knows, for every pixel of the frame before, its place in the reference. The reference drawn
    at these places looks like the frame before; the flow from the new frame to this picture says
    what has moved since and, because the picture is made of the reference and not of a frame, also
    what was wrong so far: errors do not add up. Flow near an edge mixes both sides, so the
    object's inner parts count most, by the fourth power of their distance from its edge, smoothed
    and spread beyond it.
    """

    def __init__(
        self, found: Weights, weights: Weights, reference: Image, estimator: FlowEstimator
    ) -> None:
        """``found`` is the object, ``weights`` what is carried: both (H, W), on ``reference``."""
        self._estimator = estimator
        self._reference = to_tensor(reference)
        inside = (found >= INSIDE).astype(np.uint8)
        depth = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        self._depth = torch.from_numpy((depth / depth.max()) ** 4)[None, None]
        self._weights = torch.from_numpy(weights)[None, None]
        self._near = _around(self._weights)
        self._path = torch.zeros_like(self._reference[:, :2])
        self._drawn = self._reference
        self._gone = False
        self._count = 0
        self.warnings: list[str] = []
        side = math.sqrt(float(inside.sum()))
        self._sigma = min(max(_REACH * side, _LEAST_REACH), _MOST_REACH)

    @torch.no_grad()
    def at(self, frame: Image) -> Weights:
        """The mask on the next frame: (H, W), empty once the object has left."""
        carried = torch.zeros_like(self._weights) if self._gone else self._carried(to_tensor(frame))
        self._gone = not bool(carried.any())
        self._count += 1
        weights: Weights = carried[0, 0].numpy()
        return weights

    def _carried(self, now: Tensor) -> Tensor:
        step = torch.zeros_like(self._path)
        step[self._near] = self._estimator(now[self._near], self._drawn[self._near])
        depth = backward_warp(self._depth, step + backward_warp(self._path, step), border="zeros")
        if float(depth.sum()) < _LEFT * float(self._depth.sum()):
            return torch.zeros_like(self._weights)
        step = self._of_object(step, depth)
        self._path = step + backward_warp(self._path, step)
        self._drawn = backward_warp(self._reference, self._path)
        if not self.warnings and _likeness(now, self._drawn, depth) < _ALIKE:
            self.warnings.append(
                f"in frame {self._count} a followed object no longer looks as at first and its "
                "mask may slip from here on: give one mask for each frame"
            )
        carried = backward_warp(self._weights, self._path, border="zeros")
        if bool(carried.any()):
            self._near = _around(carried)
        return carried

    def _of_object(self, step: Tensor, depth: Tensor) -> Tensor:
        """The flow averaged over the object around each pixel; far away, over all of it."""
        mean = (step * depth).sum(dim=(2, 3), keepdim=True) / depth.sum()
        weighted = torch.cat([step * depth, depth], dim=1)[self._near]
        sums = separable(weighted, gaussian(self._sigma))
        smooth = mean.expand_as(step).clone()
        smooth[self._near] = (sums[:, :2] + _FAINT * mean) / (sums[:, 2:] + _FAINT)
        return smooth


def _likeness(a: Tensor, b: Tensor, weights: Tensor) -> float:
    """1 where two pictures (1, 3, H, W), weighted by (1, 1, H, W), agree; 0 where unrelated.

    Differences of brightness and of noise do not count.
    """

    def mean(values: Tensor) -> Tensor:
        return (values * weights).sum(dim=(2, 3), keepdim=True) / weights.sum()

    a, b = a - mean(a), b - mean(b)
    spread = mean(a * a).sum() + mean(b * b).sum() + 6 * _NOISE**2
    return 1.0 - float(mean((a - b) ** 2).sum() / spread)


def _around(weights: Tensor) -> _Window:
    """Where flow is estimated: around the object."""
    rows, columns = weights[0, 0].amax(dim=1).nonzero(), weights[0, 0].amax(dim=0).nonzero()
    sides = []
    for places in (rows, columns):
        first, last = int(places[0]), int(places[-1])
        sides.append(slice(max(first - _MARGIN, 0), last + 1 + _MARGIN))
    return ..., sides[0], sides[1]
