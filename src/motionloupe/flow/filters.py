"""Linear filters with mirrored borders, for pictures and fields (B, C, H, W)."""

import math

import torch
from torch import Tensor
from torch.nn import functional


def reflected(image: Tensor, left: int, right: int, top: int, bottom: int) -> Tensor:
    """Pad by mirroring about the edge pixels, by any number of pixels."""
    height, width = image.shape[-2:]
    if max(left, right) < width and max(top, bottom) < height:
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


def along_x(image: Tensor, kernel: Tensor) -> Tensor:
    """Correlate every row with an odd ``kernel`` (n,)."""
    reach = kernel.numel() // 2
    return _correlated(reflected(image, reach, reach, 0, 0), kernel.view(1, -1))


def along_y(image: Tensor, kernel: Tensor) -> Tensor:
    """Correlate every column with an odd ``kernel`` (n,)."""
    reach = kernel.numel() // 2
    return _correlated(reflected(image, 0, 0, reach, reach), kernel.view(-1, 1))


def separable(image: Tensor, kernel: Tensor) -> Tensor:
    """Correlate rows, then columns, with an odd ``kernel`` (n,)."""
    return along_y(along_x(image, kernel), kernel)


def gaussian(sigma: float, like: Tensor) -> Tensor:
    """Samples of a Gaussian to 2.5 ``sigma`` (pixels) either side, with sum 1."""
    reach = math.ceil(2.5 * sigma)
    x = torch.arange(-reach, reach + 1, dtype=like.dtype, device=like.device)
    kernel = torch.exp(-(x**2) / (2 * sigma**2))
    return kernel / kernel.sum()


def _correlated(padded: Tensor, kernel: Tensor) -> Tensor:
    channels = padded.shape[1]
    padded = padded.contiguous(memory_format=torch.channels_last)  # many times faster on a CPU
    weight = kernel.repeat(channels, 1, 1, 1)
    return functional.conv2d(padded, weight, groups=channels).contiguous()


def _mirror(index: Tensor, size: int) -> Tensor:
    """Indices beyond 0 .. size - 1 folded back without repeating the edge."""
    if size == 1:
        return torch.zeros_like(index)
    period = 2 * (size - 1)
    folded = index.remainder(period)
    return torch.minimum(folded, period - folded)
