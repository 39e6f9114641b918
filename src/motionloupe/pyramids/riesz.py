"""The Riesz pyramid: every band of a Laplacian pyramid with its two Riesz transforms.

After Wadhwa, Rubinstein, Durand and Freeman, "Riesz Pyramids for Fast Phase-Based Video
Magnification", ICCP 2014. A band I and its transforms (R1, R2) make a quaternion I + i R1 + j R2;
where the picture is a wave, I = A cos(phi) and (R1, R2) = A sin(phi) n, with n the direction in
which the phase grows. Here one level is a tensor (1, 3, h, w) with the channels I, R1, R2.

The paper's own pair of 9 x 9 filters reconstructs only nearly; the binomial Laplacian pyramid does
so exactly, and measures as well.
"""

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from motionloupe.pyramids import laplacian
from motionloupe.pyramids.filtering import correlated

REACH = 3  # a kernel of 7 x 7 errs by 4 to 6 % over an octave, the paper's three taps by 8 to 30
_CENTRE = np.pi / 2  # radians per pixel, the middle of a band
_OCTAVES = 1.0  # half-width of the bell of frequencies that the kernel must serve


def build(luma: Tensor) -> tuple[list[Tensor], Tensor]:
    """(1, 1, H, W) -> levels (1, 3, h, w) of I, R1, R2, finest first, and the low-pass rest."""
    bands, rest = laplacian.build(luma)
    return [transformed(band) for band in bands], rest


def collapse(levels: list[Tensor], rest: Tensor | None = None) -> Tensor:
    """The picture (1, 1, H, W) of the channels I; exact for what :func:`build` gives."""
    return laplacian.collapse([level[:, :1] for level in levels], rest)


def transformed(band: Tensor) -> Tensor:
    """(1, 1, h, w) -> (1, 3, h, w): the band, its Riesz transform along x, and along y."""
    kernel = riesz_kernel()
    return torch.cat([band, correlated(band, kernel), correlated(band, kernel.T.copy())], dim=1)


def phase_difference(before: Tensor, after: Tensor) -> Tensor:
    """Quaternionic phase from one level to another: (phi cos theta, phi sin theta), (1, 2, h, w).

    phi is in [0, pi] radians, theta the direction of the wave; for a wave of the frequency k that
    moves by d it is -(k . d) k / |k|. Zero where either level is flat. Section 3.2 of the paper.
    """
    real = (before * after).sum(dim=1, keepdim=True)
    turn = before[:, :1] * after[:, 1:] - after[:, :1] * before[:, 1:]
    length = turn.square().sum(dim=1, keepdim=True).sqrt_()
    # atan2, not acos of the normalised real part: no NaN at +-1, no loss of small angles
    return turn.mul_(torch.atan2(length, real).div_(length.clamp(min=1e-30)))


@lru_cache(maxsize=1)
def riesz_kernel() -> npt.NDArray[np.float32]:
    """The transform along x as (7, 7) weights to correlate with: sin(x) n_x out of cos(x).

    Least squares fit of an odd by even kernel to the ideal response wx / |w| over a bell of
    frequencies around the band's centre.
    """
    frequencies = (np.arange(128) - 63.5) * (2 * np.pi / 128)
    wx, wy = np.meshgrid(frequencies, frequencies)
    radius = np.hypot(wx, wy)
    octaves = np.log2(radius / _CENTRE) / _OCTAVES
    weight = np.exp(-0.5 * octaves**2) * (radius < 3.0)
    places = [(x, y) for x in range(1, REACH + 1) for y in range(REACH + 1)]
    waves = [2 * np.sin(x * wx) * np.cos(y * wy) * (2 if y else 1) for x, y in places]
    system = np.stack([(weight * wave).ravel() for wave in waves], axis=1)
    taps, *_ = np.linalg.lstsq(system, (weight * wx / radius).ravel(), rcond=None)
    kernel = np.zeros((2 * REACH + 1, 2 * REACH + 1), dtype=np.float32)
    for (x, y), tap in zip(places, taps, strict=True):
        kernel[[REACH - y, REACH + y], REACH - x] = tap
        kernel[[REACH - y, REACH + y], REACH + x] = -tap
    return kernel
