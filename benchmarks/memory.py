"""Peak memory of shrinking and growing a 100-megapixel picture from file to file.

    python benchmarks/memory.py [--side 10000]

Each verb runs as its own process, as from a shell; the figure is the largest resident set the system saw.
"""

import argparse
import multiprocessing
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyvips

from regrow.cli.demo import PHOTOGRAPH


def run(pipe: "multiprocessing.connection.Connection", arguments: list[str]) -> None:
    start = time.perf_counter()
    code = subprocess.run([sys.executable, "-c", "from regrow.cli import main; main()", *arguments]).returncode
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    pipe.send((code, time.perf_counter() - start, peak))


def measure(*arguments: str) -> None:
    # A fresh parent for each, because the system keeps one maximum over all children of a process.
    receiver, sender = multiprocessing.get_context("spawn").Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(target=run, args=(sender, list(arguments)))
    process.start()
    code, seconds, peak = receiver.recv()
    process.join()
    print(f"{arguments[0]:8} exit {code}  {seconds:7.1f} s  peak {peak:7.0f} MiB", flush=True)


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
