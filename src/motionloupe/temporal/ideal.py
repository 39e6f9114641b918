"""The sharp band of the discrete Fourier transform over a whole clip."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from motionloupe.errors import UserError
from motionloupe.temporal.signals import Signal, nbytes

LARGEST_STORE = 4 << 30  # bytes


class IdealFilter:
    """Keeps the Fourier components within the band, with full gain, and nothing else.

    The clip counts as one period, so its end meets its beginning. Only the components in the band
    are kept: memory is two signals for each, and they lie fps / length apart.
    """

    def __init__(self, band: tuple[float, float], fps: float) -> None:
        self._band = band
        self._fps = fps
        self._hertz: npt.NDArray[np.float64] = np.zeros(0)
        self._shares: npt.NDArray[np.float64] = np.zeros(0)
        self._sums: list[Tensor] = []
        self._shapes: list[torch.Size] = []
        self._seen = 0

    def begin(self, length: int) -> None:
        """Raises UserError if a clip of ``length`` frames holds no component in the band."""
        low, high = self._band
        slack = 1e-9 * self._fps
        every = np.arange(length // 2 + 1)
        hertz = every * self._fps / max(length, 1)
        inside = every[(hertz >= low - slack) & (hertz <= high + slack)]
        if length > 0 and len(inside) == 0:
            raise UserError(
                f"the filter ideal finds nothing between {low:g} and {high:g} Hz: {length} frames "
                f"at {self._fps:g} fps hold multiples of {self._fps / length:.4g} Hz only; widen "
                "the band or take the filter butterworth"
            )
        self._hertz = hertz[inside]
        # A component and its conjugate count together, except 0 Hz and the highest, their own.
        alone = (inside == 0) | (2 * inside == length)
        self._shares = np.sqrt(np.where(alone, 1.0, 2.0) / max(length, 1))
        self._sums, self._seen = [], 0

    @torch.inference_mode()
    def observe(self, motion: Signal) -> None:
        """Raises UserError if the components of the band would not fit ``LARGEST_STORE``."""
        if not self._sums:
            self._allocate(motion)
        for total, part in zip(self._sums, motion, strict=True):
            total.addr_(self._wave(self._seen, part), part.reshape(-1))
        self._seen += 1

    @torch.inference_mode()
    def at(self, index: int) -> Signal:
        return [
            (self._wave(index, total) @ total).reshape(shape)
            for total, shape in zip(self._sums, self._shapes, strict=True)
        ]

    def _wave(self, index: int, like: Tensor) -> Tensor:
        """The share of frame ``index`` in each component's cosine and sine, both ways."""
        angles = 2 * np.pi / self._fps * index * self._hertz
        wave = np.concatenate([np.cos(angles), np.sin(angles)]) * np.tile(self._shares, 2)
        return torch.from_numpy(wave).to(like)

    def _allocate(self, motion: Signal) -> None:
        components = 2 * len(self._hertz)
        needed = components * nbytes(motion)
        if needed > LARGEST_STORE:
            raise UserError(
                f"the filter ideal would need {needed / 2**30:.1f} GiB for the {components // 2} "
                "components of this band; take the filter fir or butterworth, or a narrower band"
            )
        self._sums = [part.new_zeros((components, part.numel())) for part in motion]
        self._shapes = [part.shape for part in motion]
