"""A generator that multiplies by alpha instead of learning to: the displacement is carried on.

A network finds the motion of every pixel of the frame against the reference, at half resolution and
from first-order estimates, so that small motion is exact and smooth from the start. The frame is
then carried on along (alpha - 1) times this motion and a second, smaller network mends what that
leaves open. Where nothing moves, the frame comes back as it is.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from motionloupe.networks.alpha_encoding import as_map
from motionloupe.networks.padding import crop, pad_to_multiple
from motionloupe.networks.splatting import fill, softmax_splat
from motionloupe.networks.unet import UNet

_WINDOWS = (5, 11, 21)  # pixels at half resolution
_NOISE = 1e-4  # squared gradients of [0, 1] luma that cannot be told from noise
_FARTHEST = 4.0  # pixels at half resolution that a first-order estimate may claim
_CLOSEST = 5.0  # bound of the importance, natural logarithm
_LUMA = (0.299, 0.587, 0.114)


def luma(image: Tensor) -> Tensor:
    """(B, 3, H, W) RGB -> (B, 1, H, W)."""
    weights = torch.tensor(_LUMA, device=image.device, dtype=image.dtype)
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
        estimates = 2 * len(_WINDOWS)
        self.body = UNet(4 * 7 + estimates, 3 + len(_WINDOWS), base, levels=4)
        nn.init.zeros_(self.body.leave.weight)  # starts as the mean of the estimates
        nn.init.zeros_(self.body.leave.bias)  # type: ignore[arg-type]  # this one has a bias

    def forward(self, before: Tensor, after: Tensor) -> tuple[Tensor, Tensor]:
        grey_before, grey_after = luma(before), luma(after)
        change = grey_after - grey_before
        spread = functional.avg_pool2d(change.square(), 15, 1, 7).sqrt() + 0.004
        half_before, half_after = (functional.avg_pool2d(g, 2) for g in (grey_before, grey_after))
        estimates = [first_order_motion(half_before, half_after, w) for w in _WINDOWS]
        fine = torch.cat([after, grey_before, change / spread, *_gradient(grey_after)], dim=1)
        answer = self.body(torch.cat([functional.pixel_unshuffle(fine, 2), *estimates], dim=1))
        choice = answer[:, 3:].softmax(dim=1)
        motion = answer[:, :2]
        for number, estimate in enumerate(estimates):
            motion = motion + choice[:, number : number + 1] * estimate
        found = torch.cat([2.0 * motion, _CLOSEST * torch.tanh(answer[:, 2:3])], dim=1)
        found = functional.interpolate(found, scale_factor=2, mode="bilinear", align_corners=False)
        return found[:, :2], found[:, 2:]


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
