"""The command line as a program: what it prints, where, and how it ends."""

import json
import os
import re
import subprocess
import sys
import time

import pytest

from motionloupe.cli import main
from motionloupe.cli.app import app
from motionloupe.magnifiers import METHODS, options_of

HEAVY = ("torch", "av", "cv2", "numpy", "matplotlib", "scipy", "rich.progress")


def run(*arguments, **settings):
    return subprocess.run(
        [sys.executable, "-m", "motionloupe.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        **settings,
    )


@pytest.fixture
def run_here(capsys):
    """As run(), in this process: commands that compute share the import of torch."""

    def call(*arguments):
        code = main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, code, printed.out, printed.err)

    return call


def test_help_loads_nothing_heavy():
    code = (
        "import sys; from motionloupe.cli import main; main(['magnify', '--help']); "
        f"print('loaded', [name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "loaded []"


def test_help_answers_at_once():
    fastest = 10.0
    for _ in range(3):
        began = time.perf_counter()
        assert run("--help").returncode == 0
        fastest = min(fastest, time.perf_counter() - began)
    # Half a second on an idle machine; a bare interpreter is timed beside it on a busy one.
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    assert fastest < max(0.5, 15 * (time.perf_counter() - began))


@pytest.mark.parametrize("command", [each.name for each in app.registered_commands])
def test_every_command_has_help_with_an_example_on_one_line(run_here, command):
    done = run_here(command, "--help")
    assert done.returncode == 0
    assert re.search(rf"Example: motionloupe {command} \S.*", done.stdout)
    assert command in run_here("--help").stdout


def test_without_a_command_there_is_help(run_here):
    assert run_here().stdout == run_here("--help").stdout


def test_the_version_is_the_package_s():
    from motionloupe import __version__

    assert run("--version").stdout == f"motionloupe {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["magnify"], "video"),
        (["magnify", "in.mp4", "--foo"], "--foo"),
        (["nonsense"], "nonsense"),
        (["magnify", "in.mp4", "--alpha", "much"], "alpha"),
        (["magnify", "in.mp4", "--slice", "1,2,3"], "X1,Y1,X2,Y2"),
        (["magnify", "in.mp4", "one.mp4", "-o", "two.mp4"], "named twice"),
        (["methods", "magic"], "no method 'magic'"),
        (["compare", "in.mp4"], "two videos"),
        (["magnify", "in.mp4", "--band", "2"], "(motionloupe magnify --help tells more)"),
        (["info", ""], "what comes after info is empty"),
        (["magnify", "in.mp4", "-o", ""], "what comes after -o is empty"),
        (["magnify", "in.mp4", "--still="], "--still is empty"),
        (["magnify", "in.mp4", "--slice", ""], "what comes after --slice is empty"),
        (["adapt", "in.mp4", "-o", "out.mp4"], "weights are written as .safetensors"),
        (["blend", "flowmag", "oh2018", "-o", "out.mp4"], "weights are written as .safetensors"),
        (["slice", "in.mp4", "--line", "0,0,9,9", "-o", "out.jpg"], ".png"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_code_2(run_here, arguments, reason):
    done = run_here(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("motionloupe: ")
    assert reason.lower() in done.stderr.lower()


def test_ctrl_c_before_the_program_is_loaded_is_no_traceback(monkeypatch, capsys):
    class Interrupting:
        def find_spec(self, name, path, target=None):
            if name == "motionloupe.cli.app":
                raise KeyboardInterrupt

    monkeypatch.delitem(sys.modules, "motionloupe.cli.app")
    monkeypatch.delattr("motionloupe.cli.app")
    monkeypatch.setattr(sys, "meta_path", [Interrupting(), *sys.meta_path])
    assert main(["methods"]) == 130
    assert capsys.readouterr().err == "motionloupe: stopped; nothing was begun\n"


def test_errors_are_json_for_programs():
    done = run("methods", "magic", "--json")
    assert done.returncode == 2
    assert "no method 'magic'" in json.loads(done.stdout)["error"]


def test_methods_are_listed_for_people_and_programs(run_here):
    text = run_here("methods").stdout
    listed = json.loads(run_here("methods", "--json").stdout)
    assert list(listed["methods"]) == list(METHODS)
    assert all(f"{name} " in text for name in METHODS)


def test_a_method_shows_its_options_and_defaults(run_here):
    text = run_here("methods", "linear").stdout
    own = json.loads(run_here("methods", "linear", "--json").stdout)["options"]
    assert own.keys() == options_of("linear").keys()
    assert own
    assert all(name in text for name in own)


def test_a_reader_that_leaves_is_no_error():
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "motionloupe.cli", "methods"],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    os.close(writing)
    assert done.returncode == 141
    assert done.stderr == ""
