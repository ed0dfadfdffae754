"""Run odd files through regrow and print a summary: `python tests/odd_files/run.py --count 10000`. Needs Linux."""

from __future__ import annotations

import argparse
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from signal import Signals
from typing import Any

TESTS = Path(__file__).parents[1]
LONGEST = 60
"""Seconds on the clock after which a file hangs, even if it takes no processor time."""


def main() -> int:
    """Exit with 1 if any file is at fault."""
    given = _arguments()
    given.keep.mkdir(parents=True, exist_ok=True)
    began, outcomes, faulty = time.monotonic(), Counter[str](), 0
    with tempfile.TemporaryDirectory() as folder, Worker(Path(folder), given.seconds, given.keep) as worker:
        for number in range(given.first, given.first + given.count):
            answer = worker.ask(number)
            outcomes[f"{'clip' if answer.get('clip') else 'picture'} {answer['outcome']}"] += 1
            faulty += bool(answer["faults"])
            for fault in answer["faults"]:
                print(f"{number} ({answer['seed']}: {', '.join(answer['changes'])}): {fault}", flush=True)
    print(f"{given.count} odd files in {time.monotonic() - began:.0f} s, {faulty} of them at fault")
    for outcome, count in outcomes.most_common():
        print(f"  {outcome}: {count}")
    return int(faulty > 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run odd files through regrow and print what is wrong with that.")
    parser.add_argument("--count", type=int, default=1000, help="how many files")
    parser.add_argument("--first", type=int, default=0, help="number of the first; a number is always the same file")
    parser.add_argument("--seconds", type=int, default=10, help="processor time for a verb, after which it hangs")
    parser.add_argument("--keep", type=Path, default=Path("odd-faults"), help="folder for files at fault")
    return parser.parse_args()


class Worker:
    """The process that does the work, and its next when a file was the death of it."""

    def __init__(self, folder: Path, seconds: int, keep: Path) -> None:
        self.folder, self.seconds, self.keep = folder, seconds, keep
        self._begin()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *caught: object) -> None:
        with self.process:
            self.process.kill()

    def ask(self, number: int) -> dict[str, Any]:
        """What came of the file of this number."""
        self.process.stdin.write(f"{number}\n".encode())
        self.process.stdin.flush()
        for line in self._lines():
            return json.loads(line)
        return self._lost(number)

    def _begin(self) -> None:
        command = [sys.executable, "-m", "odd_files.worker", str(self.folder), str(self.seconds), str(self.keep)]
        paths = [str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])]
        one_thread = {"OMP_NUM_THREADS": "1", "VIPS_CONCURRENCY": "1"}
        environment = {**os.environ, **one_thread, "PYTHONPATH": os.pathsep.join(paths)}
        self.process: Any = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )

    def _lines(self) -> Iterator[bytes]:
        """The answer, if there is one in time."""
        ready, _, _ = select.select([self.process.stdout], [], [], LONGEST)
        if ready and (line := self.process.stdout.readline()):
            yield line

    def _lost(self, number: int) -> dict[str, Any]:
        """Say what the process died of, and begin another."""
        try:
            code = self.process.wait(1)
            why = f"killed by {Signals(-code).name}" if code < 0 else f"exit {code}"
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            why = f"no answer in {LONGEST} s"
        seed, _, changes = self._read("now").partition(": ")
        fault = f"{self._read('arguments')}: {why}"
        (self.keep / f"{number}-stderr").write_text(self._read("err"))
        for place in self.folder.glob("tmp*"):
            for file in place.rglob("odd.*"):
                file.rename(self.keep / f"{number}-{file.name}")
            shutil.rmtree(place)
        self._begin()
        return {"outcome": "died", "faults": [fault], "seed": seed, "changes": [changes]}

    def _read(self, name: str) -> str:
        path = self.folder / name
        return path.read_text(errors="backslashreplace") if path.exists() else ""


if __name__ == "__main__":
    sys.exit(main())
