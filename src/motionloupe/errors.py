"""The one exception that means "the user can mend this", and what others have to say."""


class UserError(Exception):
    """What was expected, what was found, and how to mend it, in one line.

    The command line prints it without a traceback and exits with code 2.
    """


def first_line(error: Exception) -> str:
    """The first line of what another's error says, or its name where it says nothing."""
    said = str(getattr(error, "reason", error))  # what an URLError wraps
    return (said.strip() or type(error).__name__).splitlines()[0]
