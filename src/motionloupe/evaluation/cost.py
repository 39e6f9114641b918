"""What a call costs: time, and how much memory it needs at its peak."""

import ctypes
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def measured(call: Callable[[], T]) -> tuple[T, float, float | None]:
    """The call's answer, its seconds, and its peak of resident memory above the start's in MB.

    The peak is known on Linux only, elsewhere None. What a method keeps from call to call counts in
    the call that made it.
    """
    before = _reset_peak()
    began = time.perf_counter()
    answer = call()
    seconds = time.perf_counter() - began
    return answer, seconds, None if before is None else _status("VmHWM") - before


def _reset_peak() -> float | None:
    """Give free memory back, let the peak start from here, and say how much is held."""
    if sys.platform != "linux":
        return None
    try:
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")
    except (OSError, AttributeError):  # not glibc, or not allowed
        return None
    return _status("VmRSS")


def _status(name: str) -> float:
    """A line of Linux's account of this process, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(x.split()[1]) / 1024 for x in lines if x.startswith(f"{name}:"))
