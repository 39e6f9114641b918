"""A scene whose motion is known, magnified and measured; or the user's own video.

The scene: scikit-image's photograph of a cup (CC0, Rachel Michetti). Cup and saucer, cut out with a
soft edge, tremble to the left and right by a fifth of a pixel; they are moved in linear light in
the Fourier domain, under the noise of a sensor.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from motionloupe.arrays import Image
from motionloupe.boxes import Box
from motionloupe.errors import UserError
from motionloupe.magnifiers import DEFAULT_ALPHA
from motionloupe.measurement.points import liveliest_place
from motionloupe.measurement.spectra import fit_sinusoid
from motionloupe.measurement.tracking import track
from motionloupe.pipeline import Progress, expected_frames, magnify
from motionloupe.video import SourceInfo, open_reader, open_writer
from motionloupe.views import Line

MOTION = 0.2  # pixels
FREQUENCY = 3.0  # hertz
FPS = 30
FRAMES = 120
ALPHA = 15.0
BAND = (2.0, 4.0)
CUP: Box = (165, 20, 120, 120)  # around the left half of its rim
TABLE: Box = (470, 20, 120, 120)
LINE: Line = (380.0, 114.0, 440.0, 114.0)  # across the cup's rim
_SHOT_NOISE = 2.5e-4  # variance for each unit of linear light
_READ_NOISE = 5e-4  # standard deviation in linear light

Picture = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Report:
    """What the demo wrote, and amplitudes in pixels: the cup's and the table's, which is still."""

    files: dict[str, Path]
    warnings: tuple[str, ...] = ()
    alpha: float = ALPHA
    true: dict[str, float] = field(default_factory=dict)
    cup: dict[str, float] = field(default_factory=dict)
    table: dict[str, float] = field(default_factory=dict)
    liveliest: tuple[float, float] | None = None

    def record(self) -> dict[str, Any]:
        """The report for programs."""
        return {key: value for key, value in asdict(self).items() if value not in ({}, None)}

    def lines(self) -> list[str]:
        """The report for people."""
        lines = []
        if self.cup:
            lines = [
                f"Trembling at {FREQUENCY:g} Hz, amplitude in pixels:",
                f"{'':22}input  x{self.alpha:g}",
            ]
            rows = {"cup, true and wanted": self.true, "cup, measured": self.cup}
            for name, row in (rows | {"table, measured": self.table}).items():
                lines.append(f"{name:20}{row['input']:7.3f}{row['magnified']:7.3f}")
            lines.append("")
        if self.liveliest is not None:
            x, y = self.liveliest
            lines.append(f"Moves most at x {x:.0f}, y {y:.0f}; the slice goes through it.")
        return [*lines, *(f"{name:13}{path}" for name, path in self.files.items())]


def run(
    folder: str | Path,
    video: str | Path | None = None,
    *,
    force: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Magnify the scene, or ``video``, into ``folder``: video, side by side and slice over time.

    Raises UserError for files that exist, unless ``force``, and for whatever ``magnify`` refuses.
    """
    folder = Path(folder)
    files = {
        "input": folder / "input.mkv",
        "magnified": folder / "magnified.mp4",
        "side by side": folder / "side_by_side.mp4",
        "slice": folder / "magnified_slice.png",
    }
    if video is not None:
        del files["input"]
    for path in files.values():
        if path.exists() and not force:
            raise UserError(f"{path} exists already; --force overwrites it")
    if video is not None:
        open_reader(video).close()  # lest a wrong name leave an empty folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot make the folder {folder}: {error.strerror}") from None
    views: dict[str, Any] = {"side_by_side": files["side by side"], "force": force}
    if video is not None:
        return _own(video, files, views, progress)
    return _scene(files, views, progress)


def _scene(files: dict[str, Path], views: dict[str, Any], progress: Progress | None) -> Report:
    photograph = load_photograph()
    write_scene(files["input"], photograph, force=views["force"])
    result = magnify(
        files["input"],
        files["magnified"],
        alpha=ALPHA,
        band=BAND,
        slice_line=LINE,
        progress=progress,
        **views,
    )
    both = ("input", "magnified")
    return Report(
        files,
        result.warnings,
        ALPHA,
        true={"input": MOTION, "magnified": ALPHA * MOTION},
        cup={name: _amplitude(files[name], CUP) for name in both},
        table={name: _amplitude(files[name], TABLE) for name in both},
    )


def _own(
    video: str | Path, files: dict[str, Path], views: dict[str, Any], progress: Progress | None
) -> Report:
    with open_reader(video) as reader:
        info = reader.info
        place = liveliest_place((frame.image for frame in reader), expected_frames(info))
    x, y = (info.width / 2, info.height / 2) if place is None else (place.x, place.y)
    upright = place is not None and place.down > place.across
    line = _through(x, y, info, upright=upright)
    result = magnify(video, files["magnified"], slice_line=line, progress=progress, **views)
    where = None if place is None else (place.x, place.y)
    return Report(files, result.warnings, DEFAULT_ALPHA, liveliest=where)


