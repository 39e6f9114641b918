"""The benchmark whole: from folders of pictures to a report, stopped and gone on with."""

import csv
import json
from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest

from motionloupe.cli import main
from motionloupe.errors import UserError
from motionloupe.evaluation import contestants as who
from motionloupe.evaluation.checks import beaten_by_broken, beaten_truth
from motionloupe.evaluation.contestants import contestants
from motionloupe.evaluation.plots import draw_curves
from motionloupe.evaluation.results import Key, Results, Row, Store
from motionloupe.evaluation.run import STORE, Plan, run
from motionloupe.evaluation.strips import close_up, draw_strips, slice_line
from motionloupe.evaluation.suites import SUITES
from motionloupe.evaluation.synthetic import Material
from motionloupe.networks import build
from motionloupe.networks.weights import save_weights
from tests.data.material import cutouts, photographs

GAP = "motion_gap/lucas-kanade"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    root = tmp_path_factory.mktemp("scenes")
    for name, kind, made in (
        ("backgrounds", cv2.COLOR_RGB2BGR, photographs()),
        ("objects", cv2.COLOR_RGBA2BGRA, cutouts()),
    ):
        (root / name).mkdir()
        for number, picture in enumerate(made):
            cv2.imwrite(str(root / name / f"{number}.png"), cv2.cvtColor(picture, kind))
    return root


def plan(*names, methods=("warp-bilinear",), count=2, levels=3):
    return Plan(
        suites={name: SUITES[name].thinned(levels) for name in names},
        contestants=contestants(methods),
        estimators=["lucas-kanade"],
        stocks={"scenes": Material(photographs(), cutouts(), (96, 96), seed=5)},
        count=count,
        about={},
    )


def silent(done, expected):
    pass


def bench(pictures, output, *words):
    common = ["--scenes", pictures, "--split", "all", "--output", output, "--size", "64,64"]
    words = [*common, "--estimators", "lucas-kanade", *words]
    return main(["bench", *map(str, words), "--quiet"])


def test_truth_leads_broken_is_last_and_input_is_perfect_at_alpha_1(tmp_path):
    results = run(plan("alpha", "still"), tmp_path, progress=silent).results
    for suite in ("alpha", "still"):
        for score in (GAP, "ssim", "rmse", "psnr"):
            assert not beaten_truth(results, suite, score), score
    assert not beaten_by_broken(results, "alpha", GAP)
    for score in (GAP, "end_point_error/lucas-kanade"):
        assert not beaten_by_broken(results, "still", score)
    idle = results.summary("alpha", 1.0, "input", "ssim")
    assert idle.n == 2
    assert idle.mean > 0.995
    assert results.summary("alpha", 1.0, "input", GAP).mean < 0.02


def test_a_stopped_run_goes_on_where_it_was(tmp_path, monkeypatch):
    asked = plan("alpha", methods=("linear",), levels=2)
    whole = run(asked, tmp_path / "whole", progress=silent)
    assert whole.made == asked.total() == 16
    answers = []

    def stop_at_the_tenth(case):
        answers.append(case)
        if len(answers) == 3:
            raise KeyboardInterrupt
        return [np.zeros_like(case.frames[1])]

    monkeypatch.setattr(who.CHECKS["truth"], "answer", stop_at_the_tenth)
    with pytest.raises(KeyboardInterrupt):
        run(asked, tmp_path / "part", progress=silent)
    monkeypatch.undo()
    path = tmp_path / "part" / STORE
    known = len(path.read_text().splitlines())
    path.write_text(path.read_text() + '{"key": {"suite"')  # killed while it wrote
    rest = run(asked, tmp_path / "part", progress=silent)
    assert rest.made == 16 - known
    assert run(asked, tmp_path / "part", progress=silent).made == 0
    for score in whole.results.scores("alpha"):
        for level in whole.results.levels("alpha"):
            for method in ("linear", "broken"):
                first, second = (
                    r.results.summary("alpha", level, method, score) for r in (whole, rest)
                )
                assert str(first) == str(second)


def test_more_scenes_and_methods_add_to_what_is_known(tmp_path):
    def made(count, methods=("linear",), **changes):
        asked = replace(plan("still", methods=methods, count=count, levels=2), **changes)
        return run(asked, tmp_path, progress=silent).made

    assert made(1) == 8
    assert made(2) == 8
    assert made(2, ("linear", "riesz")) == 4
    assert made(1, contestants=contestants(["linear"], {"linear": {"chroma": 1.0}})) == 2
    other = Material(photographs(), cutouts(), (96, 96), seed=5, fingerprint="others")
    assert made(1, stocks={"scenes": other}) == 8
    assert made(2) == 0


