"""Texts of the command line become values of the right type, or one clear line."""

from pathlib import Path
from typing import Literal

import pytest

from motionloupe import magnifiers
from motionloupe.cli.options import line, method_options, stem
from motionloupe.errors import UserError

TYPES = {
    "levels": int,
    "sigma": float,
    "bandwidth": Literal["octave", "half-octave"],
    "chroma": bool,
    "limit": float | None,
    "weights": str | Path | None,
}


@pytest.fixture(autouse=True)
def _a_method(monkeypatch):
    monkeypatch.setattr(magnifiers, "option_types", lambda name: TYPES)


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("levels=6", {"levels": 6}),
        ("sigma=2", {"sigma": 2.0}),
        ("sigma=-1e-3", {"sigma": -0.001}),
        ("bandwidth=half-octave", {"bandwidth": "half-octave"}),
        ("chroma=yes", {"chroma": True}),
        ("chroma=0", {"chroma": False}),
        ("limit=16", {"limit": 16.0}),
        ("limit=0.5", {"limit": 0.5}),
        ("limit=none", {"limit": None}),
        ("weights=7", {"weights": "7"}),
        ("weights=none", {"weights": None}),
    ],
)
def test_a_setting_takes_the_type_that_is_declared(setting, expected):
    found = method_options("phase", [setting])
    assert found == expected
    assert [type(value) for value in found.values()] == [type(v) for v in expected.values()]


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("levels", "NAME=VALUE"),
        ("levels=2.5", "whole number"),
        ("sigma=wide", "a number"),
        ("limit=auto", "a number"),
        ("chroma=maybe", "true or false"),
        ("magic=1", "its own are: levels, sigma"),
    ],
)
def test_a_wrong_setting_is_named(setting, reason):
    with pytest.raises(UserError, match=reason):
        method_options("phase", [setting])


def test_lines_may_be_negative_and_spaced():
    assert line("-1,2.5, 3,4e1") == (-1, 2.5, 3, 40)


@pytest.mark.parametrize("text", ["", "1,2,3", "1,2,3,4,5", "1;2;3;4", "a,b,c,d"])
def test_anything_else_is_no_line(text):
    with pytest.raises(UserError, match="X1,Y1,X2,Y2"):
        line(text)


def test_results_are_called_after_their_source(tmp_path):
    (tmp_path / "frames.v2").mkdir()
    assert stem("clips/bridge.v2.mp4") == "bridge.v2"
    assert stem(str(tmp_path / "frames.v2")) == "frames.v2"
    assert stem(str(tmp_path / "frames.v2") + "/") == "frames.v2"
    assert stem(str(tmp_path / "frames.v2" / "*.png")) == "frames.v2"
    (tmp_path / "take [3]?.mp4").touch()
    assert stem(str(tmp_path / "take [3]?.mp4")) == "take [3]?"


@pytest.mark.parametrize(("name", "called"), [("100%d.mp4", "100_d"), ("a%05d.mp4", "a_05d")])
def test_a_name_that_would_number_pictures_is_changed_a_little(name, called):
    assert stem(name) == called
    assert stem("50% done.mp4") == "50% done"
