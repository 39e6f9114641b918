"""Processes that share a benchmark's scenes: they find what one finds, and end as one does."""

import collections
import os
import re
import signal
import sys
import time

import psutil
import pytest

from motionloupe.cli import main
from motionloupe.errors import UserError
from motionloupe.evaluation import workers
from motionloupe.evaluation.run import run
from motionloupe.evaluation.workers import cores, shared
from tests.evaluation.test_bench import plan, silent

needs_fork = pytest.mark.skipif(sys.platform != "linux", reason="forks on Linux only")


def squares(number):
    yield number, os.getpid()
    yield number**2, os.getpid()


def fails(error):
    def task(number):
        if number == 3:
            raise error
        yield number

    return task


@needs_fork
def test_every_item_is_done_once_and_elsewhere():
    found = list(shared(squares, range(20), workers=3))
    assert sorted(value for value, _ in found) == sorted([*range(20), *(n**2 for n in range(20))])
    processes = {process for _, process in found}
    assert os.getpid() not in processes
    for process in processes:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


def test_one_worker_is_this_process_and_keeps_the_order():
    found = list(shared(squares, [3, 2]))
    assert [value for value, _ in found] == [3, 9, 2, 4]
    assert {process for _, process in found} == {os.getpid()}
    assert list(shared(squares, [], workers=2)) == []


@needs_fork
@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (UserError("no pictures"), UserError),
        (PermissionError(13, "not allowed"), PermissionError),
        (ValueError("bug"), RuntimeError),
    ],
)
def test_what_ends_a_worker_ends_all(error, kind):
    with pytest.raises(kind, match=re.escape(str(error))):
        list(shared(fails(error), range(50), workers=2))


@needs_fork
def test_a_killed_worker_is_told_and_none_is_left():
    before = psutil.Process().children()

    def killed(number):
        os.kill(os.getpid(), signal.SIGKILL)
        yield number

    with pytest.raises(UserError, match="killed"):
        list(shared(killed, range(2), workers=2))

    def killed_at_rest(number):
        yield os.getpid()

    processes = shared(killed_at_rest, range(50), workers=2)
    with pytest.raises(UserError, match="killed"):
        collections.deque((os.kill(process, signal.SIGKILL) for process in processes), maxlen=0)
    assert psutil.Process().children() == before


@needs_fork
def test_workers_stop_with_whoever_asked():
    def slow(number):
        yield number
        time.sleep(60)

    before = psutil.Process().children()
    began = time.monotonic()
    answers = shared(slow, range(4), workers=2)
    assert next(answers) in range(4)
    answers.close()
    assert time.monotonic() - began < 20
    assert psutil.Process().children() == before


@needs_fork
def test_two_workers_find_what_one_finds(tmp_path):
    asked = plan("alpha", "temporal", methods=("linear", "riesz"), count=1, levels=2)
    seen = []
    one = run(asked, tmp_path / "one", progress=silent)
    two = run(asked, tmp_path / "two", progress=lambda *known: seen.append(known), workers=2)
    assert two.made == one.made == asked.total()
    assert seen == [(done, asked.total()) for done in range(1, asked.total() + 1)]
    assert run(asked, tmp_path / "two", progress=silent, workers=2).made == 0
    for suite in asked.suites:
        assert two.results.methods(suite) == one.results.methods(suite)
        for score in one.results.scores(suite):
            for level in one.results.levels(suite):
                values = [o.results.summary(suite, level, "riesz", score).mean for o in (one, two)]
                assert values[0] == pytest.approx(values[1], rel=1e-3, abs=1e-4, nan_ok=True)


def test_workers_that_cannot_be_are_one_clear_line(monkeypatch, tmp_path, capsys):
    with pytest.raises(UserError, match="1 or more"):
        list(shared(squares, [1, 2], workers=0))
    monkeypatch.setattr(workers.sys, "platform", "darwin")
    assert cores() == 1
    with pytest.raises(UserError, match="Linux"):
        list(shared(squares, [1, 2], workers=2))
    assert main(["bench", "still", "--scenes", str(tmp_path), "--workers", "0", "-o", "x"]) == 2
