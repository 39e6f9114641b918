"""A generator that multiplies by alpha instead of learning to: the displacement is carried on.

Lucas and Kanade's flow says how every pixel of the frame has moved against the reference; what it
leaves over is estimated again through windows of several sizes, and a network chooses among these
estimates, corrects them and says what lies in front. The frame is then carried on along (alpha - 1)
times this motion and a second, smaller network mends what that leaves open. So small motion is
exact and smooth before anything is learned, and where nothing moves the frame comes back as it is.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from motionloupe.arrays import LUMA
from motionloupe.flow.lucas_kanade import LucasKanade
from motionloupe.flow.warp import backward_warp
from motionloupe.networks.alpha_encoding import as_map
from motionloupe.networks.padding import crop, pad_to_multiple
from motionloupe.networks.splatting import fill, softmax_splat
from motionloupe.networks.unet import UNet

_WINDOWS = (5, 11, 21)  # pixels at half resolution
_NOISE = 1e-4  # squared gradients of [0, 1] luma that cannot be told from noise
_FARTHEST = 1.0  # pixels at half resolution that a first-order estimate may claim
_CLOSEST = 5.0  # bound of the importance, natural logarithm


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
    sums = functional.avg_pool2d(
        torch.cat(products, dim=1), window, 1, window // 2, count_include_pad=False
    )
    xx, yy, xy, xt, yt = (sums[:, k : k + 1] for k in range(5))
    xx, yy = xx + _NOISE, yy + _NOISE
    scale = 1.0 / (xx * yy - xy * xy)
    motion = torch.cat([(yy * xt - xy * yt) * scale, (xx * yt - xy * xt) * scale], dim=1)
    return motion.clamp(-_FARTHEST, _FARTHEST)


class MotionFinder(nn.Module):
    """Two frames -> motion of the second's pixels (B, 2, H, W) px, importance (B, 1, H, W)."""

    def __init__(self, base: int) -> None:
        super().__init__()
        self.flow = LucasKanade()
        motions = 2 * (1 + len(_WINDOWS))
        self.body = UNet(4 * 8 + motions + 1, 3 + len(_WINDOWS), base, levels=4)
        nn.init.zeros_(self.body.leave.weight)  # starts as the mean of the estimates
        nn.init.zeros_(self.body.leave.bias)  # type: ignore[arg-type]  # this one has a bias

    def forward(self, before: Tensor, after: Tensor) -> tuple[Tensor, Tensor]:
        with torch.no_grad(), torch.autocast(after.device.type, enabled=False):
            known, size, estimates = self._known(before.float(), after.float())
        answer = self.body(known)
        choice = answer[:, 3:].softmax(dim=1)
        motion = size * answer[:, :2]
        for number, estimate in enumerate(estimates):
            motion = motion + choice[:, number : number + 1] * estimate
        found = torch.cat([2.0 * motion, _CLOSEST * torch.tanh(answer[:, 2:3])], dim=1)
        found = functional.interpolate(found, scale_factor=2, mode="bilinear", align_corners=False)
        return found[:, :2], found[:, 2:]

    def _known(self, before: Tensor, after: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
        """What the network sees, the size of motion (B, 1, 1, 1), and the estimates.

        All at half resolution and in its pixels; motions are shown in units of their size, so that
        a tenth of a pixel looks like ten.
        """
        back = self.flow(after, before)
        drawn = backward_warp(before, back)
        grey, grey_drawn = luma(after), luma(drawn)
        change, rest = grey - luma(before), grey - grey_drawn
        spread = functional.avg_pool2d(change.square(), 15, 1, 7).sqrt() + 0.004
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


class FlowmagSplat(nn.Module):
    """The generator described above; ``base`` and ``mend`` are the widths of its two U-Nets."""

    def __init__(self, base: int = 24, mend: int = 16) -> None:
        super().__init__()
        self.finder = MotionFinder(base)
        self.mender = UNet(3 + 3 + 1 + 1, 3, mend, levels=4)
        nn.init.zeros_(self.mender.leave.weight)
        nn.init.zeros_(self.mender.leave.bias)  # type: ignore[arg-type]

    def forward(self, reference: Tensor, frame: Tensor, alpha: Tensor) -> Tensor:
        """(B, 3, H, W) twice, in [0, 1], factors (B, 1, H, W) or (B, 1, 1, 1) -> (B, 3, H, W)."""
        size = (frame.shape[-2], frame.shape[-1])
        before, after = pad_to_multiple(reference, 2), pad_to_multiple(frame, 2)
        factor = pad_to_multiple(as_map(alpha, frame), 2)
        motion, importance = self.finder(before, after)
        with torch.autocast(frame.device.type, enabled=False):  # places need float32
            farther = (factor - 1.0) * motion.float()
            carried, _, cover = softmax_splat(after, farther, importance.float())
            carried = fill(carried, cover)
        length = farther.square().sum(dim=1, keepdim=True).add(1e-12).sqrt()
        mended = self.mender(torch.cat([carried, after, cover, torch.log1p(length)], dim=1))
        open_to_change = torch.tanh(length + (1.0 - cover).abs())
        return crop(carried + open_to_change * mended, size)
