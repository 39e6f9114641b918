"""The network of Oh et al. 2018, "Learning-based Video Motion Magnification", Figure 2.

An encoder splits a frame into texture and shape, a manipulator multiplies the difference of two
shapes, a decoder draws a frame from a texture and a shape. What the authors wrote and what they
released differ, so both are kept as variants:

- ``paper``: 3x3 g, out = M_a + h(alpha g(M_b - M_a)), a convolution before the shape's blocks;
- ``released``: 7x7 g, out = M_b + h((alpha - 1) g(M_b - M_a)), a convolution after the texture is
  enlarged again. At alpha 1 its shape is that of the frame, whatever the weights are.

Convolutions carry no bias, so that a still scene has no motion: g(0) = h(0) = 0. In all of them
alpha is the total factor.
"""

from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from motionloupe.alpha import resized
from motionloupe.errors import UserError
from motionloupe.flow.filters import reflected
from motionloupe.flow.padding import crop, pad_to_multiple
from motionloupe.networks.tiling import tiled

Variant = Literal["released", "paper"]
Manipulation = Literal["nonlinear", "linear"]
_MULTIPLE = 4  # shape is kept at half, texture at a quarter of the frame's size
_REACH = 12  # such quarters: neither encoder nor decoder sees farther
_SIDE = 256  # quarters of a tile: what is larger would take gigabytes


class _Conv(nn.Conv2d):
    """A convolution of what is mirrored at its edges."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        reach = self.kernel_size[0] // 2
        return super().forward(reflected(x, reach, reach, reach, reach))


class ResidualBlock(nn.Module):
    """x + conv(ReLU(conv(x))), 3x3."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _Conv(width, width, 3)
        self.second = _Conv(width, width, 3)

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = x + self.second(functional.relu(self.first(x)))
        return answer


def _blocks(width: int, count: int) -> list[nn.Module]:
    return [ResidualBlock(width) for _ in range(count)]


