"""Frames between frames: a part of the motion from one to the next (Oh 2018, supplement).

A factor between 0 and 1 draws a frame on its way. Each picture is drawn twice, onwards from the
earlier frame and backwards from the later one, and the two are mixed by nearness: so light changes
smoothly too, and a video run backwards gives the same pictures.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor

from motionloupe.arrays import Image, check_image, from_tensor, is_whole, to_tensor
from motionloupe.errors import UserError
from motionloupe.magnifiers.base import Magnifier
from motionloupe.magnifiers.streaming import check_same_size

LARGEST_FACTOR = 100
DEFAULT_METHOD = "warp-bilinear"
DEFAULT_FACTOR = 5


def between(
    method: Magnifier[Any], frames: Iterable[Image], factor: int = DEFAULT_FACTOR
) -> Iterator[Image]:
    """``factor`` pictures for each frame: itself, then those on the way to the next, evenly.

    ``frames`` are (H, W, 3) RGB, uint8, uint16 or float in [0, 1], of one size, and come back as
    they are; those between have their dtype. The last frame, which has no next, is repeated. Two
    frames are held. ``factor`` is 2 to 100; ``method`` any that takes two frames, without a band.
    Raises UserError, for the options at once.
    """
    check_factor(factor)
    if not method.pairwise or method.band is not None:
        raise UserError("frames between two frames need a method for pairs, without a band")
    return _between(method, frames, [number / factor for number in range(1, factor)])


def check_factor(factor: int) -> None:
    """Raise UserError unless ``factor`` is a whole number from 2 to ``LARGEST_FACTOR``."""
    if not (is_whole(factor) and 2 <= factor <= LARGEST_FACTOR):
        raise UserError(
            f"the factor must be a whole number from 2 to {LARGEST_FACTOR}, found {factor}"
        )


def _between(
    method: Magnifier[Any], frames: Iterable[Image], shares: list[float]
) -> Iterator[Image]:
    earlier: Image | None = None
    a: Any = None
    for later in frames:
        check_image(later)
        later = later.copy()  # whoever gives it may use its memory again
        with torch.inference_mode():
            b = method.analyse(to_tensor(later, method.device))
        if earlier is not None:
            check_same_size(earlier, later)
            yield earlier
            with torch.inference_mode():
                there, back = method.motion(a, b), method.motion(b, a)
            for share in shares:
                with torch.inference_mode():
                    onwards = method.render(a, b, there, there, _alpha(share, method))
                    backwards = method.render(b, a, back, back, _alpha(1.0 - share, method))
                    if method.draws_reference:
                        onwards, backwards = backwards, onwards
                    picture = from_tensor(torch.lerp(backwards, onwards, share), later.dtype)
                yield picture
        earlier, a = later, b
    if earlier is not None:
        for _ in range(len(shares) + 1):
            yield earlier


def _alpha(value: float, method: Magnifier[Any]) -> Tensor:
    return torch.full((1, 1, 1, 1), value, device=method.device)
