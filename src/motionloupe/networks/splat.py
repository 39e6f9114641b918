"""A generator that multiplies by alpha instead of learning to: the displacement is carried on.

A first network finds how every pixel of the frame has moved against the reference and what lies in
front. The frame is carried on along (alpha - 1) times this motion and a second, smaller network
mends what that leaves open. So small motion is exact and smooth before anything is learned, and
where nothing moves the frame comes back as it is.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from motionloupe.networks.alpha_encoding import as_map
from motionloupe.networks.motion_finder import MotionFinder
from motionloupe.networks.padding import crop, pad_to_multiple
from motionloupe.networks.splatting import fill, softmax_splat
from motionloupe.networks.unet import UNet


class Magnified(NamedTuple):
    """``picture`` (B, 3, H, W), and the ``motion`` (B, 2, H, W) px found for the frame's pixels."""

    picture: Tensor
    motion: Tensor


class FlowmagSplat(nn.Module):
    """The generator described above; ``base`` and ``mend`` are the widths of its two U-Nets."""

    def __init__(self, base: int = 24, mend: int = 24) -> None:
        super().__init__()
        self.finder = MotionFinder(base)
        self.mender = UNet(4 * (3 + 3 + 1 + 1), 4 * 3, mend)
        nn.init.zeros_(self.mender.leave.weight)
        nn.init.zeros_(self.mender.leave.bias)  # type: ignore[arg-type]

    def forward(self, reference: Tensor, frame: Tensor, alpha: Tensor) -> Tensor:
        """(B, 3, H, W) twice, in [0, 1], factors (B, 1, H, W) or (B, 1, 1, 1) -> (B, 3, H, W)."""
        return self.explained(reference, frame, alpha).picture

    def explained(self, reference: Tensor, frame: Tensor, alpha: Tensor) -> Magnified:
        """The same, with the motion that it carried on."""
        size = (frame.shape[-2], frame.shape[-1])
        before, after = pad_to_multiple(reference, 2), pad_to_multiple(frame, 2)
        factor = pad_to_multiple(as_map(alpha, frame), 2)
        motion, importance = self.finder(before, after)
        with torch.autocast(frame.device.type, enabled=False):  # places need float32
            farther = (factor - 1.0) * motion
            length = farther.square().sum(dim=1, keepdim=True).add(1e-12).sqrt()
            layers = torch.cat([after.float(), length], dim=1)
            carried, _, cover = softmax_splat(layers, farther, importance)
            filled = fill(carried, cover)
            carried, way = filled[:, :3], filled[:, 3:]
        seen = torch.cat([carried, after, cover, torch.log1p(way)], dim=1)
        mended = functional.pixel_shuffle(self.mender(functional.pixel_unshuffle(seen, 2)), 2)
        open_to_change = torch.tanh(way + length + (1.0 - cover).abs())
        picture = carried + open_to_change * mended
        return Magnified(crop(picture, size), crop(motion, size))
