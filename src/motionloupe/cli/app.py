"""The app, and what its commands share: exit codes, signals, errors in one line.

Exit codes: 0; 2, the user can mend it; 130, 143 and 129, stopped by Ctrl-C, SIGTERM or the
terminal's end; 1, a bug.
"""

import errno
import json
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Annotated, NoReturn

import typer

from motionloupe import __version__
from motionloupe.cli import (
    adapt,
    bench,
    blend,
    compare,
    curate,
    demo,
    info,
    inspect,
    interpolate,
    magnify,
    measure,
    methods,
    slices,
    stabilise,
    synth,
    train,
)
from motionloupe.errors import UserError
from motionloupe.memory import keep_freed

USER_ERROR = 2
BROKEN_PIPE = 141
_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM}
_NAMES = {errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ELOOP}
_STOPS: dict[int, object] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
    getattr(signal, "SIGHUP", signal.SIGTERM): signal.SIG_DFL,  # the terminal has gone
}
"""The signals that end the program, and what handles them unless someone else does."""
_UsageError: type[Exception] = typer.BadParameter.__base__ or typer.BadParameter

app = typer.Typer(
    name="motionloupe",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("magnify")(magnify.command)
app.command("interpolate")(interpolate.command)
app.command("measure")(measure.command)
app.command("stabilise")(stabilise.command)
app.command("slice")(slices.command)
app.command("compare")(compare.command)
app.command("info")(info.command)
app.command("methods")(methods.command)
app.command("demo")(demo.command)
app.command("inspect")(inspect.command)
app.command("synth")(synth.command)
app.command("curate")(curate.command)
app.command("adapt")(adapt.command)
app.command("train")(train.command)
app.command("blend")(blend.command)
app.command("bench")(bench.command)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"motionloupe {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Make motion too small to see visible and measurable in ordinary video.

    \b
    motionloupe magnify bridge.mp4 --alpha 20
    motionloupe magnify bridge.mp4 --alpha 50 --band 2 4 --side-by-side
    motionloupe COMMAND --help
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code of the process."""
    words = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    as_json = "--json" in words
    if hasattr(sys.stdout, "reconfigure"):  # names of files need not be text: give their bytes back
        sys.stdout.reconfigure(errors="surrogateescape")
    keep_freed()
    try:
        _check_named(words)
        with _stoppable():
            code = app(words, prog_name="motionloupe", standalone_mode=False)
            sys.stdout.flush()
    except UserError as error:
        return _fail(str(error), USER_ERROR, as_json)
    except _UsageError as error:
        return _fail(_usage(error, words), USER_ERROR, as_json)
    except (_Stopped, KeyboardInterrupt, typer.Abort) as error:
        number = error.number if isinstance(error, _Stopped) else signal.SIGINT
        return _fail("stopped; nothing half-written was left behind", 128 + number, as_json)
    except (BrokenPipeError, SystemExit):  # the reader has gone (| head); Typer makes it an exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # lest Python complain
        return BROKEN_PIPE
    except OSError as error:
        if error.errno not in _DISK | _NAMES:
            raise
        named = f"{error.filename}: " if error.filename else ""
        return _fail(f"{named}{error.strerror}", USER_ERROR, as_json)
    return code if isinstance(code, int) else 0


def _check_named(words: Sequence[str]) -> None:
    """Raise UserError for an empty argument, as a variable leaves that is not set."""
    for before, word in zip(["", *words], words, strict=False):
        option, equals, value = word.partition("=")
        empty = not word or (option.startswith("--") and equals and not value)
        if empty and "--label" not in (before, option):
            where = option or f"what comes after {before or 'motionloupe'}"
            raise UserError(f"{where} is empty: is a variable of the shell not set?")


class _Stopped(BaseException):
    """A signal asks the program to end; it passes everything but the clean-up."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def _stop(number: int, _frame: FrameType | None) -> NoReturn:
    for each in _STOPS:  # a second Ctrl-C must not cut the clean-up short
        signal.signal(each, signal.SIG_IGN)
    raise _Stopped(number)


@contextmanager
def _stoppable() -> Iterator[None]:
    """Turn such signals into _Stopped, unless they are ignored (nohup) or handled already."""
    ours = _STOPS if threading.current_thread() is threading.main_thread() else {}
    replaced = {number: old for number, old in ours.items() if signal.getsignal(number) == old}
    for number in replaced:
        signal.signal(number, _stop)
    try:
        yield
    finally:
        for number, old in replaced.items():
            signal.signal(number, old)


def _usage(error: Exception, words: Sequence[str]) -> str:
    describe = getattr(error, "format_message", None)
    text = " ".join(str(describe() if describe else error).split()).rstrip(".")
    context = getattr(error, "ctx", None)
    known = {command.name for command in app.registered_commands}
    begun = f"motionloupe {words[0]}" if words[0] in known else "motionloupe"
    return f"{text} ({context.command_path if context else begun} --help tells more)"


def _fail(message: str, code: int, as_json: bool) -> int:
    print(f"motionloupe: {message}", file=sys.stderr)
    if as_json:
        print(json.dumps({"error": message}))
    return code
