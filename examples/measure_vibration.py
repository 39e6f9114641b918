"""Measure how a part of a video vibrates, then magnify just that.

    python examples/measure_vibration.py VIDEO X,Y,WIDTH,HEIGHT [ALPHA]

Follows the box through the video, finds the strongest frequency of its motion, and writes the video
with the motion around that frequency magnified.
"""

import sys
from pathlib import Path

import numpy as np

import motionloupe


def main() -> None:
    video, box = sys.argv[1], tuple(int(part) for part in sys.argv[2].split(","))
    alpha = float(sys.argv[3]) if len(sys.argv) > 3 else 20.0
    (movement,) = motionloupe.measure(video, [box]).movements
    if not movement.tones:
        sys.exit(f"no frequency stands out; it moves by {movement.spread:.3f} px")
    tone = movement.tones[0]
    print(f"{tone.across:.3f} px across and {tone.down:.3f} px down at {tone.frequency:.2f} Hz")

    fps = 1 / np.median(np.diff(movement.track.seconds))
    band = (0.7 * tone.frequency, min(1.4 * tone.frequency, 0.45 * fps))
    target = f"{Path(video).stem}_{tone.frequency:.1f}Hz_x{alpha:g}.mp4"
    result = motionloupe.magnify(video, target, alpha=alpha, band=band, side_by_side=True)
    print(result.target, *result.extras.values(), *result.warnings, sep="\n")


if __name__ == "__main__":
    main()
