"""Linear filters with mirrored borders, for pictures and fields (B, C, H, W)."""

import math
from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

_BLOCK = 32  # pixels that one product of matrices filters at a time
_STRIP = 32  # rows
Taps = tuple[float, ...]
"""An odd number of weights, which are correlated with rows or columns."""
_Block = Callable[[Tensor, tuple[int, int], tuple[int, int], int], Tensor]


def reflected(image: Tensor, left: int, right: int, top: int, bottom: int) -> Tensor:
    """Pad by mirroring about the edge pixels, by any number of pixels."""
    height, width = image.shape[-2:]
    if max(left, right) < width and max(top, bottom) < height:
        with torch.autocast(image.device.type, enabled=False):  # it would give float32
            return functional.pad(image, (left, right, top, bottom), mode="reflect")
    columns = _mirror(torch.arange(-left, width + right, device=image.device), width)
    rows = _mirror(torch.arange(-top, height + bottom, device=image.device), height)
    return image.index_select(-1, columns).index_select(-2, rows)


def margins(size: int, multiple: int, smallest: int = 0) -> tuple[int, int]:
    """Pixels to add before and after a side, so that ``multiple`` divides it.

    It becomes ``smallest`` or more.
    """
    wanted = max(smallest, -(-size // multiple) * multiple)
    before = (wanted - size) // 2
    return before, wanted - size - before


def along_x(image: Tensor, taps: Taps) -> Tensor:
    """Correlate every row with the ``taps``."""
    return _applied(image, taps, _mirrored, -1)


def along_y(image: Tensor, taps: Taps) -> Tensor:
    """Correlate every column with the ``taps``."""
    return _applied(image, taps, _mirrored, -2)


def separable(image: Tensor, taps: Taps) -> Tensor:
    """Correlate rows, then columns, with the ``taps``."""
    return along_y(along_x(image, taps), taps)


def halved(image: Tensor) -> Tensor:
    """Mean of every 2 x 2 pixels; an odd last row or column counts alone."""
    height, width = image.shape[-2:]
    if height % 2 or width % 2:
        image = functional.pad(image, (0, width % 2, 0, height % 2), mode="replicate")
    rows = image[..., ::2, :] + image[..., 1::2, :]
    return (rows[..., ::2] + rows[..., 1::2]) * 0.25


def blurred_and_halved(image: Tensor, taps: Taps) -> Tensor:
    """:func:`halved` of :func:`separable`, in one step."""
    return _applied(_applied(image, taps, _halving, -1), taps, _halving, -2)


def box_mean(image: Tensor, window: int) -> Tensor:
    """Mean over ``window`` x ``window`` pixels (odd), of those that there are: no mirror."""
    taps = (1.0,) * window
    return _applied(_applied(image, taps, _shortened, -1), taps, _shortened, -2)


def in_strips(function: Callable[..., Tensor], *fields: Tensor) -> Tensor:
    """``function`` of the fields (B, C, H, W), some rows at a time.

    For what every pixel, or every 2 x 2, says for itself: the steps between stay in the cache.
    """
    strips = zip(*(torch.split(field, _STRIP, dim=-2) for field in fields), strict=True)
    return torch.cat([function(*strip) for strip in strips], dim=-2)


def gaussian(sigma: float) -> Taps:
    """Samples of a Gaussian to 2.5 ``sigma`` (pixels) either side, with sum 1."""
    reach = math.ceil(2.5 * sigma)
    samples = [math.exp(-(x**2) / (2 * sigma**2)) for x in range(-reach, reach + 1)]
    total = sum(samples)
    return tuple(sample / total for sample in samples)


def _applied(image: Tensor, taps: Taps, block: _Block, dim: int) -> Tensor:
    """Filter along ``dim`` as products with banded matrices, in blocks short enough to be dense.

    On a CPU this is several times as fast as a convolution of few channels, and as exact.
    """
    image = image.contiguous()
    size, reach = image.shape[dim], len(taps) // 2
    parts = []
    for first in range(0, size, _BLOCK):
        last = min(first + _BLOCK, size)
        low, high = max(first - reach, 0), min(last + reach, size)
        to, of, whole = (first, last), (low, high), size
        if first >= reach and last + reach <= size:  # no edge is near: all such blocks are alike
            to, of, whole = (reach, reach + last - first), (0, high - low), high - low
        matrix = _matrix(block, taps, to, of, whole, image.dtype, image.device)
        if dim == -1:
            parts.append(image[..., low:high] @ matrix)
        else:
            parts.append(matrix.mT @ image[..., low:high, :])
    return torch.cat(parts, dim=dim)


@lru_cache(maxsize=1024)  # some 5 kB each; to make one takes longer than to use it
def _matrix(
    block: _Block,
    taps: Taps,
    to: tuple[int, int],
    of: tuple[int, int],
    size: int,
    dtype: torch.dtype,
    device: torch.device,
) -> Tensor:
    with torch.inference_mode(False):  # what is made within can never serve a gradient
        return block(torch.tensor(taps, dtype=dtype, device=device), to, of, size)


def _mirrored(kernel: Tensor, to: tuple[int, int], of: tuple[int, int], size: int) -> Tensor:
    """(pixels ``of``, pixels ``to``): what each of these takes of each of those, mirrored."""
    target = torch.arange(*to, device=kernel.device)
    taps = torch.arange(kernel.numel(), device=kernel.device).unsqueeze(1) - kernel.numel() // 2
    source = _mirror(target + taps, size) - of[0]
    matrix = kernel.new_zeros(of[1] - of[0], len(target))
    shares = kernel.unsqueeze(1).expand(source.shape)
    return matrix.index_put_((source, (target - to[0]).expand(source.shape)), shares, True)


def _halving(kernel: Tensor, to: tuple[int, int], of: tuple[int, int], size: int) -> Tensor:
    """The like for the means of every two pixels ``to``; an odd last one counts alone."""
    return functional.avg_pool1d(_mirrored(kernel, to, of, size), 2, ceil_mode=True)


def _shortened(kernel: Tensor, to: tuple[int, int], of: tuple[int, int], size: int) -> Tensor:
    """The like for a mean: what lies beyond the edge is left away, and the rest adds up to 1."""
    target = torch.arange(*to, device=kernel.device)
    source = torch.arange(*of, device=kernel.device).unsqueeze(1)
    within = ((source - target).abs() <= kernel.numel() // 2).to(kernel.dtype)
    return within / within.sum(dim=0)


def _mirror(index: Tensor, size: int) -> Tensor:
    """Indices beyond 0 .. size - 1 folded back without repeating the edge."""
    if size == 1:
        return torch.zeros_like(index)
    period = 2 * (size - 1)
    folded = index.remainder(period)
    return torch.minimum(folded, period - folded)