class Encoder(nn.Module):
    """Frame (B, 3, H, W) in [-1, 1] -> texture (B, 32, H/4, W/4), shape (B, 32, H/2, W/2)."""

    def __init__(self, variant: Variant, width: int) -> None:
        super().__init__()
        self.common = nn.Sequential(
            _Conv(3, width // 2, 7),
            nn.ReLU(),
            _Conv(width // 2, width, 3, stride=2),
            nn.ReLU(),
            *_blocks(width, 3),
        )
        self.texture = nn.Sequential(
            _Conv(width, width, 3, stride=2), nn.ReLU(), *_blocks(width, 2)
        )
        enter = [_Conv(width, width, 3), nn.ReLU()] if variant == "paper" else []
        self.shape = nn.Sequential(*enter, *_blocks(width, 2))

    def forward(self, frame: Tensor) -> tuple[Tensor, Tensor]:
        common = self.common(frame)
        return self.texture(common), self.shape(common)


class Manipulator(nn.Module):
    """Multiplies a difference of shapes: section 3.2, and equation 4 with a filter in time."""

    def __init__(self, variant: Variant, manipulation: Manipulation, width: int) -> None:
        super().__init__()
        self.variant = variant
        self.linear = manipulation == "linear"
        if not self.linear:
            kernel = 3 if variant == "paper" else 7
            self.g = nn.Sequential(_Conv(width, width, kernel), nn.ReLU())
            self.h = nn.Sequential(_Conv(width, width, 3), ResidualBlock(width))

    def forward(self, shape: Tensor, band: Tensor, alpha: Tensor) -> Tensor:
        """``shape`` of the frame with ``band``, the part of its motion to magnify, ``alpha`` times.

        All (B, C, h, w); ``alpha`` (B, 1, h, w) or (B, 1, 1, 1). Without a filter ``band`` is
        M_b - M_a, all of the motion.
        """
        if self.linear:
            return shape + (alpha - 1.0) * band
        if self.variant == "paper":
            drawn: Tensor = shape - band + self.h(alpha * self.g(band))
        else:
            drawn = shape + self.h((alpha - 1.0) * self.g(band))
        return drawn


class Decoder(nn.Module):
    """Texture and shape -> frame (B, 3, H, W), about [-1, 1], not clamped."""

    def __init__(self, variant: Variant, width: int) -> None:
        super().__init__()
        after = [_Conv(width, width, 3), nn.ReLU()] if variant == "released" else []
        self.texture = nn.Sequential(nn.Upsample(scale_factor=2), *after)
        self.draw = nn.Sequential(
            *_blocks(2 * width, 9),
            nn.Upsample(scale_factor=2),
            _Conv(2 * width, width, 3),
            nn.ReLU(),
            _Conv(width, 3, 7),
        )

    def forward(self, texture: Tensor, shape: Tensor) -> Tensor:
        drawn = self.draw[:-1](torch.cat([self.texture(texture), shape], dim=1))
        with torch.autocast(shape.device.type, enabled=False):  # colours finer than bfloat16's
            picture: Tensor = self.draw[-1](drawn.float())
        return picture


class Oh2018(nn.Module):
    """Encoder, manipulator and decoder; 0.92 (``released``) or 0.88 (``paper``) M parameters."""

    def __init__(
        self,
        variant: Variant = "released",
        manipulation: Manipulation = "nonlinear",
        width: int = 32,
    ) -> None:
        super().__init__()
        if variant not in get_args(Variant):
            raise UserError(f"the variant must be released or paper, found {variant!r}")
        if manipulation not in get_args(Manipulation):
            raise UserError(f"manipulation must be nonlinear or linear, found {manipulation!r}")
        self.encoder = Encoder(variant, width)
        self.manipulator = Manipulator(variant, manipulation, width)
        self.decoder = Decoder(variant, width)

    def encode(self, frame: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, H, W) in [0, 1], any size -> texture at a quarter, shape at half of it.

        In float32 under autocast, too: shapes are subtracted, and differ by little.
        """
        padded = pad_to_multiple(frame, _MULTIPLE)
        cells = (padded.shape[-2] // _MULTIPLE, padded.shape[-1] // _MULTIPLE)
        with torch.autocast(frame.device.type, enabled=False):
            texture, shape = tiled(
                lambda part: self.encoder(part * 2.0 - 1.0),
                [padded],
                cells,
                reach=_REACH,
                side=_SIDE,
            )
        return texture, shape

    def manipulate(self, shape: Tensor, band: Tensor, alpha: Tensor) -> Tensor:
        """See :class:`Manipulator`; a map of factors at the frame's size is averaged down."""
        if alpha.shape[-2:] != (1, 1):
            alpha = resized(pad_to_multiple(alpha, _MULTIPLE), *shape.shape[-2:])
        drawn: Tensor = self.manipulator(shape, band, alpha)
        return drawn

    def decode(self, texture: Tensor, shape: Tensor, size: tuple[int, int]) -> Tensor:
        """The frame (B, 3, height, width) in [0, 1], not clamped; ``size`` is (height, width)."""
        (drawn,) = tiled(
            lambda *parts: (self.decoder(*parts) * 0.5 + 0.5,),
            [texture, shape],
            (texture.shape[-2], texture.shape[-1]),
            reach=_REACH,
            side=_SIDE,
        )
        return crop(drawn, size)

    def forward(self, reference: Tensor, frame: Tensor, alpha: Tensor) -> Tensor:
        """(B, 3, H, W) twice, in [0, 1], factors (B, 1, H, W) or (B, 1, 1, 1) -> (B, 3, H, W)."""
        _, before = self.encode(reference)
        texture, shape = self.encode(frame)
        size = (frame.shape[-2], frame.shape[-1])
        return self.decode(texture, self.manipulate(shape, shape - before, alpha), size)
