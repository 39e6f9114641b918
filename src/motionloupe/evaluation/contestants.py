"""Who takes part in the benchmark: methods, and four-line answers that check the benchmark itself.

``input`` does nothing; ``truth`` knows the answer, so its scores are the ceiling of each meter;
``broken`` shifts the input at random and has to come last.
"""

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, get_type_hints

import numpy as np

from motionloupe.arrays import Image, from_tensor
from motionloupe.errors import UserError
from motionloupe.evaluation.cases import FPS, Case, Suite, judged
from motionloupe.evaluation.identity import of_flow
from motionloupe.evaluation.nivr import Fit, Nivr
from motionloupe.flow import default_flow
from motionloupe.magnifiers import METHODS, load, load_trained, option_types, options_of
from motionloupe.magnifiers.base import Magnifier
from motionloupe.stored import file_of, network_of, read_tensors, shipped

NIVR = "nivr"
_SHIPPED = ("flavr", "flowmag-arflow")
_OTHERS = (NIVR, *_SHIPPED)
"""Rows that are no methods of the user's: they take part by their names alone, not in \"all\"."""

_ASTRAY = 12.0  # pixels


class Contestant(Protocol):
    """Answers a case with one picture for each of its targets."""

    @property
    def fingerprint(self) -> str:
        """Differs where answers may differ."""

    @property
    def label(self) -> str:
        """What was trained or fitted, and for how long; empty for a method that was not."""

    def refuses(self, suite: Suite) -> str | None:
        """Why it cannot take part in a suite, if it cannot."""

    def answer(self, case: Case) -> list[Image]:
        """(H, W, 3) pictures, in the order of ``case.targets``; see ``cases.judged``."""

    def stream(self, case: Case) -> Iterator[Image]:
        """Every frame of a sequence, (H, W, 3)."""


class Method:
    """A magnifier: by :meth:`Magnifier.pair` for pairs, by ``stream`` for sequences."""

    def __init__(
        self,
        build: Callable[..., Magnifier[Any]],
        fingerprint: str,
        *,
        settled: bool = False,
        label: str = "",
    ) -> None:
        """``settled``: its options are the user's, so that an error in them is not passed over."""
        self._build = build
        self._loaded: dict[tuple[float, float] | None, Magnifier[Any]] = {}
        self._settled = settled
        self.fingerprint = fingerprint
        self.label = label

    def refuses(self, suite: Suite) -> str | None:
        try:
            plain = self._magnifier(None)
        except UserError as error:  # it has no weights, say
            if self._settled:
                raise
            return str(error)
        only = plain.only_alpha
        if only is not None and all(level.alpha != only for level in suite.levels):
            return f"it magnifies {only:g} times and no other factor"
        if not suite.sequence:
            return None if plain.pairwise else "it needs a sequence, not two frames"
        try:
            self._magnifier(suite.band)
        except UserError as error:
            return str(error)
        return None

    def answer(self, case: Case) -> list[Image]:
        if case.fps is None:
            return [self._magnifier(None).pair(case.frames[0], case.frames[1], case.alpha)]
        return judged(case, self.stream(case))

    def stream(self, case: Case) -> Iterator[Image]:
        return self._magnifier(case.band).stream(case.frames, case.alpha, case.fps or FPS)

    def _magnifier(self, band: tuple[float, float] | None) -> Magnifier[Any]:
        if band not in self._loaded:
            self._loaded[band] = self._build() if band is None else self._build(band=band)
        return self._loaded[band]


class Check:
    """An answer that needs no method: all frames of a case, magnified or not."""

    fingerprint = label = ""

    def __init__(self, stream: Callable[[Case], Iterator[Image]]) -> None:
        self.stream = stream

    def refuses(self, suite: Suite) -> str | None:
        return None

    def answer(self, case: Case) -> list[Image]:
        return judged(case, self.stream(case))


class _Truth(Check):
    """What every target should become."""

    def __init__(self) -> None:
        super().__init__(lambda case: case.truths() if case.truths else iter(()))

    def refuses(self, suite: Suite) -> str | None:
        return None if suite.truth else "nobody knows the true answer"

    def answer(self, case: Case) -> list[Image]:
        return [
            from_tensor(target.truth, np.float32)
            for target in case.targets
            if target.truth is not None
        ]


def _input(case: Case) -> Iterator[Image]:
    return iter(case.frames)


