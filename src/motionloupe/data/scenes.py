"""Synthetic scenes with exact ground truth (Oh et al. 2018, section 3.3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from motionloupe.arrays import Image, from_tensor, to_tensor
from motionloupe.data.compose import Camera, Layer, Picture, render
from motionloupe.data.config import WITH_OBJECTS, Part, SceneConfig
from motionloupe.data.draw import camera_of, draw_scene
from motionloupe.data.photometry import (
    Bytes,
    ColourChange,
    Plane,
    add_photon_noise,
    draw_colour_change,
    quantise,
)
from motionloupe.errors import UserError
from motionloupe.video.codec import Codec

__all__ = ["Scene", "SceneConfig", "Scenes"]

# Streams of random numbers, so that what is asked of a scene first changes nothing.
_DRAFT, _COLOUR, _NOISE_A, _NOISE_B, _NOISE_PERTURBED, _CODEC = range(6)


@dataclass(frozen=True)
class Scene:
    """Two frames, the magnified one, and all that is known of them.

    Frames are (3, H, W) float32 RGB in [0, 1], drawn when first asked for. ``a``, ``b`` and
    ``b_perturbed`` are what a camera gives: with noise, rounded to 8 bits, and what ``codec`` has
    left of them. ``y`` and ``y_perturbed`` are the truth, with none of it.
    """

    seed: int
    index: int
    part: Part
    layers: list[Layer]
    alpha: float
    camera: Camera
    noise: float
    """Standard deviation of the noise at mid grey, in levels of 255."""
    rounding: bool
    codec: Codec | None
    colour: ColourChange

    @cached_property
    def a(self) -> Tensor:
        """Frame a (Xa)."""
        return self._stored(self._taken_a)[0]

    @cached_property
    def b(self) -> Tensor:
        """Frame b (Xb): a's points have moved by ``flow``."""
        taken = self._taken(self._drawn_b.frame, _NOISE_B)
        return self._stored(self._taken_a, taken)[1]

    @cached_property
    def b_perturbed(self) -> Tensor:
        """Frame b in other colours (X'b), with noise of its own."""
        taken = self._taken(self.colour(self._drawn_b.frame), _NOISE_PERTURBED)
        return self._stored(self._taken_a, taken)[1]

    @cached_property
    def y(self) -> Tensor:
        """The true magnified frame (Y)."""
        return _tensor(self._drawn_y.frame)

    @cached_property
    def y_perturbed(self) -> Tensor:
        """The true magnified frame in the colours of ``b_perturbed`` (Y')."""
        return _tensor(self.colour(self._drawn_y.frame))

    @cached_property
    def flow(self) -> Tensor:
        """(2, H, W) pixels, x then y: where each point of a is in b, less its place in a.

        A pixel at the rim of an object has the motion of what covers more of it.
        """
        return torch.from_numpy(self._displacement)

    @cached_property
    def backward_flow(self) -> Tensor:
        """(2, H, W) pixels, x then y: where each point of b was in a, less its place in b."""
        return torch.from_numpy(self._origin_of_b)

    @property
    def layer_of_b(self) -> Tensor:
        """(1, H, W): the number of the layer that each pixel of b shows, larger in front."""
        return torch.from_numpy(self._drawn_b.owner[None].astype(np.float32))

    @cached_property
    def b_seen_in_y(self) -> Tensor:
        """(1, H, W): 1 for the pixels of b whose point is seen in y too, 0 for the others."""
        seen = self._seen_again(
            self._drawn_b, (1.0 - self.alpha) * self._origin_of_b, self._drawn_y
        )
        return torch.from_numpy(seen[None].astype(np.float32))

    def at(self, alpha: float, *, perturbed: bool = False) -> Tensor:
        """The true frame at any factor: 0 is a, 1 is b, ``self.alpha`` is y; (3, H, W).

        Raises UserError where elastic motion would fold.
        """
        frame = self._picture(alpha).frame
        return _tensor(self.colour(frame) if perturbed else frame)

    def visible(self, alpha: float = 1.0) -> Tensor:
        """(H, W) bool: the pixels of a whose point is seen in the frame at ``alpha`` too.

        False where it has left the frame or something has moved in front of it.
        """
        seen = self._seen_again(self._drawn_a, alpha * self._displacement, self._picture(alpha))
        return torch.from_numpy(seen)

    def _seen_again(self, before: Picture, moved: Plane, after: Picture) -> NDArray[np.bool_]:
        """Which pixels' points are seen in another picture too, ``moved`` (2, H, W) pixels."""
        u, v = moved
        rows = np.rint(np.arange(self.camera.height)[:, None] + v).astype(np.int64)
        columns = np.rint(np.arange(self.camera.width)[None, :] + u).astype(np.int64)
        inside = (rows >= 0) & (rows < self.camera.height)
        inside &= (columns >= 0) & (columns < self.camera.width)
        owner = after.owner[np.where(inside, rows, 0), np.where(inside, columns, 0)]
        seen: NDArray[np.bool_] = inside & (owner == before.owner)
        return seen

    @cached_property
    def _drawn_a(self) -> Picture:
        return render(self.layers, self.camera, 0.0)

    @cached_property
    def _drawn_b(self) -> Picture:
        return render(self.layers, self.camera, 1.0)

    @cached_property
    def _drawn_y(self) -> Picture:
        return render(self.layers, self.camera, self.alpha)

    def _picture(self, alpha: float) -> Picture:
        known = {0.0: "_drawn_a", 1.0: "_drawn_b", self.alpha: "_drawn_y"}
        if alpha in known:
            picture: Picture = getattr(self, known[alpha])
            return picture
        return render(self.layers, self.camera, alpha)

    @cached_property
    def _displacement(self) -> Plane:
        """(2, H, W): the motion in closed form of the layer that each pixel of a shows."""
        owner = self._drawn_a.owner
        shifts = np.array([layer.motion.shift for layer in self.layers], dtype=np.float32)
        flow = np.ascontiguousarray(shifts[owner].transpose(2, 0, 1))
        for number, layer in enumerate(self.layers):
            if not layer.motion.is_shift:
                rows, columns = np.nonzero(owner == number)
                places = columns.astype(np.float64), rows.astype(np.float64)
                flow[:, rows, columns] = layer.motion.displacement(*places)
        return flow

    @cached_property
    def _origin_of_b(self) -> Plane:
        """(2, H, W): the motion back to a of the layer that each pixel of b shows."""
        owner = self._drawn_b.owner
        shifts = np.array([layer.motion.shift for layer in self.layers], dtype=np.float32)
        back = np.ascontiguousarray(-shifts[owner].transpose(2, 0, 1))
        for number, layer in enumerate(self.layers):
            if not layer.motion.is_shift:
                rows, columns = np.nonzero(owner == number)
                x, y = columns.astype(np.float64), rows.astype(np.float64)
                at_x, at_y = layer.motion.origin(x, y, 1.0)
                back[:, rows, columns] = at_x - x, at_y - y
        return back

    @cached_property
    def _taken_a(self) -> Plane:
        return self._taken(self._drawn_a.frame, _NOISE_A)

    def _taken(self, frame: Plane, stream: int) -> Plane:
        """What the sensor gives of a frame."""
        rng = _stream(self.seed, self.index, stream)
        if self.noise:
            frame = add_photon_noise(frame, self.noise, rng)
        return quantise(frame, rng) if self.rounding else np.clip(frame, 0.0, 1.0)

    def _stored(self, *frames: Plane) -> list[Tensor]:
        """What a file keeps of frames in a row; the first does not depend on the second."""
        if self.codec is None:
            return [_tensor(frame) for frame in frames]
        return [to_tensor(image)[0] for image in self.codec(*map(_eight_bits, frames))]


