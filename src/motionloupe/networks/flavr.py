"""FLAVR's 3-D U-Net (Kalluri 2023), made for interpolation, here to magnify by one fixed factor.

Two frames are a volume of two moments. The encoder is R3D-18 without its strides in time; the
decoder goes back up through transposed 3-D convolutions. FLAVR interpolates from four frames;
magnification is given a pair.
"""

from typing import Any

import torch
from torch import Tensor, nn

from motionloupe.errors import UserError
from motionloupe.flow.padding import crop, pad_to_multiple

_MULTIPLE = 8
_FRAMES = 2
_SLOPE = 0.2


class Gate(nn.Module):
    """Feature gating: x sigmoid(W mean(x) + b), the mean over time and space."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weigh = nn.Conv3d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(self.weigh(x.mean(dim=(2, 3, 4), keepdim=True)))


class Block(nn.Module):
    """A residual block of R3D-18 with a gate; ``stride`` in space alone."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        steps = (1, stride, stride)
        self.body = nn.Sequential(
            nn.Conv3d(inputs, outputs, 3, stride=steps, padding=1),
            nn.ReLU(),
            nn.Conv3d(outputs, outputs, 3, padding=1),
            Gate(outputs),
        )
        same = inputs == outputs and stride == 1
        self.past = nn.Identity() if same else nn.Conv3d(inputs, outputs, 1, stride=steps)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.body(x) + self.past(x))


class FlavrUNet(nn.Module):
    """Two frames -> the second with its motion magnified ``alpha`` times; 42 M parameters.

    ``width`` channels at the finest resolution, 64 in the paper. The pictures' mean colour is taken
    off and put back, as the authors do.
    """

    def __init__(self, alpha: float = 10.0, width: int = 64) -> None:
        super().__init__()
        if not (alpha > 0 and width >= 1):
            raise UserError(f"flavr needs a positive alpha and width, found {alpha} and {width}")
        self.alpha = float(alpha)
        w = width
        stem = nn.Conv3d(3, w, (3, 7, 7), stride=(1, 2, 2), padding=(1, 3, 3))
        self.down = nn.ModuleList(
            [
                nn.Sequential(stem, nn.ReLU()),
                nn.Sequential(Block(w, w), Block(w, w)),
                nn.Sequential(Block(w, 2 * w, 2), Block(2 * w, 2 * w)),
                nn.Sequential(Block(2 * w, 4 * w, 2), Block(4 * w, 4 * w)),
                nn.Sequential(Block(4 * w, 8 * w), Block(8 * w, 8 * w)),
            ]
        )
        self.up = nn.ModuleList(
            [_same(8 * w, 4 * w), _twice(8 * w, 2 * w), _twice(4 * w, w), _same(2 * w, w)]
        )
        self.out = nn.Sequential(_twice(2 * w, w), nn.Conv3d(w, w, 3, padding=1))
        self.fuse = nn.Sequential(
            nn.Conv2d(_FRAMES * w, w, 1),
            nn.LeakyReLU(_SLOPE),
            nn.ReflectionPad2d(3),
            nn.Conv2d(w, 3, 7),
        )

    def forward(self, reference: Tensor, frame: Tensor, alpha: Any = None) -> Tensor:
        """(B, 3, H, W) twice, in [0, 1] -> (B, 3, H, W), not clamped; its own alpha holds.

        On processors in float32 whatever the caller's autocast: there gradients of torch's 3-D
        convolutions in bfloat16 may come from memory that was never written (torch 2.14).
        """
        with torch.autocast("cpu", enabled=False):
            return self._drawn(reference, frame)

    def _drawn(self, reference: Tensor, frame: Tensor) -> Tensor:
        volume = torch.stack([reference, frame], dim=2)
        mean = volume.mean(dim=(2, 3, 4), keepdim=True)
        size = (frame.shape[-2], frame.shape[-1])
        frames = [pad_to_multiple(each, _MULTIPLE) for each in (volume - mean).unbind(dim=2)]
        x = torch.stack(frames, dim=2)
        passed = []
        for stage in self.down:
            x = stage(x)
            passed.append(x)
        for stage, past in zip(self.up, reversed(passed[:-1]), strict=True):
            x = torch.cat([stage(x), past], dim=1)
        x = self.out(x).flatten(1, 2)  # moments become channels
        return crop(self.fuse(x), size) + mean[:, :, 0]


def _same(inputs: int, outputs: int) -> nn.Sequential:
    convolution = nn.Conv3d(inputs, outputs, 3, padding=1)
    return nn.Sequential(convolution, Gate(outputs), nn.LeakyReLU(_SLOPE))


def _twice(inputs: int, outputs: int) -> nn.Sequential:
    """Twice as high and as wide, as many moments."""
    convolution = nn.ConvTranspose3d(inputs, outputs, (3, 4, 4), (1, 2, 2), padding=1)
    return nn.Sequential(convolution, Gate(outputs), nn.LeakyReLU(_SLOPE))
