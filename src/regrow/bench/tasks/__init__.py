"""What is special of each task that `regrow bench` measures: a module for each, with a class named `Task`.

A task is a `regrow.bench.benchmark.Benchmark`: a dataclass whose fields are the options that it takes.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

NAMES = tuple(sorted((module.name for module in iter_modules(__path__)), key=lambda name: (name != "rescale", name)))
"""The tasks, the default one first."""


def get(name: str) -> Any:
    """The class of a task."""
    return import_module(f"{__name__}.{name}").Task
