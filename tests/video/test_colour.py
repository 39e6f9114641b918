"""Colours are those of the standards, without tint, and lossless means lossless."""

import av
import numpy as np
import pytest

from motionloupe.errors import UserError
from motionloupe.video import ColourTags, open_reader, open_writer
from motionloupe.video.colour import to_rgb, to_yuv
from tests.scenes import texture, to_uint8
from tests.video.media import make_video, number_of, pictures

MATRICES = {1: (0.2126, 0.0722), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}


def ramp(depth: int = 8) -> np.ndarray:
    """Every grey from black to white, 16 pixels wide each, in one picture."""
    kind, full = (np.uint8, 255) if depth == 8 else (np.uint16, 65535)
    greys = np.round(np.linspace(0, full, 256)).astype(kind)
    return np.repeat(np.repeat(greys.reshape(16, 16), 16, 0), 16, 1)[..., None].repeat(3, 2)


def written(image, target, info, **options):
    with open_writer(target, info, sound=False, **options) as writer:
        for pts in range(3):
            writer.write(image, pts)
    with open_reader(target) as reader:
        frames = [frame.image for frame in reader]
    return frames[0], reader


@pytest.fixture
def info(tmp_path):
    path = make_video(tmp_path / "source.mp4", pictures(3))
    with open_reader(path) as reader:
        return reader.info


def yuv_by_the_book(image, matrix, full, bits):
    red, blue = MATRICES[matrix]
    r, g, b = np.moveaxis(image / (255 if image.dtype == np.uint8 else 65535), 2, 0)
    y = red * r + (1 - red - blue) * g + blue * b
    u, v = (b - y) / (2 * (1 - blue)), (r - y) / (2 * (1 - red))
    unit = 2 ** (bits - 8)
    if full:
        return y * (2**bits - 1), u * (2**bits - 1) + 128 * unit, v * (2**bits - 1) + 128 * unit
    return (219 * y + 16) * unit, (224 * u + 128) * unit, (224 * v + 128) * unit


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize(("form", "bits"), [("yuv444p", 8), ("yuv444p10le", 10)])
def test_yuv_is_what_the_standard_says_to_half_a_step(matrix, full, form, bits):
    image = to_uint8(texture(96, 128))
    if bits > 8:
        image = image.astype(np.uint16) * 257
    frame = to_yuv(image, ColourTags(matrix=matrix, full_range=full), form)
    dtype = np.uint8 if bits == 8 else np.uint16
    for plane, wanted in zip(frame.planes, yuv_by_the_book(image, matrix, full, bits), strict=True):
        values = np.frombuffer(memoryview(plane), dtype).reshape(96, -1)[:, :128]
        assert np.abs(values - np.clip(wanted, 0, 2**bits - 1)).max() <= 0.51


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize(
    ("form", "bound"), [("yuv444p", 2), ("yuv420p", 3), ("yuv444p10le", 130), ("yuv420p10le", 200)]
)
def test_rgb_survives_yuv_without_bias(matrix, full, form, bound):
    y, x = np.mgrid[:96, :128] / 128  # chroma at half size cannot hold more detail than this
    smooth = 0.5 + 0.4 * np.stack([np.sin(3 * x + y), np.cos(2 * x - 4 * y), np.sin(5 * y)], -1)
    image = to_uint8(smooth)
    if "10" in form:
        image = np.round(smooth * 65535).astype(np.uint16)
    tags = ColourTags(matrix=matrix, full_range=full)
    error = to_rgb(to_yuv(image, tags, form), tags).astype(int) - image
    assert np.abs(error[2:-2, 2:-2]).max() <= bound
    assert np.abs(error.mean((0, 1))).max() <= (0.15 if "10" not in form else 15)


@pytest.mark.parametrize("pixel_format", ["nv12", "yuyv422", "p010le", "yuv422p12be", "yuva420p"])
def test_other_layouts_are_unpacked(pixel_format):
    grey = av.VideoFrame(64, 48, "yuv444p")
    for plane, value in zip(grey.planes, (126, 100, 160), strict=True):
        np.frombuffer(memoryview(plane), np.uint8)[:] = value
    tags = ColourTags(matrix=6)
    wanted = to_rgb(grey, tags).astype(float) / 255
    image = to_rgb(grey.reformat(format=pixel_format), tags)
    full = 255 if image.dtype == np.uint8 else 65535
    assert np.abs(image / full - wanted).max() < 1.1 / 255


