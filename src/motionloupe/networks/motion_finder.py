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

from motionloupe.arrays import LUMA
from motionloupe.flow.lucas_kanade import LucasKanade
from motionloupe.flow.warp import backward_warp
from motionloupe.networks.unet import UNet

_WINDOWS = (5, 11, 21)  # pixels at half resolution
_NOISE = 1e-4  # squared gradients of [0, 1] luma that cannot be told from noise
_FARTHEST = 1.0  # pixels at half resolution that a first-order estimate may claim
_CLOSEST = 5.0  # bound of what is learned of the importance, natural logarithm
_AT_REST = 0.1  # share of a scene's motion below which a pixel counts as resting
_NEIGHBOURS, _PARTS = 9, 4  # coarse pixels that are mixed, fine pixels in each of them


class Found(NamedTuple):
    """``motion`` (B, 2, H, W) px of the second frame's pixels, ``importance`` (B, 1, H, W)."""

    motion: Tensor
    importance: Tensor


def luma(image: Tensor) -> Tensor:
    """(B, 3, H, W) RGB -> (B, 1, H, W)."""
    weights = torch.tensor(LUMA, device=image.device, dtype=image.dtype)
    return (image * weights[:, None, None]).sum(dim=1, keepdim=True)


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
    batch, channels, height, width = coarse.shape
    weights = mix.view(batch, 1, _NEIGHBOURS, _PARTS, height, width).softmax(dim=2)
    around = functional.unfold(functional.pad(coarse, (1, 1, 1, 1), mode="replicate"), 3)
    around = around.view(batch, channels, _NEIGHBOURS, 1, height, width)
    parts = (around * weights).sum(dim=2).view(batch, channels * _PARTS, height, width)
    return functional.pixel_shuffle(parts, 2)


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
            known, size, estimates = self._known(before.float(), after.float())
        answer = self.body(known).float()
        correction, choice, front, mix = answer.split(
            [2, len(_WINDOWS), _PARTS, _NEIGHBOURS * _PARTS], dim=1
        )
        motion = size * correction
        for estimate, share in zip(estimates, choice.softmax(dim=1).split(1, dim=1), strict=True):
            motion = motion + share * estimate
        motion = enlarged(2.0 * motion, mix)
        learned = _CLOSEST * torch.tanh(functional.pixel_shuffle(front, 2))
        return Found(motion, learned + _prominence(motion, 2.0 * size))

    def _known(self, before: Tensor, after: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
        """What the network sees, the size of motion (B, 1, 1, 1), and the estimates.

        All at half resolution and in its pixels; motions are shown in units of their size, so that
        a tenth of a pixel looks like ten.
        """
        back = self.flow(after, before)
        drawn = backward_warp(before, back)
        grey, grey_drawn = luma(after), luma(drawn)
        change, rest = grey - luma(before), grey - grey_drawn
        spread = _averaged(change.square(), 15).sqrt() + 0.004
        fine = torch.cat([after, grey_drawn, change / spread, rest / spread], dim=1)
        fine = torch.cat([fine, *_gradient(grey)], dim=1)
        prior = -0.5 * functional.avg_pool2d(back, 2)
        halves = functional.avg_pool2d(grey_drawn, 2), functional.avg_pool2d(grey, 2)
        estimates = [prior + first_order_motion(*halves, window) for window in _WINDOWS]
        size = prior.square().mean(dim=(1, 2, 3), keepdim=True).sqrt() + 0.02
        shown = [motion / size for motion in (prior, *estimates)]
        scale = size.log().expand(-1, 1, *prior.shape[-2:])
        known = torch.cat([functional.pixel_unshuffle(fine, 2), *shown, scale], dim=1)
        return known, size, estimates


def _prominence(motion: Tensor, size: Tensor) -> Tensor:
    """What moves is in front of what rests, as long as nothing better is known."""
    length = motion.detach().square().sum(dim=1, keepdim=True).sqrt()
    return 2.0 * (length / size + _AT_REST).log()
