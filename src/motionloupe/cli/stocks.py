"""What ``motionloupe bench`` draws its cases from, by the user's options."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from motionloupe.cli.options import parsed_box
from motionloupe.errors import UserError

if TYPE_CHECKING:
    from motionloupe.evaluation.cases import Kind, Stock


class Given(NamedTuple):
    """The options, as they came."""

    scenes: Path | None
    backgrounds: Path | None
    objects: Path | None
    pairs: Path | None
    clips: Path | None
    video: Path | None
    reference: Path | None
    box: str | None
    fps: float | None


class Stocked(NamedTuple):
    """What each kind of suite draws from, and what the report says of it."""

    stocks: "dict[Kind, Stock]"
    about: dict[str, str]


def given(options: Given, split: str, size: str, seed: int) -> Stocked:
    """Raises UserError where a folder or file is missing or holds nothing of the split."""
    try:
        width, height = (int(side) for side in size.split(","))
    except ValueError:
        raise UserError(f"--size takes W,H in pixels, found {size!r}") from None
    if seed < 0:
        raise UserError(f"the seed must be 0 or larger, found {seed}")
    found = Stocked({}, {"size and seed": f"{width} x {height}, seed {seed}"})
    area = (width, height)
    if options.scenes or options.backgrounds or options.objects:
        _scenes(found, options, split, area, seed)
    if options.pairs is not None:
        _pairs(found, options.pairs, split, area, seed)
    if options.clips is not None:
        _clips(found, options.clips, split, area, seed)
    if options.video or options.reference or options.box or options.fps:
        _recording(found, options)
    return found


def _scenes(found: Stocked, options: Given, split: str, size: tuple[int, int], seed: int) -> None:
    from motionloupe.data import folders
    from motionloupe.evaluation.suites import NEEDS
    from motionloupe.evaluation.synthetic import Material

    backgrounds, objects = options.backgrounds, options.objects
    if options.scenes is not None:
        backgrounds = backgrounds or options.scenes / "backgrounds"
        objects = objects or options.scenes / "objects"
    if backgrounds is None:
        raise UserError(f"scenes need {NEEDS['scenes']}")
    photographs = folders.backgrounds(backgrounds, split)  # type: ignore[arg-type]  # checked there
    cutouts: Any = folders.objects(objects, split) if objects else []  # type: ignore[arg-type]
    found.stocks["scenes"] = Material(photographs, cutouts, size, seed)
    found.about["backgrounds"] = f"{len(photographs)} from {backgrounds}, split {split}"
    found.about["objects"] = f"{len(cutouts)} from {objects}, split {split}" if objects else "none"


def _pairs(found: Stocked, folder: Path, split: str, size: tuple[int, int], seed: int) -> None:
    from motionloupe.data.pairs import Pairs
    from motionloupe.evaluation.real import RealPairs

    pairs = Pairs(folder, split)  # type: ignore[arg-type]  # checked there
    found.stocks["pairs"] = RealPairs(pairs, size, seed=seed)
    found.about["pairs"] = f"{len(pairs)} from {folder}, split {split}"


def _clips(found: Stocked, folder: Path, split: str, size: tuple[int, int], seed: int) -> None:
    from motionloupe.data.clips import clips_of_split
    from motionloupe.evaluation.real import Clips

    kept = clips_of_split(folder, split)  # type: ignore[arg-type]  # checked there
    found.stocks["clips"] = Clips([clip.path for clip in kept], size, seed)
    found.about["clips"] = f"{len(kept)} from {folder}, split {split}"


def _recording(found: Stocked, options: Given) -> None:
    from motionloupe.evaluation.physical import Recording
    from motionloupe.evaluation.suites import NEEDS

    if options.video is None or options.reference is None:
        raise UserError(f"the suite physical needs {NEEDS['recording']}")
    box = None if options.box is None else parsed_box(options.box)
    recording = Recording(options.video, options.reference, box, options.fps)
    found.stocks["recording"] = recording
    about = [f"{options.video} beside {options.reference}, box {recording.box}"]
    found.about["recording"] = "; ".join([*about, *recording.film.warnings])