def test_one_command_gives_the_whole_report(pictures, tmp_path, capsys):
    output = tmp_path / "report"
    rows = "linear,riesz,linear[lambda_c=9,chroma=1]"
    weaker = ["--methods", rows, "--set", "linear.lambda_c=4", "--quick"]
    assert bench(pictures, output, "magnified-motion,still", *weaker, "--largest-alpha", "20") == 0
    text = (output / "report.md").read_text()
    assert "seed 0" in text
    assert "3 from" in text
    assert "**" in text
    for line in text.splitlines():
        if line.startswith("!["):
            picture = output / line.partition("](")[2].rstrip(")")
            assert picture.stat().st_size > 1000
            assert not picture.with_suffix(".svg").exists()  # a quick look: none for print
    with (output / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["suite"] for row in rows} == {"magnified-motion", "still"}
    known = {"linear", "riesz", "linear[lambda_c=9,chroma=1]", "input", "truth", "broken"}
    assert {row["method"] for row in rows} == known
    assert {row["n"] for row in rows} == {"1"}
    assert max(float(row["alpha"]) for row in rows) == 20
    assert len(list((output / "strips").glob("*.png"))) == 2
    records = [json.loads(line) for line in (output / STORE).read_text().splitlines()]
    assert all(record["seconds"] > 0 for record in records if record["key"]["method"] == "riesz")


def test_rows_that_are_no_method_say_what_was_trained_or_fitted(pictures, tmp_path):
    weights = tmp_path / "mine.safetensors"
    options = {"alpha": 10.0, "width": 2}
    save_weights(weights, "flavr", options, build("flavr", options).state_dict(), {})
    fitted = "nivr[steps=3,width=8]"
    words = ["--methods", fitted, "--weights", f"mine={weights}", "--largest-alpha", "10"]
    assert bench(pictures, tmp_path, "alpha", *words, "--quick") == 0
    text = (tmp_path / "report.md").read_text()
    assert f"- `{fitted}`: an implicit video" in text
    assert "alone in 3 steps of 4096 pixels" in text
    assert "- `mine`: flavr, whose file does not say how it was trained" in text
    absent = "does not take part at 2 of 3 levels: it magnifies 10 times and no other factor"
    assert f"`mine` {absent}." in text
    with (tmp_path / "results.csv").open() as file:
        gaps = [row for row in csv.DictReader(file) if row["metric"] == "motion_gap"]
    assert {(row["method"], row["level"]) for row in gaps if row["n"] == "1"} >= {
        ("mine", "10"),
        (fitted, "1"),
        (fitted, "10"),
    }
    assert {row["level"] for row in gaps if row["method"] == "mine" and row["n"] == "0"} == {
        row["level"] for row in gaps if row["level"] != "10"
    }


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["pixels"], "no suite 'pixels'"),
        (["still", "--methods", "fase"], "no method 'fase'"),
        (["still", "--set", "phase=3"], "METHOD.NAME=VALUE"),
        (["still", "--set", "phase.level=3"], "no option 'level'"),
        (["still", "--weights", "mine"], "NAME=FILE"),
        (["still", "--size", "64"], "W,H"),
        (["still", "--size", "32,32"], "64 x 64 or more"),
        (["still", "--count", "0"], "1 or more"),
        (["still", "--largest-alpha", "nan"], "above 0"),
        (["alpha", "--largest-alpha", "0.5"], "no level"),
        (["still", "--estimators", "eyes"], "no flow estimator 'eyes'"),
        (["still", "--methods", "warp-bilinear[inpaint"], "METHOD[NAME=VALUE,...]"),
        (["still", "--methods", "warp-bilinear[paint=none]"], "no option 'paint'"),
        (["still", "--methods", "fase[x=1]"], "no method 'fase'"),
        (["still", "--methods", "nivr[paint=1]"], "nivr has no option 'paint'"),
        (["still", "--methods", "nivr[steps=few]"], "steps must be a whole number"),
        (["still", "--methods", "nivr[steps=0]"], "steps of nivr must be 1 or more"),
        (["noise-real"], "--clips DIR"),
        (["still", "--band", "1", "2"], "--band is for the suite physical"),
        (["still", "--reference", "sensor.csv"], "--video FILE"),
        (["still", "--box", "1,2,3,4"], "--video FILE"),
    ],
)
def test_mistakes_are_one_line(pictures, tmp_path, capsys, words, reason):
    assert bench(pictures, tmp_path / "report", *words) == 2
    assert reason in capsys.readouterr().err
    assert not (tmp_path / "report" / "report.md").exists()


def test_pictures_must_be_given(tmp_path, capsys):
    assert main(["bench", "still", "-o", str(tmp_path)]) == 2
    assert "--scenes DIR" in capsys.readouterr().err


def test_a_folder_of_other_things_is_refused(pictures, tmp_path, capsys):
    (tmp_path / STORE).write_text("shopping list\n")
    assert bench(pictures, tmp_path, "still") == 2
    assert "does not hold results" in capsys.readouterr().err
    assert (tmp_path / STORE).read_text() == "shopping list\n"


