"""How exactly a shaken camera is found: photographs taken by one that moved by a known homography.

    python -m benchmarks.stabilisation --backgrounds PHOTOS

Each photograph is taken once at rest and three times shaken, through the quintic spline, with noise
of one level of 255, as it is or through H.264 (each frame predicted from the first). What is told
is the distance in pixels between where the found and the true homography put the points of a grid
over the whole frame: its mean, and its largest in the median picture.
"""

import argparse
from pathlib import Path

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

WIDTH, HEIGHT, MARGIN = 640, 360, 60
STRENGTHS = {"0.5 px": (0.5, 0.02, 1e-7, 5e-4), "8 px": (8.0, 0.5, 4e-6, 4e-3)}
"""Largest shift (pixels), turn (degrees), tilt (per pixel) and zoom of a shaken camera."""
CODECS = {"as it is": None, "rate factor 16": 16.0, "rate factor 24": 24.0}


def shaken(strength: tuple[float, ...], rng: np.random.Generator) -> Homography:
    """From a resting camera's pixels to the shaken one's."""
    shift, turn, tilt, zoom = strength
    x, y = (WIDTH - 1) / 2, (HEIGHT - 1) / 2
    angle, scale = np.radians(turn * rng.uniform(-1, 1)), 1 + zoom * rng.uniform(-1, 1)
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    dx, dy = shift * rng.uniform(-1, 1, 2)
    moved = np.array([[cosine, -sine, dx], [sine, cosine, dy], [*tilt * rng.uniform(-1, 1, 2), 1]])
    middle = np.array([[1, 0, -x], [0, 1, -y], [0, 0, 1]])
    return np.linalg.inv(middle) @ moved @ middle


def taken(photo: Image, camera: Homography, rng: np.random.Generator) -> Image:
    """The frame, uint8, that a camera takes of a photograph larger than it by ``MARGIN``."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float64)
    places = np.stack([x.ravel(), y.ravel()], axis=1)[None]
    back = cv2.perspectiveTransform(places, np.linalg.inv(camera))[0].T + MARGIN
    at = [back[1].reshape(HEIGHT, WIDTH), back[0].reshape(HEIGHT, WIDTH)]
    planes = [ndimage.map_coordinates(photo[..., c].astype(float), at, order=5) for c in range(3)]
    picture = np.stack(planes, axis=-1)
    return np.rint(picture + rng.standard_normal(picture.shape)).clip(0, 255).astype(np.uint8)


def distances(found: Homography, true: Homography) -> npt.NDArray[np.float64]:
    """Pixels, at the points of a grid."""
    x, y = np.meshgrid(np.linspace(0, WIDTH - 1, 9), np.linspace(0, HEIGHT - 1, 7))
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backgrounds", type=Path, required=True)
    parser.add_argument("--count", type=int, default=12, help="photographs")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    photos = backgrounds(chosen.backgrounds, "all")
    step = max(len(photos) // chosen.count, 1)
    print("shaken by up to | frames | mean (px) | largest (px) | not found")
    for shake, strength in STRENGTHS.items():
        for name, rate_factor in CODECS.items():
            codec = None if rate_factor is None else Codec(rate_factor, predicted=True)
            errors, lost, rng = [], 0, np.random.default_rng(0)
            for number in range(0, len(photos), step)[: chosen.count]:
                photo = filling(photos[number])
                cameras = [np.eye(3), *(shaken(strength, rng) for _ in range(3))]
                frames = [taken(photo, camera, rng) for camera in cameras]
                camera = None
                for true, frame in zip(cameras[1:], frames[1:], strict=True):
                    before, after = codec(frames[0], frame) if codec else (frames[0], frame)
                    camera = camera or Camera(before)
                    found = camera.moved(after)
                    lost += found is None
                    if found is not None:
                        errors.append(distances(found, true))
            every = np.array(errors)
            worst = np.median(every.max(axis=1))
            print(f"{shake} | {name} | {every.mean():.4f} | {worst:.4f} | {lost}", flush=True)


if __name__ == "__main__":
    main()
