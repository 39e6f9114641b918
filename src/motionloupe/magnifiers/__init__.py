"""Every method by name. The registry is a literal: to add a method, add its line."""

import inspect
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, get_type_hints

from motionloupe.errors import UserError

if TYPE_CHECKING:
    from motionloupe.magnifiers.base import Magnifier

DEFAULT_METHOD = "flowmag"
DEFAULT_ALPHA = 10.0


class Entry(NamedTuple):
    """Where a method lives and what it is, in a line."""

    module: str
    cls: str
    line: str


METHODS = {
    "flowmag": Entry(
        "flowmag", "FlowMag", "Pan 2023: learned; best for larger motion and solid objects"
    ),
    "phase": Entry(
        "phase", "Phase", "Wadhwa 2013: complex steerable pyramid; the safe choice for small motion"
    ),
    "oh2018": Entry(
        "oh2018", "Oh2018", "Oh 2018: learned shapes; no flow, smooth, soft where motion is large"
    ),
    "riesz": Entry("riesz", "Riesz", "Wadhwa 2014: Riesz pyramid; nearly as good as phase, faster"),
    "linear": Entry("linear", "Linear", "Wu 2012: linear Eulerian; fastest, for very small motion"),
    "acceleration": Entry(
        "acceleration", "Acceleration", "Zhang 2017: small accelerations beside large motion"
    ),
    "warp-nearest": Entry(
        "warp", "WarpNearest", "optical flow, nearest-pixel splat: crisp, leaves holes to fill"
    ),
    "warp-bilinear": Entry(
        "warp", "WarpBilinear", "optical flow, bilinear splat: for larger motion of solid objects"
    ),
}


def methods() -> dict[str, str]:
    """Every method's name with one line on what it is."""
    return {name: entry.line for name, entry in METHODS.items()}


def method_class(name: str) -> "type[Magnifier[Any]]":
    """The class behind a name. Raises UserError with the known names."""
    if name not in METHODS:
        raise UserError(f"no method {name!r}; there are {', '.join(METHODS)}")
    entry = METHODS[name]
    cls: type[Magnifier[Any]] = getattr(import_module(f"{__name__}.{entry.module}"), entry.cls)
    return cls


def options_of(name: str) -> dict[str, Any]:
    """A method's own options and their defaults, beside the common ones of ``Common``."""
    return _options_of(method_class(name))


def option_types(name: str) -> dict[str, Any]:
    """A method's own options and the types that they are declared with."""
    cls = method_class(name)
    declared = get_type_hints(cls.__init__)
    return {option: declared[option] for option in _options_of(cls)}


def load(name: str = DEFAULT_METHOD, **options: Any) -> "Magnifier[Any]":
    """A method by name, ready to use: ``load("phase", band=(1, 3), sigma=3)``.

    The options are the common ones (mode, band, filter, device) and the method's own. Raises
    UserError for an unknown name, option or value.
    """
    return _built(method_class(name), name, options)


def load_trained(weights: str | Path, **options: Any) -> "Magnifier[Any]":
    """The learned method that ``weights`` (a file, or the name of some that came along) are for.

    The rest as :func:`load`. Raises UserError for a missing or foreign file, too.
    """
    from motionloupe.magnifiers.flavr import Flavr
    from motionloupe.magnifiers.flowmag import FlowMag
    from motionloupe.magnifiers.oh2018 import Oh2018
    from motionloupe.stored import file_of, network_of, read_tensors

    path = file_of(weights)
    _, metadata = read_tensors(path)
    name = network_of(metadata, path)["name"]
    others: dict[str, type[Magnifier[Any]]] = {"oh2018": Oh2018, "flavr": Flavr}
    return _built(others.get(name, FlowMag), name, {"weights": path, **options})


def _options_of(cls: "type[Magnifier[Any]]") -> dict[str, Any]:
    parameters = inspect.signature(cls).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}


def _built(cls: "type[Magnifier[Any]]", name: str, options: dict[str, Any]) -> "Magnifier[Any]":
    from motionloupe.magnifiers.base import Common

    known = {**_options_of(cls), **dict.fromkeys(Common.__annotations__)}
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise UserError(f"{name} has no option {unknown[0]!r}; it has {', '.join(sorted(known))}")
    return cls(**options)
