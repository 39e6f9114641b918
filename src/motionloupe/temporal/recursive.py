"""Causal recursive filters: no delay, and a state of a few signals whatever the band."""

import numpy as np
import numpy.typing as npt
import torch
from scipy import signal
from torch import Tensor

from motionloupe.temporal.signals import Signal

_SINGLE_ENOUGH = 1e-3  # cycles per frame; below, rounding of the state needs double precision


class SosFilter:
    """A cascade of second-order sections (as in ``scipy.signal.sosfilt``), over every value alike.

    It starts in the steady state of the first signal, so the first frames have no transient.
    Memory: 2 signals per section.
    """

    delay = 0

    def __init__(self, sections: npt.ArrayLike, dtype: torch.dtype = torch.float32) -> None:
        """``sections`` is (n, 6): b0 b1 b2 a0 a1 a2, with a0 = 1."""
        self.sections = np.asarray(sections, dtype=np.float64)
        self._dtype = dtype
        self._states: list[list[tuple[Tensor, Tensor]]] = []  # by part, then by section

    def push(self, motion: Signal) -> list[tuple[Signal, Signal]]:
        if not self._states:
            self._states = [self._steady(part) for part in motion]
        band = [
            self._filtered(part, states) for part, states in zip(motion, self._states, strict=True)
        ]
        return [(motion, band)]

    def finish(self) -> list[tuple[Signal, Signal]]:
        return []

    def _steady(self, first: Tensor) -> list[tuple[Tensor, Tensor]]:
        first = self._held(first)
        return [
            (first * float(one), first * float(two))
            for one, two in signal.sosfilt_zi(self.sections)
        ]

    def _held(self, part: Tensor) -> Tensor:
        """As the state is kept: in double precision, which MPS lacks, on the processor."""
        lacking = part.device.type == "mps" and self._dtype == torch.float64
        return (part.cpu() if lacking else part).to(self._dtype)

    @torch.inference_mode()
    def _filtered(self, part: Tensor, states: list[tuple[Tensor, Tensor]]) -> Tensor:
        value = self._held(part)
        for index, (b0, b1, b2, _, a1, a2) in enumerate(self.sections.tolist()):
            one, two = states[index]
            out = torch.add(one, value, alpha=b0)
            states[index] = (
                torch.add(two, value, alpha=b1).sub_(out, alpha=a1),
                (value * b2).sub_(out, alpha=a2),
            )
            value = out
        return value.to(part)


def butterworth(band: tuple[float, float], fps: float, order: int = 2) -> SosFilter:
    """Butterworth band-pass, gain 1 mid-band and 0.707 at both edges (a low-pass from 0 Hz)."""
    low, high = band
    kind, edges = ("lowpass", high) if low == 0 else ("bandpass", [low, high])
    return SosFilter(signal.butter(order, edges, kind, fs=fps, output="sos"), _dtype(band, fps))


def difference_of_lowpasses(band: tuple[float, float], fps: float) -> SosFilter:
    """Difference of two first-order low-passes, r = 1 - exp(-2 pi f / fps) (Wu et al. 2012).

    The widest and cheapest filter. Its gain is 1 at its peak, and 0 at 0 Hz unless the band
    starts there.
    """
    slow, fast = (float(np.exp(-2 * np.pi * edge / fps)) for edge in band)
    if band[0] == 0:
        sections = np.array([[1 - fast, 0, 0, 1, -fast, 0]])
    else:
        difference = slow - fast
        sections = np.array([[difference, -difference, 0, 1, -(slow + fast), slow * fast]])
        middle = np.geomspace(band[0] / 4, fps / 2, 4096)
        _, response = signal.freqz_sos(sections, middle, fs=fps)
        sections[:, :3] /= np.abs(response).max()
    return SosFilter(sections, _dtype(band, fps))


def _dtype(band: tuple[float, float], fps: float) -> torch.dtype:
    lowest = min(band[0] or band[1], band[1] - band[0])
    return torch.float32 if lowest / fps > _SINGLE_ENOUGH else torch.float64
