"""A U-Net with batch normalisation: the body of every generator here, and of the motion finder."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from motionloupe.flow.padding import crop, pad_to_multiple


class DoubleConv(nn.Sequential):
    """Twice: 3x3 convolution, batch normalisation, ReLU."""

    def __init__(self, inputs: int, outputs: int, between: int | None = None) -> None:
        between = between or outputs
        super().__init__(
            nn.Conv2d(inputs, between, 3, padding=1),
            nn.BatchNorm2d(between),
            nn.ReLU(inplace=True),
            nn.Conv2d(between, outputs, 3, padding=1),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )


class UNet(nn.Module):
    """Pictures (B, inputs, H, W) of any size from 16 -> (B, outputs, H, W), not bounded.

    ``levels`` resolutions; widths double from ``base`` and the coarsest repeats the one above it,
    because the bilinear way up halves it anyway (64, 128, 256, 512, 512 in the paper's network).
    """

    def __init__(self, inputs: int, outputs: int, base: int = 64, levels: int = 5) -> None:
        super().__init__()
        widths = [base << level for level in range(levels - 1)]
        widths.append(widths[-1])
        self.multiple = 1 << (levels - 1)
        self.enter = DoubleConv(inputs, base)
        self.down = nn.ModuleList(DoubleConv(fine, coarse) for fine, coarse in pairwise(widths))
        self.up = nn.ModuleList()
        for level in reversed(range(levels - 1)):
            joined = 2 * widths[level]
            narrow = widths[level] if level == 0 else widths[level - 1]
            self.up.append(DoubleConv(joined, narrow, joined // 2))
        self.leave = nn.Conv2d(base, outputs, 1)

    def forward(self, image: Tensor) -> Tensor:
        skips = [self.enter(pad_to_multiple(_as_computed(image), self.multiple))]
        for block in self.down:
            skips.append(block(functional.max_pool2d(skips[-1], 2)))
        answer = skips.pop()
        for block in self.up:
            wider = functional.interpolate(
                answer, scale_factor=2, mode="bilinear", align_corners=True
            )
            answer = block(torch.cat([skips.pop(), wider], dim=1))
        return _mixed(crop(answer, (image.shape[-2], image.shape[-1])), self.leave)


def _as_computed(image: Tensor) -> Tensor:
    """In autocast's type and order: left to the layers, it is converted several times."""
    device = image.device.type
    if not torch.is_autocast_enabled(device):
        return image
    return image.to(torch.get_autocast_dtype(device), memory_format=torch.channels_last)


def _mixed(image: Tensor, layer: nn.Conv2d) -> Tensor:
    """``layer``, a 1x1 convolution, as a product of matrices: several times as fast on a CPU."""
    rows = layer.weight[:, :, 0, 0].expand(image.shape[0], -1, -1)
    bias: Tensor = layer.bias.unsqueeze(1)  # type: ignore[union-attr]  # it has one
    mixed = torch.baddbmm(bias, rows, image.flatten(2))
    return mixed.reshape(*mixed.shape[:2], *image.shape[-2:])
