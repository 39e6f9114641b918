"""Acceleration magnification (Zhang, Pintea and van Gemert 2017): tremble beside large motion.

The phases of a complex steerable pyramid are followed through time as in
:mod:`motionloupe.magnifiers.phase`, and only what their second derivative in time shows is
magnified. Motion at a constant speed has none, so it stays as it is.

Range: with n = ceil(fps / (4 frequency)) the kernel "integer" magnifies a sinusoid of f hertz by
1 + (alpha - 1) g(f) with g(f) = (1 - cos(2 pi f n / fps)) / (1 - cos(2 pi frequency n / fps)):
1 at ``frequency`` and (pi^2 / 2) (f / 4 frequency)^2 far below; where fps / (4 frequency) is whole,
2 at twice and 0 at four times that. "dog" has the same rise, some 0.9 to 1.3 at twice
``frequency``, and then falls off for good. The range of phase holds for the magnified part.
"""

import math
from typing import Unpack, get_args

from motionloupe.errors import UserError
from motionloupe.magnifiers.base import Common
from motionloupe.magnifiers.phase import Phase
from motionloupe.pyramids.steerable import Bandwidth
from motionloupe.temporal import FirFilter, StreamingFilter, check_band, second_derivative
from motionloupe.temporal.fir import DerivativeKernel

_USUAL_FREQUENCY = 4.0  # hertz; the paper's examples lie between 2.5 and 10
_LONGEST = 10_000  # frames in a period


class Acceleration(Phase):
    """Magnify accelerations, exactly alpha times at ``frequency``.

    ``frequency`` in hertz: the scale in time of the second derivative; None takes the geometric
    middle of the band if there is one, else 4 Hz (a quarter of the frame rate if that is less).
    ``kernel``: "dog", a difference of Gaussians, or "integer", three frames. Mode "dynamic" uses
    neighbouring frames only, whatever the kernel, and for None a quarter of the frame rate.
    ``pyramid`` and ``sigma`` as in :class:`Phase`.
    """

    pairwise = False

    def __init__(
        self,
        *,
        frequency: float | None = None,
        kernel: DerivativeKernel = "dog",
        pyramid: Bandwidth = "half-octave",
        sigma: float = 2.0,
        **common: Unpack[Common],
    ) -> None:
        super().__init__(pyramid=pyramid, sigma=sigma, **common)
        if kernel not in get_args(DerivativeKernel):
            known = ", ".join(get_args(DerivativeKernel))
            raise UserError(f"the kernel must be one of {known}, found {kernel!r}")
        if self.filter is not None:
            raise UserError("acceleration has its own filter: leave the filter away")
        if frequency is not None and not (
            isinstance(frequency, int | float) and math.isfinite(frequency) and frequency > 0
        ):
            raise UserError(f"the frequency must be a number above 0 hertz, found {frequency!r}")
        self.frequency = frequency
        self.kernel: DerivativeKernel = kernel

    def temporal_filter(self, fps: float) -> StreamingFilter:
        """The second derivative at the frequency. Raises UserError if ``fps`` cannot hold it."""
        frequency = self._frequency(fps)
        if self.mode == "static":
            return second_derivative(frequency, fps, self.kernel)
        # Motion comes as steps s(t) = p(t) - p(t - 1); p(t) - (p(t-1) + p(t+1)) / 2 is half of
        # s(t) - s(t + 1).
        half = 0.5 / (1 - math.cos(2 * math.pi * frequency / fps))
        return FirFilter([0.0, half, -half])

    def _frequency(self, fps: float) -> float:
        if self.band is not None:
            check_band(self.band, fps)
        frequency = self.frequency
        if frequency is None and self.band is not None:
            low, high = self.band
            frequency = math.sqrt(low * high) or high / 2
        if frequency is None:
            frequency = fps / 4 if self.mode == "dynamic" else min(_USUAL_FREQUENCY, fps / 4)
        if frequency >= fps / 2:
            raise UserError(
                f"{fps:g} frames per second hold frequencies below {fps / 2:g} Hz, found "
                f"{frequency:g}; for high-speed footage give the true rate with --fps"
            )
        if fps / frequency > _LONGEST:
            raise UserError(
                f"a period of {frequency:g} Hz is {fps / frequency:.3g} frames, and at most "
                f"{_LONGEST} can be held: choose a higher frequency, or --fps if the rate is wrong"
            )
        return frequency
