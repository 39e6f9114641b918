"""motionloupe: makes motion too small to see visible and measurable in ordinary video.

The public names are few and load on first use, so that importing the package costs nothing:

- ``magnify(source, target, *, method, alpha, ...)``: a whole video, from file to file.
- ``interpolate(source, target, *, factor, ...)``: the same with frames between its frames.
- ``measure(source, boxes, ...)``: how parts of a video move, in pixels, and how fast they swing.
- ``stabilise(source, target, ...)``: the same as from a tripod, for what was filmed by hand.
- ``load(name, **options)``: a :class:`Magnifier`, for frames that are already in memory.
- ``methods()``: every method's name with a line on each.
- ``Focus`` and ``Region``: which objects to magnify, each with its own factor.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from motionloupe.errors import UserError
    from motionloupe.interpolation import interpolate
    from motionloupe.magnifiers import load, methods
    from motionloupe.magnifiers.base import Magnifier
    from motionloupe.masks import Focus, Region
    from motionloupe.pipeline import Result, magnify
    from motionloupe.stabilisation import stabilise
    from motionloupe.vibrometry import Measurement, measure

__version__ = "0.1.0"
__all__ = [
    "Focus",
    "Magnifier",
    "Measurement",
    "Region",
    "Result",
    "UserError",
    "interpolate",
    "load",
    "magnify",
    "measure",
    "methods",
    "stabilise",
]

_HOMES = {
    "Focus": "motionloupe.masks",
    "Magnifier": "motionloupe.magnifiers.base",
    "Measurement": "motionloupe.vibrometry",
    "Region": "motionloupe.masks",
    "Result": "motionloupe.pipeline",
    "UserError": "motionloupe.errors",
    "interpolate": "motionloupe.interpolation",
    "load": "motionloupe.magnifiers",
    "magnify": "motionloupe.pipeline",
    "measure": "motionloupe.vibrometry",
    "methods": "motionloupe.magnifiers",
    "stabilise": "motionloupe.stabilisation",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'motionloupe' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