class Scenes:
    """Endless scenes, each a pure function of (seed, index): ``scenes[7]`` is a :class:`Scene`.

    ``backgrounds`` are (h, w, 3) RGB and ``objects`` (h, w, 4) RGBA pictures, uint8: lists, or what
    :mod:`motionloupe.data.folders` reads. Raises UserError where one is needed and empty.
    """

    def __init__(
        self,
        backgrounds: Sequence[Bytes],
        objects: Sequence[Bytes] = (),
        config: SceneConfig | None = None,
        seed: int = 0,
    ) -> None:
        self.config = config or SceneConfig()
        self.backgrounds, self.objects = backgrounds, objects
        self.seed = seed
        if seed < 0:
            raise UserError(f"the seed must be 0 or larger, found {seed}")
        if not len(backgrounds):
            raise UserError("scenes need at least one background photograph, found none")
        with_objects = [
            name for name, share in self.config.parts.items() if share > 0 and name in WITH_OBJECTS
        ]
        if with_objects and not len(objects):
            raise UserError(
                f"scenes of the part {with_objects[0]!r} need objects, found none: give some, or "
                "choose the parts background and blurred"
            )

    def __getitem__(self, index: int) -> Scene:
        if index < 0:
            raise IndexError(f"scenes are counted from 0, found {index}")
        config = self.config
        rng = _stream(self.seed, index, _DRAFT)
        noise = float(rng.uniform(*config.noise))
        draft = draw_scene(self.backgrounds, self.objects, config, rng)
        return Scene(
            seed=self.seed,
            index=index,
            part=draft.part,
            layers=draft.layers,
            alpha=draft.alpha,
            camera=camera_of(config),
            noise=noise,
            rounding=config.rounding,
            codec=_draw_codec(config, _stream(self.seed, index, _CODEC)),
            colour=draw_colour_change(config.colour, _stream(self.seed, index, _COLOUR)),
        )


def _draw_codec(config: SceneConfig, rng: np.random.Generator) -> Codec | None:
    chance, quality, kind = rng.random(3)
    if chance >= config.compressed:
        return None
    low, high = config.rate_factor
    return Codec(float(low + (high - low) * quality), bool(kind < 0.5))


def _stream(seed: int, index: int, stream: int) -> np.random.Generator:
    return np.random.default_rng([seed, index, stream])


def _eight_bits(frame: Plane) -> Image:
    """(3, H, W) in [0, 1] -> (H, W, 3) uint8."""
    return from_tensor(torch.from_numpy(frame)[None], np.uint8)


def _tensor(frame: Plane) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(frame, dtype=np.float32))
