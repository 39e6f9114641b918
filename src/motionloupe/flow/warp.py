"""Moving pictures along displacement fields: the only home of sampling coordinates.

Convention: a displacement is in pixels, channel 0 = x (right), 1 = y (down), one for each pixel of
the picture that it belongs to; pixel centres have whole coordinates. Everything is differentiable
unless it says so.
"""

import math
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional

from motionloupe.flow.filters import in_strips, separable

Interpolation = Literal["bilinear", "bicubic"]
Border = Literal["reflection", "zeros"]

_POLE = math.sqrt(3.0) - 2.0  # of the cubic B-spline's inverse filter
_REACH = 9  # taps either side of the inverse filter; the rest is below 1e-5
_INVERSE = tuple(math.sqrt(3.0) * _POLE ** abs(tap) for tap in range(-_REACH, _REACH + 1))
_FAINT = 1e-3  # a bilinear weight that hides nothing behind it


def backward_warp(
    image: Tensor,
    flow: Tensor,
    *,
    interpolation: Interpolation = "bilinear",
    border: Border = "reflection",
) -> Tensor:
    """Sample ``image`` (B, C, H, W) at p + flow(p), ``flow`` (B, 2, H, W): (B, C, H, W).

    "bicubic" interpolates by the cubic B-spline through the pixels. Beyond the edge the picture is
    mirrored, or 0; see :func:`inside`. Where the flow is exactly 0 the answer is exactly the image.
    """
    bicubic = interpolation == "bicubic"
    pixels = _spline_coefficients(image) if bicubic else image
    sample = _spline_sample if bicubic else _sample

    def warped(image: Tensor, flow: Tensor, places: Tensor) -> Tensor:
        sampled = sample(pixels, places[:, 0], places[:, 1], border)
        if sampled.requires_grad:
            image = image.detach() + (sampled - sampled.detach())
        # Normalised coordinates cost the last bits: the image's value, the sample's slopes.
        still = (flow[:, :1] == 0) & (flow[:, 1:] == 0)
        return torch.where(still, image, sampled)

    return in_strips(warped, image, flow, torch.stack(_places(flow), dim=1))


def inside(flow: Tensor) -> Tensor:
    """(B, 2, H, W) -> (B, 1, H, W), 1 where p + flow(p) lies within the picture and 0 elsewhere."""
    x, y = _places(flow)
    height, width = flow.shape[-2:]
    valid = (x == x.clamp(0, width - 1)) & (y == y.clamp(0, height - 1))
    return valid.unsqueeze(1).to(flow.dtype)


def length(displacement: Tensor) -> Tensor:
    """(B, 2, H, W) -> (B, 1, H, W) pixels; a millionth more than nothing at rest, for its slope."""
    return displacement.square().sum(dim=1, keepdim=True).add(1e-12).sqrt()


def splat_nearest(values: Tensor, displacement: Tensor) -> tuple[Tensor, Tensor]:
    """Move every pixel of ``values`` (B, C, H, W) to the pixel nearest to p + displacement(p).

    Where several land, the one with the largest displacement stays. Returns the picture, 0 where
    nothing landed, and the coverage (B, 1, H, W), 1 or 0. Differentiable in ``values`` only.
    """
    batch, channels, height, width = values.shape
    count = height * width
    x, y = (place.round().long().flatten(1) for place in _places(displacement))
    landed = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    target = (y * width + x).clamp(0, count - 1)
    # The bits of a float >= 0 sort like it: |d|^2 above, the pixel's index below, in one integer.
    size = displacement.detach().float().square().sum(dim=1).flatten(1)
    index = torch.arange(count, device=values.device)
    key = (size.view(torch.int32).long() << 32) | index
    best = torch.full((batch, count), -1, dtype=torch.int64, device=values.device)
    best.scatter_reduce_(1, target, torch.where(landed, key, -1), "amax")
    covered = (best >= 0).unsqueeze(1)
    source = (best & 0xFFFFFFFF).clamp_max(count - 1).unsqueeze(1).expand(-1, channels, -1)
    moved = torch.where(covered, values.flatten(2).gather(2, source), 0.0)
    return moved.view_as(values), covered.view(batch, 1, height, width).to(values.dtype)


