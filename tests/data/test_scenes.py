"""Scenes against known answers: their flow, their frames, and that nothing else decides them."""

import multiprocessing
from dataclasses import replace

import numpy as np
import pytest
import torch

from motionloupe.data.scenes import SceneConfig, Scenes
from motionloupe.errors import UserError
from motionloupe.measurement.displacement import displacement
from tests.data.material import cutouts, photographs

CLEAN = SceneConfig(size=(128, 96), noise=(0, 0), rounding=False)
MIXED = SceneConfig(size=(80, 64), motion=(0.5, 2), alpha=(2, 6))


def only(part, **changes):
    return replace(CLEAN, parts={part: 1.0}, **changes)


def scenes(config, seed=0):
    return Scenes(photographs(), cutouts(), config, seed)


def image(frame):
    return frame.permute(1, 2, 0).numpy()


@pytest.mark.parametrize("length", [0.04, 0.1, 0.33, 1.0, 2.5, 5.0])
def test_the_declared_flow_is_what_an_independent_meter_finds(length):
    config = only("background", motion=(length, length), alpha=(2, 2))
    for index in range(3):
        scene = scenes(config, 7)[index]
        u, v = scene.flow[:, 40, 40].tolist()
        assert np.hypot(u, v) == pytest.approx(length, rel=1e-5)
        dx, dy = displacement(image(scene.a), image(scene.b))
        assert dx == pytest.approx(u, abs=0.01)
        assert dy == pytest.approx(v, abs=0.01)
        dx, dy = displacement(image(scene.a), image(scene.y))
        assert dx == pytest.approx(2 * u, abs=0.01)
        assert dy == pytest.approx(2 * v, abs=0.01)


@pytest.mark.parametrize(
    "kind", [{}, {"turn": 5.0, "growth": 0.05}, {"elastic": 4.0}, {"turn": 3.0, "elastic": 2.0}]
)
def test_the_magnified_frame_warped_back_by_alpha_times_the_flow_is_frame_a(kind):
    config = only("moving", size=(160, 128), motion=(0.5, 2), alpha=(3, 3), **kind)
    scene = scenes(config, 11)[0]
    y, x = torch.meshgrid(torch.arange(128.0), torch.arange(160.0), indexing="ij")
    there = torch.stack([x + 3 * scene.flow[0], y + 3 * scene.flow[1]], dim=-1)
    grid = 2 * there / torch.tensor([159.0, 127.0]) - 1
    back = torch.nn.functional.grid_sample(
        scene.y[None], grid[None], mode="bicubic", align_corners=True
    )[0]
    off = (back - scene.a).abs().mean(0)
    seen = scene.visible(3.0)
    inner = torch.nn.functional.avg_pool2d(seen[None].float(), 7, 1, 3)[0] > 0.999
    assert inner.float().mean() > 0.3
    assert off[inner].mean() < 0.006
    assert off[inner].mean() < 0.3 * (scene.y - scene.a).abs().mean(0)[inner].mean()


@pytest.mark.parametrize("kind", [{}, {"turn": 5.0, "growth": 0.05}, {"elastic": 4.0}])
def test_the_backward_flow_undoes_the_flow_where_a_point_is_seen_in_both(kind):
    scene = scenes(only("moving", size=(160, 128), motion=(0.5, 3), alpha=(2, 2), **kind), 11)[0]
    columns, rows = scene.flow.round().long()
    y, x = torch.meshgrid(torch.arange(128), torch.arange(160), indexing="ij")
    there = scene.backward_flow[:, (y + rows).clamp(0, 127), (x + columns).clamp(0, 159)]
    seen = scene.visible(1.0)
    assert seen.float().mean() > 0.8
    near = 0.1 if kind else 1e-5  # it is read at the nearest pixel
    assert (there + scene.flow).abs().amax(0)[seen].quantile(0.99) < near
    assert scene.backward_flow.abs().amax() > 0.4


