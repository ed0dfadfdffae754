"""What a benchmark is: the protocol that the driver runs, and its form for tasks that take one picture at a time."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Generic, NamedTuple, ParamSpec, Protocol, TypeVar

import numpy as np

from regrow.bench.memory import peak_memory, reset_peak
from regrow.bench.results import Result, Row, means, summary_rows
from regrow.bench.sheet import write_sheet
from regrow.bench.table import Column

P = ParamSpec("P")
T = TypeVar("T")
Net = TypeVar("Net")
"""A model, ready to run."""

Cells = dict[str, np.ndarray]
"""A row of the before/after sheet: (H, W, 3) uint8 by label."""


class Progress(NamedTuple):
    """A picture or frame that was measured, for whoever waits."""

    set: str
    picture: str
    model: str
    rgb: float
    """PSNR in dB."""


Report = Callable[[Progress], None]


class Named(Protocol):
    """What is measured at once."""

    @property
    def name(self) -> str:
        """Of the picture or clip, without its suffix."""


Item = TypeVar("Item", bound=Named)


class Benchmark(Protocol[Item, Net]):
    """What is special of a task. Its settings, such as the scale, are fields of a dataclass.

    The driver asks for the items of every folder, loads every model, and has each item measured with all of them:

        items(folder) -> Item --measure(item, models)--> Result for each model
    """

    needs: ClassVar[Mapping[str, str]]
    """Packages that it imports, and the extras of regrow that bring them."""
    plots: ClassVar[bool]
    """Whether `write_more` draws with matplotlib."""
    columns: ClassVar[Sequence[Column]]
    """Of the table."""
    shown: ClassVar[int]
    """So many items of each folder are in the sheet."""

    def default_models(self) -> list[str]:
        """What is measured when no model is named."""

    def items(self, folder: Path, models: Sequence[str]) -> Iterable[Item]:
        """What a folder holds, each read when its turn comes. UsageError, at the call, where there is nothing."""

    def load(self, models: Sequence[str]) -> list[Net]:
        """The models of some names, ready: what is set up once is done, so that the first item does not pay for it."""

    def measure(self, label: str, item: Item, nets: Mapping[str, Net], report: Report) -> Iterable[Result]:
        """A result for each model by its label; `label` is the folder's. RegrowError where the item cannot be read."""

    def table_of(self, results: Sequence[Result]) -> Sequence[Result]:
        """The lines of the table, which has `columns`."""

    def summary(self, results: Sequence[Result]) -> list[Row]:
        """The rows of a summary, which is kept where all results would be too many."""

    def sheet_row(self, title: str, item: Item, nets: Mapping[str, Net]) -> Cells:
        """A row of the sheet; `title` is the folder's name."""

    def write_sheet(self, rows: list[Cells], path: Path) -> None:
        """Draw the sheet."""

    def write_more(self, results: Sequence[Result], out: Path) -> None:
        """Write what a task has beside results.csv, results.json and sheet.png."""


class Stopwatch:
    """Seconds a megapixel that steps of the work take, and the most memory the process holds meanwhile."""

    def __init__(self, shape: Sequence[int]) -> None:
        self.megapixels = shape[0] * shape[1] / 1e6
        self.seconds: dict[str, float] = {}
        self.peak = 0

    def __call__(self, step: str, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do a step of the work; `step` is the name of the figure."""
        if not self.seconds:
            reset_peak()
        start = time.perf_counter()
        done = work(*args, **kwargs)
        self.seconds[step] = (time.perf_counter() - start) / self.megapixels
        self.peak = max(self.peak, peak_memory())
        return done

    def figures(self) -> dict[str, float]:
        """The seconds by step, and `peak_mib`."""
        return {**self.seconds, "peak_mib": self.peak / 2**20}


class Measured(NamedTuple):
    """Figures of a picture by name, and curves where there are any."""

    figures: dict[str, float]
    curves: Mapping[str, tuple[float, ...]] = {}


Picture = TypeVar("Picture", bound="PictureItem")


class PictureItem:
    """A picture of a set, (H, W, 3 or 1) uint8."""

    def __init__(self, path: Path, original: np.ndarray) -> None:
        self.path, self.original = path, original

    @property
    def name(self) -> str:
        """That of the file, without its suffix."""
        return self.path.stem

    @property
    def size(self) -> tuple[int, int]:
        """(width, height)."""
        return self.original.shape[1], self.original.shape[0]


class PictureBenchmark(ABC, Generic[Picture, Net]):
    """A `Benchmark` that takes one picture after another through one model after another."""

    needs: ClassVar[Mapping[str, str]] = {}
    plots: ClassVar[bool] = False
    columns: ClassVar[Sequence[Column]]
    shown: ClassVar[int] = 3

    @abstractmethod
    def settings(self, net: Net) -> dict[str, str | int | bool]:
        """What figures of a model depend on."""

    @abstractmethod
    def figures(self, picture: Picture, net: Net, watch: Stopwatch) -> Measured:
        """What a model makes of a picture, measured; the model runs under the stopwatch, whose figures come last."""

    def measure(self, label: str, item: Picture, nets: Mapping[str, Net], report: Report) -> Iterator[Result]:
        """As `Benchmark.measure`."""
        for model, net in nets.items():
            watch = Stopwatch(item.original.shape)
            figures, curves = self.figures(item, net, watch)
            of = {"set": label, "picture": item.name}
            yield Result(of, model, self.settings(net), {**figures, **watch.figures()}, curves)
            report(Progress(label, item.name, model, figures["rgb"]))

    def table_of(self, results: Sequence[Result]) -> Sequence[Result]:
        """As `Benchmark.table_of`: the means of each set."""
        return means(results)

    def summary(self, results: Sequence[Result]) -> list[Row]:
        """As `Benchmark.summary`: the means of each set."""
        return summary_rows(results)

    def write_sheet(self, rows: list[Cells], path: Path) -> None:
        """As `Benchmark.write_sheet`: details of the pictures."""
        write_sheet(rows, path)

    def write_more(self, results: Sequence[Result], out: Path) -> None:
        """As `Benchmark.write_more`: nothing."""


def shown(picture: np.ndarray) -> np.ndarray:
    """(H, W, 3 or 1) as (H, W, 3)."""
    return np.broadcast_to(picture, (*picture.shape[:2], 3))


def no_report(*_: Any) -> None:
    """A report that tells nobody."""
