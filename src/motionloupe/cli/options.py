"""Options that several commands share, and how their texts become values."""

import re
from collections.abc import Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import typer

from motionloupe.errors import UserError

Video = Annotated[
    str, typer.Argument(help="A video, GIF, multi-page TIFF, folder or glob of images.")
]
Videos = Annotated[list[str], typer.Argument(help="Videos, folders or globs of images.")]
Fps = Annotated[
    float | None,
    typer.Option(help="True frames per second, for high-speed footage that plays slower."),
]
Start = Annotated[float | None, typer.Option(help="Begin here, in seconds.")]
End = Annotated[float | None, typer.Option(help="End here, in seconds.")]
Scale = Annotated[float, typer.Option(help="Make the frames smaller (0.5) or larger first.")]
Force = Annotated[bool, typer.Option("--force", "-f", help="Overwrite what exists.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but warnings and errors.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
NoSound = Annotated[bool, typer.Option("--no-sound", help="Leave the sound away.")]
Labels = Annotated[
    list[str] | None, typer.Option("--label", help="Instead of the file's name; one for each.")
]
Lossless = Annotated[bool, typer.Option("--lossless", help="Write FFV1, in .mkv or .avi.")]
Depth = Annotated[int | None, typer.Option(help="Bits per channel: 8 or 10; 12, 16 if lossless.")]
Device = Annotated[str, typer.Option(help="Where to compute: cpu, cuda, ...")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="The method's own option; repeatable."),
]
Reference = Annotated[
    str | None,
    typer.Option(help="The frame to compare with: its number, or a time (2.5s); else the first."),
]
Stabilise = Annotated[
    bool, typer.Option("--stabilise", help="First align the frames, where the camera was held.")
]
Still = Annotated[
    str | None, typer.Option(metavar="X,Y,W,H", help="Align them by what stands still here.")
]


def line(text: str) -> tuple[float, float, float, float]:
    """ "X1,Y1,X2,Y2" -> four numbers. Raises UserError."""
    try:
        x1, y1, x2, y2 = (float(part) for part in text.replace(" ", "").split(","))
    except ValueError:
        raise UserError(f"a line is X1,Y1,X2,Y2 in pixels, found {text!r}") from None
    return x1, y1, x2, y2


def parsed_box(text: str) -> tuple[int, int, int, int]:
    """ "X,Y,W,H" -> the box. Raises UserError."""
    try:
        x, y, width, height = (int(part) for part in text.split(","))
    except ValueError:
        raise UserError(f"a box is X,Y,W,H in whole pixels, found {text!r}") from None
    return x, y, width, height


def steadied(stabilise: bool, still: str | None) -> bool | tuple[int, int, int, int]:
    """What --stabilise and --still ask for together. Raises UserError."""
    return parsed_box(still) if still else stabilise


def method_options(
    method: str, settings: list[str], kinds: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Texts name=value -> a method's own options, each of the type that it is declared with."""
    if not settings:
        return {}
    from motionloupe.magnifiers import option_types

    kinds = option_types(method) if kinds is None else kinds
    values: dict[str, Any] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        name = name.strip().replace("-", "_")
        if not equals:
            raise UserError(f"--set takes NAME=VALUE, found {setting!r}")
        if name not in kinds:
            known = ", ".join(kinds) or "none"
            raise UserError(f"{method} has no option {name!r}; its own are: {known}")
        values[name] = _typed(name, text.strip(), kinds[name])
    return values


def _typed(name: str, text: str, hint: Any) -> Any:
    """``text`` as what ``hint`` declares; what is neither a truth value nor a number stays text."""
    kinds = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    if NoneType in kinds and text.lower() == "none":
        return None
    if bool in kinds:
        known = {"true": True, "yes": True, "on": True, "1": True}
        known |= {"false": False, "no": False, "off": False, "0": False}
        if text.lower() not in known:
            raise UserError(f"{name} must be true or false, found {text!r}")
        return known[text.lower()]
    for kind, wanted in ((int, "a whole number"), (float, "a number")):
        if kind in kinds:
            try:
                return kind(text)
            except ValueError:
                raise UserError(f"{name} must be {wanted}, found {text!r}") from None
    return text


def stem(source: str) -> str:
    """What to call a result after its source: a file's stem, a folder's name, a glob's folder."""
    path = Path(source)
    if not path.exists() and any(character in path.name for character in "*?["):
        path = path.parent
    name = path.resolve().name if path.name in ("", ".", "..") else path.name
    called = (Path(name).stem if not path.is_dir() else name) or "video"
    return re.sub(r"%(?=\d*d)", "_", called)  # or the result would be taken for numbered pictures
