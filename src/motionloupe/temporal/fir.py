"""Finite impulse responses with compensated delay: band-passes and second derivatives."""

import math
from collections import deque
from collections.abc import Callable, Iterator
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from scipy import signal
from torch import Tensor

from motionloupe.temporal.signals import Signal, nbytes

Weights = npt.NDArray[np.float64]
DerivativeKernel = Literal["dog", "integer"]
MOST_TAPS = 999
_LARGEST_BLOCK = 16
_COLUMNS = 1 << 16  # values of a signal that are filtered together: they fit the cache


class FirFilter:
    """y(t) = sum over m of weights[half + m] x(t + m), m = -half ... half, in step with x.

    Beyond both ends the signal is continued by odd reflection, 2 x(0) - x(-t), as in
    ``scipy.signal.filtfilt``; a clip may be shorter than the weights. Several frames are answered
    together, as one matrix product. Memory: (taps + 2 block) signals.
    """

    def __init__(self, weights: npt.ArrayLike) -> None:
        self.weights: Weights = np.asarray(weights, dtype=np.float64)
        if self.weights.ndim != 1 or len(self.weights) % 2 == 0:
            raise ValueError("an impulse response in step needs an odd number of weights")
        self._half = len(self.weights) // 2
        self.block = min(max(len(self.weights) // 8, 1), _LARGEST_BLOCK)
        self.delay = self._half + self.block - 1
        self._held: deque[Signal] = deque()
        self._first = 0  # the index of the oldest signal held
        self._count = 0
        self._answered = 0

    def bytes_needed(self, motion: Signal) -> int:
        """The memory that signals like this one take while they are filtered."""
        return (len(self.weights) + 2 * self.block) * nbytes(motion)

    def push(self, motion: Signal) -> list[tuple[Signal, Signal]]:
        self._held.append(motion)
        self._count += 1
        if self._count - self._half - self._answered < self.block:
            return []
        return self._answer(self.block, None)

    def finish(self) -> Iterator[tuple[Signal, Signal]]:
        while self._answered < self._count:
            left = self._count - self._answered
            yield from self._answer(min(self.block, left), self._count)

    @torch.inference_mode()
    def _answer(self, frames: int, length: int | None) -> list[tuple[Signal, Signal]]:
        start = self._answered
        rows = self._rows(start, frames, length)
        bands = [self._product(rows, part) for part in range(len(self._held[0]))]
        answers = [
            (self._held[start + frame - self._first], [band[frame] for band in bands])
            for frame in range(frames)
        ]
        self._answered += frames
        while self._first < self._answered - self._half:
            self._held.popleft()
            self._first += 1
        return answers

    def _rows(self, start: int, frames: int, length: int | None) -> Weights:
        """The weight of each held signal (column) in each of the answers (row)."""
        rows = np.zeros((frames, len(self._held)))
        for frame in range(frames):
            oldest = start + frame - self._half
            newest = start + frame + self._half
            if oldest >= 0 and newest < self._count:
                column = oldest - self._first
                rows[frame, column : column + len(self.weights)] = self.weights
                continue
            for tap, weight in enumerate(self.weights):
                for index, share in _continued(oldest + tap, length):
                    rows[frame, index - self._first] += share * weight
        return rows

    def _product(self, rows: Weights, part: int) -> Tensor:
        """rows times the held signals, a slice of columns at a time: (frames, *shape)."""
        like = self._held[0][part]
        matrix = torch.from_numpy(rows).to(like)
        flat = [motion[part].reshape(-1) for motion in self._held]
        filtered = like.new_empty((len(rows), like.numel()))
        for column in range(0, like.numel(), _COLUMNS):
            columns = slice(column, column + _COLUMNS)
            filtered[:, columns] = matrix @ torch.stack([values[columns] for values in flat])
        return filtered.reshape((len(rows), *like.shape))


def _continued(index: int, length: int | None) -> list[tuple[int, float]]:
    """x(index) by odd reflection at 0 and, once it is known, at length - 1: (index, share)."""
    if length == 1:
        return [(0, 1.0)]
    terms: list[tuple[int, float]] = []
    sign = 1.0
    while index < 0 or (length is not None and index >= length):
        end = 0 if index < 0 or length is None else length - 1
        terms.append((end, 2.0 * sign))
        index, sign = 2 * end - index, -sign
    return [*terms, (index, sign)]


def band_taps(band: tuple[float, float], fps: float) -> int:
    """Taps of the band-pass: its edges are about 2/3 as wide as the band, or as its low end."""
    low, high = band
    edge = min(low or high, high - low) * 2 / 3
    return math.ceil(3.3 * fps / edge) | 1  # 3.3: the Hamming window's main lobe


def band_pass(
    band: tuple[float, float], fps: float, tell: Callable[[str], None] | None = None
) -> FirFilter:
    """Zero-phase band-pass: a Hamming-windowed sinc, gain 1 mid-band and 1/2 at both edges.

    The gain at 0 Hz is exactly 0 unless the band starts there. A band that needs more than
    ``MOST_TAPS`` taps gets so many: it passes more than was asked for, which ``tell`` is told.
    """
    low, high = band
    taps = band_taps(band, fps)
    if taps > MOST_TAPS and tell is not None:
        tell(
            f"the filter fir would need {taps} frames to cut out {low:g}-{high:g} Hz at {fps:g} "
            f"frames/s; with {MOST_TAPS} it passes more around it: take butterworth or ideal"
        )
    taps = min(taps, MOST_TAPS)
    if low == 0:
        return FirFilter(signal.firwin(taps, high, fs=fps))
    weights = signal.firwin(taps, [low, high], pass_zero=False, fs=fps)
    window = signal.get_window("hamming", taps, fftbins=False)
    weights -= window * (weights.sum() / window.sum())
    return FirFilter(weights / gain(weights, (low + high) / 2, fps))


def second_derivative(
    frequency: float, fps: float, kernel: DerivativeKernel = "dog", reach: int | None = None
) -> FirFilter:
    """Minus the second derivative in time at the scale of ``frequency`` (Zhang et al. 2017).

    With n = ceil(fps / (4 frequency)), or ``reach``: "integer" is [-1/2, 1, -1/2] at -n, 0, n, with
    the gain 1 - cos(2 pi f n / fps); "dog" is the difference of Gaussians of standard deviation n/4
    and n, cut at 2 n. Constant and linear motion give exactly 0; a sinusoid at ``frequency`` passes
    with gain 1.
    """
    n = reach or math.ceil(fps / (4 * frequency))
    if kernel == "integer":
        weights = np.zeros(2 * n + 1)
        weights[[0, n, 2 * n]] = -0.5, 1.0, -0.5
    else:
        weights = _gaussian(2 * n, n / 4) - _gaussian(2 * n, n)
    return FirFilter(weights / gain(weights, frequency, fps))


def gain(weights: Weights, frequency: float, fps: float) -> float:
    """The gain of symmetric weights, centred, at ``frequency``."""
    times = np.arange(len(weights)) - len(weights) // 2
    return float(weights @ np.cos(2 * np.pi * frequency / fps * times))


def _gaussian(half: int, deviation: float) -> Weights:
    times = np.arange(-half, half + 1)
    values = np.exp(-0.5 * (times / deviation) ** 2)
    normalised: Weights = values / values.sum()
    return normalised
