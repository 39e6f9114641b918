"""Augmentation as supervision (Liu et al. 2020, section 3.3): a changed view, and what its flow is.

The flow that was found on the pictures as they are teaches the network on a view that is harder:
turned, enlarged and recoloured, cut off at its border, with noise and with patches in front of the
second picture. The two pictures are not changed quite alike, so motion that is exactly known joins.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from motionloupe.flow.warp import backward_warp, inside

_TURN, _SQUEEZE, _CLOSER = 0.2, 0.15, 1.5  # radian, share, largest enlargement
_APART = (0.01, 0.01, 1.0)  # turn, growth and shift (pixels) of the second picture beyond the first
_GAIN, _GAMMA, _OFFSET, _NOISE = 0.2, 0.3, 0.05, 2.0 / 255  # of colours
_PATCHES, _LARGEST_PATCH = 3, 0.25  # in front of the second picture; share of its side


class Look(NamedTuple):
    """Changed pictures, the flow between them (B, 2, H, W) and where it is known (B, 1, H, W)."""

    a: Tensor
    b: Tensor
    flow: Tensor
    known: Tensor


def second_look(a: Tensor, b: Tensor, flow: Tensor, visible: Tensor, numbers: Tensor) -> Look:
    """A changed view of each pair, a function of its number; ``flow`` and ``visible`` are of a."""
    looks = []
    for item, number in enumerate(numbers.flatten().tolist()):
        dice = torch.Generator().manual_seed(number)
        one = slice(item, item + 1)
        looks.append(_changed(a[one], b[one], flow[one], visible[one], dice))
    return Look(*(torch.cat(parts) for parts in zip(*looks, strict=True)))


def _changed(a: Tensor, b: Tensor, flow: Tensor, visible: Tensor, dice: torch.Generator) -> Look:
    size = (a.shape[-2], a.shape[-1])
    view = _View.drawn(size, dice)
    other = view.nudged(dice)
    places = view.displacement(a)
    seen_a = backward_warp(a, places, interpolation="bicubic")
    seen_b = backward_warp(b, other.displacement(b), interpolation="bicubic")
    flow = other.seen(places, backward_warp(flow, places))
    known = (backward_warp(visible, places) > 0.99).to(a.dtype) * inside(places)
    seen_a, seen_b = _recoloured(torch.cat([seen_a, seen_b]), dice).chunk(2)
    return Look(seen_a, _hidden(seen_b, dice), flow, known)


class _View(NamedTuple):
    """Pixel p of the view, from the middle, shows matrix @ p + shift, from the middle."""

    matrix: Tensor
    shift: Tensor

    @staticmethod
    def drawn(size: tuple[int, int], dice: torch.Generator) -> "_View":
        turn, squeeze, closer, x, y = torch.rand(5, generator=dice, dtype=torch.float64).tolist()
        flips = torch.randint(0, 2, (2,), generator=dice).double() * 2 - 1
        scale = 1.0 / _CLOSER**closer
        angle, wide = _TURN * (2 * turn - 1), (1 + _SQUEEZE) ** (2 * squeeze - 1)
        matrix = scale * _rotation(angle) @ torch.diag(flips * torch.tensor([wide, 1 / wide]))
        room = torch.tensor([size[1], size[0]]) * (1 - scale)
        return _View(matrix, room * (torch.tensor([x, y], dtype=torch.float64) - 0.5))

    def nudged(self, dice: torch.Generator) -> "_View":
        """A view of the second picture that differs a little, and mostly very little."""
        amounts = (2 * torch.rand(4, generator=dice, dtype=torch.float64) - 1) ** 3
        turn, growth, x, y = amounts.tolist()
        change = (1 + _APART[1] * growth) * _rotation(_APART[0] * turn)
        shift = _APART[2] * torch.tensor([x, y], dtype=torch.float64)
        return _View(change @ self.matrix, self.shift + shift)

    def displacement(self, like: Tensor) -> Tensor:
        """From each pixel of the view to the place it shows: (1, 2, H, W) pixels."""
        grid, middle = _grid(like)
        shown = torch.einsum("ij,jhw->ihw", self.matrix, grid - middle) + self.shift[:, None, None]
        return (shown + middle - grid).to(like)[None]

    def seen(self, places: Tensor, flow: Tensor) -> Tensor:
        """The flow in views: from each pixel of the first to where this one shows its point."""
        grid, middle = _grid(flow)
        there = (
            (places + flow)[0].detach().cpu().double() + grid - middle - self.shift[:, None, None]
        )
        back = torch.einsum("ij,jhw->ihw", torch.linalg.inv(self.matrix), there)
        return (back + middle - grid).to(flow)[None]


def _grid(like: Tensor) -> tuple[Tensor, Tensor]:
    """Places of pixels (2, H, W), x first, and the middle of the picture (2, 1, 1)."""
    height, width = like.shape[-2:]
    y, x = torch.meshgrid(
        torch.arange(height, dtype=torch.float64),
        torch.arange(width, dtype=torch.float64),
        indexing="ij",
    )
    return torch.stack([x, y]), torch.tensor([width - 1.0, height - 1.0]).double()[
        :, None, None
    ] / 2


def _rotation(angle: float) -> Tensor:
    cos, sin = math.cos(angle), math.sin(angle)
    return torch.tensor([[cos, -sin], [sin, cos]], dtype=torch.float64)


def _recoloured(pair: Tensor, dice: torch.Generator) -> Tensor:
    """Both pictures in the same other colours, each with noise of its own."""
    draws = 2 * torch.rand(5, generator=dice) - 1
    gain = (1 + _GAIN * draws[:3]).to(pair)[:, None, None]
    changed = gain * pair.clamp(0.0, 1.0) ** math.exp(_GAMMA * float(draws[3]))
    noise = torch.randn(pair.shape, generator=dice).to(pair)
    strength = _NOISE * float(torch.rand((), generator=dice))
    return (changed + _OFFSET * float(draws[4]) + strength * noise).clamp(0.0, 1.0)


def _hidden(picture: Tensor, dice: torch.Generator) -> Tensor:
    """Patches of the picture itself in front of other parts of it."""
    height, width = picture.shape[-2:]
    elsewhere = picture.roll((height // 2, width // 2), dims=(-2, -1))
    cover = torch.zeros_like(picture[:, :1])
    for _ in range(_PATCHES):
        tall, broad, y, x = torch.rand(4, generator=dice).tolist()
        rows, columns = (int(_LARGEST_PATCH * s) for s in (tall * height, broad * width))
        top, left = int(y * (height - rows)), int(x * (width - columns))
        cover[..., top : top + rows, left : left + columns] = 1.0
    return torch.where(cover > 0, elsewhere, picture)
