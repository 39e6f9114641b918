"""Parts of a picture: (x, y, width, height) in whole pixels."""

from motionloupe.errors import UserError

Box = tuple[int, int, int, int]


def box_within(box: Box, columns: int, rows: int, least: int) -> Box:
    """``box`` in plain numbers; UserError unless it lies in a picture of this size.

    ``least``: pixels a side that it needs.
    """
    try:
        x, y, width, height = (int(number) for number in box)
        whole = all(int(number) == number for number in box)
    except (TypeError, ValueError, OverflowError):
        whole = False
    if not whole:
        raise UserError(f"a box is x, y, width and height in whole pixels, found {box}")
    if min(width, height) < least:
        raise UserError(f"a box needs {least} x {least} pixels, found {width} x {height}")
    if x < 0 or y < 0 or x + width > columns or y + height > rows:
        raise UserError(
            f"the box {x},{y},{width},{height} leaves the frame of {columns} x {rows} pixels"
        )
    return x, y, width, height
