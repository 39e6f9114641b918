"""The command line: one file for each command, no algorithm in any of them."""

from motionloupe.cli.app import main

__all__ = ["main"]