def splat_bilinear(
    values: Tensor, displacement: Tensor, *, tolerance: float = 0.5
) -> tuple[Tensor, Tensor]:
    """Share every pixel of ``values`` (B, C, H, W) among the four around p + displacement(p).

    Shares are normalised by their sum. Where pixels land whose displacements differ by more than
    ``tolerance`` pixels, those of the largest lie in front, as opaque as their shares (at most 1),
    and the mean of the others shines through. Returns the picture, 0 where nothing landed, and the
    coverage (B, 1, H, W), the sum of shares.
    """
    batch, channels, height, width = values.shape
    count = batch * height * width
    corners = landings(displacement)
    size = displacement.detach().square().sum(dim=1).sqrt().flatten()
    top = torch.full((count,), -1.0, dtype=size.dtype, device=size.device)
    for target, share in corners:
        blocks = torch.where(share.detach() > _FAINT, size, -1.0)
        top.scatter_reduce_(0, target, blocks, "amax")
    rows = torch.cat([values, torch.ones_like(values[:, :1])], dim=1)
    rows = rows.permute(0, 2, 3, 1).reshape(count, channels + 1)
    near, far = torch.zeros_like(rows), torch.zeros_like(rows)
    for target, share in corners:
        in_front = size >= top[target] - tolerance
        near.index_add_(0, target, rows * torch.where(in_front, share, 0.0).unsqueeze(1))
        behind = (~in_front).nonzero().squeeze(1)
        far.index_add_(0, target[behind], rows[behind] * share[behind].unsqueeze(1))
    picture = _over(near, far).view(batch, height, width, channels).permute(0, 3, 1, 2)
    coverage = (near[:, -1] + far[:, -1]).view(batch, 1, height, width)
    return picture.contiguous(), coverage


def _over(near: Tensor, far: Tensor) -> Tensor:
    """Sums (N, C + 1) of shares times values, then of shares -> (N, C), near over far."""
    tiny = torch.finfo(near.dtype).tiny
    front = near[:, :-1] / near[:, -1:].clamp_min(tiny)
    back = far[:, :-1] / far[:, -1:].clamp_min(tiny)
    see_through = (1.0 - near[:, -1:]).clamp_min(0.0)
    return torch.where(far[:, -1:] > 0, front + see_through * (back - front), front)


def splat_sum(values: Tensor, displacement: Tensor) -> Tensor:
    """Add every pixel of ``values`` (B, C, H, W) to the four around p + displacement(p).

    Each gets its bilinear share; what leaves the picture is dropped. Exact for whole pixels.
    """
    height, width = values.shape[-2:]
    x, y = _places(displacement)
    across, down = (1 << (side - 1).bit_length() for side in (width, height))
    grid = _grid(x * (2.0 / across) - 1.0, y * (2.0 / down) - 1.0)  # powers of 2 lose nothing
    total: Tensor = _Scatter.apply(values, grid, (down + 1, across + 1))
    return total[..., :height, :width]