def _broken(case: Case) -> Iterator[Image]:
    """Each frame shifted by 12 pixels at random; what leaves at a side comes in opposite."""
    for number, picture in enumerate(case.frames):
        angle = np.random.default_rng([case.index, number]).uniform(0, 2 * math.pi)
        shift = (round(_ASTRAY * math.sin(angle)), round(_ASTRAY * math.cos(angle)))
        yield np.roll(picture, shift, axis=(0, 1))


CHECKS: dict[str, Check] = {"input": Check(_input), "truth": _Truth(), "broken": Check(_broken)}


def contestants(
    names: Sequence[str] | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    weights: Mapping[str, Path] | None = None,
) -> dict[str, Contestant]:
    """Who takes part, by name: methods first, then the checks, which are always there.

    ``names`` are the rows, None for one of each registered method: "warp-bilinear", or, for another
    row of the same method, "warp-bilinear[...]" with anything in the brackets. ``options`` are a
    row's own; those of a method hold for all its rows. ``weights`` adds a row for each file of a
    learned method, under a name of the user's. Raises UserError.
    """
    given = options or {}
    rows = [row for row in dict.fromkeys(METHODS if names is None else names) if row not in CHECKS]
    for row in [*rows, *given]:
        if method_of(row) not in (*METHODS, *_OTHERS):
            known = ", ".join([*METHODS, *_OTHERS, *CHECKS])
            raise UserError(f"no method {method_of(row)!r} to bench; there are {known}")
    for row in given:
        if row not in rows and row not in map(method_of, rows):
            raise UserError(f"options for {row}, which has no row: name it among the methods")
    found: dict[str, Contestant] = {
        row: _named(method_of(row), {**given.get(method_of(row), {}), **given.get(row, {})})
        for row in rows
    }
    for name, path in (weights or {}).items():
        if name in found or name in CHECKS:
            raise UserError(f"{path}: give these weights a name other than {name}, which is taken")
        found[name] = _learned(path)
    return {**found, **CHECKS}


def method_of(row: str) -> str:
    """ "warp-bilinear[inpaint=none]" -> "warp-bilinear"."""
    return row.partition("[")[0].strip()


def own_options(name: str) -> dict[str, Any]:
    """The options of a row's method and their types. Raises UserError for an unknown name."""
    if name in _OTHERS:
        return get_type_hints(Fit) if name == NIVR else {}
    return option_types(name)


def _named(name: str, options: Mapping[str, Any]) -> Contestant:
    if name in _OTHERS:
        known = own_options(name)
        for option in options:
            if option not in known:
                has = ", ".join(known) or "none"
                raise UserError(f"{name} has no option {option!r}; it has {has}")
        return Nivr(Fit(**options)) if name == NIVR else _came_along(name)
    used = dict(options)
    if "weights" in option_types(name):  # other weights that are shipped are other answers
        own = used.get("weights")
        used["weights"] = shipped(name) if own is None else file_of(own)
    if "flow" in option_types(name):
        flow = str(used.get("flow", options_of(name)["flow"]))
        flow = default_flow(None if flow == "auto" else flow)
        used["flow"] = [flow, of_flow(flow)]
    return Method(
        lambda **common: load(name, **options, **common),
        _described(name, used),
        settled=bool(options),
    )


def _came_along(name: str) -> Contestant:
    path = shipped(name)
    if path is None:
        raise UserError(f"no weights of {name} came with this package: give --weights NAME=FILE")
    return _learned(path)


def _learned(path: Path) -> Method:
    """The magnifier that fits the network in a file of weights."""
    _, metadata = read_tensors(path)
    name = network_of(metadata, path)["name"]
    return Method(
        lambda **common: load_trained(path, **common),
        _described(name, {"weights": path}),
        settled=True,
        label=f"{name}, {_training(metadata.get('card'))}",
    )


def _training(card: Any) -> str:
    """What a file's card says of its training."""
    try:
        batch, size = (card["config"]["data"][key] for key in ("batch", "size"))
        return (
            f"trained in {card['step']} steps of {batch} samples of {size} x {size} pixels; "
            f"its data: {card['data']}"
        )
    except (KeyError, TypeError):
        return "whose file does not say how it was trained"


def _described(name: str, options: Mapping[str, Any]) -> str:
    """Name and options as JSON; of a file, what is in it counts."""
    values = {key: _digest(value) for key, value in sorted(options.items())}
    return json.dumps([name, values], default=str)


def _digest(value: Any) -> Any:
    if isinstance(value, str | Path) and Path(value).is_file():
        return hashlib.sha256(Path(value).read_bytes()).hexdigest()[:16]
    return value
