"""What every registered method must keep, whatever it does inside."""

import copy
import pickle
import warnings

import numpy as np
import pytest

from motionloupe import UserError, load, methods
from motionloupe.magnifiers import DEFAULT_METHOD, method_class, options_of
from motionloupe.measurement.displacement import displacement
from tests.scenes import clip, shifted, texture, to_uint8

FPS = 20.0
QUICK = {"flow": "lucas-kanade"}  # for methods on optical flow: no weights are fetched
STEP = 1 / 255 + 1e-6


def make(name, **options):
    quick = {key: value for key, value in QUICK.items() if key in options_of(name)}
    return load(name, **quick, **options)


def having(trait):
    return [name for name in methods() if getattr(method_class(name), trait)]


def tremble(frames=8, height=48, width=64, amplitude=0.3):
    return clip(
        lambda t: amplitude * np.sin(2 * np.pi * 3 * t),
        seconds=frames / FPS,
        fps=FPS,
        height=height,
        width=width,
    )


def as_type(picture, dtype):
    if dtype is np.uint16:
        return np.round(picture * 65535).astype(np.uint16)
    return to_uint8(picture) if dtype is np.uint8 else picture.astype(dtype)


def scaled(picture):
    full = np.iinfo(picture.dtype).max if picture.dtype.kind == "u" else 1.0
    return picture.astype(np.float64) / full


every = pytest.mark.parametrize("name", methods())
pairwise = pytest.mark.parametrize("name", having("pairwise"))
banded = pytest.mark.parametrize("name", having("takes_band"))
OWN_FILTER = {"acceleration"}
filtered = pytest.mark.parametrize("name", [n for n in having("takes_band") if n not in OWN_FILTER])


@every
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("size", [(37, 53), (16, 16), (64, 96)])
def test_alpha_one_is_the_identity(name, size, dtype):
    frames = [as_type(frame, dtype) for frame in tremble(3, *size)]
    out = list(make(name).stream(frames, 1.0, FPS))
    for given, drawn in zip(frames, out, strict=True):
        assert drawn.dtype == given.dtype
        assert drawn.shape == given.shape
        assert np.abs(scaled(drawn) - scaled(given)).max() <= STEP


@every
@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_a_still_video_stays_still(name, noise):
    rng = np.random.default_rng(0)
    still = to_uint8(texture(37, 53) + noise * rng.standard_normal((37, 53, 3)))
    for drawn in make(name).stream([still] * 4, 20.0, FPS):
        off = np.abs(scaled(drawn) - scaled(still))
        if not method_class(name).redraws:
            assert off.max() <= STEP
        elif not noise:
            assert off.mean() < 0.03
            assert np.hypot(*displacement(scaled(still), scaled(drawn))) < 0.05


@every
@pytest.mark.parametrize("mode", ["static", "dynamic"])
@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_as_many_frames_come_out_as_go_in(name, mode, count):
    frames = [to_uint8(frame) for frame in tremble(count, 20, 24)]
    out = list(make(name, mode=mode).stream(iter(frames), 3.0, FPS))
    assert [(frame.shape, frame.dtype) for frame in out] == [((20, 24, 3), np.uint8)] * count


@filtered
@pytest.mark.parametrize("filter", ["fir", "butterworth", "iir", "ideal"])
@pytest.mark.parametrize("count", [0, 1, 7])
def test_a_band_keeps_the_number_of_frames(name, filter, count):
    frames = [to_uint8(frame) for frame in tremble(count, 20, 24)]
    stream = make(name, band=(2.0, 6.0), filter=filter).stream(frames, 3.0, FPS)
    if filter == "ideal" and count == 1:
        with pytest.raises(UserError, match="band"):  # a single frame holds no frequency
            list(stream)
    else:
        assert len(list(stream)) == count


@pairwise
def test_a_static_stream_is_a_pair_for_each_frame(name):
    frames = [to_uint8(frame) for frame in tremble(4)]
    method = make(name)
    for given, drawn in zip(frames, method.stream(frames, 4.0, FPS), strict=True):
        np.testing.assert_array_equal(drawn, method.pair(frames[0], given, 4.0))


