"""Complex steerable pyramid, drawn in the frequency domain.

Portilla and Simoncelli 2000 for the filters, Wadhwa et al. 2013 (section 3.4, appendix A) for the
narrower bandwidths. A picture is split into rings of the spectrum, each ring into orientations; a
subband keeps one half of the plane of frequencies, so it is complex and its phase follows motion
across its orientation. Unlike theirs, the finest ring reaches to the corners of the spectrum, where
they leave a high-pass residual: its phase follows motion too, and the finest details move along.

Convention: frequencies are in units of the highest one, r = 1 at half a cycle per pixel, x right
and y down. A subband is sampled as coarsely as its ring allows, and its values are those of the
filtered picture at these samples.
"""

import math
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from scipy.fft import next_fast_len
from torch import Tensor

Bandwidth = Literal["octave", "half-octave", "quarter-octave"]
Profile = npt.NDArray[np.float64]


class _Design(NamedTuple):
    orientations: int
    rings: int
    """Rings per octave."""
    transition: float
    """Width in octaves of a ring's flank; 0 for the smooth cos^6 windows."""


_DESIGNS = {
    "octave": _Design(4, 1, 1.0),
    "half-octave": _Design(8, 2, 0.75),
    "quarter-octave": _Design(8, 4, 0.0),
}
_OPEN = 0.3  # above this radius the finest ring takes what the others leave
_AT_ONCE = 1 << 23  # complex samples: 64 MB
_ORDER = 6  # of the smooth windows; order + 1 of them make a constant sum of squares


class SteerablePyramid:
    """The pyramid for pictures of one size; build it through :func:`steerable_pyramid`."""

    def __init__(self, height: int, width: int, bandwidth: Bandwidth, device: torch.device) -> None:
        self.size = height, width
        design = _DESIGNS[bandwidth]
        octaves = max(int(math.log2(min(height, width))) - 1, 1)
        radius, angle = _polar(height, width)
        fans = [fan.astype(np.float32) for fan in _fans(angle, design.orientations)]
        rest = np.ones_like(radius)
        self.filters: list[Tensor] = []
        """One (orientations, h, w) float32 tensor per ring, finest first, ordered as an FFT is."""
        for number, ring in enumerate(_rings(radius, design, octaves * design.rings)):
            rest -= ring**2
            highest = 2.0 ** (-number / design.rings)
            h, w = _coarser(height, highest), _coarser(width, highest)
            kept = np.ix_(_kept(height, h), _kept(width, w))
            masks = np.stack([fan[kept] for fan in fans]) * ring[kept].astype(np.float32)
            self.filters.append(torch.from_numpy(masks).to(device))
        self._rest = torch.from_numpy(rest.astype(np.float32)).to(device)

    def analyse(self, picture: Tensor) -> list[Tensor]:
        """(H, W) float32 -> one complex64 tensor (orientations, h, w) per ring, finest first."""
        spectrum = torch.fft.fft2(picture, norm="forward")
        subbands = []
        for masks in self.filters:
            part = _cropped(spectrum, *masks.shape[-2:])
            subband = part.new_empty(masks.shape)
            for some, answer in in_parts(masks, subband):
                torch.fft.ifft2(_masked(part, some), norm="forward", out=answer)
            subbands.append(subband)
        return subbands

    def synthesise(self, bands: Iterable[Tensor]) -> Tensor:
        """The subbands' part of the picture, (H, W) float32; linear in ``bands``.

        Each is taken when its turn comes, so that they need not all be there at once.
        """
        spectrum = self._rest.new_zeros(self.size, dtype=torch.complex64)
        for masks, band in zip(self.filters, bands, strict=True):
            part = band.new_zeros(band.shape[-2:])
            for some, values in in_parts(masks, band):
                part += _masked(torch.fft.fft2(values, norm="forward"), some).sum(0)
            for mine, its in _corners(self.size, part.shape):
                spectrum[mine] += part[its]
        half: Tensor = torch.fft.ifft2(spectrum, norm="forward").real
        return half * 2

    def residual(self, picture: Tensor) -> Tensor:
        """What no subband holds, (H, W): the lowest frequencies, and the very highest in x or in y.

        ``synthesise(analyse(x)) + residual(x)`` is x.
        """
        rest: Tensor = torch.fft.ifft2(torch.fft.fft2(picture) * self._rest).real
        return rest


