"""The command line: one file for each command, no algorithm in any of them."""

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code of the process."""
    try:
        from motionloupe.cli import app
    except KeyboardInterrupt:  # Ctrl-C while Python still loads the program
        print("motionloupe: stopped; nothing was begun", file=sys.stderr)
        return 130
    return app.main(arguments)
