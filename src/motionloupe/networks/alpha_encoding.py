"""How FlowMag tells its network the factor: sinusoids of alpha (section 3.3 of the paper)."""

import math

import torch
from torch import Tensor

CHANNELS = 32
_SHORTEST, _LONGEST = -3.0, 7.0  # powers of two, in units of alpha


def encode_alpha(alpha: Tensor, channels: int = CHANNELS) -> Tensor:
    """(B, 1, H, W) factors -> (B, channels, H, W), values sin(2 pi alpha / w) in [-1, 1].

    The wavelengths w go from 2^-3 to 2^7 in equal ratios. A soft mask is a map of factors: the
    encoding is taken of the interpolated alpha, never interpolated itself.
    """
    powers = torch.linspace(_SHORTEST, _LONGEST, channels, device=alpha.device)
    cycles = alpha * torch.exp2(-powers)[None, :, None, None]
    return torch.sin(2.0 * math.pi * torch.frac(cycles))


def as_map(alpha: Tensor, image: Tensor) -> Tensor:
    """Factors (B or 1, 1, 1 or H, 1 or W) spread to one per pixel of ``image`` (B, C, H, W)."""
    return alpha.expand(image.shape[0], 1, *image.shape[-2:])
