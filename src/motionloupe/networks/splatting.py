"""Forward warping with weights, and the filling of what it leaves empty; both differentiable."""

import torch
from torch import Tensor
from torch.nn import functional

from motionloupe.flow.filters import halved
from motionloupe.flow.warp import splat_sum

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
    channels, weight = image.shape[1], importance.exp()
    parts = torch.cat([image * weight, weight, torch.ones_like(weight)], dim=1)
    total = splat_sum(parts, displacement)
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
    known = halved(cover)
    means = halved(image * cover) / known.clamp(min=_EMPTY)
    coarse = fill(means, 4.0 * known)
    size = (image.shape[-2], image.shape[-1])
    around = functional.interpolate(coarse, size=size, mode="bilinear", align_corners=False)
    return torch.lerp(around, image, cover)
