"""The dice: a scene's layers and factor, drawn from photographs and cut-outs."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from cv2.typing import MatLike

from motionloupe.data.compose import Camera, Layer
from motionloupe.data.config import WITH_OBJECTS, Law, Part, Range, SceneConfig
from motionloupe.data.motion import Motion, turn_and_growth
from motionloupe.data.photometry import Bytes, Plane, linear_light

_STEEPEST = 0.5  # pixels per pixel: the most that a magnified motion may turn, grow or bend
_WAVES = 3
_SMALLEST_OBJECT = 8.0  # samples of the fine grid
_HAZE = (2.0, 8.0)  # pixels, blur of the background that is to have hardly any texture
_PATCHES = (1, 5)  # of light along each side of a plain background,
_CONTRAST = (0.0, 1.0)  # as far apart as in the photograph at most,
_EXPOSURE = (0.02, 1.0)  # as bright at most: a wall in the light or the dark of a room


class Draft(NamedTuple):
    """A scene before it is rendered."""

    part: Part
    layers: list[Layer]
    alpha: float


def draw_scene(
    backgrounds: Sequence[Bytes],
    objects: Sequence[Bytes],
    config: SceneConfig,
    rng: np.random.Generator,
) -> Draft:
    """Layers, back to front, and a factor. Equal generators give equal scenes."""
    names = sorted(config.parts)
    weights = np.array([config.parts[name] for name in names], dtype=np.float64)
    part = names[int(rng.choice(len(names), p=weights / weights.sum()))]
    alpha = _draw_alpha(config, rng)
    camera = camera_of(config)
    photo = backgrounds[int(rng.integers(len(backgrounds)))]
    layers = [_background(photo, config, camera, alpha, part, rng)]
    if part in WITH_OBJECTS:
        count = int(rng.integers(config.objects[0], config.objects[1] + 1))
        for number in rng.integers(len(objects), size=count):
            layers.append(
                _object(objects[int(number)], config, camera, alpha, part != "static", rng)
            )
    return Draft(part, layers, alpha)


def camera_of(config: SceneConfig) -> Camera:
    return Camera(*config.size, supersample=config.supersample, blur=config.blur)


def draw_number(ends: Range, law: Law, rng: np.random.Generator) -> float:
    """A number between two ends, uniform or log-uniform."""
    low, high = ends
    if law == "log" and low > 0:
        return float(math.exp(rng.uniform(math.log(low), math.log(high))))
    return float(rng.uniform(low, high))


def _draw_alpha(config: SceneConfig, rng: np.random.Generator) -> float:
    low, high = config.alpha
    if config.motion[0] > 0:
        high = max(low, min(high, config.largest_magnified / config.motion[0]))
    return draw_number((low, high), config.alpha_law, rng)


def _draw_motion(
    config: SceneConfig,
    alpha: float,
    centre: tuple[float, float],
    radius: float,
    rng: np.random.Generator,
) -> Motion:
    """A translation of the length asked for, and whatever else the cap leaves room for."""
    largest = config.largest_magnified / max(alpha, 1.0)
    low, high = config.motion
    length = draw_number((low, max(low, min(high, largest))), config.motion_law, rng)
    heading = rng.uniform(0.0, 2 * math.pi)
    shift = (length * math.cos(heading), length * math.sin(heading))
    turn, growth = config.turn * rng.uniform(-1, 1), config.growth * rng.uniform(-1, 1)
    amplitudes = config.elastic / _WAVES * rng.uniform(-1, 1, (_WAVES, 2))
    wavelengths = radius * rng.uniform(1.0, 3.0, _WAVES)
    headings = rng.uniform(0.0, 2 * math.pi, _WAVES)
    vectors = np.stack([np.cos(headings), np.sin(headings)], axis=1)
    vectors *= (2 * math.pi / wavelengths)[:, None]
    phases = rng.uniform(0.0, 2 * math.pi, _WAVES)
    if not (config.turn or config.growth or config.elastic):
        return Motion(shift)
    if not config.elastic:
        amplitudes, vectors, phases = amplitudes[:0], vectors[:0], phases[:0]
    whole = Motion(shift, turn_and_growth(turn, growth), centre, amplitudes, vectors, phases)
    reach = radius * float(np.linalg.norm(whole.matrix, 2)) + float(np.hypot(*amplitudes.T).sum())
    share = min(
        1.0,
        max(largest - length, 0.0) / max(reach, 1e-9),
        _STEEPEST / max(alpha, 1.0) / max(whole.gradient, 1e-9),
    )
    matrix = turn_and_growth(turn * share, growth * share)
    return Motion(shift, matrix, centre, amplitudes * share, vectors, phases)


def _background(
    photo: Bytes,
    config: SceneConfig,
    camera: Camera,
    alpha: float,
    part: Part,
    rng: np.random.Generator,
) -> Layer:
    """A part of a photograph that fills the frame, with what its motion brings in."""
    centre = ((camera.width - 1) / 2, (camera.height - 1) / 2)
    radius = math.hypot(camera.width, camera.height) / 2
    moves = part in ("moving", "background", "blurred")
    motion = _draw_motion(config, alpha, centre, radius, rng) if moves else Motion()
    rows, columns = camera.fine_shape
    fill = max(rows / photo.shape[0], columns / photo.shape[1])
    scale = math.exp(rng.uniform(math.log(fill), math.log(max(1.0, 1.25 * fill))))
    spare = config.largest_magnified
    if motion.is_shift:
        spare = max(alpha, 1.0) * math.hypot(*motion.shift)
    around = math.ceil(spare * camera.supersample) + 2
    texture = _resized(linear_light(_crop(photo, camera.fine_shape, around, scale, rng)), scale)
    if rng.random() < 0.5:
        texture = cv2.flip(texture, 1)
    haze = camera.supersample * rng.uniform(*_HAZE)
    if part == "blurred":
        texture = cv2.GaussianBlur(texture, (0, 0), haze)
    elif part == "plain":
        texture = _plain(texture, rng)
    left, top = (
        float(camera.place(np.array((side - have) // 2)) + rng.uniform(0, 1) / camera.supersample)
        for side, have in ((columns, texture.shape[1]), (rows, texture.shape[0]))
    )
    return Layer(_planar(texture), (left, top), motion)


def _plain(texture: MatLike, rng: np.random.Generator) -> MatLike:
    """What is left of the texture's light, (H, W, 3) linear, where there is nothing to see."""
    height, width = texture.shape[:2]
    patches = rng.integers(_PATCHES[0], _PATCHES[1] + 1, size=2).tolist()
    light = cv2.resize(texture, patches, interpolation=cv2.INTER_AREA)
    mean = light.mean(axis=(0, 1), keepdims=True)
    light = mean + rng.uniform(*_CONTRAST) * (light - mean)
    light *= draw_number(_EXPOSURE, "log", rng)
    plain: MatLike = cv2.resize(light, (width, height), interpolation=cv2.INTER_CUBIC)
    return plain


