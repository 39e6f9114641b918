"""Pictures that show what moved: videos side by side, and slices through space and time.

A slice samples one line of every frame and sets the samples beside each other, so that time runs to
the right: still things draw straight stripes, whatever moves draws a wave.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from warnings import catch_warnings, filterwarnings

import cv2
import numpy as np
import numpy.typing as npt

from motionloupe.arrays import Image, full_scale
from motionloupe.errors import UserError
from motionloupe.files import whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Line = tuple[float, float, float, float]
_DIVIDER = 4  # pixels
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_ASCII = {"×": "x", "…": "...", "–": "-", "—": "-"}  # what OpenCV's fonts lack


def beside(pictures: Sequence[Image], labels: Sequence[str]) -> Image:
    """Pictures (H, W, 3) in a row, each under its label: one picture of even width and height.

    Lower pictures are centred on black. All of one dtype give that dtype; mixed ones give the
    widest of them.
    """
    if len(pictures) != len(labels) or not pictures:
        raise UserError(f"one label for each picture: {len(labels)} for {len(pictures)}")
    dtype = np.result_type(*pictures)
    full = full_scale(dtype)
    height = max(picture.shape[0] for picture in pictures)
    height += height % 2
    bar = 2 * max(9, round(height * 0.03))
    columns: list[Image] = []
    for picture, label in zip(pictures, labels, strict=True):
        if columns:
            columns.append(np.full((bar + height, _DIVIDER, 3), full * 0.5).astype(dtype))
        title = _bar(label, picture.shape[1], bar).astype(np.float64) / 255.0 * full
        column = np.zeros((bar + height, picture.shape[1], 3), dtype)
        column[:bar] = title.round() if dtype.kind in "iu" else title
        top = bar + (height - picture.shape[0]) // 2
        column[top : top + picture.shape[0]] = _converted(picture, dtype)
        columns.append(column)
    row = np.concatenate(columns, axis=1)
    return np.pad(row, ((0, 0), (0, row.shape[1] % 2), (0, 0)))


def _converted(picture: Image, dtype: np.dtype[Any]) -> Image:
    if picture.dtype == dtype:
        return picture
    values = picture.astype(np.float64) / full_scale(picture.dtype) * full_scale(dtype)
    return (values.round() if dtype.kind in "iu" else values).astype(dtype)


def _bar(text: str, width: int, height: int) -> npt.NDArray[np.uint8]:
    """A dark strip with white text, (height, width, 3); the text shrinks to fit."""
    for character, plain in _ASCII.items():
        text = text.replace(character, plain)
    strip = np.full((height, width, 3), 24, np.uint8)
    scale = height * 0.55 / 22.0  # capitals of this font are 22 pixels high at scale 1
    (wide, _), _ = cv2.getTextSize(text, _FONT, scale, 1)
    room = width - 8
    if room < 8 or not text:
        return strip
    scale *= min(1.0, room / max(wide, 1))
    (wide, high), below = cv2.getTextSize(text, _FONT, scale, 1)
    place = (width - wide) // 2, (height + high - below // 2) // 2
    cv2.putText(strip, text, place, _FONT, scale, (240, 240, 240), 1, cv2.LINE_AA)
    return strip


def check_line(line: Line, width: int, height: int) -> None:
    """Raise UserError unless ``line`` = (x1, y1, x2, y2) lies within a frame of this size."""
    if len(line) != 4:
        raise UserError(f"a line is X1,Y1,X2,Y2 in pixels, found {len(line)} numbers")
    x1, y1, x2, y2 = line
    named = ",".join(f"{value:g}" for value in line)
    if not all(math.isfinite(value) for value in line) or (x1, y1) == (x2, y2):
        raise UserError(f"a line needs two different points X1,Y1,X2,Y2, found {named}")
    across = min(x1, x2) >= 0 and max(x1, x2) <= width - 1
    if not (across and min(y1, y2) >= 0 and max(y1, y2) <= height - 1):
        raise UserError(
            f"the line {named} leaves the frame of {width} x {height}: "
            f"x goes from 0 to {width - 1}, y from 0 to {height - 1}"
        )


class SliceRecorder:
    """Collects the pixels along ``line`` = (x1, y1, x2, y2) of frame after frame.

    One sample a pixel, interpolated bilinearly. At most ``columns`` frames are kept: a longer video
    is thinned evenly, to every second, fourth, ... frame, so that memory stays bounded.
    """

    def __init__(self, line: Line, columns: int = 4096) -> None:
        self.line = line
        self._limit = max(2, columns)
        self._stride = 1
        self._seen = 0
        self._columns: list[Image] = []
        self._seconds: list[float] = []

    def check(self, width: int, height: int) -> None:
        """Raise UserError unless the line lies within frames of this size."""
        check_line(self.line, width, height)

    def add(self, image: Image, seconds: float) -> None:
        """Take the line out of a frame (H, W, 3); raises UserError where the line leaves it."""
        self.check(image.shape[1], image.shape[0])
        wanted = self._seen % self._stride == 0
        self._seen += 1
        if not wanted:
            return
        if len(self._columns) == self._limit:
            self._stride *= 2
            self._columns, self._seconds = self._columns[::2], self._seconds[::2]
            if (self._seen - 1) % self._stride:
                return
        self._columns.append(_along(image, self.line))
        self._seconds.append(seconds)

    @property
    def seconds(self) -> list[float]:
        """The time of each column of :meth:`picture`."""
        return list(self._seconds)

    def picture(self) -> Image:
        """(pixels along the line, frames, 3), in the dtype of the frames."""
        if not self._columns:
            raise UserError("there is no frame to draw a slice of")
        return np.stack(self._columns, axis=1)


def _along(image: Image, line: Line) -> Image:
    x1, y1, x2, y2 = line
    count = round(math.hypot(x2 - x1, y2 - y1)) + 1
    x, y = np.linspace(x1, x2, count), np.linspace(y1, y2, count)
    left = np.minimum(x.astype(int), image.shape[1] - 2)
    top = np.minimum(y.astype(int), image.shape[0] - 2)
    right, below = (x - left)[:, None], (y - top)[:, None]
    upper = image[top, left] * (1 - right) + image[top, left + 1] * right
    lower = image[top + 1, left] * (1 - right) + image[top + 1, left + 1] * right
    samples = upper * (1 - below) + lower * below
    column: Image = (samples.round() if image.dtype.kind in "iu" else samples).astype(image.dtype)
    return column


def draw_slices(
    path: Path | str, slices: Sequence[tuple[str, SliceRecorder]], title: str = ""
) -> Path:
    """Write slices, each under its label, into one drawing: seconds to the right, pixels downwards.

    The file appears complete or not at all. Raises UserError where it cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    path = Path(path)
    if not slices:
        raise UserError("there is no slice to draw")
    figure = Figure(figsize=(9, 0.6 + 2.6 * len(slices)), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    if title:
        figure.suptitle(title, fontsize=11, parse_math=False)
    for row, (label, recorder) in enumerate(slices):
        axes = figure.add_subplot(len(slices), 1, row + 1)
        name, first, last = _axis(recorder.line)
        columns, start, end = _evenly(recorder)
        axes.imshow(columns, extent=(start, end, last, first), aspect="auto")
        axes.set_title(label, fontsize=10, parse_math=False)
        axes.set_ylabel(name)
    axes.set_xlabel("time (s)")
    return write_figure(figure, path)


def write_figure(figure: "Figure", path: Path) -> Path:
    """A drawing, PNG or what the suffix says, there whole or not at all. Raises UserError."""
    known = figure.canvas.get_supported_filetypes()
    if path.suffix[1:].lower() not in ("", *known):
        raise UserError(f"a drawing is written as {', '.join(sorted(known))}, found {path.name}")
    with whole(path) as partial, catch_warnings():
        filterwarnings("ignore", "Glyph .* missing")  # a box stands for it in the drawing
        figure.savefig(partial, format=path.suffix[1:].lower() or "png")
    return path


def _axis(line: Line) -> tuple[str, float, float]:
    """What to call the axis along the line, and the values at its two ends."""
    x1, y1, x2, y2 = line
    if x1 == x2:
        return "y (px)", y1, y2
    if y1 == y2:
        return "x (px)", x1, x2
    return "along the line (px)", 0.0, math.hypot(x2 - x1, y2 - y1)


def _evenly(recorder: SliceRecorder) -> tuple[Image, float, float]:
    """8-bit columns at even steps of time, and where the first begins and the last ends."""
    picture = _converted(recorder.picture(), np.dtype(np.uint8))
    times = np.asarray(recorder.seconds)
    if len(times) == 1:
        return picture, float(times[0]), float(times[0]) + 1.0
    step = float(np.median(np.diff(times))) or 1.0
    count = min(max(round((times[-1] - times[0]) / step) + 1, 1), 4 * len(times))
    grid = np.linspace(times[0], times[-1], count)
    chosen = np.searchsorted(times, grid + step * 1e-3, side="right") - 1
    return picture[:, np.clip(chosen, 0, None)], float(times[0]), float(times[-1]) + step
