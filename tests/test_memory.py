"""Memory does not grow with the length of the video, whatever the method and the filter."""

import gc

import numpy as np
import psutil
import pytest

from motionloupe import load, methods
from tests.scenes import shifted, texture

SIZE = (64, 96)
FRAME = 3 * SIZE[0] * SIZE[1]  # bytes


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
    slow = name.startswith(("warp", "flowmag"))
    quick = {"flow": "lucas-kanade"} if name.startswith("warp") else {}
    warm, few, many = (40, 40, 260) if slow else (150, 200, 1500)
    magnifier = load(name, **options, **quick)
    resident_after(magnifier, warm)
    short = resident_after(magnifier, few)
    long = resident_after(magnifier, many)
    kept = FRAME * (many - few)  # by a method that keeps nothing but the pictures
    assert long - short < (0.8 if slow else 0.25) * kept