def _crop(
    photo: Bytes, sides: tuple[int, int], around: int, scale: float, rng: np.random.Generator
) -> Bytes:
    """A window of ``sides`` once enlarged ``scale`` times, and as far as there is more ``around``.

    Where it lies takes the same dice however much is around, so that scenes that differ in their
    motion alone show the same part of the photograph, as far as it has room, and the same objects.
    """
    window = []
    for side, have in zip(sides, photo.shape, strict=False):
        length = min(have, math.ceil(side / scale))
        first = math.floor(rng.random() * (have - length + 1))
        margin = math.ceil(around / scale)
        whole = min(have, length + 2 * margin)
        first = min(max(first - margin, 0), have - whole)
        window.append(slice(first, first + whole))
    return np.ascontiguousarray(photo[window[0], window[1]])


def _resized(texture: MatLike, scale: float) -> MatLike:
    kernel = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(texture, None, fx=scale, fy=scale, interpolation=kernel)


def _planar(texture: MatLike) -> Plane:
    return np.stack(cv2.split(texture)).astype(np.float32, copy=False)


def _object(
    cutout: Bytes,
    config: SceneConfig,
    camera: Camera,
    alpha: float,
    moves: bool,
    rng: np.random.Generator,
) -> Layer:
    """A cut-out somewhere in the frame, turned, scaled and perhaps mirrored."""
    longest = max(cutout.shape[:2])
    side = draw_number(config.object_size, "log", rng) * min(config.size) * camera.supersample
    scale = min(max(side, _SMALLEST_OBJECT) / longest, config.largest_scale)
    tilt = config.object_tilt * rng.uniform(-1, 1)
    texture = _turned(_resized(_premultiplied(cutout), scale), tilt)
    if rng.random() < 0.5:
        texture = cv2.flip(texture, 1)
    centre = (rng.uniform(0, camera.width), rng.uniform(0, camera.height))
    radius = math.hypot(*texture.shape[:2]) / 2 / camera.supersample
    motion = _draw_motion(config, alpha, centre, radius, rng) if moves else Motion()
    corner = (
        centre[0] - (texture.shape[1] - 1) / 2 / camera.supersample,
        centre[1] - (texture.shape[0] - 1) / 2 / camera.supersample,
    )
    return Layer(_planar(texture), corner, motion)


def _premultiplied(cutout: Bytes) -> MatLike:
    """RGBA bytes -> linear light times cover, and the cover."""
    *light, cover = cv2.split(cutout)
    share = cover.astype(np.float32) / np.float32(255.0)
    return cv2.merge([*(linear_light(np.asarray(c, np.uint8)) * share for c in light), share])


def _turned(texture: MatLike, degrees: float) -> MatLike:
    """Turned about its centre, with room for its corners and an empty border."""
    height, width = texture.shape[:2]
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    cosine, sine = abs(turn[0, 0]), abs(turn[0, 1])
    new_width = math.ceil(width * cosine + height * sine) + 4
    new_height = math.ceil(width * sine + height * cosine) + 4
    turn[:, 2] += (new_width - width) / 2, (new_height - height) / 2
    return cv2.warpAffine(texture, turn, (new_width, new_height), flags=cv2.INTER_LINEAR)
