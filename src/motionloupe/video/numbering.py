"""The order of pictures by their names, and which are missing from it."""

import re
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

_NUMBER = re.compile(r"(\d+(?:\.\d+)?)", re.ASCII)


def in_order(files: Sequence[Path]) -> list[Path]:
    """Sorted as people do: frame2 before frame10, -2 before -1 and 0.25 before 0.5."""
    values = _numbers([file.stem for file in files])
    if values is None or len(set(values)) < len(files):
        return sorted(files, key=lambda file: (_natural(file.name), file.name))
    return [file for _, file in sorted(zip(values, files, strict=True))]


def missing(files: Sequence[Path]) -> str:
    """Which numbers are missing between those of ``files`` in order; "" where none are.

    What most follow one another by counts as the step. Times in the names, which follow by any or
    look like 120059 before 120100, have no gaps, nor has a counter that began anew.
    """
    values = _numbers([file.stem for file in files])
    if values is None or any(value != int(value) for value in values):
        return ""
    pairs = list(pairwise(map(int, values)))
    step = min(after - before for before, after in pairs)
    gaps = [(before + step, after - step) for before, after in pairs if after - before > step]
    even = step > 0 and all((high - low) % step == 0 for low, high in gaps)
    if not even or not gaps or 2 * len(gaps) >= len(pairs):
        return ""
    if all(value >= 10_000 and value % 100 < 60 and value // 100 % 100 < 60 for value in values):
        return ""
    if any(high - low >= step * len(files) for low, high in gaps):
        return ""
    low, high = gaps[0]
    first = f"picture {low} is" if low == high else f"pictures {low} to {high} are"
    count = sum((high - low) // step + 1 for low, high in gaps[1:])
    return f"{first} missing" + (f", and {count} more" if count else "")


def _numbers(names: Sequence[str]) -> list[Decimal] | None:
    """The numbers of names that differ in one number only; None of others."""
    parts = [_NUMBER.split(name) for name in names]
    if len({len(each) for each in parts}) != 1:
        return None
    columns = list(zip(*parts, strict=True))
    place = next((n for n in range(1, len(columns), 2) if len(set(columns[n])) > 1), 0)
    before = columns[place - 1]
    others = [set(column) for n, column in enumerate(columns) if n not in (place - 1, place)]
    alike = len({text.removesuffix("-") for text in before}) == 1
    if not place or not alike or any(len(each) > 1 for each in others):
        return None
    if _counts(columns[place]):
        return None
    signed = len(set(before)) > 1 or (place == 1 and before[0] == "-")  # frame-1 is none
    signs = ["-" if signed and text.endswith("-") else "" for text in before]
    return [Decimal(sign + digits) for sign, digits in zip(signs, columns[place], strict=True)]


def _counts(numbers: Sequence[str]) -> bool:
    """Whether 1.9 is followed by 1.10: not one number then but two, with a dot between."""
    wholes, _, decimals = zip(*(number.partition(".") for number in numbers), strict=True)
    if len({len(each) for each in decimals}) == 1:
        return False
    counters = [int(each) for each in decimals if each]
    near = len(set(wholes)) == 1 and max(counters) - min(counters) < 2 * len(counters)
    return near or any(each.endswith("0") for each in decimals)


def _natural(name: str) -> list[Any]:
    """A key that sorts frame2 before frame10."""
    parts = re.split(r"(\d+)", name)
    return [(int(part), "") if part.isdecimal() else (-1, part.lower()) for part in parts]
