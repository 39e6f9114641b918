"""YUV to RGB and back, by the matrices of ITU-R BT.601, BT.709 and BT.2020, rounded to nearest.

YCgCo is read only.

FFmpeg's scaler only unpacks pixels here: its own matrices tint full-range video by half a step and
misread 10-bit 4:2:0. Chroma is interpolated linearly and averaged over the pixels it covers.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt

from motionloupe.arrays import Image
from motionloupe.video.source import ColourTags

Plane = npt.NDArray[Any]

RGB, UNSPECIFIED = 0, 2
DYNAMIC = {16: "PQ", 18: "HLG"}
"""Transfer of high dynamic range."""
_BT709, _BT601 = 1, 6
_LUMA_WEIGHTS = {  # matrix -> what red and blue weigh in luma
    1: (0.2126, 0.0722),
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
    10: (0.2627, 0.0593),
}
_YCGCO = 8
_UNKNOWN = {  # matrices of ITU-T H.273 that are not turned into RGB here
    11: "YDzDx",
    12: "chroma derived",
    13: "chroma derived, constant luminance",
    14: "ICtCp",
    15: "IPT-C2",
    16: "YCgCo-Re",
    17: "YCgCo-Ro",
}
_FLOATS = re.compile(r"f(16|32)(le|be)?$")
_FULL_RANGE = 2  # AVCOL_RANGE_JPEG
_PLANAR = re.compile(r"yuvj?4\d\dp(9|10|12|14|16)?(le)?$|gray(9|10|12|14|16)?(le)?$")
_BILINEAR = 2  # SWS_BILINEAR
_STRIP = 64  # rows; a multiple of every chroma subsampling


def tags_of(frame: av.VideoFrame) -> ColourTags:
    """The colour description that a decoded frame carries."""
    matrix = RGB if is_rgb(frame.format) else int(frame.colorspace)
    if matrix == RGB and not is_rgb(frame.format):
        matrix = UNSPECIFIED
    grey = _is_grey(frame.format)
    full = matrix == RGB or "yuvj" in frame.format.name or frame.color_range == _FULL_RANGE
    unsaid = frame.color_range not in (1, _FULL_RANGE)
    return ColourTags(
        int(frame.color_primaries), int(frame.color_trc), matrix, full or (grey and unsaid)
    )


def why_unreadable(form: av.VideoFormat, tags: ColourTags) -> str:
    """What keeps pixels from being read rightly, and what to do; "" where nothing does."""
    if _FLOATS.search(form.name) or form.components[0].bits > 16:
        return (
            f"its pixels are {form.name}, numbers without a largest that could be white: convert "
            "it to 16 bits first"
        )
    if tags.matrix in _UNKNOWN:
        name = _UNKNOWN[tags.matrix]
        return f"its colours are in {name} (matrix {tags.matrix}): convert it to BT.709 first"
    return ""


def is_rgb(form: av.VideoFormat) -> bool:
    """Whether pixels are red, green and blue, directly or by a palette."""
    return form.is_rgb or form.has_palette or form.name.startswith(("mono", "xyz"))


def _is_grey(form: av.VideoFormat) -> bool:
    return form.name.startswith(("gray", "ya"))


def depth_of(form: av.VideoFormat) -> int:
    """Bits per channel, never less than 8."""
    return 8 if form.has_palette else max(8, form.components[0].bits)


def tags_to_write(tags: ColourTags, height: int) -> ColourTags:
    """What a YUV file of ``height`` lines says of itself, for a source with ``tags``.

    The tags of a YUV source stay, so that a player that guesses guesses alike; RGB becomes limited
    range with its matrix stated.
    """
    if tags.matrix == UNSPECIFIED or tags.matrix in _LUMA_WEIGHTS:
        return tags
    matrix = _BT709 if height >= 720 else _BT601
    return replace(tags, matrix=matrix, full_range=tags.full_range and tags.matrix != RGB)


def to_rgb(frame: av.VideoFrame, tags: ColourTags) -> Image:
    """A decoded frame as (H, W, 3) RGB: uint8, or uint16 over the full 0..65535 above 8 bits."""
    if tags.matrix == RGB:
        return _unpack_rgb(frame)
    planes, bits, step = _unpack_yuv(frame)
    scale = _Scale.of(tags, frame.height, bits, step)
    picture = np.empty((frame.height, frame.width, 3), np.uint8 if bits == 8 else np.uint16)
    for rows in _strips(frame.height):
        strips = [_enlarged(plane, rows, frame.width, frame.height) for plane in planes]
        cv2.merge(_rgb_strip(strips, scale, bits), picture[rows])
    return picture


def to_yuv(image: Image, tags: ColourTags, pixel_format: str) -> av.VideoFrame:
    """(H, W, 3) RGB, uint8 or uint16 -> a frame of planar ``pixel_format`` (4:2:0 or 4:4:4)."""
    height, width = image.shape[:2]
    frame = av.VideoFrame(width, height, pixel_format)
    bits = depth_of(frame.format)
    scale = _Scale.of(tags, height, bits)
    planes = [_view(plane, bits) for plane in frame.planes]
    for rows in _strips(height):
        strips = [plane[_covered(plane, rows, height)] for plane in planes]
        _yuv_strip(image[rows], scale, bits, strips)
    return frame


def to_lossless(image: Image, depth: int) -> av.VideoFrame:
    """(H, W, 3) RGB, uint8 or uint16 -> a frame that holds RGB itself at ``depth`` bits."""
    values = with_depth(image, depth)
    if depth == 8:
        return av.VideoFrame.from_ndarray(values, "rgb24").reformat(format="bgr0", threads=1)
    return av.VideoFrame.from_ndarray(values, f"gbrp{depth}le")


def with_depth(image: Image, depth: int, white: int | None = None) -> Image:
    """The picture in steps of ``depth`` bits, rounded; ``white`` is its own largest value."""
    white = white or _white(image)
    if white == 2**depth - 1:
        return np.ascontiguousarray(image)
    values: Image = (image.astype(np.uint32) * (2**depth - 1) + white // 2) // white
    return values.astype(np.uint8 if depth == 8 else np.uint16)


def _white(image: Image) -> int:
    return 255 if image.dtype == np.uint8 else 65535


@dataclass(frozen=True)
class _Scale:
    """How Y, U and V follow from RGB in [0, 1]: ITU-R BT.2020, tables 4 and 5.

    Y = black + luma (red R + green G + blue B), and so on; BT.601 and BT.709 have the
    same form with other weights.
    """

    red: float
    green: float
    blue: float
    luma: float
    chroma: float
    black: float
    centre: float
    crossed: bool = False  # YCgCo: green and orange instead of blue and red

    @classmethod
    def of(cls, tags: ColourTags, height: int, bits: int, step: float = 1.0) -> "_Scale":
        """In units where one step of ``bits`` counts as ``step``."""
        unsaid = _BT709 if height >= 720 else _BT601
        red, blue = _LUMA_WEIGHTS[tags.matrix if tags.matrix in _LUMA_WEIGHTS else unsaid]
        green, crossed = 1 - red - blue, tags.matrix == _YCGCO
        unit = step * 2.0 ** (bits - 8)
        if tags.full_range:
            white = step * (2.0**bits - 1)
            return cls(red, green, blue, white, white, 0.0, 128 * unit, crossed)
        return cls(red, green, blue, 219 * unit, 224 * unit, 16 * unit, 128 * unit, crossed)


def _rgb_strip(planes: list[Plane], scale: _Scale, bits: int) -> list[Plane]:
    """Float Y, U, V of one size (or Y alone) -> R, G, B in the picture's dtype."""
    white = 255 if bits == 8 else 65535
    gain, chroma = white / scale.luma, white / scale.chroma
    black, centre = -gain * scale.black, scale.centre
    if len(planes) == 1:
        return [_weighted(planes[0], gain, planes[0], 0.0, black, bits)] * 3
    luma, u, v = planes
    if scale.crossed:
        difference = cv2.addWeighted(luma, gain, u, -chroma, black + chroma * centre)
        return [
            _weighted(difference, 1.0, v, chroma, -chroma * centre, bits),
            _weighted(luma, gain, u, chroma, black - chroma * centre, bits),
            _weighted(difference, 1.0, v, -chroma, chroma * centre, bits),
        ]
    red, blue = 2 * (1 - scale.red) * chroma, 2 * (1 - scale.blue) * chroma
    green_u, green_v = -scale.blue / scale.green * blue, -scale.red / scale.green * red
    green = cv2.addWeighted(u, green_u, v, green_v, black - (green_u + green_v) * centre)
    return [
        _weighted(luma, gain, v, red, black - red * centre, bits),
        _weighted(luma, gain, green, 1.0, 0.0, bits),
        _weighted(luma, gain, u, blue, black - blue * centre, bits),
    ]


