"""Who takes part in the benchmark: methods, and four-line answers that check the benchmark itself.

``input`` does nothing; ``truth`` knows the answer, so its scores are the ceiling of each meter;
``broken`` shifts the input at random and has to come last.
"""

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from motionloupe.arrays import Image, from_tensor
from motionloupe.errors import UserError
from motionloupe.evaluation.suites import FPS, Case, Suite
from motionloupe.magnifiers import METHODS, load, load_trained
from motionloupe.magnifiers.base import Magnifier
from motionloupe.networks.weights import network_of, read_tensors

_ASTRAY = 12.0  # pixels


class Contestant(Protocol):
    """Answers a case with one picture for each of its targets."""

    @property
    def fingerprint(self) -> str:
        """Differs where answers may differ."""

    def refuses(self, suite: Suite) -> str | None:
        """Why it cannot take part in a suite, if it cannot."""

    def answer(self, case: Case) -> list[Image]:
        """(H, W, 3) float32 pictures, in the order of ``case.targets``."""


class Method:
    """A magnifier: by :meth:`Magnifier.pair` for pairs, by ``stream`` for sequences."""

    def __init__(self, build: Callable[..., Magnifier[Any]], fingerprint: str) -> None:
        self._build = build
        self._loaded: dict[tuple[float, float] | None, Magnifier[Any]] = {}
        self.fingerprint = fingerprint

    def refuses(self, suite: Suite) -> str | None:
        if suite.sequence:
            return None if self._plain.takes_band else "it cannot magnify a band"
        return None if self._plain.pairwise else "it needs a sequence, not two frames"

    def answer(self, case: Case) -> list[Image]:
        if case.band is None:
            return [self._plain.pair(case.frames[0], case.frames[1], case.alpha)]
        if case.band not in self._loaded:
            self._loaded[case.band] = self._build(band=case.band)
        wanted = {target.number for target in case.targets}
        drawn = self._loaded[case.band].stream(case.frames, case.alpha, FPS)
        return [picture for number, picture in enumerate(drawn) if number in wanted]

    @cached_property
    def _plain(self) -> Magnifier[Any]:
        return self._build()


class Check:
    """An answer that needs no method."""

    def __init__(self, answer: Callable[[Case], list[Image]]) -> None:
        self.answer = answer
        self.fingerprint = ""

    def refuses(self, suite: Suite) -> str | None:
        return None


def _input(case: Case) -> list[Image]:
    return [case.frames[target.number] for target in case.targets]


def _truth(case: Case) -> list[Image]:
    return [from_tensor(target.truth, np.float32) for target in case.targets]


def _broken(case: Case) -> list[Image]:
    """Shifted by 12 pixels, in another direction for every scene; what leaves comes in opposite."""
    angle = np.random.default_rng(case.index).uniform(0, 2 * math.pi)
    shift = (round(_ASTRAY * math.sin(angle)), round(_ASTRAY * math.cos(angle)))
    return [np.roll(picture, shift, axis=(0, 1)) for picture in _input(case)]


CHECKS = {"input": Check(_input), "truth": Check(_truth), "broken": Check(_broken)}


def contestants(
    names: Sequence[str] | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    weights: Mapping[str, Path] | None = None,
) -> dict[str, Contestant]:
    """Who takes part, by name: methods first, then the checks, which are always there.

    ``names`` chooses among the registered methods, None takes all; ``options`` are a method's own;
    ``weights`` adds a row for each file of a learned method, under a name of the user's. Raises
    UserError.
    """
    chosen = (
        list(METHODS) if names is None else [n for n in dict.fromkeys(names) if n not in CHECKS]
    )
    for name in [*chosen, *(options or {})]:
        if name not in METHODS:
            known = ", ".join([*METHODS, *CHECKS])
            raise UserError(f"no method {name!r} to bench; there are {known}")
    found: dict[str, Contestant] = {
        name: _registered(name, (options or {}).get(name, {})) for name in chosen
    }
    for name, path in (weights or {}).items():
        if name in found or name in CHECKS:
            raise UserError(f"{path}: give these weights a name other than {name}, which is taken")
        found[name] = _learned(path)
    return {**found, **CHECKS}


def _registered(name: str, options: Mapping[str, Any]) -> Method:
    return Method(lambda **common: load(name, **options, **common), _described(name, options))


def _learned(path: Path) -> Method:
    """The magnifier that fits the network in a file of weights."""
    _, metadata = read_tensors(path)
    name = network_of(metadata, path)["name"]
    return Method(
        lambda **common: load_trained(path, **common), _described(name, {"weights": path})
    )


def _described(name: str, options: Mapping[str, Any]) -> str:
    """Name and options as JSON; of a file, what is in it counts."""
    values = {key: _digest(value) for key, value in sorted(options.items())}
    return json.dumps([name, values], default=str)


def _digest(value: Any) -> Any:
    if isinstance(value, str | Path) and Path(value).is_file():
        return hashlib.sha256(Path(value).read_bytes()).hexdigest()[:16]
    return value
