import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource
import numpy as np
from regrow.cli.allocator import hold_freed

def work():
    pieces = [np.ones(20_000_000, np.uint8) for _ in range(4)]

{held}
for _ in range(3):
    work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    work()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="elsewhere nothing is done")
def test_memory_that_was_freed_does_not_come_back_page_by_page():
    faults = {
        held: int(
            subprocess.run([sys.executable, "-c", FAULTS.format(held=held)], capture_output=True, check=True).stdout
        )
        for held in ("", "hold_freed()")
    }
    assert faults["hold_freed()"] < faults[""] / 10
