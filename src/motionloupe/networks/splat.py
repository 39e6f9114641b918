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

from motionloupe.flow.motion_finder import Found, MotionFinder
from motionloupe.flow.padding import crop, pad_to_multiple
from motionloupe.flow.unet import UNet
from motionloupe.flow.warp import length
from motionloupe.networks.alpha_encoding import as_map
from motionloupe.networks.splatting import fill, softmax_splat


class Magnified(NamedTuple):
    """``picture`` (B, 3, H, W), and what was ``found`` of the frame's pixels to draw it."""

    picture: Tensor
    found: Found


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
        """The same, with the motion that it carried on, and what it put in front."""
        found = self.find(reference, frame)
        farther = (as_map(alpha, frame) - 1.0) * found.motion
        return Magnified(self.draw(frame, farther, found.importance), found)

    def find(self, reference: Tensor, frame: Tensor) -> Found:
        """How the pixels of ``frame`` have moved against ``reference``, and which are in front."""
        found: Found = self.finder(reference, frame)
        return found

    def draw(self, frame: Tensor, displacement: Tensor, importance: Tensor) -> Tensor:
        """``frame`` carried on along ``displacement`` (B, 2, H, W) pixels, and mended."""
        size = (frame.shape[-2], frame.shape[-1])
        frame, displacement, importance = (
            pad_to_multiple(part, 2) for part in (frame, displacement, importance)
        )
        with torch.autocast(frame.device.type, enabled=False):  # places need float32
            far = length(displacement)
            layers = torch.cat([frame.float(), far], dim=1)
            carried, _, cover = softmax_splat(layers, displacement.float(), importance.float())
            filled = fill(carried, cover)
            carried, way = filled[:, :3], filled[:, 3:]
        seen = torch.cat([carried, frame, cover, torch.log1p(way)], dim=1)
        mended = functional.pixel_shuffle(self.mender(functional.pixel_unshuffle(seen, 2)), 2)
        open_to_change = torch.tanh(way + far + (1.0 - cover).abs())
        return crop(carried + open_to_change * mended.float(), size)
