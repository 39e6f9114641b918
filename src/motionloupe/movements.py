"""What was measured of a video: how boxes moved, as a table and as a drawing."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from motionloupe.arrays import Image, full_scale
from motionloupe.boxes import Box
from motionloupe.measurement.spectra import spectrum
from motionloupe.measurement.tones import Tone, tones
from motionloupe.measurement.tracking import Track
from motionloupe.video.target import Draft, explained
from motionloupe.views import write_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDTH, _HEIGHT = 11.0, 2.6  # inches of the drawing, and of a row of it
_SIDE = 400  # pixels of the picture in it, at most
_SPECTRAL = 5  # moments that a spectrum needs


@dataclass(frozen=True)
class Movement:
    """How ``box`` = (x, y, width, height) moved; ``track`` is NaN where none could be measured."""

    box: Box
    track: Track

    @cached_property
    def measured(self) -> Track:
        """The track without what could not be measured."""
        known = ~np.isnan(self.track.dx)
        return Track(self.track.seconds[known], self.track.dx[known], self.track.dy[known])

    @cached_property
    def tones(self) -> list[Tone]:
        """What stands out of it, the strongest first."""
        known = self.measured
        return tones(known.seconds, known.dx, known.dy)

    @property
    def spread(self) -> float:
        """Pixels: root mean square of the distance from the mean place."""
        known = self.measured
        return float(np.hypot(known.dx.std(), known.dy.std()))


def typed(box: Box) -> str:
    """A box as the command line takes it: X,Y,W,H."""
    return ",".join(map(str, box))


def write_table(path: Path, movements: Sequence[Movement]) -> None:
    """A CSV: seconds, then dx and dy of box 1, 2, ... in pixels, empty where not measured.

    The file appears complete or not at all. Raises UserError where it cannot be written.
    """
    names = [f"{name}_{number + 1}" for number in range(len(movements)) for name in ("dx", "dy")]
    columns = [values for each in movements for values in (each.track.dx, each.track.dy)]
    draft = Draft(path)
    try:
        with explained(path), draft.path.open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(["seconds", *names])
            for moment, *row in zip(movements[0].track.seconds, *columns, strict=True):
                texts = ("" if np.isnan(value) else f"{value:.5f}" for value in row)
                table.writerow([f"{moment:.6f}", *texts])
        draft.keep()
    finally:
        draft.discard()


def draw_movements(path: Path, picture: Image, movements: Sequence[Movement]) -> None:
    """A PNG: where the boxes lie, and of each its displacement over time and its spectrum.

    The file appears complete or not at all. Raises UserError where it cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = len(movements)
    figure = Figure(figsize=(_WIDTH, _HEIGHT * rows + 0.3), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(rows, 3, width_ratios=(1.0, 1.5, 1.2))
    for row, movement in enumerate(movements):
        where, over_time, by_frequency = (figure.add_subplot(grid[row, c]) for c in range(3))
        _draw_place(where, picture, movement.box, row + 1)
        _draw_track(over_time, movement.track)
        _draw_spectrum(by_frequency, movement)
        if row == 0:
            over_time.legend(loc="upper right", fontsize=8, ncols=2)
            over_time.set_title("displacement (px)", fontsize=10)
            by_frequency.set_title("amplitude (px)", fontsize=10)
    over_time.set_xlabel("time (s)")
    by_frequency.set_xlabel("frequency (Hz)")
    write_figure(figure, path)


def _draw_place(axes: "Axes", picture: Image, box: Box, number: int) -> None:
    from matplotlib.patches import Rectangle

    height, width = picture.shape[:2]
    step = -(-max(height, width) // _SIDE)
    shown = picture[::step, ::step] / full_scale(picture.dtype)
    axes.imshow(shown, extent=(-0.5, width - 0.5, height - 0.5, -0.5))
    x, y, wide, high = box
    for colour, line in (("black", 2.5), ("yellow", 1.2)):
        frame = Rectangle((x - 0.5, y - 0.5), wide, high, fill=False, ec=colour, lw=line)
        axes.add_patch(frame)
    axes.set_title(f"box {number}: {typed(box)}", fontsize=10)
    axes.set_axis_off()


def _draw_track(axes: "Axes", track: Track) -> None:
    axes.plot(track.seconds, track.dx, lw=1.0, label="to the right")
    axes.plot(track.seconds, track.dy, lw=1.0, label="down")
    axes.grid(alpha=0.3)


def _draw_spectrum(axes: "Axes", movement: Movement) -> None:
    known = movement.measured
    if len(known.seconds) >= _SPECTRAL:
        for values in (known.dx, known.dy):
            frequencies, amplitudes = spectrum(known.seconds, values)
            axes.plot(frequencies[1:], amplitudes[1:], lw=1.0)
    for tone in movement.tones:
        height = max(tone.across, tone.down)
        axes.plot(tone.frequency, height, "o", ms=4, mfc="none", color="black")
        axes.annotate(f" {tone.frequency:.3g} Hz", (tone.frequency, height), fontsize=8)
    axes.set_ylim(bottom=0.0)
    axes.grid(alpha=0.3)
