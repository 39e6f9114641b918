"""What holds for every test."""

import signal


def pytest_configure() -> None:
    """Let Ctrl-C be heard again where a shell in the background has made the suite deaf to it.

    Programs that tests start and interrupt inherit that deafness.
    """
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
