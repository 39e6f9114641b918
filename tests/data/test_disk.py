"""Scenes as files: what is written is the scene, whole or not at all, and once."""

import json

import cv2
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from motionloupe.cli import synth
from motionloupe.data.disk import FRAMES, write_scenes
from motionloupe.data.scenes import SceneConfig, Scenes
from motionloupe.errors import UserError
from tests.data.material import cutouts, photographs

CONFIG = SceneConfig(size=(48, 32), motion=(0.5, 2), alpha=(2, 6))


def scenes(seed=0, config=CONFIG):
    return Scenes(photographs(), cutouts(), config, seed)


def snapshot(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_the_files_hold_the_scene(tmp_path):
    assert write_scenes(scenes(), tmp_path, 2, about={}) == (2, 0)
    for index in range(2):
        scene, folder = scenes()[index], tmp_path / f"{index:06d}"
        for name in FRAMES:
            read = cv2.imread(str(folder / f"{name}.png"))[..., ::-1]
            frame = getattr(scene, name).permute(1, 2, 0).numpy()
            assert np.array_equal(read, np.round(frame * 255))
        flow = cv2.readOpticalFlow(str(folder / "flow.flo"))
        assert np.array_equal(flow.transpose(2, 0, 1), scene.flow.numpy())
        record = json.loads((folder / "scene.json").read_text())
        assert record["alpha"] == scene.alpha
        assert record["part"] == scene.part
        assert len(record["motions"]) == len(scene.layers)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["config"]["size"] == [48, 32]


def test_a_stopped_run_goes_on_and_leaves_no_half_scene(tmp_path):
    def stop(done, expected):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_scenes(scenes(), tmp_path, 4, about={}, progress=stop)
    before = snapshot(tmp_path)
    assert write_scenes(scenes(), tmp_path, 4, about={}) == (2, 2)
    after = snapshot(tmp_path)
    assert {path: after[path] for path in before} == before
    whole = tmp_path / "elsewhere"
    write_scenes(scenes(), whole, 4, about={})
    for path in whole.rglob("*.*"):
        assert path.read_bytes() == (tmp_path / path.relative_to(whole)).read_bytes()


def test_a_scene_that_fails_leaves_nothing(tmp_path, monkeypatch):
    def full(path, flow):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("motionloupe.data.disk.write_flo", full)
    with pytest.raises(OSError, match="No space"):
        write_scenes(scenes(), tmp_path, 1, about={})
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]


def test_another_run_is_never_mixed_in(tmp_path):
    write_scenes(scenes(), tmp_path / "set", 1, about={})
    with pytest.raises(UserError, match="other settings"):
        write_scenes(scenes(seed=1), tmp_path / "set", 1, about={})
    with pytest.raises(UserError, match="other settings"):
        write_scenes(scenes(), tmp_path / "set", 1, about={"backgrounds": "others"})
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(UserError, match="holds other files"):
        write_scenes(scenes(), tmp_path / "mine", 1, about={})
    with pytest.raises(UserError, match="is a file"):
        write_scenes(scenes(), tmp_path / "mine" / "letter.txt", 1, about={})
    with pytest.raises(UserError, match="1 or more"):
        write_scenes(scenes(), tmp_path / "none", 0, about={})


@pytest.fixture
def run(tmp_path):
    import typer

    app = typer.Typer()
    app.command()(synth.command)
    for number, photo in enumerate(photographs(2)):
        (tmp_path / "photos").mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / "photos" / f"{number}.png"), photo)

    def invoke(*words):
        arguments = [str(tmp_path / "out"), "--backgrounds", str(tmp_path / "photos"), *words]
        return CliRunner().invoke(app, arguments)

    return invoke


def test_the_command_writes_what_it_says(run, tmp_path):
    words = ["--count", "2", "--size", "40,32", "--motion", "1,1", "--json", "-q"]
    result = run(*words)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == {"output": str(tmp_path / "out"), "made": 2, "kept": 0}
    flow = cv2.readOpticalFlow(str(tmp_path / "out" / "000001" / "flow.flo"))
    assert flow.shape == (32, 40, 2)
    assert np.hypot(*flow[0, 0]) == pytest.approx(1, rel=1e-5)
    assert "2 were there already" in run(*words[:-2]).stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--size", "40"], "--size takes two numbers"),
        (["--alpha", "1,x"], "--alpha takes two numbers"),
        (["--parts", "moving"], "need objects"),
        (["--parts", "plain"], "need objects"),
        (["--split", "dev"], "split must be"),
    ],
)
def test_the_command_refuses_what_makes_no_sense(run, tmp_path, words, message):
    result = run(*words)
    assert isinstance(result.exception, UserError)
    assert message in str(result.exception)
    assert not (tmp_path / "out").exists()


def test_a_scene_written_is_a_scene_magnified(tmp_path):
    """The files alone are enough to check the truth: y has moved by alpha times the flow."""
    from motionloupe.measurement.displacement import displacement

    config = SceneConfig(
        size=(96, 96), parts={"background": 1}, motion=(0.5, 0.5), alpha=(4, 4), noise=(0, 0)
    )
    write_scenes(scenes(config=config), tmp_path, 1, about={})
    a, y = (cv2.imread(str(tmp_path / "000000" / f"{name}.png"))[..., ::-1] for name in "ay")
    u, v = cv2.readOpticalFlow(str(tmp_path / "000000" / "flow.flo"))[48, 48]
    assert displacement(a, y) == pytest.approx((4 * u, 4 * v), abs=0.02)
    assert torch.isfinite(scenes()[0].flow).all()