def in_parts(subband: Tensor, *others: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Tensors (orientations, ...), some orientations at a time: what lies between stays small."""
    count = max(_AT_ONCE // subband[0].numel(), 1)
    return zip(*(torch.split(whole, count) for whole in (subband, *others)), strict=True)


def _masked(spectra: Tensor, masks: Tensor) -> Tensor:
    """The product, for real ``masks``: torch multiplies complex by float32 twice as slowly."""
    return masks.to(spectra.dtype).mul_(spectra)


@lru_cache(maxsize=4)
def steerable_pyramid(
    height: int, width: int, bandwidth: Bandwidth, device: torch.device
) -> SteerablePyramid:
    """The pyramid for pictures of height x width; the last few are kept."""
    return SteerablePyramid(height, width, bandwidth, device)


def fast_size(size: int) -> int:
    """The next size that is quick to transform and divisible by 4."""
    return 4 * int(next_fast_len(math.ceil(size / 4)))


def _polar(height: int, width: int) -> tuple[Profile, Profile]:
    y = 2 * np.fft.fftfreq(height)[:, None]
    x = 2 * np.fft.fftfreq(width)[None, :]
    return np.hypot(y, x), np.arctan2(y, x + 0 * y)


def _rings(radius: Profile, design: _Design, count: int) -> Iterator[Profile]:
    """The radial filters, finest first; their squares add up to 1 above the lowest frequencies.

    One after the other: together they take many times as much memory as a picture.
    """
    octave = np.log2(np.maximum(radius, 1e-9))
    build = _flanked if design.transition else _smooth
    above = np.ones_like(radius)
    for ring in build(octave, design, count):
        above -= ring**2
    above[radius <= _OPEN] = 0
    rings = build(octave, design, count)
    finest = np.sqrt(next(rings) ** 2 + np.maximum(above, 0))
    for dim, size in enumerate(radius.shape):
        if size % 2 == 0:  # the highest frequency is its own mirror image: it has no phase to turn
            np.moveaxis(finest, dim, 0)[size // 2] = 0
    yield finest
    yield from rings


def _flanked(octave: Profile, design: _Design, count: int) -> Iterator[Profile]:
    """Rings with raised-cosine flanks; each takes its share of what the finer ones left."""
    below = np.ones_like(octave)
    for number in range(count + 1):
        away = (octave + number / design.rings) / design.transition
        high = np.cos(np.clip(away, -1, 0) * np.pi / 2)
        if number > 0:  # the first is the high-pass residual
            yield below * high
        below *= np.sqrt(1 - high**2)


def _smooth(octave: Profile, design: _Design, count: int) -> Iterator[Profile]:
    """Windows cos^6, evenly spaced in octaves."""
    share = (_ORDER + 1) * math.comb(2 * _ORDER, _ORDER) / 4**_ORDER
    reach = (_ORDER + 1) / 2 / design.rings  # octaves from the middle of a window to its end
    for number in range(count):
        away = (octave + reach + number / design.rings) / reach
        window = np.cos(np.clip(away, -1, 1) * np.pi / 2) ** _ORDER
        yield window / math.sqrt(share)


def _fans(angle: Profile, orientations: int) -> Iterator[Profile]:
    """The one-sided angular filters; with their mirror images their squares add up to 1."""
    power = orientations - 1
    share = orientations * math.comb(2 * power, power) / 4**power
    for number in range(orientations):
        turn = angle - np.pi * number / orientations
        yield np.maximum(np.cos(turn), 0) ** power / math.sqrt(share)


def _coarser(size: int, highest: float) -> int:
    """Samples enough for frequencies up to ``highest`` (below r = 1 at ``size`` samples)."""
    return min(size, fast_size(math.ceil(size * highest - 1e-9)))


def _kept(size: int, smaller: int) -> list[int]:
    """The lowest frequencies' places in a spectrum of ``size``, in the order of an FFT."""
    return [*range((smaller + 1) // 2), *range(size - smaller // 2, size)]


Corner = tuple[slice, slice]


def _corners(size: tuple[int, ...], smaller: tuple[int, ...]) -> list[tuple[Corner, Corner]]:
    """Where the four corners of a smaller spectrum lie in one of ``size``, and in itself."""
    if size == smaller:
        return [((slice(None), slice(None)), (slice(None), slice(None)))]
    sides = []
    for full, part in zip(size, smaller, strict=True):
        head, tail = (part + 1) // 2, part // 2
        sides.append(
            [(slice(head), slice(head)), (slice(full - tail, full), slice(part - tail, part))]
        )
    return [((y, x), (v, u)) for y, v in sides[0] for x, u in sides[1]]


def _cropped(spectrum: Tensor, height: int, width: int) -> Tensor:
    if spectrum.shape == (height, width):
        return spectrum
    part = spectrum.new_empty((height, width))
    for its, mine in _corners(spectrum.shape, part.shape):
        part[mine] = spectrum[its]
    return part
