"""A trembling video beside its accelerometer, through the command line."""

import csv

import numpy as np
import pytest

from motionloupe.cli import main
from motionloupe.evaluation.physical import Film, Recording
from tests.evaluation.footage import FPS, write_reading, write_video

HERTZ = 3.0


def sway(t):
    return np.sin(2 * np.pi * HERTZ * t)


@pytest.fixture(scope="module")
def hammer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hammer")
    video, sensor = folder / "hammer.mkv", folder / "sensor.csv"
    write_video(
        video, lambda t: 0.1 * np.sin(2 * np.pi * HERTZ * t), seconds=2, height=64, width=80
    )
    write_reading(sensor, "acceleration", lambda t: -np.sin(2 * np.pi * HERTZ * t), 2.0)
    return video, sensor


def test_a_film_is_read_anew_each_time(hammer):
    film = Film(hammer[0])
    assert len(film) == 60
    assert film.fps == FPS
    once, again = list(film), list(film)
    assert len(once) == len(again) == 60
    assert np.array_equal(film[7], once[7])
    assert np.array_equal(again[7], once[7])


def test_high_speed_footage_has_its_true_rate(hammer):
    moments = [seconds for seconds, _ in Film(hammer[0], fps=600.0).moments()]
    assert moments[1] == pytest.approx(1 / 600, rel=0.02)  # Matroska counts milliseconds


def test_the_box_is_where_it_moves_unless_given(hammer):
    assert Recording(*hammer).box[2:] == (80, 64)
    given = Recording(*hammer, box=(8, 8, 48, 40))
    assert given.source.dx.max() == pytest.approx(0.1, abs=0.02)
    assert given.identity != Recording(*hammer, box=(8, 8, 40, 40)).identity


def bench(hammer, output, *words):
    given = ["--video", hammer[0], "--reference", hammer[1], "--output", output, "--quiet"]
    given += [
        "--estimators",
        "lucas-kanade",
    ]  # none is needed; the default looks for RAFT's weights
    return main(["bench", *map(str, [*words, *given])])


def test_a_good_method_follows_the_sensor_and_input_falls_short(hammer, tmp_path):
    words = ["all", "--band", "1.5", "4.5", "--methods", "riesz", "--largest-alpha", "2"]
    assert bench(hammer, tmp_path, *words, "--box", "8,8,64,48") == 0
    with (tmp_path / "results.csv").open() as file:
        found = {
            (row["method"], row["metric"], float(row["alpha"])): float(row["mean"])
            for row in csv.DictReader(file)
        }
    assert {method for method, _, _ in found} == {"riesz", "input", "broken"}
    assert found["riesz", "correlation", 2] > 0.98
    assert found["riesz", "gain", 2] == pytest.approx(1, abs=0.15)
    assert found["riesz", "phase_lag", 2] < 5
    assert found["input", "gain", 2] == pytest.approx(0.5)
    assert found["broken", "correlation", 2] < 0.5
    report = (tmp_path / "report.md").read_text()
    assert "box (8, 8, 64, 48)" in report
    assert "Beside the sensor the band holds 6 frequencies to compare." in report
    assert (tmp_path / "strips" / "physical-2-slices.png").stat().st_size > 1000
    assert list(tmp_path.glob("strips/*")) == [tmp_path / "strips" / "physical-2-slices.png"]


def test_a_band_too_narrow_for_a_correlation_is_told(hammer, tmp_path, capsys):
    words = ["physical", "--band", "2.5", "3.5", "--methods", "linear", "--largest-alpha", "1"]
    assert bench(hammer, tmp_path, *words, "--box", "8,8,64,48") == 0
    told = "the band holds 2 frequencies to compare: too few for a correlation, which needs 5"
    assert f"warning: {told}" in capsys.readouterr().err
    report = (tmp_path / "report.md").read_text()
    assert told in report
    assert "### correlation" not in report
    assert "### measured over wanted motion" in report


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["physical", "--box", "1,2"], "a box is X,Y,W,H"),
        (["physical", "--box", "60,0,64,48"], "leaves the frame"),
        (["pairs"], "the suite pairs needs real pairs: --pairs DIR"),
        (["physical", "--band", "40", "50"], "tell no frequency from 40 to 50 Hz"),
    ],
)
def test_mistakes_are_one_line(hammer, tmp_path, capsys, words, reason):
    assert bench(hammer, tmp_path, *words) == 2
    said = capsys.readouterr().err
    assert reason in said
    assert "Traceback" not in said
    assert not (tmp_path / "report.md").exists()


def test_a_sensor_without_its_video_is_refused(hammer, tmp_path, capsys):
    words = ["bench", "physical", "--reference", str(hammer[1]), "-o", str(tmp_path)]
    assert main(words) == 2
    assert "--video FILE --reference FILE.csv" in capsys.readouterr().err