@pytest.mark.parametrize("grey", [0, 1, 17, 128, 254, 255])
@pytest.mark.parametrize("odd", [0, 1])
def test_grey_has_no_tint_at_odd_sizes(grey, odd):
    tags = ColourTags()
    image = np.full((33 + odd, 47 + odd, 3), grey, np.uint8)
    frame = to_yuv(image, tags, "yuv420p" if odd else "yuv444p")
    assert np.ptp(to_rgb(frame, tags).astype(int) - grey) <= 1


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi"])
def test_a_grey_ramp_comes_back_grey(tmp_path, info, suffix):
    image, _ = written(ramp(), tmp_path / f"ramp{suffix}", info)
    assert np.ptp(image.astype(int), axis=2).max() <= 1
    assert np.abs(image.astype(int) - ramp()).mean() < 1


def test_a_grey_ramp_in_ten_bits(tmp_path, info):
    image, reader = written(ramp(16), tmp_path / "ramp.mp4", info, depth=10)
    assert reader.info.pixel_format == "yuv420p10le"
    assert reader.info.depth == 10
    assert image.dtype == np.uint16
    assert np.ptp(image.astype(int), axis=2).max() <= 65535 / 1023
    assert np.abs(image.astype(int) - ramp(16)).mean() < 100


@pytest.mark.parametrize("suffix", [".mkv", ".avi"])
def test_lossless_is_bit_exact(tmp_path, info, suffix):
    image = to_uint8(texture(51, 67))
    back, _ = written(image, tmp_path / f"exact{suffix}", info, lossless=True)
    np.testing.assert_array_equal(back, image)


@pytest.mark.parametrize("depth", [10, 12, 16])
def test_lossless_is_bit_exact_in_depth(tmp_path, info, depth):
    steps = np.round(texture(48, 64) * (2**depth - 1))
    image = np.round(steps * 65535 / (2**depth - 1)).astype(np.uint16)
    back, reader = written(image, tmp_path / "exact.mkv", info, lossless=True, depth=depth)
    assert reader.info.depth == depth
    np.testing.assert_array_equal(back, image)


def test_untagged_video_is_601_below_720_lines_and_709_from_there():
    for height, matrix in ((704, 6), (720, 1)):
        frame = to_yuv(np.full((height, 32, 3), (200, 40, 90), np.uint8), ColourTags(), "yuv420p")
        back = to_rgb(frame, ColourTags(matrix=matrix))
        assert np.abs(back.astype(int) - (200, 40, 90)).max() <= 2


@pytest.mark.parametrize("tags", [(1, 1, 1, 1), (9, 16, 9, 1), (6, 6, 6, 2), (2, 2, 2, 1)])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_tags_are_written_as_read(tmp_path, tags, suffix):
    source = make_video(tmp_path / "tagged.mkv", pictures(3), tags=tags)
    with open_reader(source) as reader, open_writer(tmp_path / f"o{suffix}", reader.info) as writer:
        before = [frame.image for frame in reader]
        for pts, image in enumerate(before):
            writer.write(image, 40 * pts)
    assert reader.info.colour == ColourTags(*tags[:3], full_range=tags[3] == 2)
    with open_reader(tmp_path / f"o{suffix}") as again:
        after = [frame.image for frame in again]
    assert again.info.colour == reader.info.colour
    assert np.abs(np.stack(before).astype(int) - np.stack(after)).mean() < 2


def test_full_range_video_uses_all_of_it(tmp_path):
    planes = [[np.full((48, 64), 255, np.uint8), *[np.full((24, 32), 128, np.uint8)] * 2]] * 2
    tags = (2, 2, 2, 2)
    path = make_video(tmp_path / "f.mkv", [], planes=planes, tags=tags, pixel_format="yuvj420p")
    with open_reader(path) as reader:
        assert reader.info.colour.full_range
        assert next(iter(reader)).image.min() >= 254


def test_ten_bits_fill_sixteen(tmp_path):
    image = np.zeros((48, 64, 3), np.uint16)
    image[:, 32:] = 65535
    path = tmp_path / "deep.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "gbrp10le"
        frame = av.VideoFrame.from_ndarray(image >> 6, "gbrp10le")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with open_reader(path) as reader:
        assert reader.info.depth == 10
        np.testing.assert_array_equal(next(iter(reader)).image, image)


