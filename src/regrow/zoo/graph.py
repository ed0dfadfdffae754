"""What of a model becomes an ONNX graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.export import Dim

from regrow.cubic import REACH
from regrow.errors import UsageError
from regrow.nets.color.base import Colorizer
from regrow.nets.model import Model
from regrow.nets.rescale.any_scale import AnyScale
from regrow.nets.rescale.base import FixedScale, Rescaler
from regrow.nets.restore.codec import CodecRestorer
from regrow.nets.restore.codec_shrinker import CodecShrinker
from regrow.nets.upscale.base import Restorer
from regrow.sides import MOST, Application
from regrow.zoo.traced import TracedSide, TracedWay

if TYPE_CHECKING:
    from regrow.sides import Sides

HALVES = "shrink", "grow"
LARGEST = 2**15
"""Pixels of a side that the exporter may assume at most."""


@dataclass(frozen=True)
class Graph:
    """What of a model becomes one graph, and how it may be run.

    Inputs and outputs are float32 of (batch, channels, height, width), RGB, sRGB-encoded, in [0, 1]; results are
    neither clamped nor rounded.
    """

    run: Callable[..., Tensor]
    """From the inputs to the result."""
    inputs: dict[str, Tensor]
    """Examples, by name: the picture first."""
    shapes: dict[str, dict[int, Any]]
    """Which axes of each may have any length."""
    facts: dict[str, Any]
    """What callers need to know: see `docs/onnx.md`."""


class Net(nn.Module):
    """A part of a model as a module of its own, as the exporter wants it."""

    def __init__(self, model: Model, run: Callable[..., Tensor]) -> None:
        super().__init__()
        self.model, self.run = model, run

    def forward(self, *inputs: Tensor) -> Tensor:
        """As `Graph.run`."""
        return self.run(*inputs)


def graph_of(model: Model, name: str, *, half: str = "", application: int = 0) -> Graph:
    """What of a model becomes a graph. UsageError where it has no such part."""
    if isinstance(model, Rescaler):
        if half not in HALVES:
            raise UsageError(f"{name}: both shrinks and grows; say which half: {' or '.join(HALVES)}")
        kind = _any_scale if isinstance(model, AnyScale) else _fixed_scale
        return kind(model, name, half, application)  # type: ignore[arg-type]
    if half:
        raise UsageError(f"{name}: has no halves; leave {half!r} out")
    if application:
        raise UsageError(f"{name}: is applied once; leave application {application} out")
    if isinstance(model, Colorizer):
        return _colorizer(model)
    if isinstance(model, (CodecRestorer, CodecShrinker)):
        return _told(model)
    if isinstance(model, Restorer):
        return _restorer(model)
    raise UsageError(f"{name}: a {type(model).__name__} does not shrink, grow or restore pictures as it is")


def _picture(channels: int, multiple: tuple[int, int]) -> tuple[Tensor, dict[int, Any]]:
    """An example of a picture and its dynamic shape, with sides that are multiples."""
    # Unlike any other number in nets, or the exporter takes the one for the other.
    example = torch.rand(3, channels, 29 * multiple[0], 31 * multiple[1])
    sides = {
        axis: multiple[i] * Dim(f"cells_{axis}", min=1, max=LARGEST) if multiple[i] > 1 else Dim.DYNAMIC
        for i, axis in enumerate((2, 3))
    }
    return example, {0: Dim.DYNAMIC, **sides}


def _fixed_scale(model: FixedScale, name: str, half: str, application: int) -> Graph:
    applications = range(model.applications)
    if application:
        if application > model.applications:
            raise UsageError(f"{name}: has {model.applications} applications, and no application {application}")
        applications = range(application - 1, application)
    small_colors = model.small_colors if application in (0, model.applications) else model.colors
    shrinking = half == "shrink"
    colors = [model.colors, small_colors] if shrinking else [small_colors, model.colors]
    down, across = (by ** len(applications) for by in model.factors)
    cells = model.unshuffle
    # The reach of each application, in its own cells, adds up.
    halo = [cells * sum(-(-model.halo // by**i) for i in range(len(applications))) for by in model.factors]
    if shrinking:
        halo = [halo[0] * down, halo[1] * across]
    multiple = (down * cells, across * cells) if shrinking else (cells, cells)

    def run(x: Tensor) -> Tensor:
        for i in applications if shrinking else reversed(applications):
            x = (model.shrink_once if shrinking else model.grow_once)(x, i)
        return x

    example, shape = _picture(colors[0] * model.frames, multiple)
    return Graph(run, {"picture": example}, {"picture": shape}, {
        "half": half, "scale": [1 / down, 1 / across] if shrinking else [down, across],
        "channels": colors, "frames": model.frames,
        "multiple": list(multiple), "grid": list(multiple), "halo": halo,
    })  # fmt: skip


def _any_scale(model: AnyScale, name: str, half: str, application: int) -> Graph:
    if len(model.pairs) > 1 and not application:
        raise UsageError(f"{name}: has nets of its own for each of {len(model.pairs)} applications; say which: "
                         f"application 1, at the full size, or {len(model.pairs)}")  # fmt: skip
    if application > len(model.pairs):
        raise UsageError(f"{name}: has {len(model.pairs)} applications, and no application {application}")
    last, shrinking = application in (0, len(model.pairs)), half == "shrink"
    count = Dim("rows", min=1, max=LARGEST), Dim("columns", min=1, max=LARGEST)
    example, shape = _picture(3, (1, 1))
    height, width = example.shape[-2:]
    large, small = (2 * height - 5, 2 * width - 5), (height - 5, width - 5)
    inputs = {
        "picture": example,
        "rows": torch.arange(1, 18),
        "columns": torch.arange(1, 20),
        "first": torch.tensor([0, 0]),
        "before": torch.tensor([height, width]),
        "after": torch.tensor(small if shrinking else large),
    }
    shapes: dict[str, dict[int, Any]] = {name: {} for name in inputs}
    shapes |= {"picture": shape, "rows": {0: count[0]}, "columns": {0: count[1]}}
    run = partial(_at_any_scale, model, last=last, shrinking=shrinking)
    # The net's reach, and that of the filters from small pixels to full-size ones.
    halo = 2 * len(model.pairs[-1 if last else 0].encoder.blocks) + 2 + REACH  # type: ignore[union-attr, arg-type]
    facts = {"half": half, "most": MOST, "relative": model.config.relative, "channels": [3, 3], "frames": 1,
             "multiple": [1, 1], "grid": [1, 1], "halo": [halo, halo]}  # fmt: skip
    return Graph(run, inputs, shapes, facts)


def _at_any_scale(
    model: AnyScale,
    picture: Tensor,
    rows: Tensor,
    columns: Tensor,
    first: Tensor,
    before: Tensor,
    after: Tensor,
    *,
    last: bool,
    shrinking: bool,
) -> Tensor:
    down, across = (
        TracedSide(TracedWay(before[i], after[i], first[i], picture.shape[2 + i], made), shrinking=shrinking)
        for i, made in enumerate((rows, columns))
    )
    sides: Sides = (down, across)  # type: ignore[assignment]
    return (model.shrink_once if shrinking else model.grow_once)(picture, Application(sides, last))


def _restorer(model: Restorer) -> Graph:
    example, shape = _picture(3 * model.frames, (1, 1))
    return Graph(model.__call__, {"picture": example}, {"picture": shape}, {
        "scale": [model.scale, model.scale], "channels": [3, 3], "frames": model.frames,
        "multiple": [1, 1], "grid": [model.grid, model.grid], "halo": [model.halo, model.halo],
    })  # fmt: skip


def _told(model: CodecRestorer | CodecShrinker) -> Graph:
    """A net that is told what a file states: zeros where it states nothing."""
    multiple, grid, halo = 1, model.grid, model.halo
    if shrinking := isinstance(model, CodecShrinker):
        multiple, grid, halo = (model.cell * n for n in (1, model.grid, model.halo))
    example, shape = _picture(3, (multiple, multiple))
    inputs = {"picture": example, "facts": torch.rand(3, model.config.facts)}
    scale = 1 / model.scale if shrinking else model.scale
    return Graph(model.__call__, inputs, {"picture": shape, "facts": {0: Dim.DYNAMIC}}, {
        "scale": [scale, scale], "channels": [3, 3], "frames": 1, "facts": model.config.facts,
        "multiple": [multiple, multiple], "grid": [grid, grid], "halo": [halo, halo],
    })  # fmt: skip


def _colorizer(model: Colorizer) -> Graph:
    example, shape = _picture(1, (model.multiple, model.multiple))
    return Graph(model.__call__, {"lightness": 100 * example}, {"lightness": shape}, {
        "scale": [1, 1], "channels": [1, 2], "frames": 1, "multiple": [model.multiple, model.multiple],
    })  # fmt: skip
