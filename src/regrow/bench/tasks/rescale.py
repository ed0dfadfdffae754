"""Rescaling: every picture of a set shrunk and grown back by every model, under the named protocols."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import ClassVar

import numpy as np

from regrow.bench.benchmark import Cells, Measured, PictureBenchmark, PictureItem, Stopwatch, shown
from regrow.bench.models import Pair, blank
from regrow.bench.pictures import as_rgb, as_tensor, grey_only, originals
from regrow.bench.table import MODEL, PEAK, SCALE, SET, Column
from regrow.io.writer import PictureWriter
from regrow.metrics import fidelity as metrics
from regrow.operations.rescalers import default_model
from regrow.operations.restorers import BICUBIC
from regrow.size import Scale, check_scale, scale_text

QUALITY = (
    Column("rgb dB", "{rgb:.2f}", 7), Column("SSIM", "{rgb_ssim:.4f}", 6),
    Column("y dB", "{y:.2f}", 7), Column("SSIM", "{y_ssim:.4f}", 6),
    Column("small dB", "{small:.2f}", 8), Column("B/px", "{bytes_per_pixel:.3f}", 6),
    Column("shrink s/MP", "{shrink_seconds:.2f}", 11), Column("grow s/MP", "{grow_seconds:.2f}", 9), PEAK,
)  # fmt: skip


@dataclass(frozen=True)
class Task(PictureBenchmark[PictureItem, Pair]):
    """Measure rescalers on pictures, taken as `regrow.bench.pictures.originals` gives them.

    Models are names or folders, "bicubic", or "A+B" as `Pair` takes them. The options are those of `regrow.shrink`.
    """

    scale: Scale = 2
    grey: bool = False
    refine: int = 0
    device: str = "auto"
    tile: int | None = None

    columns: ClassVar[Sequence[Column]] = (
        SET, MODEL._replace(width=12), SCALE, Column("refine", "{refine}", 6), *QUALITY
    )  # fmt: skip

    def __post_init__(self) -> None:
        check_scale(self.scale)

    @property
    def scales(self) -> tuple[float, float]:
        """(across, down)."""
        return check_scale(self.scale)

    def default_models(self) -> list[str]:
        """The bicubic, and what shrinks when no model is named."""
        return [BICUBIC, default_model(self.scales, grey=self.grey)]

    def items(self, folder: Path, models: Sequence[str]) -> Iterator[PictureItem]:
        """The pictures, cut to a multiple of the scale."""
        found = originals(folder, self.scales, models)
        return (PictureItem(path, original) for path, original in found)

    def load(self, models: Sequence[str]) -> list[Pair]:
        """A pair for each name."""
        pairs = [
            Pair(name, self.scales, grey=self.grey, refine=self.refine, device=self.device, tile=self.tile)
            for name in models
        ]
        first = blank(self.scales, 1 if grey_only(models) else 3)
        for pair in pairs:
            pair(first)
        return pairs

    def settings(self, net: Pair) -> dict[str, str | int | bool]:
        """Scale, and steps by which small pictures are refined."""
        return {"scale": scale_text(self.scales), "refine": net.refine}

    def figures(self, picture: PictureItem, net: Pair, watch: Stopwatch) -> Measured:
        """`quality`, and the seconds of both directions."""
        small = watch("shrink_seconds", net.shrink, picture.original)
        grown = watch("grow_seconds", net.grow, small, picture.size)
        return Measured(quality(picture.original, small, grown, ceil(max(self.scales))))

    def sheet_row(self, title: str, item: PictureItem, nets: Mapping[str, Pair]) -> Cells:
        """A detail of the original, and small and grown by each model."""
        return compared(
            f"{title}/{item.name}", item.original, {label: net(item.original) for label, net in nets.items()}
        )


def quality(original: np.ndarray, small: np.ndarray, grown: np.ndarray, border: int) -> dict[str, float]:
    """Figures of a picture that was shrunk and grown, each (H, W, 3 or 1) uint8.

    Args:
        original, small, grown: the three pictures.
        border: pixels on every side that the protocol `y` leaves out.

    Returns:
        PSNR in dB and SSIM under the protocols `rgb` and `y`; `small`, the PSNR of the small picture against the
        bicubic one, infinite for the bicubic itself; `bytes_per_pixel` of the small picture as PNG, for each pixel of
        the original.
    """
    a, b = as_rgb(grown), as_rgb(original)
    measured = metrics.compare(a, b, border)
    return {
        "rgb": measured["rgb"]["psnr"],
        "rgb_ssim": measured["rgb"]["ssim"],
        "y": measured["y"]["psnr"],
        "y_ssim": measured["y"]["ssim"],
        "small": metrics.psnr_small(as_tensor(small), b),
        "bytes_per_pixel": _png_size(small) / (original.shape[0] * original.shape[1]),
    }


def compared(title: str, original: np.ndarray, made: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> Cells:
    """A row of the sheet: a picture, (H, W, 3 or 1) uint8, and what models made of it, small and grown, by label."""
    row = {title[:40]: shown(original)}
    for label, (small, grown) in made.items():
        row[f"{label}: small"] = shown(small)
        row[f"{label}: grown, {metrics.psnr_rgb(as_rgb(grown), as_rgb(original)):.2f} dB"] = shown(grown)
    return row


def _png_size(picture: np.ndarray) -> int:
    file = io.BytesIO()
    height, width = picture.shape[:2]
    with PictureWriter(file, width=width, height=height, colors=picture.shape[2], format="png") as writer:
        writer.write(picture)
    return file.tell()
