"""Objects to magnify, as a user names them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from motionloupe.alpha import as_alpha
from motionloupe.boxes import Box
from motionloupe.errors import UserError
from motionloupe.flow import FALLBACK
from motionloupe.masks.segmenters import Point, Segmenter

Background = Literal["keep", "composite", "still"]


@dataclass(frozen=True)
class Region:
    """One object, named by exactly one of ``mask``, ``box`` and ``points``, and its own factor.

    ``mask``: a picture or .npy file, or an array (H, W), whose white is magnified; or one mask for
    each frame: a video, a folder or glob of pictures, an array (T, H, W). ``box``: (x, y, width,
    height) in pixels around the object. ``points``: (x, y) in pixels, each on the object.
    ``alpha``: the total factor, None for that of the whole call.
    """

    mask: str | Path | npt.NDArray[Any] | None = None
    box: Box | None = None
    points: Sequence[Point] = ()
    alpha: float | None = None

    def __post_init__(self) -> None:
        named = [self.mask is not None, self.box is not None, len(self.points) > 0]
        if sum(named) != 1:
            raise UserError(
                f"a region is named by one of mask, box and points, found {sum(named)} of them"
            )
        for point in self.points:
            if np.shape(point) != (2,):
                raise UserError(f"points are pairs (x, y) in pixels, found {point!r} among them")
        if self.alpha is None:
            return
        if np.ndim(self.alpha):
            raise UserError("a region has one factor, not a map: give that for the whole call")
        as_alpha(self.alpha)


@dataclass(frozen=True)
class Focus:
    """The objects to magnify, and what becomes of the rest.

    Where ``regions`` overlap the later wins. ``outside`` is the factor outside all of them, None
    for 1, or for 0 with a still background. ``dilate``: pixels by which each region grows.
    ``feather``: pixels beyond that over which alpha goes from inside to ``outside``.
    ``background``: "keep" shows the method's own answer outside, "composite" the source's pixels,
    "still" those of the reference. ``follow``: a still region moves with its object, by the optical
    flow of ``flow`` (an estimator's name, or "auto" for what ``default_flow`` names).
    ``box_segmenter`` finds the object in a box, None for GrabCut; ``point_segmenter`` at points,
    None for SAM 2.
    """

    regions: Sequence[Region]
    dilate: float = 0.0
    feather: float = 0.0
    background: Background = "keep"
    follow: bool = False
    flow: str = FALLBACK
    box_segmenter: Segmenter | None = None
    point_segmenter: Segmenter | None = None
    outside: float | None = None

    def __post_init__(self) -> None:
        if isinstance(self.regions, Region):
            raise UserError("a focus takes a list of regions, found a single one")
        if not self.regions:
            raise UserError("a focus needs at least one region: a mask, a box or points")
        for name, value in (("dilate", self.dilate), ("feather", self.feather)):
            if not (math.isfinite(value) and value >= 0):
                raise UserError(f"{name} must be 0 or more pixels, found {value:g}")
        if self.background not in get_args(Background):
            known = ", ".join(get_args(Background))
            raise UserError(f"the background must be one of {known}, found {self.background!r}")
        if self.outside is not None:
            as_alpha(self.outside)
            if self.background != "keep":
                raise UserError(
                    f"a factor outside needs the background keep: {self.background} shows pixels "
                    "that no factor applies to"
                )

    @property
    def alpha_outside(self) -> float:
        """The factor outside all regions."""
        if self.outside is not None:
            return self.outside
        return 0.0 if self.background == "still" else 1.0

    def largest(self, alpha: float) -> float:
        """The largest factor anywhere, where ``alpha`` is that of the whole call."""
        own = [alpha if region.alpha is None else region.alpha for region in self.regions]
        return max(*own, self.alpha_outside)