def _yuv_strip(image: Image, scale: _Scale, bits: int, planes: list[Plane]) -> None:
    """Write the Y, U and V of a strip of RGB to ``planes``; chroma is averaged where smaller."""
    white = _white(image)
    red, green, blue = (plane.astype(np.float32) for plane in cv2.split(image))
    luma = cv2.addWeighted(red, scale.red, green, scale.green, 0.0)
    luma = cv2.addWeighted(luma, 1.0, blue, scale.blue, 0.0)
    y, u, v = planes
    y[:] = _limited(_weighted(luma, scale.luma / white, luma, 0.0, scale.black, bits), bits)
    luma = _averaged(luma, u)
    for target, colour, weight in ((u, blue, scale.blue), (v, red, scale.red)):
        gain = scale.chroma / (2 * (1 - weight)) / white
        chroma = _weighted(_averaged(colour, target), gain, luma, -gain, scale.centre, bits)
        target[:] = _limited(chroma, bits)


def _weighted(a: Plane, alpha: float, b: Plane, beta: float, offset: float, bits: int) -> Plane:
    """alpha a + beta b + offset, rounded to nearest and clamped to uint8 or uint16."""
    kind = cv2.CV_8U if bits == 8 else cv2.CV_16U
    return cv2.addWeighted(a, alpha, b, beta, offset, dtype=kind)


