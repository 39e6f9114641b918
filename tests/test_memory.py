"""Memory does not grow with the length of the video, whatever the method and the filter."""

import gc

import numpy as np
import psutil
import pytest

from motionloupe import load, methods
from tests.scenes import shifted, texture

SIZE = (64, 96)
ALLOWED = 6e6  # bytes; keeping only the 1,300 pictures more would take 24e6


def frames(count):
    still = texture(*SIZE)
    few = [
        np.round(shifted(still, 0.3 * np.sin(k)) * 255).clip(0, 255).astype(np.uint8)
        for k in range(7)
    ]
    for index in range(count):
        yield few[index % 7].copy()


def resident_after(magnifier, count):
    for picture in magnifier.stream(frames(count), 5.0, 30.0):
        assert picture.shape == (*SIZE, 3)
    gc.collect()
    return psutil.Process().memory_info().rss


CASES = [(name, {}) for name in methods()] + [
    ("phase", {"band": (4.0, 8.0), "filter": "fir"}),
    ("phase", {"band": (2.0, 4.0), "filter": "butterworth"}),
    ("linear", {"band": (2.0, 4.0), "filter": "iir"}),
    ("riesz", {"band": (2.0, 4.0), "filter": "butterworth"}),
]


@pytest.mark.parametrize(("name", "options"), CASES)
def test_memory_stays_level(name, options):
    cheap = {"flow": "lucas-kanade"} if name.startswith("warp") else {}
    magnifier = load(name, **options, **cheap)
    resident_after(magnifier, 150)
    short = resident_after(magnifier, 200)
    long = resident_after(magnifier, 1500 if not cheap else 500)
    assert long - short < ALLOWED