def test_a_point_of_b_is_seen_in_y_unless_something_moved_in_front_or_it_left():
    config = only("foreground", size=(160, 128), motion=(1, 3), alpha=(5, 5))
    scene = scenes(replace(config, noise=(0, 0), rounding=False), 11)[0]
    seen = scene.b_seen_in_y  # the background rests
    assert seen.shape == scene.layer_of_b.shape == (1, 128, 160)
    rests = (scene.backward_flow == 0).all(0)
    same = (scene.b - scene.y).abs().amax(0) < 1e-6
    assert (seen[0][rests & same] == 1).float().mean() > 0.99
    assert torch.equal(scene.layer_of_b[0] == 0, rests)  # the background is the lowest
    hidden = rests & (seen[0] == 0)
    assert hidden.float().mean() > 0.005
    assert same[hidden].float().mean() < 0.2


def test_any_factor_gives_the_true_frame():
    scene = scenes(replace(MIXED, parts={"moving": 1}))[0]
    assert torch.equal(scene.at(scene.alpha), scene.y)
    assert torch.equal(scene.at(scene.alpha, perturbed=True), scene.y_perturbed)
    assert (scene.at(0.0) - scene.a).abs().mean() < 0.01
    clean = scenes(replace(CLEAN, parts={"moving": 1}))[0]
    assert torch.equal(clean.at(1.0), clean.b)
    assert not torch.equal(clean.at(1.5), clean.b)


def test_noise_and_rounding_are_all_that_b_has_over_the_truth():
    scene = scenes(replace(MIXED, noise=(2, 2)))[1]
    assert scene.noise == 2
    levels = 255 * scene.b
    assert torch.equal(levels, levels.round())
    off = 255 * (scene.b - scene.at(1.0))
    expected = torch.sqrt(4 * scene.at(1.0) / 0.5 + 1 / 6)
    assert (off / expected).std() == pytest.approx(1, abs=0.1)
    assert abs(off.mean()) < 0.1


def test_a_static_scene_differs_by_its_noise_alone():
    scene = scenes(only("static"))[0]
    assert not scene.flow.any()
    assert torch.equal(scene.a, scene.b)
    assert torch.equal(scene.a, scene.y)
    assert scene.visible(scene.alpha).all()
    noisy = scenes(only("static", noise=(3, 3), rounding=True))[0]
    assert not noisy.flow.any()
    assert 0 < (noisy.a - noisy.b).abs().mean() < 0.03


def test_the_parts_move_what_they_say():
    moving = scenes(only("moving", motion=(1, 2)))[0].flow
    foreground = scenes(only("foreground", motion=(1, 2)))[0].flow
    alone = scenes(only("background", motion=(1, 2)))[0].flow
    assert len(torch.unique(moving[0])) > 3
    assert moving.abs().sum(0).min() > 0
    assert foreground.abs().sum(0).min() == 0 < foreground.abs().max()
    assert len(torch.unique(alone[0])) == 1
    hazy = scenes(only("blurred", motion=(1, 2)))[0].a
    plain = scenes(only("background", motion=(1, 2)))[0].a
    assert hazy.diff(dim=2).abs().mean() < 0.5 * plain.diff(dim=2).abs().mean()


def test_a_plain_background_is_smooth_stays_and_is_dark_at_times():
    brightness = []
    for index in range(8):
        scene = scenes(only("plain", motion=(1, 2), objects=(2, 3), object_size=(0.2, 0.3)))[index]
        bare = scene.flow.abs().sum(0) == 0
        assert scene.flow.abs().max() > 0.5
        assert bare.float().mean() > 0.3
        steps, inner = scene.a.diff(dim=2).abs().amax(0), bare[:, 3:-4] & bare[:, 7:]
        inner &= bare[:, :-7]
        assert steps[:, 3:-3][inner].quantile(0.9) < 0.03
        brightness.append(scene.a[:, bare].mean().item())
    assert min(brightness) < 0.5 * max(brightness)


def test_magnified_motion_stays_below_the_cap():
    config = replace(CLEAN, size=(48, 40), turn=5, growth=0.1, elastic=5)
    for index in range(20):
        scene = scenes(config)[index]
        assert scene.alpha * scene.flow.norm(dim=0).max() <= 30.001
        assert 1 <= scene.alpha <= 100


def test_the_twins_differ_in_colour_only():
    scene = scenes(only("moving"))[0]
    assert (scene.b - scene.b_perturbed).abs().mean() > 0.01
    assert np.array_equal(scene.colour(scene.at(1.0).numpy()), scene.b_perturbed.numpy())
    plain = scenes(only("moving", colour=0.0))[0]
    assert torch.allclose(plain.b, plain.b_perturbed, atol=1e-5)


