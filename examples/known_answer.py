"""How near every method comes to the motion that was asked for, on a texture that moves as told.

    python examples/known_answer.py [ALPHA]

A picture with the spectrum of natural ones trembles at 3 Hz; the table gives measured over wanted
amplitude, so 1 is right and 1 / ALPHA means that nothing was magnified; nan means that the picture
fell apart and could not be measured.
"""

import math
import sys

import numpy as np

import motionloupe
from motionloupe.measurement.spectra import fit_sinusoid
from motionloupe.measurement.tracking import track

FPS, FREQUENCY = 30, 3.0
MOTIONS = (0.05, 0.1, 0.2, 0.5, 1.0)  # pixels


def texture(height: int = 128, width: int = 160) -> np.ndarray:
    """A periodic grey picture whose amplitude falls with frequency, as in photographs."""
    noise = np.fft.fft2(np.random.default_rng(0).standard_normal((height, width)))
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None])
    picture = np.fft.ifft2(noise / np.maximum(radius, 0.02) * (radius < 0.4)).real
    return 0.5 + 0.15 * picture / picture.std()


def moved(picture: np.ndarray, dx: float) -> np.ndarray:
    """The picture moved to the right by ``dx`` pixels, three channels, 8 bits."""
    turn = np.exp(-2j * np.pi * np.fft.fftfreq(picture.shape[1]) * dx)
    grey = np.fft.ifft(np.fft.fft(picture, axis=1) * turn, axis=1).real
    grey = np.round(255 * np.clip(grey, 0, 1)).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def gain(method: str, motion: float, alpha: float) -> float:
    times = np.arange(20) / FPS
    still = texture()
    frames = [moved(still, motion * np.sin(2 * np.pi * FREQUENCY * t)) for t in times]
    options = {"frequency": FREQUENCY} if method == "acceleration" else {}
    pictures = motionloupe.load(method, **options).stream(frames, alpha, FPS)
    try:
        followed = track(zip(times, pictures, strict=True))
    except motionloupe.UserError:
        return math.nan
    return fit_sinusoid(times, followed.dx, FREQUENCY).amplitude / (alpha * motion)


def main() -> None:
    alpha = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    print(f"alpha {alpha:g}; measured / wanted for a motion of")
    print(f"{'':16}" + "".join(f"{motion:7g} px" for motion in MOTIONS))
    for method in motionloupe.methods():
        gains = [gain(method, motion, alpha) for motion in MOTIONS]
        print(f"{method:16}" + "".join(f"{value:10.2f}" for value in gains), flush=True)


if __name__ == "__main__":
    main()
