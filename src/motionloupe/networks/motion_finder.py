"""How the pixels of a frame have moved against a reference, and which of them lie in front.

Lucas and Kanade's flow is where it starts; what that leaves over is estimated again through windows
of several sizes. A network at half resolution chooses among these estimates and corrects them, and
says how to bring its answer to full resolution: each pixel takes a mean of the nine coarse motions
around it with weights of its own (Teed and Deng 2020), so that the rims of objects stay sharp.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from motionloupe.arrays import luma
from motionloupe.flow.lucas_kanade import LucasKanade
from motionloupe.flow.warp import backward_warp
from motionloupe.networks.unet import UNet

_WINDOWS = (5, 11, 21)  # pixels at half resolution
_NOISE = 1e-4  # squared gradients of [0, 1] luma that cannot be told from noise
_FARTHEST = 1.0  # pixels at half resolution that a first-order estimate may claim
_UNCHANGED = 0.1 / 255  # less change than this between two frames is none
_CLOSEST = 5.0  # bound of what is learned of the importance, natural logarithm
_AT_REST = 0.1  # share of a scene's motion below which a pixel counts as resting
_NEIGHBOURS, _PARTS = 9, 4  # coarse pixels that are mixed, fine pixels in each of them


class _Known(NamedTuple):
    """What the network is shown, at half resolution and in its pixels.

    ``size`` (B, 1, 1, 1) is the motion's, ``changed`` (B, 1, h, w) is 0 where the frames are equal,
    ``estimates`` are motions (B, 2, h, w).
    """

    seen: Tensor
    size: Tensor
    changed: Tensor
    estimates: list[Tensor]


class Found(NamedTuple):
    """``motion`` (B, 2, H, W) px of the second frame's pixels, ``importance`` (B, 1, H, W)."""

    motion: Tensor
    importance: Tensor


def _gradient(grey: Tensor) -> tuple[Tensor, Tensor]:
    """Central differences along x and y, per pixel."""
    wide = functional.pad(grey, (1, 1, 1, 1), mode="replicate")
    across = (wide[..., 1:-1, 2:] - wide[..., 1:-1, :-2]) * 0.5
    down = (wide[..., 2:, 1:-1] - wide[..., :-2, 1:-1]) * 0.5
    return across, down


def first_order_motion(before: Tensor, after: Tensor, window: int) -> Tensor:
    """Lucas and Kanade's closed form: one displacement (B, 2, H, W) per window of (B, 1, H, W).

    Pixels, the motion of ``after`` against ``before``; 0 where there is no texture.
    """
    across, down = _gradient((before + after) * 0.5)
    change = before - after
    products = [across * across, down * down, across * down, across * change, down * change]
    sums = _averaged(torch.cat(products, dim=1), window)
    xx, yy, xy, xt, yt = (sums[:, k : k + 1] for k in range(5))
    xx, yy = xx + _NOISE, yy + _NOISE
    scale = 1.0 / (xx * yy - xy * xy)
    motion = torch.cat([(yy * xt - xy * yt) * scale, (xx * yt - xy * xt) * scale], dim=1)
    return motion.clamp(-_FARTHEST, _FARTHEST)


def _averaged(values: Tensor, window: int) -> Tensor:
    """Mean over ``window`` x ``window`` pixels, of those that there are."""
    for sides in ((window, 1), (1, window)):
        reach = (sides[0] // 2, sides[1] // 2)
        values = functional.avg_pool2d(values, sides, 1, reach, count_include_pad=False)
    return values


def enlarged(coarse: Tensor, mix: Tensor) -> Tensor:
    """(B, C, h, w) to (B, C, 2h, 2w): each pixel a mean of the nine coarse ones around it.

    ``mix`` (B, 36, h, w) holds the logarithms of the weights: nine for each of the four parts.
    """
    batch, _, height, width = coarse.shape
    shares = mix.view(batch, _NEIGHBOURS, _PARTS, height, width).softmax(dim=1)
    around = functional.pad(coarse, (1, 1, 1, 1), mode="replicate").unsqueeze(2)
    parts = torch.zeros_like(shares[:, :1])
    for number in range(_NEIGHBOURS):
        row, column = divmod(number, 3)
        neighbour = around[..., row : row + height, column : column + width]
        parts = torch.addcmul(parts, neighbour, shares[:, None, number])
    return functional.pixel_shuffle(parts.flatten(1, 2), 2)


class MotionFinder(nn.Module):
    """Two frames (B, 3, H, W) with even sides -> :class:`Found`."""

    def __init__(self, base: int) -> None:
        super().__init__()
        self.flow = LucasKanade(iterations=1, window=3.0)
        motions = 2 * (1 + len(_WINDOWS))
        answers = 2 + len(_WINDOWS) + _PARTS + _NEIGHBOURS * _PARTS
        self.body = UNet(4 * 8 + motions + 1, answers, base)
        nn.init.zeros_(self.body.leave.weight)  # starts as the mean of the estimates
        nn.init.zeros_(self.body.leave.bias)  # type: ignore[arg-type]  # this one has a bias

    def forward(self, before: Tensor, after: Tensor) -> Found:
        with torch.no_grad(), torch.autocast(after.device.type, enabled=False):
            known = self._known(before.float(), after.float())
        answer = self.body(known.seen).float()
        correction, choice, front, mix = answer.split(
            [2, len(_WINDOWS), _PARTS, _NEIGHBOURS * _PARTS], dim=1
        )
        motion = known.size * known.changed * correction
        shares = choice.softmax(dim=1).split(1, dim=1)
        for estimate, share in zip(known.estimates, shares, strict=True):
            motion = motion + share * estimate
        motion = enlarged(2.0 * motion, mix)
        learned = _CLOSEST * torch.tanh(functional.pixel_shuffle(front, 2))
        return Found(motion, learned + _prominence(motion, 2.0 * known.size))

    def _known(self, before: Tensor, after: Tensor) -> _Known:
        """Motions are shown in units of their size, so that a tenth of a pixel looks like ten."""
        back = self.flow(after, before)
        drawn = backward_warp(before, back)
        grey, grey_drawn = luma(after), luma(drawn)
        change, rest = grey - luma(before), grey - grey_drawn
        change_around = _averaged(change.square(), 15).sqrt()
        changed = 1.0 - torch.exp(-functional.avg_pool2d(change_around, 2) / _UNCHANGED)
        spread = change_around + 0.004
        fine = torch.cat([after, grey_drawn, change / spread, rest / spread], dim=1)
        fine = torch.cat([fine, *_gradient(grey)], dim=1)
        prior = -0.5 * functional.avg_pool2d(back, 2)
        halves = functional.avg_pool2d(grey_drawn, 2), functional.avg_pool2d(grey, 2)
        estimates = [prior + first_order_motion(*halves, window) for window in _WINDOWS]
        size = prior.square().mean(dim=(1, 2, 3), keepdim=True).sqrt() + 0.02
        shown = [motion / size for motion in (prior, *estimates)]
        scale = size.log().expand(-1, 1, *prior.shape[-2:])
        seen = torch.cat([functional.pixel_unshuffle(fine, 2), *shown, scale], dim=1)
        return _Known(seen, size, changed, estimates)


def _prominence(motion: Tensor, size: Tensor) -> Tensor:
    """What moves is in front of what rests, as long as nothing better is known."""
    length = motion.detach().square().sum(dim=1, keepdim=True).sqrt()
    return 2.0 * (length / size + _AT_REST).log()
