"""PWC-Lite (Liu et al. 2020, "Learning by Analogy"), a network that learns flow without labels.

A pyramid of features; a decoder, the same at every resolution, that sees the correlation of one
picture's features with the other's brought back by the flow so far; a dilated context network.
"""

from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from motionloupe.errors import UserError
from motionloupe.flow.filters import margins, reflected
from motionloupe.flow.learned import FlowNetwork, LearnedFlow, learned
from motionloupe.flow.warp import backward_warp

NAME = "pwc-lite"

_REACH = 4  # cells of a grid that the correlation looks at, in each direction
_FEATURES = (16, 32, 64, 96, 128, 192)  # channels from half resolution to a 64th
_DECODER = (128, 128, 96, 64, 32)
_CONTEXT = ((128, 1), (128, 2), (128, 4), (96, 8), (64, 16), (32, 1))  # channels and dilation
_MATCHED = 32  # channels of the first picture's features that the decoder sees
_COARSEST = 1 << len(_FEATURES)  # pixels a cell of the coarsest grid
_WILD = 1e4  # pixels: a flow beyond is a fault, and sampling there may crash


def correlation(a: Tensor, b: Tensor, reach: int = _REACH) -> Tensor:
    """Mean product over channels of ``a`` with ``b`` displaced by up to ``reach`` cells.

    Features (B, C, H, W) -> (B, (2 reach + 1)^2, H, W), row by row of displacements; 0 outside.
    """
    answer: Tensor = _Correlation.apply(a, b, reach)
    return answer


class _Correlation(torch.autograd.Function):
    """By hand, for the graph of 81 slices costs several times what they do."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, reach: int) -> Tensor:
        padded = functional.pad(b, (reach,) * 4)
        ctx.save_for_backward(a, padded)
        ctx.reach = reach
        return torch.stack([(a * part).mean(dim=1) for part in _moved(padded, reach)], dim=1)

    @staticmethod
    def backward(ctx: Any, *wanted: Tensor) -> tuple[Tensor, Tensor, None]:
        a, padded = ctx.saved_tensors
        reach, (height, width) = ctx.reach, a.shape[-2:]
        to_a, to_b = torch.zeros_like(a), torch.zeros_like(padded)
        shares = (wanted[0] / a.shape[1]).split(1, dim=1)
        parts = zip(shares, _moved(padded, reach), _moved(to_b, reach), strict=True)
        for share, part, place in parts:
            to_a.addcmul_(share, part)
            place.addcmul_(share, a)
        return to_a, to_b[..., reach : reach + height, reach : reach + width], None


def _moved(padded: Tensor, reach: int) -> list[Tensor]:
    """The windows of a padded grid, one for each displacement, row by row."""
    height, width = (side - 2 * reach for side in padded.shape[-2:])
    steps = range(2 * reach + 1)
    return [padded[..., y : y + height, x : x + width] for y in steps for x in steps]


def _convolution(inputs: int, outputs: int, *, stride: int = 1, dilation: int = 1) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, padding=dilation, dilation=dilation),
        nn.LeakyReLU(0.1, inplace=True),
    )


def _flow_from(inputs: int) -> nn.Conv2d:
    """The last convolution of a network that says what to add to a flow: nothing, to begin with."""
    layer = nn.Conv2d(inputs, 2, 3, padding=1)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]  # this one has a bias
    return layer


class _Decoder(nn.Module):
    """The "reduced dense" decoder: each layer sees the two before it."""

    def __init__(self, inputs: int, widths: list[int]) -> None:
        super().__init__()
        seen = [inputs, widths[0], *(sum(pair) for pair in pairwise(widths))]
        self.layers = nn.ModuleList(map(_convolution, seen, widths))
        self.leave = _flow_from(seen[-1])

    def forward(self, known: Tensor) -> tuple[Tensor, Tensor]:
        """What the last layer saw, for the context network, and what to add to the flow."""
        before = self.layers[0](known)
        last = self.layers[1](before)
        for layer in self.layers[2:]:
            before, last = last, layer(torch.cat([before, last], dim=1))
        return last, self.leave(torch.cat([before, last], dim=1))


class PwcLite(FlowNetwork):
    """Two pictures (B, 3, H, W) in [0, 1], of any size -> flows (B, 2, H, W) px, finest first.

    At ``width`` 1 it is the paper's network for two frames, 2.24 M parameters; ``width`` scales
    every layer. Before training it answers zero. Raises UserError.
    """

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        if not 0.05 <= width <= 4:
            raise UserError(f"the width of pwc-lite must be 0.05 to 4, found {width}")

        def scaled(channels: int) -> int:
            return max(4, round(channels * width))

        features = [scaled(count) for count in _FEATURES]
        self.down = nn.ModuleList(
            nn.Sequential(_convolution(fine, coarse, stride=2), _convolution(coarse, coarse))
            for fine, coarse in pairwise([3, *features])
        )
        matched, widths = scaled(_MATCHED), [scaled(count) for count in _DECODER]
        used = features[:0:-1]  # coarsest first, to a quarter of the resolution
        self.match = nn.ModuleList(
            nn.Sequential(nn.Conv2d(count, matched, 1), nn.LeakyReLU(0.1)) for count in used
        )
        self.decoder = _Decoder((2 * _REACH + 1) ** 2 + matched + 2, widths)
        layers: list[nn.Module] = []
        inputs = widths[-1] + 2
        for count, dilation in _CONTEXT:
            layers.append(_convolution(inputs, scaled(count), dilation=dilation))
            inputs = scaled(count)
        self.context = nn.Sequential(*layers, _flow_from(inputs))

    def forward(self, a: Tensor, b: Tensor) -> list[Tensor]:
        height, width = a.shape[-2:]
        (top, bottom), (left, right) = (margins(side, _COARSEST) for side in (height, width))
        border = (left, right, top, bottom)
        found, cell = [], _COARSEST
        for coarse in self._coarse(torch.cat([reflected(a, *border), reflected(b, *border)])):
            flow = functional.interpolate(cell * coarse, scale_factor=cell, mode="bilinear")
            found.append(flow[..., top : top + height, left : left + width])
            cell //= 2
        return found[::-1]

    def _coarse(self, pair: Tensor) -> list[Tensor]:
        """The flow on every grid, coarsest first, in cells of it."""
        grids = []
        for block in self.down:
            pair = block(pair)
            grids.append(pair)
        flows: list[Tensor] = []
        for match, grid in zip(self.match, reversed(grids), strict=False):
            a, b = grid.float().chunk(2)
            if flows:
                flow = 2.0 * functional.interpolate(flows[-1], scale_factor=2, mode="bilinear")
            else:
                flow = torch.zeros_like(a[:, :2])
            back = backward_warp(b, flow.nan_to_num(0.0).clamp(-_WILD, _WILD))
            alike = functional.leaky_relu(correlation(a, back), 0.1)
            seen, change = self.decoder(torch.cat([alike, match(a), flow], dim=1))
            flow = flow + change.float()
            flows.append(flow + self.context(torch.cat([seen, flow], dim=1)).float())
        return flows


def pwc_lite(
    *, weights: str | Path | None = None, iterations: int = 1, zero_correct: bool = False
) -> LearnedFlow:
    """PWC-Lite with the ``weights`` in a file that ``motionloupe train flow`` wrote.

    Without one it takes pwc_lite.safetensors in the folder of weights, else what the package ships.
    Raises UserError where there is neither, or the file holds something else.
    """
    network = learned(NAME, PwcLite, weights)
    return LearnedFlow(network, iterations=iterations, zero_correct=zero_correct)
