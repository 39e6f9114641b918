"""Options that name the objects to magnify, and how their texts become a focus."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from motionloupe.cli import options
from motionloupe.errors import UserError

if TYPE_CHECKING:
    from motionloupe.masks import Focus, Region

Masks = Annotated[
    list[str] | None,
    typer.Option(
        "--mask",
        metavar="FILE[=ALPHA]",
        help="Magnify only where this picture or .npy (or a video, or folder of masks) is white; "
        "repeatable, the later wins.",
    ),
]
Boxes = Annotated[
    list[str] | None,
    typer.Option("--box", metavar="X,Y,W,H[=ALPHA]", help="The object in this box; repeatable."),
]
Points = Annotated[
    list[str] | None,
    typer.Option(
        "--point",
        metavar="X,Y[=ALPHA]",
        help="The object here (X,Y,X,Y,... for several points on it), by SAM 2; repeatable.",
    ),
]
Sam = Annotated[
    str | None, typer.Option("--sam", metavar="FOLDER", help="Weights of SAM 2 for --point.")
]
Dilate = Annotated[float | None, typer.Option(help="Grow the objects by so many pixels.")]
Feather = Annotated[
    float | None, typer.Option(help="Let alpha fade to that outside over so many pixels beyond.")
]
Outside = Annotated[
    float | None, typer.Option(metavar="ALPHA", help="Factor outside the objects, instead of 1.")
]
Background = Annotated[
    str | None,
    typer.Option(
        help="Outside, keep: the method's answer; composite: the source; still: the reference."
    ),
]
Follow = Annotated[bool, typer.Option("--follow", help="The objects move: masks move with them.")]


def focus(
    masks: list[str] | None,
    boxes: list[str] | None,
    points: list[str] | None,
    *,
    sam: str | None,
    dilate: float | None,
    feather: float | None,
    outside: float | None,
    background: str | None,
    follow: bool,
) -> "Focus | None":
    """The focus that the options name, masks before boxes before points; None without any."""
    named = [*(masks or []), *(boxes or []), *(points or [])]
    asked = {"sam": sam, "dilate": dilate, "feather": feather}
    asked |= {"outside": outside, "background": background}
    given = [name for name, value in asked.items() if value is not None]
    given += ["follow"] if follow else []
    if not named:
        if given:
            raise UserError(f"--{given[0]} needs an object: give a --mask, --box or --point too")
        return None
    if sam and not points:
        raise UserError("--sam finds the object at a point: give a --point too")
    from motionloupe.masks import Focus
    from motionloupe.masks.sam import Sam2

    return Focus(
        regions=[
            *(_mask(text) for text in masks or []),
            *(_box(text) for text in boxes or []),
            *(_points(text) for text in points or []),
        ],
        dilate=dilate or 0.0,
        feather=feather or 0.0,
        outside=outside,
        background=background or "keep",  # type: ignore[arg-type]  # checked there
        follow=follow,
        point_segmenter=Sam2(sam) if sam else None,
    )


def _mask(text: str) -> "Region":
    from motionloupe.masks import Region

    file, alpha = (text, None) if Path(text).exists() else _with_alpha(text)
    return Region(mask=file, alpha=alpha)


def _box(text: str) -> "Region":
    from motionloupe.masks import Region

    where, alpha = _with_alpha(text)
    return Region(box=options.parsed_box(where), alpha=alpha)


def _points(text: str) -> "Region":
    from motionloupe.masks import Region

    where, alpha = _with_alpha(text)
    try:
        numbers = [float(part) for part in where.split(",")]
        points = list(zip(numbers[::2], numbers[1::2], strict=True))
    except ValueError:
        raise UserError(f"a point is X,Y in pixels, found {where!r}") from None
    return Region(points=points, alpha=alpha)


def _with_alpha(text: str) -> tuple[str, float | None]:
    """ "what=20" -> "what" and 20.0; "what" -> "what" and None."""
    what, equals, number = text.rpartition("=")
    if not equals:
        return text, None
    try:
        return what, float(number)
    except ValueError:
        raise UserError(f"after the last = comes a factor, found {number!r} in {text!r}") from None
