"""Configurations come by name or from TOML, and what does not fit is named."""

import json
from typing import get_args

import pytest

from motionloupe.errors import UserError
from motionloupe.training.config import Data, TaskName
from motionloupe.training.recipes import CONFIGS, load_config
from motionloupe.training.samples import scene_config


@pytest.mark.parametrize("task", get_args(TaskName))
@pytest.mark.parametrize("name", ["paper", "small"])
def test_every_named_configuration_is_of_its_task_and_becomes_json(task, name):
    config = load_config(task, name)
    assert config.task == task
    assert json.loads(json.dumps(config.as_table()))["optimiser"]["steps"] > 0


def test_the_papers_settings():
    flowmag, oh = CONFIGS["flowmag"]["paper"], CONFIGS["oh2018"]["paper"]
    assert (flowmag.data.size, flowmag.data.batch, flowmag.optimiser.rate) == (512, 40, 3e-4)
    assert (flowmag.loss.iterations, flowmag.loss.colour) == (5, 10.0)
    assert flowmag.network.options == {"base": 64}
    assert (oh.data.batch, oh.optimiser.rate, oh.loss.regulariser) == (4, 1e-4, 0.1)


def test_a_file_changes_what_it_names_and_nothing_else(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        'base = "paper"\n[optimiser]\nrate = 1\n[data]\nsize = 64\n[data.scene]\nmotion = [0, 5]\n'
    )
    config = load_config("oh2018", str(path))
    assert config.optimiser.rate == 1.0
    assert config.data.size == 64
    assert config.data.scene == {**CONFIGS["oh2018"]["paper"].data.scene, "motion": [0, 5]}
    assert config.data.batch == CONFIGS["oh2018"]["paper"].data.batch
    path.write_text('base = "flavr"\n[data.scene]\nmotion = [0.0, 1.0]\nparts = { moving = 1.0 }\n')
    scene = load_config("flowmag", str(path)).data.scene
    assert scene["alpha"] == (10.0, 10.0)
    assert scene["motion"] == [0.0, 1.0]
    assert scene["parts"] == {"moving": 1.0}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = ", "not TOML"),
        ('base = "large"', "base must be one of paper, small"),
        ('base = ["small"]', "base must be one of paper, small"),
        ("[optimiser]\nrate = inf", "rate must be 0 or more, found inf"),
        ("[optimiser]\nlr = 1", r"\[optimiser\] has no key 'lr'; there are steps"),
        ('[optimiser]\nsteps = "many"', "steps must be of type int, found 'many'"),
        ("[optimiser]\nautocast = 1", "autocast must be of type bool"),
        ('[optimiser]\nschedule = "step"', "one of constant, cosine"),
        ("[optimiser]\nsteps = 0", "steps must be 1 or more, found 0"),
        ("[optimiser]\nrate = -1", "rate must be 0 or more, found -1"),
        ("[optimiser]\nema = 1.0", "ema must be below 1"),
        ("[data]\nbatch = 0", "batch must be 1 or more"),
        ("[report]\nlog = 0", "log must be 1 or more"),
        ("[data]\nsize = 15", "size must be 16 or more"),
        ("[loss]\nscales = 0", "scales must be 1 or more"),
        ("[loss]\nscales = -2", "scales must be 1 or more"),
        ("[loss]\nscales = 9", "9 scales leave less than 3 of"),
        ("network = 3", "network must be of type"),
        ('task = "flowmag"', "of flowmag, not of oh2018"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, text, message):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        load_config("oh2018", str(path))


@pytest.mark.parametrize("task", get_args(TaskName))
def test_scales_are_checked_in_every_task(tmp_path, task):
    path = tmp_path / "mine.toml"
    base = "truth" if task == "flowmag" else "small"
    for scales in (0, 7):
        path.write_text(f'base = "{base}"\n[loss]\nscales = {scales}\n')
        with pytest.raises(UserError, match="scales"):
            load_config(task, str(path))


@pytest.mark.parametrize(
    ("scene", "message"),
    [
        ({"motion": 3.0}, "motion must be"),
        ({"turn": "a"}, "turn must be of type float"),
        ({"objects": [5]}, "objects must be 2 numbers"),
        ({"objects": [2.5, 3.5]}, "objects must be of type int"),
        ({"noise": [1, 2, 3]}, "noise must be 2 numbers"),
        ({"parts": ["moving"]}, "parts must be"),
        ({"parts": {"moving": "much"}}, "parts must be of type float"),
        ({"supersample": 2.5}, "supersample must be of type int"),
        ({"size": [64, 64]}, r"say \[data\] size"),
    ],
)
def test_what_scenes_cannot_be_like_is_named(scene, message):
    with pytest.raises(UserError, match=message):
        scene_config(Data(scene=scene))


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(UserError, match="paper or small, or a TOML file"):
        load_config("oh2018", "huge")
