"""Warnings as they come up: each teller's first is passed on at once, the last word at the end."""

from collections.abc import Callable, Sequence
from typing import Protocol

Warn = Callable[[str], None]


class Teller(Protocol):
    """Whatever may have something to say; what it says may grow as frames pass."""

    @property
    def warnings(self) -> Sequence[str]: ...


class Notices:
    """Passes the warnings of its ``tellers`` on to ``warn``, if anyone wants to hear them early."""

    def __init__(self, warn: Warn | None, *tellers: Teller | None, texts: Sequence[str] = ()):
        self._warn = warn
        self._tellers = [teller for teller in tellers if teller is not None]
        self._silent = list(self._tellers)
        self._texts = texts
        self._told: set[str] = set()
        self._pass_on(texts)

    def look(self) -> None:
        """Pass on the first words of tellers that were silent so far; cheap, for every frame."""
        for teller in [each for each in self._silent if each.warnings]:
            self._silent.remove(teller)
            self._pass_on(teller.warnings)

    def all(self) -> tuple[str, ...]:
        """Every warning in its last form, once; those not passed on yet are."""
        texts = [*self._texts, *(text for each in self._tellers for text in each.warnings)]
        self._pass_on(texts)
        return tuple(dict.fromkeys(texts))

    def _pass_on(self, texts: Sequence[str]) -> None:
        for text in texts:
            if self._warn is not None and text not in self._told:
                self._told.add(text)
                self._warn(text)
