"""Videos made on the spot whose motion is known."""

import csv

import numpy as np

from motionloupe.demo import scene_info
from motionloupe.video import open_writer
from tests.scenes import clip, to_uint8

FPS = 30.0


def write_video(path, dx, **shape):
    """A lossless video of a texture that moves by dx(t) pixels in x."""
    frames = [to_uint8(frame) for frame in clip(dx, fps=FPS, **shape)]
    with open_writer(path, scene_info(path, *frames[0].shape[:2]), lossless=True) as writer:
        for number, frame in enumerate(frames):
            writer.write(frame, number, 1)
    return frames


def write_reading(path, name, values, seconds, rate=400.0):
    """A sensor's CSV: values(t) at a rate of its own."""
    moments = np.arange(round(seconds * rate)) / rate
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["time (s)", name])
        table.writerows(zip(moments, values(moments), strict=True))
