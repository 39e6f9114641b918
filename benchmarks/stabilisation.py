"""How exactly a shaken camera is found: photographs taken by one that moved by a known homography.

    python -m benchmarks.stabilisation --backgrounds PHOTOS

Each photograph is taken once at rest and three times shaken, through the quintic spline, with noise
of one level of 255, as it is or through H.264 (each frame predicted from the first). What is told
is the distance in pixels between where the found and the true homography put the points of a grid
over the whole frame: its mean, and its largest in the median picture.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage

from motionloupe.arrays import Image
from motionloupe.data.folders import backgrounds
from motionloupe.measurement.camera import Camera
from motionloupe.measurement.homography import Homography
from motionloupe.video.codec import Codec

Picture = npt.NDArray[np.float64]
WIDTH, HEIGHT, MARGIN = 640, 360, 60
SHOTS = 3  # by a shaken camera, of each photograph
STRENGTHS = {"0.5 px": (0.5, 0.02, 1e-7, 5e-4), "8 px": (8.0, 0.5, 4e-6, 4e-3)}
"""Largest shift (pixels), turn (degrees), tilt (per pixel) and zoom of a shaken camera."""
CODECS = {"as it is": None, "rate factor 16": 16.0, "rate factor 24": 24.0}


def shaken(strength: tuple[float, ...], rng: np.random.Generator) -> Homography:
    """From a resting camera's pixels to the shaken one's."""
    shift, turn, tilt, zoom = strength
    angle, scale = np.radians(turn * rng.uniform(-1, 1)), 1 + zoom * rng.uniform(-1, 1)
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    dx, dy = shift * rng.uniform(-1, 1, 2)
    moved = np.array([[cosine, -sine, dx], [sine, cosine, dy], [*tilt * rng.uniform(-1, 1, 2), 1]])
    return about_middle(moved, HEIGHT, WIDTH)


def about_middle(moved: Homography, height: int, width: int) -> Homography:
    """The same motion about the middle of a frame instead of its first pixel."""
    middle = np.array([[1, 0, -(width - 1) / 2], [0, 1, -(height - 1) / 2], [0, 0, 1]])
    return np.linalg.inv(middle) @ moved @ middle


def seen_by(camera: Homography, world: Picture, margin: int) -> Picture:
    """What a camera sees of a ``world`` (H, W, 3) that is larger by ``margin`` on every side."""
    height, width = (side - 2 * margin for side in world.shape[:2])
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    places = np.stack([x.ravel(), y.ravel()], axis=1)[None]
    back = cv2.perspectiveTransform(places, np.linalg.inv(camera))[0].T + margin
    at = [back[1].reshape(height, width), back[0].reshape(height, width)]
    planes = [ndimage.map_coordinates(world[..., channel], at, order=5) for channel in range(3)]
    return np.stack(planes, axis=-1)


def taken(photo: Image, camera: Homography, rng: np.random.Generator) -> Image:
    """The frame, uint8, that a camera takes of a photograph larger than it by ``MARGIN``."""
    picture = seen_by(camera, photo.astype(np.float64), MARGIN)
    return np.rint(picture + rng.standard_normal(picture.shape)).clip(0, 255).astype(np.uint8)


def distances(
    found: Homography, true: Homography, height: int, width: int
) -> npt.NDArray[np.float64]:
    """Pixels between where two homographies put the points of a grid over a frame."""
    x, y = np.meshgrid(np.linspace(0, width - 1, 9), np.linspace(0, height - 1, 7))
    places = np.stack([x.ravel(), y.ravel()], axis=1)[None]
    apart = cv2.perspectiveTransform(places, found) - cv2.perspectiveTransform(places, true)
    return np.asarray(np.linalg.norm(apart[0], axis=1), np.float64)


def filling(photo: Image) -> Image:
    """A photograph at the size of a frame with its margin."""
    wanted = WIDTH + 2 * MARGIN, HEIGHT + 2 * MARGIN
    scale = max(side / have for side, have in zip(wanted, photo.shape[1::-1], strict=True))
    kernel = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    large = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=kernel)
    return np.asarray(large[: wanted[1], : wanted[0]], np.uint8)


class Recording(NamedTuple):
    """Frames of one photograph, the first by a resting camera, the others by ``shaken`` ones."""

    first: Image
    others: list[Image]
    shaken: list[Homography]


def recorded(photos: Sequence[Image], strength: tuple[float, ...]) -> list[Recording]:
    recordings, rng = [], np.random.default_rng(0)
    for photo in map(filling, photos):
        cameras = [shaken(strength, rng) for _ in range(SHOTS)]
        first, *others = (taken(photo, camera, rng) for camera in (np.eye(3), *cameras))
        recordings.append(Recording(first, others, cameras))
    return recordings


def errors(recording: Recording, codec: Codec | None) -> list[npt.NDArray[np.float64]]:
    """Distances for each shaken camera that is found."""
    pairs = [(recording.first, other) for other in recording.others]
    if codec is not None:
        pairs = [(before, after) for before, after in (codec(*pair) for pair in pairs)]
    camera = Camera(pairs[0][0])
    found = [camera.moved(after) for _, after in pairs]
    return [
        distances(each, true, HEIGHT, WIDTH)
        for each, true in zip(found, recording.shaken, strict=True)
        if each is not None
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backgrounds", type=Path, required=True)
    parser.add_argument("--count", type=int, default=12, help="photographs")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    every = backgrounds(chosen.backgrounds, "all")
    step = max(len(every) // chosen.count, 1)
    photos = [every[number] for number in range(0, len(every), step)[: chosen.count]]
    print("shaken by up to | frames | mean (px) | largest (px) | not found")
    for shake, strength in STRENGTHS.items():
        recordings = recorded(photos, strength)
        for name, rate_factor in CODECS.items():
            codec = None if rate_factor is None else Codec(rate_factor, predicted=True)
            found = np.array([each for one in recordings for each in errors(one, codec)])
            worst, lost = np.median(found.max(axis=1)), SHOTS * len(recordings) - len(found)
            print(f"{shake} | {name} | {found.mean():.4f} | {worst:.4f} | {lost}", flush=True)


if __name__ == "__main__":
    main()