def _limited(plane: Plane, bits: int) -> Plane:
    return plane if bits in (8, 16) else np.minimum(plane, 2**bits - 1)


def _averaged(plane: Plane, target: Plane) -> Plane:
    """Means over the pixels that each pixel of ``target`` covers."""
    if plane.shape == target.shape:
        return plane
    return cv2.resize(plane, target.shape[::-1], interpolation=cv2.INTER_AREA)


def _strips(height: int) -> Iterator[slice]:
    """Rows to convert together: fresh memory for whole float planes costs more than the sums."""
    for top in range(0, height, _STRIP):
        yield slice(top, min(top + _STRIP, height))


def _factor(whole: int, part: int) -> int:
    """How many pixels of luma one of chroma spans: 1, 2 or 4; the last may span fewer."""
    return next(factor for factor in (1, 2, 4) if -(-whole // factor) <= part)


def _covered(plane: Plane, rows: slice, height: int) -> slice:
    """The rows of a plane, full or half, that lie under ``rows`` of the picture."""
    factor = _factor(height, plane.shape[0])
    return slice(rows.start // factor, -(-rows.stop // factor))


def _enlarged(plane: Plane, rows: slice, width: int, height: int) -> Plane:
    """Some rows of a plane at the size of luma, float; an odd luma cuts the last chroma short."""
    if plane.shape == (height, width):
        return plane[rows].astype(np.float32)
    down, across = _factor(height, plane.shape[0]), _factor(width, plane.shape[1])
    own = _covered(plane, rows, height)
    first, last = max(own.start - 1, 0), min(own.stop + 1, plane.shape[0])
    part = plane[first:last].astype(np.float32)
    size = plane.shape[1] * across, (last - first) * down
    large = cv2.resize(part, size, interpolation=cv2.INTER_LINEAR)
    return large[rows.start - first * down : rows.stop - first * down, :width]


def _view(plane: av.video.plane.VideoPlane, bits: int) -> Plane:
    """The plane's own memory as (H, W), without the padding of its lines."""
    flat: Plane = np.frombuffer(memoryview(plane), np.uint8 if bits == 8 else np.uint16)
    return flat.reshape(plane.height, -1)[:, : plane.width]


def _unpack_yuv(frame: av.VideoFrame) -> tuple[list[Plane], int, float]:
    """Planes Y, U, V (or Y alone), their bits, and how many steps count as one."""
    bits, step = depth_of(frame.format), 1.0
    if not _PLANAR.match(frame.format.name):
        name = "gray" if _is_grey(frame.format) else "yuv444p"
        frame = frame.reformat(
            format=name if bits == 8 else f"{name}16le", interpolation=_BILINEAR, threads=1
        )
        step = 1.0 if bits == 8 else 2.0 ** (16 - bits)
    return [_view(plane, bits) for plane in frame.planes], bits, step


def _unpack_rgb(frame: av.VideoFrame) -> Image:
    bits = depth_of(frame.format)
    if bits == 8:
        return np.ascontiguousarray(frame.to_ndarray(format="rgb24", threads=1))
    name = frame.format.name
    if not name.startswith(("gbr", "rgb48", "rgba64")):
        return np.ascontiguousarray(frame.to_ndarray(format="rgb48le", threads=1))
    values = frame.to_ndarray()[..., :3]
    if bits == 16:
        return np.ascontiguousarray(values)
    return with_depth(values, 16, 2**bits - 1)
