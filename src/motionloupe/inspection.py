"""What a network of Oh et al. 2018 has learned to see: its encoder as a bank of linear filters.

The encoder is not linear. Filters near it are found by impulses: a pixel of a picture is raised or
lowered a little, and what that changes in a channel, averaged over pictures, is the weight that
its kernel gives to this pixel (Figures 9 and A.7 of the paper).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from motionloupe.networks.oh2018 import Oh2018
from motionloupe.views import write_figure

Array = npt.NDArray[Any]
_IMPULSE = 0.1  # of white
_SIDE = 48  # pixels a side of a picture
_STRIDES = {"shape": 2, "texture": 4}
_REACH = {"shape": 12, "texture": 16}  # pixels around the middle of a kernel that are kept
_COLUMNS = 8
_ENLARGED = 3
_SPECTRUM = 64  # frequencies a side


@dataclass(frozen=True)
class Kernels:
    """Linear approximations of a representation's channels.

    ``kernels`` (channels, 3, side, side): weights of the pixels of each colour around the middle,
    the change of the channel for one unit of white; a correlation, not flipped.
    """

    kernels: Array

    @property
    def spectra(self) -> Array:
        """(channels, 64, 64): amplitude for grey patterns, frequency 0 in the middle."""
        grey = self.kernels.sum(axis=1)
        size = (_SPECTRUM, _SPECTRUM)
        found: Array = np.abs(np.fft.fftshift(np.fft.fft2(grey, s=size), axes=(1, 2)))
        return found

    @property
    def constant_shares(self) -> Array:
        """(channels,) |sum| over sum of magnitudes for grey: 0 for a derivative, 1 for a blur."""
        grey = self.kernels.sum(axis=1)
        weight = np.abs(grey).sum(axis=(1, 2))
        share: Array = np.abs(grey.sum(axis=(1, 2))) / np.maximum(weight, 1e-12)
        return share


def encoder_kernels(network: Oh2018, *, pictures: int = 24, seed: int = 0) -> dict[str, Kernels]:
    """The kernels of "shape" and "texture", averaged over random pictures with natural spectra."""
    rng = np.random.default_rng(seed)
    sums = {name: _Sum(name) for name in _STRIDES}
    for _ in range(pictures):
        sign = float(rng.choice([-1.0, 1.0]))
        picture = torch.from_numpy(_natural(rng))
        place = 4 * int(rng.integers(5, 7))
        for colour in range(3):
            for name, change in _changes(network, picture, place, colour, sign).items():
                sums[name].add(colour, place, change)
    return {name: each.mean(pictures) for name, each in sums.items()}


def _changes(
    network: Oh2018, picture: Tensor, place: int, colour: int, sign: float
) -> dict[str, Tensor]:
    """By representation: (4, 4, channels, h, w), the change by an impulse at place + (row, column).

    The places are all those that a texture of a quarter of the size can tell apart.
    """
    touched = picture.repeat(17, 1, 1, 1)  # the last one stays as it is
    for number in range(16):
        row, column = divmod(number, 4)
        touched[number, colour, place + row, place + column] += sign * _IMPULSE
    with torch.inference_mode():
        texture, shape = network.encode(touched)
    found = {"shape": shape, "texture": texture}
    return {
        name: ((each[:16] - each[16:]) / (sign * _IMPULSE)).view(4, 4, *each.shape[1:])
        for name, each in found.items()
    }


class _Sum:
    """Kernels of one representation, summed."""

    def __init__(self, name: str) -> None:
        self._stride, self._reach = _STRIDES[name], _REACH[name]
        self._total: Array | None = None

    def add(self, colour: int, place: int, changes: Tensor) -> None:
        """A cell q stands at pixel stride q; an impulse at p tells the weight of p - stride q."""
        stride, reach = self._stride, self._reach
        if self._total is None:
            side = 2 * reach + 1
            self._total = np.zeros((changes.shape[2], 3, side, side), np.float32)
        share = (stride / 4) ** 2  # so often does an offset come up among the 16 places
        for row in range(4):
            for column in range(4):
                down, above = _offsets(place + row, stride, reach)
                across, left = _offsets(place + column, stride, reach)
                part = changes[row, column][:, above][:, :, left].numpy()
                self._total[:, colour, down[:, None], across[None, :]] += share * part

    def mean(self, count: int) -> Kernels:
        assert self._total is not None
        return Kernels(self._total / count)


def _offsets(
    pixel: int, stride: int, reach: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows of the kernel that an impulse at ``pixel`` tells, and the cells that tell them."""
    cells = np.arange(_SIDE // stride)
    offsets = pixel - stride * cells
    near = np.abs(offsets) <= reach
    return offsets[near] + reach, cells[near]


def _natural(rng: np.random.Generator) -> Array:
    """(1, 3, side, side) in [0, 1]: amplitude falls with frequency, colours are much alike."""
    radius = np.hypot(np.fft.fftfreq(_SIDE)[:, None], np.fft.rfftfreq(_SIDE)[None, :])
    fall = 1 / np.maximum(radius, 1 / _SIDE)
    common = rng.standard_normal((1, _SIDE, _SIDE))
    noise = 0.9 * common + 0.4 * rng.standard_normal((3, _SIDE, _SIDE))
    picture = np.fft.irfft2(np.fft.rfft2(noise) * fall, s=(_SIDE, _SIDE))
    picture = 0.5 + 0.18 * (picture - picture.mean()) / picture.std()
    whole: Array = picture[None].clip(0, 1).astype(np.float32)
    return whole


def draw_kernels(path: str | Path, found: dict[str, Kernels], title: str = "") -> Path:
    """Kernels of each representation and their spectra, each at its own scale, into one PNG.

    Grey is a weight of 0. Raises UserError where it cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 7.2), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    if title:
        figure.suptitle(title, fontsize=11, parse_math=False)
    for row, (name, each) in enumerate(found.items()):
        axes: Any = figure.add_subplot(len(found), 2, 2 * row + 1)
        span = each.kernels.shape[-1]
        axes.imshow(_tiles(_coloured(each.kernels)), interpolation="nearest")
        axes.set_title(f"{name}: kernels, {span} x {span} pixels", fontsize=10)
        axes.set_axis_off()
        axes = figure.add_subplot(len(found), 2, 2 * row + 2)
        axes.imshow(_tiles(_scaled(each.spectra)[..., None].repeat(3, axis=-1)))
        axes.set_title(f"{name}: spectra, to 0.5 cycles per pixel", fontsize=10)
        axes.set_axis_off()
    return write_figure(figure, Path(path))


def _coloured(kernels: Array) -> Array:
    """(n, 3, side, side) -> (n, side, side, 3) in [0, 1], 0 at grey."""
    largest = np.abs(kernels).max(axis=(1, 2, 3), keepdims=True)
    shades: Array = 0.5 + 0.5 * kernels / np.maximum(largest, 1e-12)
    return shades.transpose(0, 2, 3, 1)


def _scaled(spectra: Array) -> Array:
    largest = spectra.max(axis=(1, 2), keepdims=True)
    share: Array = spectra / np.maximum(largest, 1e-12)
    return share


def _tiles(pictures: Array) -> Array:
    """(n, side, side, 3) -> one picture, in rows of ``_COLUMNS``, white between."""
    count, side = pictures.shape[:2]
    step = side * _ENLARGED + 3
    rows = -(-count // _COLUMNS)
    sheet = np.ones((rows * step, _COLUMNS * step, 3), np.float32)
    for number, picture in enumerate(pictures):
        row, column = divmod(number, _COLUMNS)
        tile = picture.repeat(_ENLARGED, axis=0).repeat(_ENLARGED, axis=1)
        sheet[row * step :, column * step :][: len(tile), : len(tile)] = tile
    return sheet
