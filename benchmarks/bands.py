"""What a band and dynamic mode do to two frequencies: the factor that each method gives to each.

    python -m benchmarks.bands
    python -m benchmarks.bands --methods phase,riesz --weights mine=oh2018.safetensors --noise 1

Two discs with the spectrum of natural pictures tremble before another such texture that stands
still, the left at 2 Hz and the right at 6 Hz. Their motion is exact (Fourier domain). Each is
measured in its middle; the part at its own frequency, out over in, is the factor. Static mode
should give alpha to both, a band alpha to what lies in it and 1 to the other. Dynamic mode compares
with the previous frame: at f hertz it should give |1 + (alpha - 1) (1 - exp(-2 pi i f / fps))|.
"""

import argparse
import cmath
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.flow_accuracy import shifted
from motionloupe.arrays import Image
from motionloupe.boxes import Box
from motionloupe.magnifiers import METHODS, load, load_trained, method_class
from motionloupe.magnifiers.base import Magnifier
from motionloupe.measurement.spectra import fit_sinusoid
from motionloupe.measurement.tracking import track

FREQUENCIES = (2.0, 6.0)  # hertz, left and right
BANDS = ((1.0, 3.0), (5.0, 7.0))
FPS, SECONDS = 20.0, 4.0
HEIGHT, WIDTH, RADIUS = 96, 176, 38.0
CENTRES = ((46.0, 48.0), (130.0, 48.0))  # x, y
BOXES: tuple[Box, ...] = ((26, 28, 40, 40), (110, 28, 40, 40))
SETTLED = 1.0  # seconds at both ends that do not count: filters begin and end there

Build = Callable[..., Magnifier[Any]]


class Setting(NamedTuple):
    """One way to magnify, and the factors that it should give to the two frequencies."""

    name: str
    options: dict[str, Any]
    wanted: tuple[float, ...]


def settings(alpha: float, kind: str | None = None) -> list[Setting]:
    """Static, both bands, dynamic; ``kind`` is the filter of the bands."""
    rows = [Setting("static", {}, (alpha, alpha))]
    for band in BANDS:
        inside = [band[0] < frequency < band[1] for frequency in FREQUENCIES]
        wanted = tuple(alpha if picked else 1.0 for picked in inside)
        options = {"band": band, "filter": kind}
        rows.append(Setting(f"{band[0]:g}-{band[1]:g} Hz", options, wanted))
    turns = [1 - cmath.exp(-2j * math.pi * frequency / FPS) for frequency in FREQUENCIES]
    wanted = tuple(abs(1 + (alpha - 1) * turn) for turn in turns)
    return [*rows, Setting("dynamic", {"mode": "dynamic"}, wanted)]


def scene(
    pictures: Sequence[np.ndarray], motion: float, noise: float = 0.0, seed: int = 0
) -> Iterator[Image]:
    """uint8 frames of two objects before a background.

    ``pictures``, (96, 176, 3) in [0, 1], show the background and the surfaces of the two.
    ``motion``: amplitude in pixels, sideways; ``noise``: standard deviation in levels of 255.
    """
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    for index in range(round(SECONDS * FPS)):
        frame = pictures[0]
        for surface, (x, y), frequency in zip(pictures[1:], CENTRES, FREQUENCIES, strict=True):
            dx = motion * math.sin(2 * math.pi * frequency * index / FPS)
            far = np.hypot(columns - x - dx, rows - y)
            cover = np.clip(RADIUS + 1 - far, 0, 2)[..., None] / 2
            frame = frame + cover * (shifted(surface, dx, 0.0) - frame)
        noisy = 255 * frame + noise * rng.standard_normal(frame.shape)
        yield np.round(np.clip(noisy, 0, 255)).astype(np.uint8)


def amplitudes(frames: Sequence[Image]) -> list[float]:
    """Of each object's motion at its own frequency, pixels."""
    begin, end = round(SETTLED * FPS), round((SECONDS - SETTLED) * FPS)
    timed = [(number / FPS, frames[number]) for number in range(begin, end)]
    found = []
    for box, frequency in zip(BOXES, FREQUENCIES, strict=True):
        moved = track(timed, box)
        found.append(fit_sinusoid(moved.seconds, moved.dx, frequency).amplitude)
    return found


def factors(build: Build, frames: Sequence[Image], setting: Setting, alpha: float) -> list[float]:
    """Measured over true motion, out over in, for the two frequencies."""
    drawn = list(build(**setting.options).stream(frames, alpha, FPS))
    return [out / given for out, given in zip(amplitudes(drawn), amplitudes(frames), strict=True)]


def surface(seed: int) -> np.ndarray:
    """A periodic grey picture (96, 176, 3) whose amplitude falls with frequency."""
    noise = np.fft.fft2(np.random.default_rng(seed).standard_normal((HEIGHT, WIDTH)))
    radius = np.hypot(np.fft.fftfreq(HEIGHT)[:, None], np.fft.fftfreq(WIDTH)[None])
    picture = np.fft.ifft2(noise / np.maximum(radius, 0.02) * (radius < 0.4)).real
    grey = np.clip(0.5 + 0.15 * picture / picture.std(), 0, 1)
    return np.repeat(grey[..., None], 3, axis=2)


def builders(names: str | None, weights: Sequence[str]) -> dict[str, Build]:
    """Every method that takes a band, or those named, and each NAME=FILE of weights."""
    banded = [name for name in METHODS if method_class(name).takes_band]
    chosen = names.split(",") if names else banded
    found: dict[str, Build] = {
        name: lambda name=name, **options: load(name, **options) for name in chosen
    }
    for text in weights:
        name, _, path = text.partition("=")
        found[name] = lambda path=Path(path), **options: load_trained(path, **options)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--methods", help="some, commas between, instead of all that take a band")
    parser.add_argument("--weights", action="append", default=[], help="NAME=FILE, repeatable")
    parser.add_argument("--alpha", type=float, default=8.0)
    parser.add_argument("--motion", type=float, default=0.2, help="amplitude in pixels")
    parser.add_argument("--noise", type=float, default=0.0, help="in levels of 255")
    parser.add_argument("--filter", help="fir, butterworth, iir or ideal")
    args = parser.parse_args()
    frames = list(scene([surface(seed) for seed in range(3)], args.motion, args.noise))
    rows = settings(args.alpha, args.filter)
    print(f"{args.motion:g} px, alpha {args.alpha:g}, noise {args.noise:g}\n")
    heads = [f"{row.name}, {f:g} Hz" for row in rows for f in FREQUENCIES]
    print(f"| | {' | '.join(heads)} |\n|---|{'---|' * len(heads)}")
    wanted = [f"{factor:.2f}" for row in rows for factor in row.wanted]
    print(f"| wanted | {' | '.join(wanted)} |")
    for name, build in builders(args.methods, args.weights).items():
        cells = [f"{x:.2f}" for row in rows for x in factors(build, frames, row, args.alpha)]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
