"""The one exception that means "the user can mend this"."""


class UserError(Exception):
    """What was expected, what was found, and how to mend it, in one line.

    The command line prints it without a traceback and exits with code 2.
    """