def test_rgb_sources_state_their_matrix_in_yuv(tmp_path):
    path = make_video(tmp_path / "s.gif", pictures(3), codec="gif", pixel_format="rgb8")
    with open_reader(path) as reader, open_writer(tmp_path / "o.mp4", reader.info) as writer:
        images = [frame.image for frame in reader]
        for pts, image in enumerate(images):
            writer.write(image, pts * 4)
    with open_reader(tmp_path / "o.mp4") as again:
        back = [frame.image for frame in again]
        assert again.info.colour.matrix == 6
        assert not again.info.colour.full_range
    assert [number_of(image) for image in back] == [number_of(image) for image in images]


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(("form", "bits"), [("yuv444p", 8), ("yuv444p10le", 10)])
def test_ycgco_is_what_the_standard_says(tmp_path, full, form, bits):
    image = to_uint8(texture(48, 64))
    r, g, b = np.moveaxis(image / 255, 2, 0)
    unit, kind = 2 ** (bits - 8), np.uint8 if bits == 8 else np.uint16
    grey, colour = (2**bits - 1,) * 2 if full else (219 * unit, 224 * unit)
    y = (r + 2 * g + b) / 4 * grey + (0 if full else 16 * unit)
    green, orange = (colour * x + 128 * unit for x in ((2 * g - r - b) / 4, (r - b) / 2))
    planes = [[np.round(x).clip(0, 2**bits - 1).astype(kind) for x in (y, green, orange)]] * 2
    tags = (1, 1, 8, 2 if full else 1)
    options = {"planes": planes, "pixel_format": form, "codec": "ffv1", "tags": tags}
    path = make_video(tmp_path / "a.mkv", [], **options)
    with open_reader(path) as reader:
        found = next(iter(reader)).image / (255 if bits == 8 else 65535)
    assert np.abs(found * 255 - image).max() <= (2.6 if bits == 8 else 1)


@pytest.mark.parametrize("matrix", [12, 14])
def test_matrices_that_are_not_known_are_refused(tmp_path, matrix):
    tags = (9, 16, matrix, 1)
    path = make_video(tmp_path / "a.mkv", pictures(2), tags=tags)
    with pytest.raises(UserError, match=rf"a.mkv cannot be read: .*matrix {matrix}"):
        open_reader(path)


@pytest.mark.parametrize(
    ("name", "codec", "form"), [("a.mov", "exr", "gbrpf32le"), ("a.mkv", "ffv1", "gbrpf16le")]
)
def test_pictures_in_floating_point_are_refused(tmp_path, name, codec, form):
    """They would be black."""
    path = tmp_path / name
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            codec, rate=25, options={"strict": "experimental", "level": "4"}
        )
        stream.width, stream.height, stream.pix_fmt = 64, 48, form
        container.mux(stream.encode(av.VideoFrame(64, 48, form)))
        container.mux(stream.encode(None))
    with pytest.raises(UserError, match=rf"cannot be read: its pixels are {form}.*to 16 bits"):
        open_reader(path)


@pytest.mark.parametrize("form", ["gray", "ya8"])
def test_grey_without_a_word_is_full_range_with_alpha_too(tmp_path, form):
    path = tmp_path / "a.mkv"
    frame = av.VideoFrame(256, 256, form)
    bands = 2 if form == "ya8" else 1
    flat = np.frombuffer(memoryview(frame.planes[0]), np.uint8).reshape(256, -1)
    flat[:, : 256 * bands : bands] = ramp()[..., 0]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 256, 256, form
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with open_reader(path) as reader:
        assert reader.info.pixel_format == form
        np.testing.assert_array_equal(next(iter(reader)).image, ramp())


@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG")])
def test_high_dynamic_range_in_eight_bits_is_told(tmp_path, transfer, name):
    deep = make_video(
        tmp_path / "a.mkv", pictures(2), pixel_format="yuv420p10le", tags=(9, transfer, 9, 1)
    )
    with open_reader(deep) as reader:
        images = [frame.image for frame in reader]
    for target, depth, told in (
        ("o.mp4", None, True),
        ("out", None, True),
        ("p.mp4", 10, False),
        ("q.mp4", 8, False),
    ):
        with open_writer(tmp_path / target, reader.info, depth=depth) as writer:
            writer.write(images[0], 0)
        assert [f"({name})" in text and "--depth 10" in text for text in writer.warnings] == (
            [True] * told
        )
