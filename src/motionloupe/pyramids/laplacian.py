"""The Laplacian pyramid of Burt and Adelson (1983), with the binomial filter of five taps.

Level k of the Gaussian pyramid has ceil(H / 2^k) x ceil(W / 2^k) pixels. Level k of the Laplacian
pyramid is what the Gaussian level loses when it is halved and enlarged again, so that the sum gives
the picture back whatever its size. Edges are mirrored about the edge pixel.
"""

from torch import Tensor

from motionloupe.pyramids.filtering import separable

BINOMIAL = (0.0625, 0.25, 0.375, 0.25, 0.0625)
SMALLEST_BAND = 6  # pixels a side: below, a band has no room for a wave


def band_count(height: int, width: int) -> int:
    """How many band-pass levels a picture of this size holds, at least one."""
    count, side = 1, (min(height, width) + 1) // 2
    while side >= SMALLEST_BAND:
        count, side = count + 1, (side + 1) // 2
    return count


def halved(x: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, C, ceil(H / 2), ceil(W / 2)): smoothed, then every second sample."""
    return separable(x, BINOMIAL)[..., ::2, ::2].contiguous()


def enlarged(x: Tensor, height: int, width: int) -> Tensor:
    """The way back up: (B, C, ceil(height / 2), ceil(width / 2)) -> (B, C, height, width)."""
    spread = x.new_zeros(*x.shape[:2], height, width)
    spread[..., ::2, ::2] = x
    return separable(spread, [2 * tap for tap in BINOMIAL])


def build(x: Tensor, bands: int | None = None) -> tuple[list[Tensor], Tensor]:
    """(B, C, H, W) -> the band-pass levels, finest first, and the low-pass rest.

    ``bands`` defaults to :func:`band_count`.
    """
    levels = []
    for _ in range(bands or band_count(*x.shape[-2:])):
        coarser = halved(x)
        levels.append(x - enlarged(coarser, *x.shape[-2:]))
        x = coarser
    return levels, x


def collapse(bands: list[Tensor], rest: Tensor | None = None) -> Tensor:
    """The picture of which :func:`build` gives these; without ``rest`` it counts as zero."""
    picture = rest
    for band in reversed(bands):
        picture = band if picture is None else band + enlarged(picture, *band.shape[-2:])
    if picture is None:
        raise ValueError("a pyramid needs at least one level")
    return picture
