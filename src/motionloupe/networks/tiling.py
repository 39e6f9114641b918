"""Networks that see no farther than some pixels, run over large frames tile by tile.

A tile is cut out with as much around it as the network can see, so that tiled equals untiled.
"""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor


def tiled(
    function: Callable[..., tuple[Tensor, ...]],
    fields: Sequence[Tensor],
    cells: tuple[int, int],
    *,
    reach: int,
    side: int,
) -> tuple[Tensor, ...]:
    """``function`` of the ``fields``, with no more than ``side`` x ``side`` cells at a time.

    A field (B, C, H, W) has the same whole number of pixels in each of the (rows, columns) of
    cells, and so has every answer; numbers may differ from field to field. ``reach`` is how many
    cells around it decide what becomes of a cell.
    """
    rows, columns = cells
    if rows <= side and columns <= side:
        return function(*fields)
    lines: list[list[Tensor]] = []
    for rows_seen, rows_kept in _spans(rows, reach, side):
        across = []
        for columns_seen, columns_kept in _spans(columns, reach, side):
            seen, kept = (rows_seen, columns_seen), (rows_kept, columns_kept)
            found = function(*(_cut(field, cells, seen) for field in fields))
            size = (rows_seen.stop - rows_seen.start, columns_seen.stop - columns_seen.start)
            across.append([_cut(answer, size, kept).clone() for answer in found])
        lines.append([torch.cat(parts, dim=-1) for parts in zip(*across, strict=True)])
    return tuple(torch.cat(parts, dim=-2) for parts in zip(*lines, strict=True))


def _spans(count: int, reach: int, side: int) -> Iterator[tuple[slice, slice]]:
    """Parts of an axis, alike in length: what is seen of it, and what is kept of that."""
    parts = -(-count // side)
    for number in range(parts):
        start, stop = number * count // parts, (number + 1) * count // parts
        seen = slice(max(0, start - reach), min(count, stop + reach))
        yield seen, slice(start - seen.start, stop - seen.start)


def _cut(field: Tensor, cells: tuple[int, int], part: tuple[slice, slice]) -> Tensor:
    down, across = (field.shape[axis - 2] // cells[axis] for axis in (0, 1))
    rows, columns = part
    return field[
        ...,
        rows.start * down : rows.stop * down,
        columns.start * across : columns.stop * across,
    ]