@pairwise
def test_the_reference_may_be_any_frame(name):
    frames = [to_uint8(frame) for frame in tremble(4)]
    method = make(name)
    out = list(method.stream(frames, 4.0, FPS, reference=frames[2]))
    np.testing.assert_array_equal(out[0], method.pair(frames[2], frames[0], 4.0))


@every
def test_two_streams_of_one_object_do_not_meet(name):
    one = [to_uint8(frame) for frame in tremble(4)]
    other = [to_uint8(shifted(frame[::-1], 2)) for frame in tremble(4)]
    method = make(name)
    alone = list(method.stream(other, 4.0, FPS))
    first, second = method.stream(one, 4.0, FPS), method.stream(other, 4.0, FPS)
    together = [frame for _, frame in zip(first, second, strict=True)]
    np.testing.assert_array_equal(together, alone)


@every
def test_a_map_of_ones_leaves_its_half_alone(name):
    frames = tremble(3, 48, 160)
    alpha = np.full((48, 160), 6.0)
    alpha[:, :100] = 1.0
    out = list(make(name).stream(frames, alpha, FPS))
    whole = list(make(name).stream(frames, 6.0, FPS))
    for given, drawn in zip(frames, out, strict=True):
        assert np.abs(drawn[:, :48] - given[:, :48]).max() <= STEP
    assert np.abs(out[1][:, 144:] - whole[1][:, 144:]).max() < 0.05
    assert np.abs(out[1][:, 120:] - frames[1][:, 120:]).max() > 0.02


@pairwise
def test_a_map_of_one_number_is_that_number(name):
    frames = tremble(2)
    method = make(name)
    by_map = method.pair(*frames, np.full((48, 64), 5.0))
    np.testing.assert_allclose(by_map, method.pair(*frames, 5.0), atol=1e-4)


@pairwise
def test_a_larger_alpha_moves_more(name):
    still = texture(64, 80)
    frame = shifted(still, 0.3)
    method = make(name)
    moved = [displacement(still, method.pair(still, frame, a))[0] for a in (0, 0.5, 1, 2, 4, 8)]
    assert (np.diff(moved) >= 0).all(), moved  # by whole pixels, one method moves in steps
    assert moved[0] < moved[2] < moved[5], moved


@banded
def test_only_the_band_moves(name):
    def dx(t):
        return 0.4 * np.sin(2 * np.pi * 4 * t)

    frames = clip(dx, seconds=2, fps=FPS, height=48, width=64)

    def reach(band):
        out = list(make(name, band=band).stream(frames, 4.0, FPS))
        return np.std([displacement(frames[0], frame)[0] for frame in out[10:30]])

    assert reach((3.0, 5.0)) > 1.5 * reach((0.2, 0.6))


@every
@pytest.mark.parametrize("alpha", [float("nan"), float("inf"), -1.0, "much", np.ones((3, 3, 3))])
def test_a_factor_that_means_nothing_is_refused(name, alpha):
    with pytest.raises(UserError, match="alpha"):
        list(make(name).stream(tremble(2, 20, 24), alpha, FPS))


@every
def test_a_map_of_another_size_is_refused(name):
    with pytest.raises(UserError, match="9 x 10"):
        list(make(name).stream(tremble(2, 20, 24), np.ones((10, 9)), FPS))


@every
def test_a_size_that_changes_midway_is_refused(name):
    with pytest.raises(UserError, match="one size"):
        list(make(name).stream([texture(20, 24), texture(24, 20)], 3.0, FPS))


@every
@pytest.mark.parametrize("fps", [0.0, -30.0, float("nan"), float("inf")])
def test_a_rate_that_means_nothing_is_refused_at_once(name, fps):
    with pytest.raises(UserError, match="fps"):
        make(name).stream([], 3.0, fps)


@every
@pytest.mark.parametrize(
    "picture",
    [np.zeros((20, 24)), np.zeros((20, 24, 4)), np.zeros((4, 4, 3)), np.zeros((20, 24, 3), int)],
)
def test_what_is_no_picture_is_refused(name, picture):
    with pytest.raises(UserError, match="a frame must"):
        list(make(name).stream([picture], 3.0, FPS))


