"""``motionloupe methods``: what there is, and what each can be told."""

from typing import Annotated, Any

import typer

from motionloupe.cli import options
from motionloupe.cli.console import say

Name = Annotated[str | None, typer.Argument(help="A method, to see its options.")]


def command(method: Name = None, as_json: options.Json = False) -> None:
    """List the methods, or one method's options.

    Example: motionloupe methods phase
    """
    from motionloupe.magnifiers import DEFAULT_METHOD, METHODS, methods, options_of

    if method is None:
        width = max(map(len, METHODS)) + 2
        lines = [f"{name:{width}}{text}" for name, text in methods().items()]
        lines.append(f"\nThe default is {DEFAULT_METHOD}; motionloupe methods NAME shows options.")
        record: dict[str, Any] = {"methods": methods(), "default": DEFAULT_METHOD}
        say(lines, record, quiet=False, as_json=as_json)
        return
    own = options_of(method)
    width = max(map(len, own), default=0) + 2
    lines = [methods()[method], "", "Options (--set NAME=VALUE) and their defaults:"]
    lines += [f"  {name:{width}}{value}" for name, value in own.items()] or ["  none"]
    record = {"method": method, "description": methods()[method], "options": own}
    say(lines, record, quiet=False, as_json=as_json)
