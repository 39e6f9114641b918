"""``motionloupe train`` from folders of pictures to weights that a magnifier loads."""

import json

import cv2
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from motionloupe.arrays import to_tensor
from motionloupe.cli import train
from motionloupe.errors import UserError
from motionloupe.flow import load_flow
from motionloupe.magnifiers.flowmag import FlowMag
from motionloupe.magnifiers.oh2018 import Oh2018
from motionloupe.training.recipes import load_config
from motionloupe.training.samples import held_out_scenes, training_scenes
from tests.scenes import texture, to_uint8

SCENES = "[data]\nsize = 32\nbatch = 2\n[report]\nlog = 1\nsave = 1\nvalidate = 2\nscenes = 2\n"
OH = f"{SCENES}[network]\noptions = {{ width = 4 }}\n[optimiser]\nsteps = 2\n"
FLOWMAG = (
    f"{SCENES}[network]\noptions = {{ base = 4, mend = 4 }}\n[optimiser]\nsteps = 2\n"
    '[loss]\nflow = "lucas-kanade"\niterations = 1\n'
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("pictures")
    for name in ("photos", "cutouts"):
        (root / name).mkdir()
    for number in range(40):
        picture = to_uint8(texture(48, 64, seed=number))
        cv2.imwrite(str(root / "photos" / f"{number}.png"), picture)
        mask = np.zeros((48, 64, 1), np.uint8)
        cv2.circle(mask, (32, 24), 20, 255, -1)
        cut = np.concatenate([picture, mask], axis=2)
        cv2.imwrite(str(root / "cutouts" / f"{number}.png"), cut)
    return root


def run(folders, output, method, text):
    app = typer.Typer()
    app.command()(train.command)
    config = output.parent / f"{method}.toml"
    config.write_text(text)
    words = [
        method,
        "--backgrounds",
        str(folders / "photos"),
        "--objects",
        str(folders / "cutouts"),
    ]
    words += ["--config", str(config), "--output", str(output), "--json"]
    return CliRunner().invoke(app, words, catch_exceptions=False)


@pytest.mark.parametrize(
    ("method", "text", "magnifier"), [("oh2018", OH, Oh2018), ("flowmag", FLOWMAG, FlowMag)]
)
def test_a_command_makes_weights_that_magnify(folders, tmp_path, method, text, magnifier):
    result = run(folders, tmp_path / "run", method, text)
    assert result.exit_code == 0
    weights = json.loads(result.stdout.splitlines()[-1])["weights"]
    loaded = magnifier(weights=weights)
    assert loaded.card["task"] == method
    assert "photographs" in loaded.card["data"]
    frame = to_uint8(texture(30, 40))
    assert loaded.pair(frame, frame[::-1].copy(), 3.0).shape == frame.shape


@pytest.mark.parametrize(
    ("name", "options"), [("motion-finder", "base = 4"), ("pwc-lite", "width = 0.1")]
)
def test_a_command_makes_weights_that_find_flow(folders, tmp_path, name, options):
    network = f'[network]\nname = "{name}"\noptions = {{ {options} }}\n'
    text = f"{SCENES}{network}[optimiser]\nsteps = 2\n"
    result = run(folders, tmp_path / "run", "flow", f"{text}[loss]\nsecond_from = 1\n")
    assert result.exit_code == 0
    weights = json.loads(result.stdout.splitlines()[-1])["weights"]
    frame = to_tensor(texture(30, 40))
    assert load_flow(name, weights=weights)(frame, frame).shape == (1, 2, 30, 40)
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert all("epe" in line for line in log if line["kind"] == "validation")
    seconds = [line["second"] for line in log if line["kind"] == "train"]
    assert seconds[0] == 0 < seconds[1]
    for method in (FlowMag, Oh2018):
        with pytest.raises(UserError, match=name):
            method(weights=weights)


def test_what_is_held_out_is_never_learned_from(folders):
    config = load_config("oh2018", "small")
    parts = [
        make(config, folders / "photos", folders / "cutouts").scenes
        for make in (training_scenes, held_out_scenes)
    ]
    for kind in ("backgrounds", "objects"):
        learned, kept = (set(getattr(scenes, kind).names) for scenes in parts)
        assert learned
        assert kept
        assert not learned & kept
    assert parts[0].seed != parts[1].seed


def test_unknown_methods_and_options_are_named(folders, tmp_path):
    with pytest.raises(UserError, match="oh2018, flowmag and flow"):
        run(folders, tmp_path / "run", "phase", OH)
    with pytest.raises(UserError, match=r"no key 'speed'; there are .*alpha"):
        run(folders, tmp_path / "run", "oh2018", OH + "[data.scene]\nspeed = 3\n")
    wrong = FLOWMAG.replace("[network]\n", '[network]\nname = "flowmag-gan"\n')
    with pytest.raises(UserError, match="no network 'flowmag-gan'"):
        run(folders, tmp_path / "run", "flowmag", wrong)
