"""A video as one network: Motion-Adjustable Neural Implicit Video (Mai and Liu, CVPR 2022).

A picture is a function of sinusoidal patterns of its places. Moving a pattern is shifting its
phase, so a video is that one function with phase shifts that depend on time, and what multiplies
the shifts magnifies the motion. Sizes are this package's own.
"""

import math

import torch
from torch import Tensor, nn

_TIME_WIDTH = 64
_SHORTEST_WAVE = 4.0  # pixels
_CHUNK = 1 << 14  # pixels drawn at once


class PhaseVideo(nn.Module):
    """``frames`` pictures of ``size`` = (height, width), whose phase shifts are 0 in the first.

    ``patterns`` sinusoids have wave lengths from twice the longer side down to 4 pixels, spread
    evenly in the logarithm, in directions drawn at random.
    """

    waves: Tensor
    moments: Tensor

    def __init__(
        self, frames: int, size: tuple[int, int], patterns: int = 96, width: int = 128
    ) -> None:
        super().__init__()
        self.size = size
        longest = 2.0 * max(max(size), _SHORTEST_WAVE)
        lengths = longest * (_SHORTEST_WAVE / longest) ** torch.linspace(0.0, 1.0, patterns)
        angles = 2.0 * math.pi * torch.rand(patterns)
        waves = torch.stack([angles.cos(), angles.sin()]) * (2.0 * math.pi / lengths)
        self.register_buffer("waves", waves)  # (2, patterns), radians a pixel
        self.register_buffer("moments", _moments(frames))
        shifts = nn.Linear(_TIME_WIDTH, patterns, bias=False)
        nn.init.zeros_(shifts.weight)  # nothing moves until it is seen to
        self.time = nn.Sequential(nn.Linear(self.moments.shape[1], _TIME_WIDTH), nn.Tanh(), shifts)
        self.picture = nn.Sequential(
            nn.Linear(2 * patterns, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, 3),
            nn.Sigmoid(),
        )

    def phases(self) -> Tensor:
        """The shifts of all patterns in every frame: (frames, patterns) radians."""
        shifts: Tensor = self.time(self.moments)
        return shifts - shifts[:1]

    def forward(self, places: Tensor, phases: Tensor) -> Tensor:
        """Colours (N, 3) in [0, 1] at ``places`` (N, 2), x first, under phases (N or 1, K)."""
        angles = places @ self.waves + phases
        colours: Tensor = self.picture(torch.cat([angles.sin(), angles.cos()], dim=1))
        return colours

    def draw(self, phases: Tensor) -> Tensor:
        """The whole picture (1, 3, H, W) under the phases (K,) of a frame, whatever they are."""
        height, width = self.size
        rows = [
            self(places, phases[None])
            for places in torch.split(self.places(torch.arange(height * width)), _CHUNK)
        ]
        return torch.cat(rows).T.reshape(1, 3, height, width)

    def places(self, numbers: Tensor) -> Tensor:
        """(x, y) in pixels of pixels that are counted row by row: (N,) -> (N, 2)."""
        width = self.size[1]
        return torch.stack([numbers % width, numbers // width], dim=1).float()


def _moments(frames: int) -> Tensor:
    """The time of each frame from 0 to 1, and its sines and cosines up to half a wave a frame."""
    time = torch.linspace(0.0, 1.0, frames)[:, None]
    octaves = torch.arange(math.ceil(math.log2(max(frames - 1, 1))) + 1)
    angles = math.pi * time * 2.0**octaves
    return torch.cat([time, angles.sin(), angles.cos()], dim=1)
