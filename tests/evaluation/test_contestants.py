"""Who takes part: methods as a user would call them, and the checks."""

import numpy as np
import pytest
import torch

from motionloupe.arrays import to_tensor
from motionloupe.errors import UserError
from motionloupe.evaluation import contestants as who
from motionloupe.evaluation.contestants import CHECKS, contestants
from motionloupe.evaluation.metrics import ssim
from motionloupe.evaluation.run import Plan
from motionloupe.evaluation.suites import SUITES
from motionloupe.evaluation.synthetic import Material
from motionloupe.magnifiers import METHODS, load
from motionloupe.networks import build
from motionloupe.networks.weights import save_weights
from tests.data.material import cutouts, photographs


@pytest.fixture(scope="module")
def material():
    return Material(photographs(), cutouts(), (64, 64), seed=0)


@pytest.fixture(scope="module")
def pair(material):
    return SUITES["subpixel"].case(material, SUITES["subpixel"].levels[-1], 0)


@pytest.fixture(scope="module")
def sequence(material):
    return SUITES["temporal"].case(material, SUITES["temporal"].levels[0], 0)


def weights(path, network, **options):
    save_weights(path, network, options, build(network, options).state_dict(), {})
    return path


def test_every_method_takes_part_before_the_checks():
    assert list(contestants()) == [*METHODS, "input", "truth", "broken"]
    assert list(contestants(["riesz", "input"])) == ["riesz", "input", "truth", "broken"]


def test_options_without_a_row_are_refused():
    with pytest.raises(UserError, match="options for riesz, which has no row"):
        contestants(["phase"], {"riesz": {"sigma": 4.0}})


def test_other_shipped_weights_are_another_row(tmp_path, monkeypatch):
    before = contestants(["oh2018"])["oh2018"].fingerprint
    other = weights(tmp_path / "oh2018.safetensors", "oh2018")
    monkeypatch.setattr("motionloupe.evaluation.contestants.shipped", lambda name: other)
    assert contestants(["oh2018"])["oh2018"].fingerprint != before


def test_a_method_answers_as_a_user_would_get_it(pair, sequence):
    method = contestants(["linear"], {"linear": {"lambda_c": 4.0}})["linear"]
    (answer,) = method.answer(pair)
    assert np.array_equal(answer, load("linear", lambda_c=4.0).pair(*pair.frames, pair.alpha))
    drawn = list(
        load("linear", lambda_c=4.0, band=sequence.band).stream(sequence.frames, 5.0, 30.0)
    )
    answers = method.answer(sequence)
    assert len(answers) == len(sequence.targets)
    for target, answer in zip(sequence.targets, answers, strict=True):
        assert np.array_equal(answer, drawn[target.number])


def test_the_checks_do_nothing_know_it_all_and_go_astray(pair, sequence):
    for case in (pair, sequence):
        given = [case.frames[target.number] for target in case.targets]
        for answer, frame in zip(CHECKS["input"].answer(case), given, strict=True):
            assert answer is frame
        for answer, target in zip(CHECKS["truth"].answer(case), case.targets, strict=True):
            assert np.array_equal(answer, target.truth[0].permute(1, 2, 0).numpy())
        for answer, frame in zip(CHECKS["broken"].answer(case), given, strict=True):
            assert np.array_equal(np.sort(answer, axis=None), np.sort(frame, axis=None))
            assert np.abs(answer - frame).mean() > 0.05


def test_who_cannot_take_part_says_why():
    found = contestants()
    assert "sequence" in found["acceleration"].refuses(SUITES["subpixel"])
    assert found["acceleration"].refuses(SUITES["temporal"]) is None
    assert found["phase"].refuses(SUITES["subpixel"]) is None


@pytest.mark.parametrize(
    ("network", "options"),
    [
        ("oh2018", {"width": 4}),
        ("flowmag-splat", {"base": 4, "mend": 4}),
        ("flowmag-unet", {"base": 2}),
        ("flavr", {"width": 2}),
    ],
)
def test_a_file_of_weights_is_a_contestant_under_the_users_name(tmp_path, pair, network, options):
    path = weights(tmp_path / "mine.safetensors", network, **options)
    mine = contestants([], weights={"mine": path})["mine"]
    (answer,) = mine.answer(pair)
    assert answer.shape == pair.frames[0].shape
    assert (mine.refuses(SUITES["temporal"]) is None) == (network not in ("flowmag-unet", "flavr"))
    torch.manual_seed(1)
    other = contestants([], weights={"mine": weights(path, network, **options)})["mine"]
    assert other.fingerprint != mine.fingerprint