def test_the_median_leaves_the_first_answer_out(tmp_path):
    def timed(*seconds):
        rows = [Row(Key("still", 1.0, n, "x"), "", {}, s, None) for n, s in enumerate(seconds)]
        return [replace(rows[0], first=True), *rows[1:]]

    assert Results(timed(9.0, 1.0, 2.0)).costs("still", "x") == (1.5, None)
    assert Results(timed(9.0)).costs("still", "x") == (9.0, None)
    run(plan("still", methods=("linear",), levels=2), tmp_path, progress=silent)
    run(plan("still", methods=("linear",), levels=2, count=3), tmp_path, progress=silent)
    records = [json.loads(line) for line in (tmp_path / STORE).read_text().splitlines()]
    firsts = [
        each["key"] for each in records if each["first"] and each["key"]["method"] == "linear"
    ]
    assert [(key["scene"], key["level"]) for key in firsts] == [(0, 0.01), (2, 0.01)]


@pytest.mark.parametrize("workers", [1, 2])
def test_an_answer_that_is_no_picture_is_named(tmp_path, workers):
    asked = plan("still", methods=("linear",), levels=2)
    mine = who.Check(lambda case: iter([frame * np.nan for frame in case.frames]))
    asked = replace(asked, contestants={"mine": mine, **asked.contestants})
    with pytest.raises(UserError, match=r"^mine, still at (0\.01|100): a picture of floats"):
        run(asked, tmp_path, progress=silent, workers=workers)


def test_infinity_and_nothing_survive_the_file(tmp_path):
    store = Store(tmp_path / STORE)
    key = Key("still", 0.1, 3, "truth")
    store.add(Row(key, "s", {"psnr": float("inf"), "gain/x": float("nan")}, 0.1, None))
    found = Store(tmp_path / STORE).get(key, "s")
    assert found.scores == {"psnr": float("inf")}
    json.loads((tmp_path / STORE).read_text(), parse_constant=pytest.fail)


def test_a_sequence_is_cut_along_what_moves(tmp_path):
    suite = SUITES["temporal"]
    material = Material(photographs(), cutouts(), (96, 64), seed=0)
    case = suite.case(material, suite.levels[1], 0)
    x1, y1, x2, y2 = slice_line(case)
    rows, columns = close_up(case, len(case.targets) // 2)
    assert (x2 - x1, y2 - y1) in ((0, rows.stop - rows.start - 1), (23, 0))
    assert columns.start <= x1 <= x2 < columns.stop
    drawn = draw_strips(tmp_path, "temporal", suite, contestants(["linear"]), material)
    assert [path.name for path in drawn] == ["temporal-6.png", "temporal-6-slices.png"]
    assert all(path.stat().st_size > 1000 for path in drawn)


def test_the_close_up_is_where_magnification_shows():
    suite = SUITES["magnified-motion"]
    material = Material(photographs(), cutouts(), (128, 96), seed=0)
    case = suite.case(material, suite.levels[4], 0)
    rows, columns = close_up(case, 0)
    assert (rows.stop - rows.start, columns.stop - columns.start) == (24, 32)
    change = (case.targets[0].truth - case.targets[0].source).abs().mean(dim=1)[0]
    assert change[rows, columns].mean() > 1.2 * change[16:-16, 16:-16].mean()


def test_the_help_names_every_suite(capsys):
    assert main(["bench", "--help"]) == 0
    told = "".join(capsys.readouterr().out.split())  # lines break at hyphens
    assert not [name for name in SUITES if name not in told]


@pytest.mark.parametrize(
    ("name", "scale", "numbers"),
    [
        ("compressed", "linear", ["16", "20", "24", "28", "32"]),
        ("plain", "linear", ["16", "20", "24", "28", "32"]),
        ("pairs", "log", ["1", "2", "4", "8", "16", "32", "64"]),
        ("subpixel", "log", ["0.04", "0.063", "0.1", "0.16", "0.25", "0.4", "0.63", "1"]),
        ("noise-real", "symlog", ["0", "0.1", "1", "10", "100"]),
    ],
)
def test_the_numbers_below_a_curve_are_its_levels(tmp_path, monkeypatch, name, scale, numbers):
    drawn = []
    monkeypatch.setattr(
        "motionloupe.evaluation.plots.write_figure", lambda figure, path: drawn.append(figure)
    )
    rows = [
        Row(Key(name, level.value, 0, "linear"), "", {"ssim": 0.5}, 0.1, None)
        for level in SUITES[name].levels
    ]
    draw_curves(tmp_path / "x.png", Results(rows), name, SUITES[name], svg=False)
    (axes,) = drawn[0].axes
    assert axes.get_xscale() == scale
    assert [label.get_text() for label in axes.get_xticklabels()] == numbers
    drawn[0].canvas.draw()
    boxes = [label.get_window_extent() for label in axes.get_xticklabels()]
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))


def test_curves_are_drawn_for_print_too(tmp_path):
    rows = [Row(Key("still", x, 0, "linear"), "", {"ssim": 0.5}, 0.1, None) for x in (0.1, 1.0)]
    draw_curves(tmp_path / "still.png", Results(rows), "still", SUITES["still"])
    assert "<svg" in (tmp_path / "still.svg").read_text()[:1000]
