"""Lagrangian baselines of FlowMag (Pan 2023): carry the reference's pixels along the optical flow.

Every pixel of the reference moves by motion + (alpha - 1) band; what it uncovers is filled from its
surroundings. The picture is the reference's: changes of light do not show where alpha is not 1.
"""

from collections.abc import Callable
from functools import partial
from typing import ClassVar, Literal, Unpack, get_args

import cv2
import numpy as np
import torch
from torch import Tensor

from motionloupe.arrays import Image
from motionloupe.errors import UserError
from motionloupe.flow import FALLBACK, default_flow, load_flow
from motionloupe.flow.base import FromReference
from motionloupe.flow.light import seen_in_its_light
from motionloupe.flow.warp import backward_warp, splat_bilinear, splat_nearest
from motionloupe.magnifiers.base import Common, Magnifier
from motionloupe.magnifiers.lama import Lama
from motionloupe.temporal import Signal

Inpaint = Literal["none", "telea", "navier-stokes", "lama"]
Filler = Callable[[Image, Image], Image]
"""(H, W, 3) uint8 and its holes, (H, W) uint8 that is not 0 -> the picture without holes."""

_REACH = 3.0  # pixels around a hole that inpainting looks at
_COVERED = 1e-3  # share of a pixel that must have landed for it not to be a hole


class _Warp(Magnifier[Tensor]):
    """Forward warping by optical flow.

    ``flow`` is an estimator's name, or "auto" for what ``default_flow`` names; the
    default was measured the most exact for small motion. ``iterations`` is its number of them, None
    for its own. ``inpaint`` fills the holes behind what has moved by "telea" or
    "navier-stokes", or by "lama", a network (:mod:`motionloupe.magnifiers.lama`, an extra); "none"
    leaves them black. A pixel of the reference where alpha is 1 stands for
    the frame's own, which is shown in its place.
    """

    draws_reference = True
    nearest: ClassVar[bool]

    def __init__(
        self,
        *,
        flow: str = FALLBACK,
        iterations: int | None = None,
        inpaint: Inpaint = "telea",
        **common: Unpack[Common],
    ) -> None:
        super().__init__(**common)
        if inpaint not in get_args(Inpaint):
            known = ", ".join(get_args(Inpaint))
            raise UserError(f"inpaint must be one of {known}, found {inpaint!r}")
        self._fill = self._filler(inpaint)
        self.flow = default_flow(None if flow == "auto" else flow)
        chosen = {} if iterations is None else {"iterations": iterations}
        self._estimator = load_flow(self.flow, **chosen).to(self.device)
        self._last: FromReference | None = None

    def analyse(self, frame: Tensor) -> Tensor:
        return frame

    def motion(self, reference: Tensor, current: Tensor) -> Signal:
        if self._last is None or self._last.reference is not reference:
            self._last = FromReference(self._estimator, reference)
        last = self._last

        def find(seen: Tensor) -> Signal:
            known = last if seen is reference else FromReference(self._estimator, seen)
            return [known.to(current)]

        def left(reference: Tensor, motion: Signal) -> Tensor:
            return backward_warp(current, motion[0]) - reference

        return seen_in_its_light(find, left, reference, current)

    def render(
        self, reference: Tensor, current: Tensor, motion: Signal, band: Signal, alpha: Tensor
    ) -> Tensor:
        if alpha.numel() > 1:
            alpha = _at_reference(alpha, motion[0])
        displacement = motion[0] + (alpha - 1.0) * band[0]
        own = (alpha == 1.0).expand(-1, -1, *reference.shape[-2:]).to(reference.dtype)
        layers = torch.cat([reference * (1.0 - own), own], dim=1)
        splat = splat_nearest if self.nearest else splat_bilinear
        moved, coverage = splat(layers, displacement)
        holes = coverage <= _COVERED
        moved = torch.where(holes, torch.cat([torch.zeros_like(reference), own], dim=1), moved)
        magnified, own = moved[:, :3], moved[:, 3:]
        picture = torch.where(own == 1.0, current, magnified + own * current)
        return self._filled(picture, holes & (own == 0.0))

    def _filled(self, picture: Tensor, holes: Tensor) -> Tensor:
        if self._fill is None or not bool(holes.any()):
            return picture
        return torch.where(holes, _inpainted(picture, holes, self._fill), picture)

    def _filler(self, inpaint: Inpaint) -> Filler | None:
        if inpaint == "none":
            return None
        if inpaint == "lama":
            return Lama(self.device)
        how = cv2.INPAINT_TELEA if inpaint == "telea" else cv2.INPAINT_NS
        return partial(_inpaint, how=how)


class WarpNearest(_Warp):
    """Each pixel goes to the nearest whole place; the larger motion stays on top."""

    nearest = True


class WarpBilinear(_Warp):
    """Each pixel is shared among the four places around its own; the larger motion lies on top."""

    nearest = False


def _at_reference(alpha: Tensor, motion: Tensor) -> Tensor:
    """A map of the current frame, read by each pixel of the reference where it has gone."""
    touched = backward_warp((alpha != 1.0).to(alpha.dtype), motion) > 0
    return torch.where(touched, backward_warp(alpha, motion), 1.0)


def _inpaint(image: Image, mask: Image, how: int) -> Image:
    return np.asarray(cv2.inpaint(image, mask, _REACH, how))


def _inpainted(picture: Tensor, holes: Tensor, fill: Filler) -> Tensor:
    """A guess, in 8 bits, at the pixels of (1, 3, H, W) where ``holes`` (1, 1, H, W)."""
    values = picture[0].clamp(0.0, 1.0).mul(255.0).round().to(torch.uint8)
    image = np.ascontiguousarray(values.permute(1, 2, 0).cpu().numpy())
    mask = holes[0, 0].to(torch.uint8).cpu().numpy()
    tensor = torch.from_numpy(np.ascontiguousarray(fill(image, mask))).to(
        picture.device, picture.dtype
    )
    return tensor.permute(2, 0, 1).unsqueeze(0) / 255.0