def _through(x: float, y: float, info: SourceInfo, *, upright: bool) -> Line:
    """A line through (x, y) along the motion, at most a third of the frame long."""
    if upright:
        reach = info.height / 6
        return x, max(0.0, y - reach), x, min(info.height - 1.0, y + reach)
    reach = info.width / 6
    return max(0.0, x - reach), y, min(info.width - 1.0, x + reach), y


def _amplitude(path: Path, box: Box) -> float:
    with open_reader(path) as reader:
        moved = track(((frame.seconds, frame.image) for frame in reader), box)
    return fit_sinusoid(moved.seconds, moved.dx, FREQUENCY).amplitude


# ---- the scene ----------------------------------------------------------------------------------


def load_photograph() -> Image:
    """scikit-image's cup of coffee, (400, 600, 3) uint8. Raises UserError without scikit-image."""
    try:
        from skimage.data import coffee
    except ImportError:
        raise UserError(
            "the demo's photograph comes with scikit-image: pip install 'motionloupe[demo]', "
            "or give a video of your own"
        ) from None
    untyped: Any = coffee
    photograph: Image = untyped()
    return photograph


def write_scene(path: Path, photograph: Image, *, force: bool = False) -> None:
    """Write the trembling scene losslessly: four seconds at 30 frames a second."""
    drawn = path.with_name(f"{path.stem} as drawn")  # no file: what is there may be replaced
    info = scene_info(drawn, *photograph.shape[:2])
    with open_writer(path, info, lossless=True, sound=False, force=force) as writer:
        for index, frame in enumerate(scene(photograph)):
            writer.write(frame, index, 1)


def scene_info(path: Path, height: int, width: int) -> SourceInfo:
    """What a writer must know of the scene."""
    return SourceInfo(
        path=path,
        kind="video",
        width=width,
        height=height,
        fps=float(FPS),
        rate=Fraction(FPS),
        time_base=Fraction(1, FPS),
        depth=8,
        frames=FRAMES,
        duration=FRAMES / FPS,
    )


def scene(photograph: Image, seed: int = 0) -> Iterator[Image]:
    """The frames of the scene, each with noise of its own."""
    rng = np.random.default_rng(seed)
    still = _to_linear(photograph / 255.0)
    mask = _cut_out(*photograph.shape[:2])[..., None]
    moved = _Shifter(np.concatenate([still * mask, mask], axis=2))
    period = []
    for index in range(round(FPS / FREQUENCY)):
        layer = moved.by(MOTION * np.sin(2 * np.pi * FREQUENCY * index / FPS))
        light = np.maximum(still * (1 - layer[..., 3:]) + layer[..., :3], 0.0)
        sigma = np.sqrt(_SHOT_NOISE * light + _READ_NOISE**2)
        period.append((light.astype(np.float32), sigma.astype(np.float32)))
    for index in range(FRAMES):
        light, sigma = period[index % len(period)]
        seen = light + sigma * rng.standard_normal(light.shape, np.float32)
        yield np.round(_from_linear(seen) * 255.0).astype(np.uint8)


class _Shifter:
    """Moves a picture sideways by any fraction of a pixel, mirrored at its edges."""

    def __init__(self, picture: Picture) -> None:
        self._width = picture.shape[1]
        self._spectrum = np.fft.rfft(np.concatenate([picture, picture[:, ::-1]], axis=1), axis=1)
        self._turn = -2j * np.pi * np.fft.rfftfreq(2 * self._width)[None, :, None]

    def by(self, dx: float) -> Picture:
        turned = self._spectrum * np.exp(self._turn * dx)
        moved: Picture = np.fft.irfft(turned, n=2 * self._width, axis=1)
        return moved[:, : self._width]


def _cut_out(height: int, width: int) -> Picture:
    """Cup, saucer and spoon: 1 inside, 0 outside, soft over some pixels around their contours."""
    shape = np.zeros((height, width), np.uint8)
    cv2.ellipse(shape, ((279.7, 220.1), (408, 339), 7.6), 255, -1)  # the saucer
    cv2.ellipse(shape, ((290, 114), (244, 202), 2), 255, -1)  # the cup's rim
    cv2.line(shape, (413, 77), (405, 112), 255, 26)  # the spoon's end
    return np.asarray(cv2.GaussianBlur(shape.astype(np.float64) / 255.0, (0, 0), 1.5), np.float64)


def _to_linear(srgb: Picture) -> Picture:
    """IEC 61966-2-1."""
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def _from_linear(light: Picture) -> Picture:
    light = np.clip(light, 0.0, 1.0)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
