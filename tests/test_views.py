"""Side by side and slices: nothing shifted, nothing scaled, nothing outside the frame."""

import cv2
import numpy as np
import pytest

from motionloupe.errors import UserError
from motionloupe.views import SliceRecorder, beside, check_line, draw_slices
from tests.scenes import texture, to_uint8


def bar_height(row: np.ndarray, picture: np.ndarray) -> int:
    return row.shape[0] - picture.shape[0]


def test_pictures_stand_beside_each_other_untouched():
    left, right = to_uint8(texture(64, 90)), to_uint8(texture(64, 70, seed=3))
    row = beside([left, right], ["left", "right"])
    top = bar_height(row, left)
    assert row.dtype == np.uint8
    np.testing.assert_array_equal(row[top:, :90], left)
    np.testing.assert_array_equal(row[top:, 94 : 94 + 70], right)


def test_the_label_is_above_the_picture_and_legible():
    black = np.zeros((64, 200, 3), np.uint8)
    row = beside([black, black], ["input", "phase ×10"])
    top = bar_height(row, black)
    assert row[:top, :200].max() > 200
    assert row[:top, 204:404].max() > 200
    assert not np.array_equal(row[:top, :200], row[:top, 204:404])


@pytest.mark.parametrize("sizes", [((63, 91), (48, 52)), ((17, 16), (16, 17)), ((16, 16),)])
def test_any_sizes_give_even_width_and_height(sizes):
    pictures = [np.full((*size, 3), 100, np.uint8) for size in sizes]
    row = beside(pictures, ["a long label that cannot fit"] * len(sizes))
    assert row.shape[0] % 2 == 0
    assert row.shape[1] % 2 == 0


def test_sixteen_bits_stay_and_eight_bits_beside_them_are_scaled():
    fine = np.full((32, 32, 3), 40000, np.uint16)
    coarse = np.full((32, 32, 3), 255, np.uint8)
    row = beside([fine, coarse], ["", ""])
    assert row.dtype == np.uint16
    assert (row[-32:, :32] == 40000).all()
    assert (row[-32:, 36:68] == 65535).all()


def test_a_label_for_each_picture_is_required():
    with pytest.raises(UserError, match="one label"):
        beside([np.zeros((16, 16, 3), np.uint8)], [])


def test_a_slice_is_the_line_of_each_frame():
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 256, (30, 40, 3), dtype=np.uint8) for _ in range(5)]
    row, column = SliceRecorder((0, 12, 39, 12)), SliceRecorder((39, 29, 39, 0))
    for index, frame in enumerate(frames):
        row.add(frame, index / 25)
        column.add(frame, index / 25)
    np.testing.assert_array_equal(row.picture(), np.stack([f[12] for f in frames], axis=1))
    backwards = [f[::-1, 39] for f in frames]
    np.testing.assert_array_equal(column.picture(), np.stack(backwards, axis=1))
    assert row.seconds == pytest.approx([0, 0.04, 0.08, 0.12, 0.16])


def test_between_pixels_a_slice_interpolates():
    y, x = np.mgrid[0:30, 0:40].astype(np.float64)
    ramp = np.repeat((0.01 * x + 0.02 * y)[..., None], 3, axis=2)
    recorder = SliceRecorder((2.25, 3.5, 22.25, 18.5))
    recorder.add(ramp, 0)
    samples = recorder.picture()[:, 0, 0]
    assert len(samples) == 26  # 25 pixels long
    expected = np.linspace(0.01 * 2.25 + 0.02 * 3.5, 0.01 * 22.25 + 0.02 * 18.5, 26)
    np.testing.assert_allclose(samples, expected, atol=1e-12)


