"""What scenes are made like: every knob of the generator, checked once."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from motionloupe.arrays import SMALLEST_SIDE
from motionloupe.errors import UserError

Part = Literal["moving", "background", "blurred", "static", "foreground", "plain"]
Law = Literal["uniform", "log"]
Range = tuple[float, float]

PARTS: dict[Part, str] = {
    "moving": "objects moving over a moving background",
    "background": "a moving background and nothing else",
    "blurred": "a moving background with hardly any texture",
    "static": "objects over a background, and nothing moves",
    "foreground": "objects moving over a background that stays",
    "plain": "objects moving before a bare wall, a sky or the dark, which stays",
}


WITH_OBJECTS: tuple[Part, ...] = ("moving", "static", "foreground", "plain")


def _parts_of_the_paper() -> dict[Part, float]:
    return {part: 1.0 for part in PARTS if part != "plain"}


@dataclass(frozen=True)
class SceneConfig:
    """How scenes are drawn. The defaults follow Oh et al. 2018, section 3.3 and its supplement.

    Lengths are in pixels of the finished frame. A range (low, high) holds its ends; equal ends fix
    the value. Raises UserError for a setting that no scene could keep.
    """

    size: tuple[int, int] = (384, 384)
    """Width and height."""
    parts: Mapping[Part, float] = field(default_factory=_parts_of_the_paper)
    """Proportions of the kinds of scene, see ``PARTS``; they need not add up to 1."""
    objects: tuple[int, int] = (7, 15)
    """How many objects, where a scene has any."""
    object_size: Range = (0.15, 0.7)
    """An object's longer side over the frame's shorter side, log-uniform."""
    object_tilt: float = 20.0
    """Objects are pasted at an angle of up to so many degrees."""
    largest_scale: float = 2.0
    """Objects are enlarged at most so many times, on the fine grid."""
    motion: Range = (0.0, 10.0)
    """Length of each layer's translation from a to b."""
    motion_law: Law = "uniform"
    alpha: Range = (1.0, 100.0)
    """The total factor of the magnified frame."""
    alpha_law: Law = "log"
    largest_magnified: float = 30.0
    """Alpha x motion stays below this: alpha is drawn first, then motion within what is left."""
    turn: float = 0.0
    """Layers turn by up to so many degrees from a to b, either way."""
    growth: float = 0.0
    """Layers grow or shrink by up to this fraction from a to b."""
    elastic: float = 0.0
    """Layers bend by up to so many pixels, in smooth waves."""
    noise: Range = (0.0, 3.0)
    """Strength of the photon noise in a and b: standard deviation at mid grey, levels of 255."""
    rounding: bool = True
    """Whether a and b are rounded to 8 bits, at random."""
    compressed: float = 0.0
    """Share of the scenes whose a and b have gone through H.264, half of them predicted frames."""
    rate_factor: Range = (18.0, 32.0)
    """Its constant rate factor: 18 looks like the original, 32 is coarse."""
    colour: float = 0.3
    """Strength of the change of colour in the perturbed twins."""
    blur: float = 0.5
    """Standard deviation of the camera's Gaussian: about one pixel wide at half its height."""
    supersample: int = 2
    """Samples per pixel, along each side, of the grid on which layers are laid over each other."""

    def __post_init__(self) -> None:
        if min(self.size) < SMALLEST_SIDE:
            raise UserError(
                f"a scene must have at least {SMALLEST_SIDE} x {SMALLEST_SIDE} pixels, "
                f"found {self.size[0]} x {self.size[1]}"
            )
        _check_parts(self.parts)
        _check_range("objects", self.objects, 1)
        _check_range("object_size", self.object_size, 1e-3)
        _check_range("motion", self.motion, 1e-6 if self.motion_law == "log" else 0.0)
        _check_range("alpha", self.alpha, 1e-6 if self.alpha_law == "log" else 0.0)
        _check_range("noise", self.noise, 0.0)
        _check_range("rate_factor", self.rate_factor, 0.0)
        for name in ("motion_law", "alpha_law"):
            if getattr(self, name) not in get_args(Law):
                raise UserError(f"{name} must be uniform or log, found {getattr(self, name)!r}")
        self._check_numbers()

    def _check_numbers(self) -> None:
        for name in ("object_tilt", "turn", "growth", "elastic", "colour"):
            _check_range(name, (getattr(self, name),) * 2, 0.0)
        _check_range("largest_scale", (self.largest_scale,) * 2, 1e-3)
        if self.alpha[0] * self.motion[0] > self.largest_magnified * (1 + 1e-9):
            raise UserError(
                f"alpha {self.alpha[0]:g} x motion {self.motion[0]:g} px is more than "
                f"largest_magnified, {self.largest_magnified:g} px: lower one of the three"
            )
        if not (0 <= self.compressed <= 1 and self.rate_factor[1] <= 51):
            raise UserError(
                f"compressed must be 0 to 1 and rate_factor at most 51, found {self.compressed:g} "
                f"and {self.rate_factor[1]:g}"
            )
        if self.supersample < 2:
            raise UserError(f"supersample must be 2 or more, found {self.supersample}")
        if not 0.3 <= self.blur <= 4.0:
            raise UserError(f"blur must be 0.3 to 4 pixels, found {self.blur:g}")


def _check_parts(parts: Mapping[Part, float]) -> None:
    unknown = sorted(set(parts) - set(PARTS))
    if unknown:
        raise UserError(f"no kind of scene is called {unknown[0]!r}; there are {', '.join(PARTS)}")
    if min(parts.values(), default=0.0) < 0 or sum(parts.values()) <= 0:
        raise UserError("the proportions of parts must be 0 or more, and one of them above 0")


def _check_range(name: str, ends: Range, least: float) -> None:
    low, high = ends
    if not (math.isfinite(low) and math.isfinite(high) and least <= low <= high):
        found = f"{low:g}" if low == high else f"{low:g} to {high:g}"
        raise UserError(f"{name} must be finite, rising and at least {least:g}, found {found}")
