"""Forward warping with weights, and the filling of what it leaves empty; both differentiable."""

import torch
from torch import Tensor
from torch.nn import functional

from motionloupe.flow.warp import landings

_EMPTY = 1e-6


def softmax_splat(
    image: Tensor, displacement: Tensor, importance: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Carry every pixel of ``image`` (B, C, H, W) along ``displacement`` (B, 2, H, W) pixels.

    Where several land on one pixel they mix in proportion to exp(``importance``) (B, 1, H, W) times
    their bilinear share (Niklaus and Liu 2020). Returns the picture, the weight that fell on each
    pixel (B, 1, H, W), by which a mix of several splats can be weighted, and the cover: the same
    without importance, 1 where nothing moves and 0 in a hole. What leaves the frame is dropped.
    """
    batch, channels, height, width = image.shape
    weight = importance.exp()
    parts = torch.cat([image * weight, weight, torch.ones_like(weight)], dim=1)
    rows = parts.permute(0, 2, 3, 1).reshape(-1, channels + 2)
    total = torch.zeros_like(rows)
    for place, share in landings(displacement):
        total = total.index_add(0, place, rows * share.unsqueeze(1))
    total = total.view(batch, height, width, channels + 2).permute(0, 3, 1, 2)
    weight, cover = total[:, channels : channels + 1], total[:, channels + 1 :]
    return total[:, :channels] / weight.clamp(min=_EMPTY), weight, cover


def fill(image: Tensor, cover: Tensor) -> Tensor:
    """Fill what ``cover`` (B, 1, H, W) leaves empty from coarser and coarser means of the rest.

    A pixel that is covered keeps its value; "push and pull" (Gortler et al. 1996).
    """
    cover = cover.clamp(max=1.0)
    if min(image.shape[-2:]) <= 2:
        middle = (image * cover).mean((2, 3), keepdim=True)
        return cover * image + (1.0 - cover) * middle / cover.mean((2, 3), keepdim=True).clamp(
            min=_EMPTY
        )
    known = functional.avg_pool2d(cover, 2, ceil_mode=True)
    means = functional.avg_pool2d(image * cover, 2, ceil_mode=True) / known.clamp(min=_EMPTY)
    coarse = fill(means, (4.0 * known).clamp(max=1.0))
    size = (image.shape[-2], image.shape[-1])
    around = functional.interpolate(coarse, size=size, mode="bilinear", align_corners=False)
    return cover * image + (1.0 - cover) * around
