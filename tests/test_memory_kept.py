"""What one frame frees the next one uses, without asking the system again."""

import subprocess
import sys

import pytest

FRAMES = """
import resource, sys
import torch
from motionloupe.memory import keep_freed

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

if sys.argv[1] == "kept":
    keep_freed()
def work():
    for _ in range(10):
        made = [torch.ones(size) for size in (10_000_000, 9_000_000)]  # 76 MB
        made = [part + 1 for part in made]

work()
work()
before = faults()
work()
print(faults() - before)
"""


def pages(how):
    done = subprocess.run(
        [sys.executable, "-c", FRAMES, how], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")
def test_freed_memory_is_used_again():
    assert pages("kept") < 0.1 * pages("returned")
