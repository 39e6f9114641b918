"""Textures as continuous functions, and layers laid over each other, against known answers."""

import numpy as np
import pytest
from scipy import ndimage

from motionloupe.data.compose import Camera, Layer, render
from motionloupe.data.motion import Motion, turn_and_growth
from motionloupe.data.photometry import display, linear_light
from motionloupe.data.texture import anywhere, on_grid
from motionloupe.errors import UserError

SHIFT = Motion((2.37, -1.61))
TURN = Motion((0.4, 0.9), turn_and_growth(2.0, 0.0), (60.0, 50.0))
GROWTH = Motion((-1.3, 0.2), turn_and_growth(0.0, -0.05), (30.0, 70.0))
BEND = Motion(
    (0.3, -0.2),
    turn_and_growth(1.0, 0.02),
    (64.0, 48.0),
    np.array([[1.1, 0.4], [-0.3, 0.8]]),
    np.array([[0.03, 0.05], [-0.06, 0.02]]),
    np.array([0.3, 1.9]),
)
MOTIONS = pytest.mark.parametrize("motion", [SHIFT, TURN, GROWTH, BEND])


def random_texture(channels=2, rows=30, columns=41, seed=0):
    return np.random.default_rng(seed).random((channels, rows, columns), dtype=np.float32)


def spline(texture, rows, columns, mode):
    return np.stack(
        [
            ndimage.map_coordinates(
                plane.astype(np.float64), [rows, columns], order=3, mode=mode, prefilter=False
            )
            for plane in texture
        ]
    )


@pytest.mark.parametrize(("endless", "mode"), [(True, "mirror"), (False, "constant")])
@pytest.mark.parametrize(("row", "column"), [(3.3, 5.8), (-7.4, 2.0), (20.5, -50.1), (9.0, 30.7)])
def test_a_texture_on_a_grid_is_scipys_cubic_spline(endless, mode, row, column):
    texture = random_texture()
    rows, columns = np.meshgrid(row + np.arange(25), column + np.arange(35), indexing="ij")
    ours = on_grid(texture, row, column, 25, 35, endless=endless)
    padded = texture if endless else np.pad(texture, ((0, 0), (60, 60), (60, 60)))
    offset = 0 if endless else 60
    expected = spline(padded, rows + offset, columns + offset, mode)
    assert np.abs(ours - expected).max() < 1e-5


@pytest.mark.parametrize("endless", [True, False])
def test_a_texture_anywhere_is_the_same_function(endless):
    texture = random_texture()
    rng = np.random.default_rng(1)
    rows, columns = rng.uniform(-12, 45, (20, 30)), rng.uniform(-12, 55, (20, 30))
    padded = texture if endless else np.pad(texture, ((0, 0), (60, 60), (60, 60)))
    offset = 0 if endless else 60
    expected = spline(padded, rows + offset, columns + offset, "mirror")
    assert np.abs(anywhere(texture, rows, columns, endless=endless) - expected).max() < 2e-4


def dot_at(x, y, motion, step):
    """A white cut-out with one soft dot, its centre at (x, y) in frame a."""
    side = 49
    away = np.arange(side) - side // 2
    cover = np.exp(-(away[:, None] ** 2 + away[None, :] ** 2) / (2 * 5.0**2)).astype(np.float32)
    texture = np.repeat(cover[None], 4, axis=0)
    half = side // 2 / step
    return Layer(texture, (x - half, y - half), motion)


def centre_of(frame):
    light = np.where(frame[0] <= 0.04045, frame[0] / 12.92, ((frame[0] + 0.055) / 1.055) ** 2.4)
    rows, columns = np.mgrid[: light.shape[0], : light.shape[1]]
    return (light * columns).sum() / light.sum(), (light * rows).sum() / light.sum()


@pytest.mark.parametrize("step", [2, 3])
@pytest.mark.parametrize("alpha", [0.0, 0.02, 1.0, 7.0])
@pytest.mark.parametrize(("x", "y"), [(50.0, 40.0), (71.3, 55.8)])
def test_a_tracked_dot_goes_where_the_motion_says(step, alpha, x, y):
    camera = Camera(128, 96, step)
    black = Layer(np.zeros((3, 40, 40), np.float32), (0, 0), Motion())
    scene = [black, dot_at(x, y, SHIFT, step)]
    u, v = SHIFT.shift
    found = centre_of(render(scene, camera, alpha).frame)
    assert found == pytest.approx((x + alpha * u, y + alpha * v), abs=1e-3)


