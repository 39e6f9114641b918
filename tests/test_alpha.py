"""Factors at the door: what is taken, what is refused, and how a map meets a pyramid."""

import numpy as np
import pytest
import torch

from motionloupe import load, methods
from motionloupe.alpha import Factors, as_alpha, check_fits, resized
from motionloupe.errors import UserError
from motionloupe.magnifiers import method_class
from tests.scenes import clip


def test_a_number_and_a_map_become_broadcastable_tensors():
    assert as_alpha(3).shape == (1, 1, 1, 1)
    assert as_alpha(np.full((20, 30), 2.0)).shape == (1, 1, 20, 30)
    assert as_alpha(0.0).item() == 0.0


@pytest.mark.parametrize(
    ("alpha", "message"),
    [
        (float("nan"), "finite"),
        (float("inf"), "finite"),
        (-1, "0 or larger"),
        ("ten", "number"),
        (None, "finite"),
        (np.ones((2, 3, 4)), "shape"),
        (np.array([[1.0, np.nan]]), "finite"),
    ],
)
def test_what_means_nothing_is_refused(alpha, message):
    with pytest.raises(UserError, match=message):
        as_alpha(alpha)


def test_a_map_must_have_the_frames_size():
    check_fits(as_alpha(2.0), 20, 30)
    check_fits(as_alpha(np.ones((20, 30))), 20, 30)
    with pytest.raises(UserError, match="30 x 20"):
        check_fits(as_alpha(np.ones((20, 30))), 30, 20)


def test_a_map_is_averaged_down_and_the_users_array_is_not_shared():
    given = np.zeros((32, 32), np.float32)
    given[:, 16:] = 10
    alpha = as_alpha(given)
    small = resized(alpha, 8, 8)
    assert small.shape == (1, 1, 8, 8)
    assert float(small.mean()) == pytest.approx(5, rel=1e-3)
    assert torch.all((small >= 0) & (small <= 10))
    alpha.zero_()
    assert given.max() == 10


def test_a_fixed_factor_is_refused_at_once_and_a_made_one_at_its_frame():
    cpu = torch.device("cpu")
    with pytest.raises(UserError, match="finite"):
        Factors(float("nan"), cpu)
    frame = np.zeros((20, 30, 3))
    made = iter([2.0, np.ones((20, 30)), np.ones((30, 20))])
    factors = Factors(lambda _: next(made), cpu)
    assert factors.of(frame).item() == 2.0
    assert factors.of(frame).shape == (1, 1, 20, 30)
    with pytest.raises(UserError, match="frame 2: the alpha map is 20 x 30"):
        factors.of(frame)


FPS = 20.0
WAYS = [{}, {"mode": "dynamic"}, {"band": (2.0, 6.0)}, {"band": (2.0, 6.0), "filter": "ideal"}]


@pytest.mark.parametrize("name", methods())
@pytest.mark.parametrize("options", WAYS, ids=str)
def test_a_factor_made_for_each_frame_stays_in_step(name, options):
    if "band" in options and not method_class(name).takes_band:
        pytest.skip("this method takes no band")
    if name == "acceleration":
        options = {key: value for key, value in options.items() if key != "filter"}
    frames = clip(lambda t: 0.3 * np.sin(25 * t), seconds=0.35, fps=FPS, height=20, width=24)
    seen = []

    def alternating(frame):
        seen.append(next(i for i, given in enumerate(frames) if np.array_equal(frame, given)))
        return (1.0, 6.0, np.full((20, 24), 3.0))[len(seen) % 3]

    method = load(name, **options)
    drawn = list(method.stream(frames, alternating, FPS))
    assert seen == list(range(len(frames)))
    fixed = [list(method.stream(frames, alpha, FPS)) for alpha in (1.0, 6.0, np.full((20, 24), 3))]
    for index, picture in enumerate(drawn):
        np.testing.assert_array_equal(picture, fixed[(index + 1) % 3][index])


@pytest.mark.parametrize("options", [{}, *WAYS[2:]], ids=str)
def test_a_wrong_map_stops_the_stream_at_its_frame(options):
    frames = clip(lambda t: 0.0, seconds=0.6, fps=FPS, height=32, width=40)
    count = iter(range(99))
    stream = load("linear", **options).stream(
        frames, lambda _: np.ones((32, 40 - (next(count) == 5))), FPS
    )
    for _ in range(5):
        next(stream)
    with pytest.raises(UserError, match="frame 5: the alpha map is 39 x 32"):
        next(stream)
