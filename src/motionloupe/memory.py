"""Memory that the next frame can use again."""

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # options of mallopt(3)
_NEVER = 2**31 - 1  # bytes free at the top before they go back


def keep_freed() -> None:
    """Let this process keep what it frees; for programs whose own it is, not for libraries.

    Frames are large, so glibc asks the system for fresh memory for every one and gives it back, and
    each page is zeroed and mapped anew: a tenth to a sixth of a frame's time. The most that was
    ever used stays with the process. Does nothing where there is no such allocator.
    """
    if sys.platform != "linux":
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):  # another allocator
        return
    mallopt(_TRIM_THRESHOLD, _NEVER)
    mallopt(_MMAP_MAX, 0)