class _Scatter(torch.autograd.Function):
    """The transpose of bilinear sampling, which torch has as the gradient of ``grid_sample``."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, grid: Tensor, size: tuple[int, int]) -> Tensor:
        ctx.save_for_backward(values, grid)
        onto = values.new_empty(1).expand(*values.shape[:2], *size)  # only its shape counts
        return _sample_gradients(values, onto, grid, (True, False))[0]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        values, grid = ctx.saved_tensors
        (onto,) = gradients
        to_values = functional.grid_sample(onto, grid, align_corners=True)
        to_grid = _sample_gradients(values, onto, grid, (False, True))[1]
        return to_values, to_grid, None


def _sample_gradients(
    gradient: Tensor, image: Tensor, grid: Tensor, wanted: tuple[bool, bool]
) -> tuple[Tensor, Tensor]:
    """Of ``grid_sample(image, grid)``, bilinear with zeros beyond: for the image and the grid."""
    derive = torch.ops.aten.grid_sampler_2d_backward
    answer: tuple[Tensor, Tensor] = derive(gradient, image, grid, 0, 0, True, list(wanted))
    return answer


def landings(displacement: Tensor) -> list[tuple[Tensor, Tensor]]:
    """For each of the four pixels around a landing place: its index in the batch, and its share.

    Both are (B H W,), by pixel of the source; the share is 0 outside the picture.
    """
    batch, _, height, width = displacement.shape
    x, y = _places(displacement)
    left, top = x.detach().floor(), y.detach().floor()
    first = torch.arange(batch, device=displacement.device).view(-1, 1, 1) * (height * width)
    corners = []
    for row in (0, 1):
        for column in (0, 1):
            cx, cy = left + column, top + row
            share = (1.0 - (x - cx).abs()) * (1.0 - (y - cy).abs())
            landed = (cx >= 0) & (cx < width) & (cy >= 0) & (cy < height)
            cx, cy = torch.where(landed, cx, 0.0), torch.where(landed, cy, 0.0)  # NaN is nowhere
            place = cy.long() * width + cx.long()
            corners.append(((first + place).flatten(), torch.where(landed, share, 0.0).flatten()))
    return corners


def _places(flow: Tensor) -> tuple[Tensor, Tensor]:
    """x and y of p + flow(p), each (B, H, W), in pixels."""
    height, width = flow.shape[-2:]
    x = torch.arange(width, dtype=flow.dtype, device=flow.device)
    y = torch.arange(height, dtype=flow.dtype, device=flow.device).unsqueeze(1)
    return flow[:, 0] + x, flow[:, 1] + y


def _grid(x: Tensor, y: Tensor) -> Tensor:
    """(B, H, W) twice -> (B, H, W, 2): a stack, by the fastest way that torch has."""
    return torch.view_as_real(torch.complex(x, y))


def _sample(image: Tensor, x: Tensor, y: Tensor, border: Border) -> Tensor:
    height, width = image.shape[-2:]
    wide, high = max(width - 1, 1), max(height - 1, 1)  # a single column is the place 0
    grid = _grid(x * (2.0 / wide) - 1.0, y * (2.0 / high) - 1.0)
    return functional.grid_sample(
        image, grid, mode="bilinear", padding_mode=border, align_corners=True
    )


def _spline_coefficients(image: Tensor) -> Tensor:
    """The coefficients whose cubic B-spline passes through the pixels (Unser 1999, box 2)."""
    return separable(image, _INVERSE)


def _spline_sample(coefficients: Tensor, x: Tensor, y: Tensor, border: Border) -> Tensor:
    """The spline at (x, y) from four bilinear samples (Sigg and Hadwiger 2005)."""
    (x0, x1, across), (y0, y1, down) = _pairs(x), _pairs(y)
    above = torch.lerp(
        _sample(coefficients, x0, y0, border), _sample(coefficients, x1, y0, border), across
    )
    below = torch.lerp(
        _sample(coefficients, x0, y1, border), _sample(coefficients, x1, y1, border), across
    )
    return torch.lerp(above, below, down)


def _pairs(place: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Where to sample so that two bilinear samples weigh four taps, and the second one's weight."""
    whole = place.detach().floor()
    t = place - whole
    weight = ((t * (-1.0 / 3.0) + 0.5) * t + 0.5) * t + 1.0 / 6.0
    second, last = (t * 0.5 - 1.0) * t * t + 2.0 / 3.0, t * t * t * (1.0 / 6.0)
    return whole - 1.0 + second / (1.0 - weight), whole + 1.0 + last / weight, weight.unsqueeze(1)
