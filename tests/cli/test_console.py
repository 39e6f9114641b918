"""Progress: a bar for a terminal, plain lines for a log, nothing when told so."""

import io
import json
import sys
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from motionloupe.cli import console


@dataclass
class Clock:
    now: float = 0.0

    def monotonic(self):
        return self.now


class Terminal(io.StringIO):
    def isatty(self):
        return True


def told(monkeypatch, capsys, expected, *, quiet=False):
    clock = Clock()
    monkeypatch.setattr(console, "time", clock)
    with console.Progress(quiet) as progress:
        for done in range(1, 101):
            clock.now += 0.125
            progress(done, expected)
    return capsys.readouterr()


def test_a_log_gets_a_line_at_times_with_rate_and_time_left(monkeypatch, capsys):
    printed = told(monkeypatch, capsys, 100)
    assert printed.out == ""
    assert printed.err.splitlines() == [
        "40 of 100 frames, 8 frames/s, 8 s left",
        "80 of 100 frames, 8 frames/s, 2 s left",
    ]


def test_where_the_length_is_unknown_no_time_left_is_invented(monkeypatch, capsys):
    assert told(monkeypatch, capsys, None).err.splitlines()[0] == "40 frames, 8 frames/s"
    assert told(monkeypatch, capsys, 60).err.splitlines()[1] == "80 frames, 8 frames/s"


def test_what_is_counted_may_have_another_name():
    assert console._line(3, 9, 2.0, "scenes") == "3 of 9 scenes, 2 scenes/s, 3 s left"


def test_quiet_says_nothing(monkeypatch, capsys):
    assert told(monkeypatch, capsys, 100, quiet=True) == ("", "")


def test_a_terminal_gets_a_bar(monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    with console.Progress(quiet=False) as progress:
        progress(3, 10)
        progress(12, 10)
    assert "12/12" in screen.getvalue()
    assert "frames/s" in screen.getvalue()


def test_json_is_one_object_that_knows_paths_and_numbers(capsys):
    record = {"path": Path("a/b"), "rate": Fraction(30000, 1001), "x": np.float64(0.5)}
    console.say(["for people"], record, quiet=True, as_json=True)
    printed = capsys.readouterr().out
    assert json.loads(printed) == {"path": "a/b", "rate": "30000/1001", "x": 0.5}
    assert printed.count("\n") == 1


def test_warnings_are_told_even_when_quiet(capsys):
    console.warn(["three frames were lost"])
    assert capsys.readouterr().err == "motionloupe: warning: three frames were lost\n"


def test_a_warning_comes_once_and_leaves_the_bar_whole(monkeypatch, capsys):
    text = "the picture [b]changes[/b] altogether at 0.16 s, as at a cut: " + "take each shot " * 9
    with console.Progress(quiet=True) as progress:
        progress.warn(text)
        progress.warn(text)
    assert capsys.readouterr().err == f"motionloupe: warning: {text}\n"
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    with console.Progress(quiet=False) as progress:
        progress(3, 10)
        progress.warn(text)
        progress(10, 10)
    assert screen.getvalue().count(f"motionloupe: warning: {text}") == 1
    assert "10/10" in screen.getvalue()
