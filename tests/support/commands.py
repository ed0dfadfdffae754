"""The installed command, and the files it leaves."""

import subprocess
import sys


def run(*arguments, **options):
    """The installed command in a process of its own."""
    command = [sys.executable, "-c", "from regrow.cli import main; main()", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, timeout=100, check=False, **options)


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
