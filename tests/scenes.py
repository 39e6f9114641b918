"""Textured scenes whose motion is known exactly: moved in the Fourier domain, so any sub-pixel."""

from collections.abc import Callable

import numpy as np


def texture(height: int = 96, width: int = 128, seed: int = 0) -> np.ndarray:
    """A periodic random picture (H, W, 3) in [0.1, 0.9] with a natural, band-limited spectrum."""
    rng = np.random.default_rng(seed)
    fy = np.fft.fftfreq(height)[:, None]
    fx = np.fft.rfftfreq(width)[None, :]
    radius = np.hypot(fy, fx)
    amplitude = np.exp(-((radius / 0.18) ** 2)) / np.maximum(radius, 0.02)
    common = rng.standard_normal((height, width))
    channels = []
    for _ in range(3):
        noise = 0.8 * common + 0.2 * rng.standard_normal((height, width))
        channel = np.fft.irfft2(np.fft.rfft2(noise) * amplitude, s=(height, width))
        channels.append(channel)
    picture = np.stack(channels, axis=-1)
    low, high = picture.min(), picture.max()
    return 0.1 + 0.8 * (picture - low) / (high - low)


def shifted(picture: np.ndarray, dx: float, dy: float = 0.0) -> np.ndarray:
    """The periodic picture moved by (dx, dy) pixels: content at p goes to p + d."""
    height, width = picture.shape[:2]
    fy = np.fft.fftfreq(height)[:, None, None]
    fx = np.fft.rfftfreq(width)[None, :, None]
    spectrum = np.fft.rfft2(picture, axes=(0, 1)) * np.exp(-2j * np.pi * (fx * dx + fy * dy))
    return np.fft.irfft2(spectrum, s=(height, width), axes=(0, 1))


def to_uint8(picture: np.ndarray) -> np.ndarray:
    return np.round(np.clip(picture, 0, 1) * 255).astype(np.uint8)


def clip(
    dx: Callable[[float], float],
    *,
    seconds: float = 3.0,
    fps: float = 30.0,
    height: int = 96,
    width: int = 128,
    noise: float = 0.0,
    seed: int = 0,
) -> list[np.ndarray]:
    """Float frames of a texture that has moved by ``dx(t)`` pixels in x at time t (seconds)."""
    still = texture(height, width, seed)
    rng = np.random.default_rng(seed + 1)
    frames = []
    for index in range(round(seconds * fps)):
        frame = shifted(still, dx(index / fps))
        frames.append(np.clip(frame + noise * rng.standard_normal(frame.shape), 0, 1))
    return frames