def _fingerprint(index):
    scene = scenes(MIXED, 4)[index]
    return [scene.y_perturbed.numpy(), scene.flow.numpy(), scene.b.numpy(), scene.a.numpy()]


def test_a_scene_depends_on_seed_and_index_alone():
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        elsewhere = pool.map(_fingerprint, [5, 2])
    here = [_fingerprint(2), _fingerprint(5)]
    for ours, theirs in zip(here, elsewhere[::-1], strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))
    assert not np.array_equal(here[0][3], here[1][3])
    assert not torch.equal(scenes(MIXED, 4)[2].a, scenes(MIXED, 5)[2].a)


@pytest.mark.parametrize("index", [0, 1, 3, 4])
def test_scenes_that_differ_in_their_motion_alone_show_the_same_things(index):
    """Also where the photograph, 260 x 200, has no room for the larger motion."""
    near, far = (
        scenes(only("moving", motion=(length, length), alpha=(3.0, 3.0)))[index]
        for length in (0.05, 8.0)
    )
    assert near.layers[0].texture.shape != far.layers[0].texture.shape
    assert len(near.layers) == len(far.layers)
    for a, b in zip(near.layers[1:], far.layers[1:], strict=True):
        assert np.array_equal(a.texture, b.texture)
        assert a.corner == b.corner


def test_scenes_that_differ_in_their_motion_alone_show_the_same_part_of_the_photograph():
    photo = photographs(1, 900, 1200)
    near, far = (
        Scenes(photo, cutouts(), only("moving", motion=(m, m), alpha=(2.0, 2.0)), 0)[1]
        for m in (0.05, 4.0)
    )
    assert (near.a - far.a).abs().mean() < 0.02


@pytest.mark.parametrize("size", [(16, 16), (17, 33), (61, 20)])
def test_any_size_works(size):
    scene = scenes(SceneConfig(size=size))[1]
    assert scene.y.shape == (3, size[1], size[0])
    assert scene.flow.shape == (2, size[1], size[0])
    assert scene.y.dtype == scene.flow.dtype == torch.float32
    assert scene.y.isfinite().all()
    assert 0 <= scene.y_perturbed.min() <= scene.y_perturbed.max() <= 1


def test_a_finer_grid_gives_the_same_picture():
    fine = replace(CLEAN, parts={"background": 1.0}, supersample=4)
    camera = scenes(fine)[0].camera
    assert camera.kernel.sum() == pytest.approx(1, abs=1e-6)
    dx, dy = displacement(*(image(f) for f in (scenes(fine)[0].a, scenes(fine)[0].b)))
    assert (dx, dy) == pytest.approx(scenes(fine)[0].flow[:, 50, 50].tolist(), abs=0.01)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"size": (12, 40)}, "16 x 16"),
        ({"motion": (2, 1)}, "motion must be finite, rising"),
        ({"motion": (4, 5), "alpha": (10, 20)}, "largest_magnified"),
        ({"motion": (0, 1), "motion_law": "log"}, "motion must"),
        ({"alpha_law": "normal"}, "uniform or log"),
        ({"parts": {"movng": 1}}, "no kind of scene is called 'movng'"),
        ({"parts": {"moving": 0}}, "above 0"),
        ({"noise": (0, float("nan"))}, "noise must"),
        ({"supersample": 1}, "supersample"),
        ({"blur": 0.0}, "blur"),
    ],
)
def test_settings_that_no_scene_could_keep_are_refused(setting, message):
    with pytest.raises(UserError, match=message):
        SceneConfig(**setting)


def test_missing_material_is_named():
    with pytest.raises(UserError, match="at least one background"):
        Scenes([])
    with pytest.raises(UserError, match="need objects"):
        Scenes(photographs(1))
    Scenes(photographs(1), config=SceneConfig(parts={"background": 1}))[0]
    with pytest.raises(IndexError):
        scenes(MIXED)[-1]


def test_bending_too_far_is_refused():
    scene = scenes(only("background", elastic=3.0, motion=(0, 1)))[0]
    with pytest.raises(UserError, match="folds"):
        scene.at(1e6)