def test_a_network_of_one_factor_takes_part_at_its_levels_alone(tmp_path, material):
    """Ten times is the factor of one level of these, and of none of noise's."""
    path = tmp_path / "mine.safetensors"
    network = build("flavr", {"width": 2})
    card = {"step": 30, "data": "scenes", "config": {"data": {"batch": 4, "size": 96}}}
    save_weights(path, "flavr", {"width": 2}, network.state_dict(), card)
    mine = contestants([], weights={"mine": path})
    alpha = SUITES["alpha"]
    plan = Plan(
        {"alpha": alpha, "noise": SUITES["noise"]}, mine, ["dis"], {"scenes": material}, 1, {}
    )
    asked = {level.value: "mine" in plan.players(alpha.at(level)) for level in alpha.levels}
    assert [value for value, plays in asked.items() if plays] == [10.0]
    assert "magnifies 10 times" in mine["mine"].refuses(SUITES["noise"])
    checks = 3 * (len(alpha.levels) + len(SUITES["noise"].levels))
    assert plan.total() == checks + 1
    assert mine["mine"].label == (
        "flavr, trained in 30 steps of 4 samples of 96 x 96 pixels; its data: scenes"
    )


def test_flavr_takes_part_by_its_name_with_the_weights_that_came(monkeypatch):
    assert "flavr" not in contestants()
    flavr = contestants(["flavr"])["flavr"]
    assert flavr.label.startswith("flavr, trained in ")
    assert flavr.refuses(SUITES["mixed"]) == "it magnifies 10 times and no other factor"
    with pytest.raises(UserError, match="flavr has no option 'width'; it has none"):
        contestants(["flavr"], {"flavr": {"width": 3}})
    monkeypatch.setattr(who, "shipped", lambda name: None)
    with pytest.raises(UserError, match="no weights of flavr came"):
        contestants(["flavr"])


def test_flowmag_that_never_saw_a_label_takes_part_by_its_name(pair):
    assert "flowmag-arflow" not in contestants()
    rows = contestants(["flowmag", "flowmag-arflow"])
    assert rows["flowmag-arflow"].label.startswith("flowmag-splat, trained in ")
    plain, unlabelled = (rows[name].answer(pair)[0] for name in ("flowmag", "flowmag-arflow"))
    assert not np.array_equal(plain, unlabelled)
    named = contestants(["flowmag"], {"flowmag": {"weights": "flowmag-arflow"}})["flowmag"]
    assert np.array_equal(named.answer(pair)[0], unlabelled)
    assert named.fingerprint == rows["flowmag-arflow"].fingerprint.replace(
        "flowmag-splat", "flowmag"
    )


def test_the_flavr_that_came_magnifies(material):
    suite, flavr = SUITES["subpixel"], contestants(["flavr"])["flavr"]
    found = []
    for scene in range(3):
        case = suite.case(material, suite.levels[-1], scene)
        (target,), (answer,) = case.targets, flavr.answer(case)
        pictures = (to_tensor(answer), to_tensor(case.frames[1]))
        found.append([float(ssim(picture, target.truth, border=16)) for picture in pictures])
    mine, idle = np.mean(found, axis=0)
    assert mine > idle + 0.1


def test_a_method_may_have_several_rows(pair):
    rows = ["linear", "linear[chroma=1]"]
    found = contestants(rows, {"linear": {"lambda_c": 4.0}, "linear[chroma=1]": {"chroma": 1.0}})
    plain, coloured = (found[row].answer(pair)[0] for row in rows)
    expected = load("linear", lambda_c=4.0, chroma=1.0).pair(*pair.frames, pair.alpha)
    assert np.array_equal(coloured, expected)
    assert not np.array_equal(plain, coloured)
    assert found[rows[0]].fingerprint != found[rows[1]].fingerprint


def test_a_method_that_cannot_be_had_stays_away_and_a_bad_option_is_an_error(material, monkeypatch):
    def without(name, **options):
        raise UserError(f"no weights for {name}")

    monkeypatch.setattr("motionloupe.evaluation.contestants.load", without)
    suites = {"still": SUITES["still"]}
    found = contestants(["phase"])
    assert found["phase"].refuses(SUITES["still"]) == "no weights for phase"
    with pytest.raises(UserError, match="no method can take part; phase: no weights for phase"):
        Plan(suites, found, ["dis"], {"scenes": material}, 1, {})
    settled = contestants(["phase"], {"phase": {"sigma": -1.0}})
    with pytest.raises(UserError, match=r"^no weights"):
        settled["phase"].refuses(SUITES["still"])


def test_mistakes_are_named(tmp_path):
    with pytest.raises(UserError, match="no method 'fase' to bench; there are flowmag, phase"):
        contestants(["fase"])
    path = weights(tmp_path / "w.safetensors", "oh2018", width=4)
    with pytest.raises(UserError, match="other than phase"):
        contestants(weights={"phase": path})
    with pytest.raises(UserError, match="no weights at"):
        contestants(weights={"mine": tmp_path / "none.safetensors"})
