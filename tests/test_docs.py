"""What the documents say can be typed, can be typed."""

import re
import runpy
import shlex
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from motionloupe.cli import main
from motionloupe.demo import scene_info
from motionloupe.magnifiers import METHODS, options_of
from motionloupe.video import open_writer
from tests.scenes import clip, to_uint8

ROOT = Path(__file__).parent.parent
PAGES = ["README.md", "docs/tutorial.md", "docs/reference.md", "docs/methods.md", "docs/video.md"]


def blocks(page, language):
    text = (ROOT / page).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.M | re.S)


def commands(page):
    lines = "".join(blocks(page, "")).splitlines()
    return [line for line in lines if line.startswith("motionloupe ")]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A video of one second, and its frames."""
    folder = tmp_path_factory.mktemp("docs")
    sway = clip(lambda t: 0.1 * np.sin(2 * np.pi * 3 * t), seconds=1, height=64, width=80)
    frames = [to_uint8(frame) for frame in sway]
    video = folder / "bridge.mp4"
    with open_writer(video, scene_info(video, *frames[0].shape[:2])) as writer:
        for index, frame in enumerate(frames):
            writer.write(frame, index, 1)
    return video, frames


@pytest.fixture
def here(made, tmp_path, monkeypatch):
    shutil.copy(made[0], tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_a_page_runs_in_order(page, here):
    for command in commands(page):
        assert main(shlex.split(command)[1:]) == 0, command
    if page == "README.md":
        assert len(commands(page)) == 4


@pytest.mark.parametrize("page", ["README.md", "docs/tutorial.md", "docs/reference.md"])
def test_every_piece_of_python_of_a_page_runs(page, here, made):
    for code in blocks(page, "python"):
        exec(compile(code, page, "exec"), {"frames": made[1]})
    assert blocks(page, "python")


def test_the_readme_keeps_to_six_lines_of_python():
    (code,) = blocks("README.md", "python")
    assert len([line for line in code.splitlines() if line.strip()]) <= 6


def test_the_vibration_example_finds_the_frequency(here, monkeypatch, capsys):
    words = ["measure_vibration.py", "bridge.mp4", "8,8,64,48", "5"]
    monkeypatch.setattr(sys, "argv", words)
    runpy.run_path(str(ROOT / "examples" / "measure_vibration.py"), run_name="__main__")
    told = re.search(r"px down at (\S+) Hz", capsys.readouterr().out)
    assert told
    assert float(told[1]) == pytest.approx(3.0, abs=0.05)  # in one second, through a codec
    assert (here / "bridge_3.0Hz_x5.mp4").exists()


@pytest.mark.parametrize("page", [*PAGES, "CONTRIBUTING.md"])
def test_links_lead_somewhere(page):
    text = (ROOT / page).read_text()
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert ((ROOT / page).parent / link).exists(), link


def test_every_method_and_option_is_documented():
    text = (ROOT / "docs" / "methods.md").read_text()
    readme = (ROOT / "README.md").read_text()
    for name in METHODS:
        assert f"`{name}`" in text
        assert f"`{name}`" in readme
        for option in options_of(name):
            assert f"`{option}`" in text, f"{name}: {option}"


def test_the_citation_names_both_papers():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    families = [[author["family-names"] for author in r["authors"]] for r in cited["references"]]
    assert families[0] == ["Pan", "Geng", "Owens"]
    assert families[1][0] == "Oh"
    assert len(families[1]) == 7