def test_a_long_video_is_thinned_evenly_and_keeps_its_ends():
    recorder = SliceRecorder((0, 0, 15, 0), columns=64)
    for index in range(1000):
        recorder.add(np.full((16, 16, 3), index % 251, np.uint8), index / 10)
        assert len(recorder.seconds) <= 64
    steps = np.diff(recorder.seconds)
    assert steps == pytest.approx(np.full(len(steps), steps[0]))
    assert recorder.seconds[0] == 0
    assert recorder.seconds[-1] >= 99.9 - steps[0]
    expected = (np.array(recorder.seconds) * 10).round().astype(int) % 251
    np.testing.assert_array_equal(recorder.picture()[0, :, 0], expected)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ((0, 0, 40, 0), "leaves the frame of 40 x 30"),
        ((0, -1, 10, 5), "leaves the frame"),
        ((0, 0, 5, 30), "y from 0 to 29"),
        ((5, 5, 5, 5), "two different points"),
        ((0, 0, float("nan"), 5), "two different points"),
        ((0, 0, 5), "found 3 numbers"),
    ],
)
def test_a_line_that_is_none_is_refused(line, reason):
    with pytest.raises(UserError, match=reason):
        check_line(line, 40, 30)
    with pytest.raises(UserError, match=reason):
        SliceRecorder(line).add(np.zeros((30, 40, 3), np.uint8), 0)


def drawn(path, frames, times, title="a title"):
    recorder = SliceRecorder((0, 20, 39, 20))
    for frame, time in zip(frames, times, strict=True):
        recorder.add(frame, time)
    draw_slices(path, [(title, recorder)], title)
    return cv2.imread(str(path))


def test_time_runs_to_the_right_at_an_even_pace(tmp_path):
    """Bright from 1 s to 2 s of 4 s, although most of the frames lie in the first second."""
    times = [*(n / 20 for n in range(20)), *(n / 5 for n in range(5, 20))]
    frames = [np.full((30, 40, 3), 255 if 1 <= t < 2 else 90, np.uint8) for t in times]
    png = drawn(tmp_path / "slice.png", frames, times)
    line = png[png.shape[0] // 2]
    grey = np.flatnonzero((line == 90).all(axis=1))
    bright = (line[grey[0] : grey[-1]] == 255).all(axis=1)
    share = np.flatnonzero(bright) / len(bright)
    assert share.min() == pytest.approx(0.25, abs=0.03)
    assert share.max() == pytest.approx(0.5, abs=0.06)


def test_a_slice_picture_is_whole_or_absent(tmp_path):
    frame = np.zeros((30, 40, 3), np.uint8)
    with pytest.raises(UserError, match="cannot be written"):
        drawn(tmp_path / "nowhere" / "slice.png", [frame], [0.0])
    drawn(tmp_path / "slice.png", [frame.astype(np.uint16)], [0.0])
    assert [path.name for path in tmp_path.iterdir()] == ["slice.png"]


def test_a_name_is_drawn_as_it_is_written(tmp_path):
    frame = [np.zeros((30, 40, 3), np.uint8)]
    plain, priced = (
        drawn(tmp_path / f"{number}.png", frame, [0.0], title)
        for number, title in enumerate(["5$_a_10$^", "5_a_10^"])
    )
    assert priced.shape == plain.shape
    assert (priced != plain).any()


def test_what_cannot_be_drawn_is_told(tmp_path):
    with pytest.raises(UserError, match=r"found slice\.xyz"):
        drawn(tmp_path / "slice.xyz", [np.zeros((30, 40, 3), np.uint8)], [0.0])
    with pytest.raises(UserError, match="no slice"):
        draw_slices(tmp_path / "slice.png", [])
    assert not list(tmp_path.iterdir())


def test_no_frames_no_slice():
    with pytest.raises(UserError, match="no frame"):
        SliceRecorder((0, 0, 5, 5)).picture()


def test_signs_without_a_glyph_are_no_warning(tmp_path, recwarn):
    drawn(tmp_path / "slice.png", [np.zeros((30, 40, 3), np.uint8)], [0.0], "Brücke 中")
    assert not [each for each in recwarn if "Glyph" in str(each.message)]
