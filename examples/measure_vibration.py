"""Measure how a part of a video vibrates, then magnify just that.

    python examples/measure_vibration.py VIDEO X,Y,WIDTH,HEIGHT [ALPHA]

Follows the box through the video, finds the strongest frequency of its motion, and writes the video
with the motion around that frequency magnified.
"""

import sys
from pathlib import Path

import numpy as np

import motionloupe
from motionloupe.measurement.spectra import fit_sinusoid, spectrum
from motionloupe.measurement.tracking import track
from motionloupe.video import open_reader


def main() -> None:
    video, box = sys.argv[1], tuple(int(part) for part in sys.argv[2].split(","))
    alpha = float(sys.argv[3]) if len(sys.argv) > 3 else 20.0
    with open_reader(video) as reader:
        fps = reader.info.fps
        followed = track(((frame.seconds, frame.image) for frame in reader), box)
    motions = {"horizontally": followed.dx, "vertically": followed.dy}
    direction, motion = max(motions.items(), key=lambda item: np.std(item[1]))

    frequencies, amplitudes = spectrum(followed.seconds, motion)
    peak = frequencies[1 + np.argmax(amplitudes[1:])]
    found = fit_sinusoid(followed.seconds, motion, peak)
    print(
        f"{found.amplitude:.3f} px at {peak:.2f} Hz, {direction}; the rest is {found.rest:.3f} px"
    )

    band = (0.7 * peak, min(1.4 * peak, 0.45 * fps))
    target = f"{Path(video).stem}_{peak:.1f}Hz_x{alpha:g}.mp4"
    result = motionloupe.magnify(video, target, alpha=alpha, band=band, side_by_side=True)
    print(result.target, *result.extras.values(), *result.warnings, sep="\n")


if __name__ == "__main__":
    main()
