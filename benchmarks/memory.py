"""Peak memory of shrinking and growing a 100-megapixel picture from file to file.

    python benchmarks/memory.py [--side 10000]

Each verb runs as its own process, as from a shell; the figure is the largest resident set the system saw.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyvips

import regrow

PHOTOGRAPH = Path(regrow.__file__).parent / "assets" / "astronaut.webp"
"""That of the demo, which need not be imported: a process that begins in a large one counts as large as that."""


def measure(*arguments: str) -> None:
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", "from regrow.cli import main; main()", *arguments])
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds, peak = time.perf_counter() - start, usage.ru_maxrss / 1024
    print(f"{arguments[0]:8} exit {process.returncode}  {seconds:7.1f} s  peak {peak:7.0f} MiB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=10_000, help="pixels a side of the picture")
    side = parser.parse_args().side
    with tempfile.TemporaryDirectory() as folder:
        large, small, grown = (str(Path(folder) / name) for name in ("large.png", "small.png", "grown.png"))
        photograph = pyvips.Image.new_from_file(str(PHOTOGRAPH))
        times = -(-side // photograph.width)
        photograph.replicate(times, times).crop(0, 0, side, side).pngsave(large, compression=1)
        print(f"{side}x{side} pixels, {side * side * 3 / 2**20:.0f} MiB as RGB")
        measure("shrink", large, "-o", small)
        measure("grow", small, "-o", grown)


if __name__ == "__main__":
    main()