@every
@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"zeal": 3}, "zeal"),
        ({"mode": "sideways"}, "mode"),
        ({"filter": "fir"}, "band"),
        ({"device": "abacus"}, "abacus"),
    ],
)
def test_options_that_do_not_exist_are_refused(name, options, word):
    with pytest.raises(UserError, match=word):
        make(name, **options)


@banded
@pytest.mark.parametrize("band", [(8.0, 12.0), (10.0, 10.5), (4.0, 2.0), (-1.0, 2.0)])
def test_a_band_that_cannot_be_is_refused_at_once(name, band):
    with pytest.raises(UserError, match="band"):
        make(name, band=band).stream([], 3.0, FPS)


@banded
@pytest.mark.parametrize("band", [3, (1, 2, 3), "ab", (4.0, 2.0), (-1.0, 2.0), (1.0, float("nan"))])
def test_what_is_no_band_at_any_rate_is_refused_before_there_is_one(name, band):
    with pytest.raises(UserError, match="band"):
        make(name, band=band)


@filtered
def test_an_unknown_filter_is_refused_at_once(name):
    with pytest.raises(UserError, match="coffee"):
        make(name, band=(2.0, 4.0), filter="coffee")


@every
def test_a_method_can_be_sent_to_another_process(name):
    still, moved = (to_uint8(shifted(texture(40, 48), shift)) for shift in (0.0, 0.5))
    loupe = make(name)
    for twin in (pickle.loads(pickle.dumps(loupe)), copy.deepcopy(loupe)):
        ours, theirs = (
            list(each.stream([still, moved, still], 3.0, FPS)) for each in (loupe, twin)
        )
        assert np.array_equal(ours, theirs)


@every
def test_a_method_without_bands_says_so(name):
    if not method_class(name).takes_band:
        with pytest.raises(UserError, match="band"):
            make(name, band=(2.0, 4.0))


@pairwise
@pytest.mark.parametrize("mode", ["static", "dynamic"])
def test_frames_are_taken_one_by_one(name, mode):
    taken = 0

    def source():
        nonlocal taken
        for frame in tremble(6, 20, 24):
            taken += 1
            yield frame

    for count, _ in enumerate(make(name, mode=mode).stream(source(), 3.0, FPS), start=1):
        assert taken == count


@every
def test_input_is_left_as_it_was(name):
    frames = tremble(3)
    copies = [frame.copy() for frame in frames]
    list(make(name).stream(frames, 5.0, FPS))
    np.testing.assert_array_equal(frames, copies)


def test_an_unknown_method_names_the_known_ones():
    with pytest.raises(UserError, match=DEFAULT_METHOD):
        load("magic")


@pytest.mark.parametrize("name", having("takes_band"))
def test_memory_may_be_used_again_once_a_frame_is_given(name):
    frames = [to_uint8(frame) for frame in tremble(6)]

    def reused():
        memory = np.empty_like(frames[0])
        for frame in frames:
            memory[...] = frame
            yield memory

    own = {} if name == "acceleration" else {"filter": "fir"}
    method = make(name, band=(2, 4), **own)
    for one, two in zip(
        method.stream(reused(), 4.0, FPS), method.stream(frames, 4.0, FPS), strict=True
    ):
        assert np.array_equal(one, two)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 255.0])
def test_floats_that_are_no_picture_are_refused(wrong):
    frame = texture(40, 48).astype(np.float32)
    spoilt = frame.copy()
    spoilt[3, 4, 1] = wrong
    with pytest.raises(UserError, match=r"floats lies in \[0, 1\]"):
        list(load("linear").stream([frame, spoilt]))


def test_floats_of_another_machine_and_pictures_that_may_not_be_written_are_read():
    frames = [texture(40, 48).astype(np.float32), shifted(texture(40, 48), 0.2).astype(np.float32)]
    swapped = [frame.astype(">f4") for frame in frames]
    for frame in (*frames, *swapped):
        frame.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        one, two = (load("linear").pair(*both) for both in (frames, swapped))
    np.testing.assert_array_equal(one, two)