@pytest.mark.parametrize("motion", [TURN, GROWTH, BEND])
@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0, 4.0])
def test_a_tracked_dot_follows_turning_growing_and_bending(motion, alpha):
    camera = Camera(128, 96)
    black = Layer(np.zeros((3, 40, 40), np.float32), (0, 0), Motion())
    for x, y in ((52.0, 40.0), (71.3, 55.8)):
        found = centre_of(render([black, dot_at(x, y, motion, 2)], camera, alpha).frame)
        assert found == pytest.approx(dot_after(x, y, motion, alpha), abs=2e-3)


def dot_after(x, y, motion, alpha, spread=2.5):
    """The centre of a soft dot whose every point has moved: it stretches where the motion does."""
    step = 0.05
    away = np.arange(-12, 12 + step / 2, step)
    at_x, at_y = np.meshgrid(x + away, y + away)
    u, v = motion.displacement(at_x, at_y)
    new_x, new_y = at_x + alpha * u, at_y + alpha * v
    x_down, x_across = np.gradient(new_x, step)
    y_down, y_across = np.gradient(new_y, step)
    weight = np.exp(-((at_x - x) ** 2 + (at_y - y) ** 2) / (2 * spread**2))
    weight = weight * (x_across * y_down - x_down * y_across)
    return (weight * new_x).sum() / weight.sum(), (weight * new_y).sum() / weight.sum()


@MOTIONS
def test_the_origin_undoes_the_displacement(motion):
    x, y = np.meshgrid(np.linspace(0, 128, 20), np.linspace(0, 96, 15))
    for alpha in (0.0, 0.3, 1.0, 5.0):
        u, v = motion.displacement(x, y)
        back_x, back_y = motion.origin(x + alpha * u, y + alpha * v, alpha)
        assert np.abs(back_x - x).max() < 2e-4
        assert np.abs(back_y - y).max() < 2e-4


def test_a_motion_that_folds_is_refused():
    with pytest.raises(UserError, match=r"folds at alpha 40; stay below"):
        BEND.origin(np.zeros(1), np.zeros(1), 40.0)


def test_a_turn_is_a_turn():
    quarter = Motion(matrix=turn_and_growth(90.0, 0.0), centre=(2.0, 3.0))
    u, v = quarter.displacement(np.float64(5.0), np.float64(3.0))
    assert (5 + u, 3 + v) == pytest.approx((2.0, 6.0))


def test_light_is_mixed_in_linear_light():
    bright = Layer(np.ones((3, 40, 40), np.float32), (0, 0), Motion())
    veil = Layer(np.zeros((4, 200, 200), np.float32), (-30.0, -30.0), Motion())
    veil.texture[3] = 0.5
    frame = render([bright, veil], Camera(32, 32), 0.0).frame
    assert frame[:, 8:-8, 8:-8] == pytest.approx(0.7353570, abs=1e-4)  # sRGB of 0.5


def test_the_camera_keeps_light_and_place():
    camera = Camera(40, 30)
    places = np.arange(camera.fine_shape[1])
    assert [camera.index(float(p)) for p in camera.place(places)] == pytest.approx(places)
    assert camera.place(np.array([2 * camera.margin, 2 * camera.margin + 1])).mean() == 0
    flat = camera.reduce(np.full((3, *camera.fine_shape), 0.3, np.float32))
    assert flat.shape == (3, 30, 40)
    assert flat == pytest.approx(0.3, abs=1e-6)


def test_the_frontmost_layer_that_covers_half_a_pixel_owns_it():
    back = Layer(np.ones((3, 40, 40), np.float32), (0, 0), Motion())
    block = np.zeros((4, 44, 44), np.float32)
    block[:, 2:-2, 2:-2] = 1.0
    layers = [back, Layer(block, (10.0, 5.0), Motion((3.0, 0.0)))]
    for alpha in (0.0, 1.0, 2.0):
        owner = render(layers, Camera(48, 40), alpha).owner
        rows, columns = np.nonzero(owner)
        assert (rows.min(), rows.max()) == (6, 25)
        assert (columns.min(), columns.max()) == (11 + 3 * alpha, 30 + 3 * alpha)


def test_display_undoes_linear_light():
    levels = np.arange(256, dtype=np.uint8)[None]
    assert np.abs(255 * display(linear_light(levels)) - levels).max() < 1e-3
