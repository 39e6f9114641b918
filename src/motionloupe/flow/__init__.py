"""Every optical flow estimator by name. The registry is a literal: to add one, add its line."""

import inspect
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from motionloupe.errors import UserError

if TYPE_CHECKING:
    from motionloupe.flow.base import FlowEstimator

FALLBACK = "lucas-kanade"
"""The estimator that needs no weights."""
LEARNED = "motion-finder"
"""The estimator whose weights come with the package."""


class Entry(NamedTuple):
    """Where an estimator's builder lives and what it is, in a line."""

    module: str
    builder: str
    line: str


ESTIMATORS = {
    "lucas-kanade": Entry(
        "lucas_kanade", "LucasKanade", "least squares, coarse to fine: no weights, best below 1 px"
    ),
    "dis": Entry("dis", "Dis", "Kroeger 2016, OpenCV's: fast, no weights, no gradients"),
    "raft-small": Entry("raft", "raft_small", "Teed 2020, 1.0 M parameters: larger, harder motion"),
    "raft-large": Entry("raft", "raft_large", "Teed 2020, 5.3 M parameters: finer edges, slow"),
    "motion-finder": Entry(
        "motion_finder",
        "motion_finder",
        "Lucas and Kanade with finer edges, learned without labels",
    ),
    "pwc-lite": Entry(
        "pwclite", "pwc_lite", "Liu 2020, 2.2 M parameters: learns without labels; no weights yet"
    ),
    "ptlflow": Entry(
        "ptlflow", "PtlFlow", "any model of that package (an extra): ptlflow:sea_raft_s and so on"
    ),
}


def estimators() -> dict[str, str]:
    """Every estimator's name with one line on what it is."""
    return {name: entry.line for name, entry in ESTIMATORS.items()}


def load_flow(name: str, **options: Any) -> "FlowEstimator":
    """An estimator by name, ready to use: ``load_flow("raft-small", iterations=20)``.

    All take ``iterations`` and ``zero_correct``, see :class:`motionloupe.flow.base.FlowEstimator`;
    ``lucas-kanade`` a ``window`` in pixels, what is learned a file of ``weights``. A ``model`` may
    be named after a colon: ``load_flow("ptlflow:sea_raft_s")``. Raises UserError for an unknown
    name, option or value, and where weights cannot be had.
    """
    name, colon, model = name.partition(":")
    if colon:
        options = {"model": model, **options}
    if name not in ESTIMATORS:
        raise UserError(f"no flow estimator {name!r}; there are {', '.join(ESTIMATORS)}")
    entry = ESTIMATORS[name]
    builder = getattr(import_module(f"{__name__}.{entry.module}"), entry.builder)
    known = sorted(inspect.signature(builder).parameters)
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise UserError(f"{name} has no option {unknown[0]!r}; it has {', '.join(known)}")
    estimator: FlowEstimator = builder(**options)
    return estimator


def default_flow(insist: str | None = None) -> str:
    """The name ``insist``ed on, else raft-small where its weights are at hand, else motion-finder.

    Nothing is downloaded.
    """
    if insist is not None:
        return insist
    from motionloupe.flow.checkpoints import at_hand
    from motionloupe.flow.raft import SMALL

    return LEARNED if at_hand(SMALL) is None else "raft-small"
