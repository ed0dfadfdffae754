"""Training pictures: decoded once, cropped anywhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyvips
import torch
from rich.console import Console
from rich.progress import track
from torch import Tensor

from regrow.errors import RegrowError, UsageError
from regrow.io.memory import read_rgb
from regrow.io.search import find_pictures
from regrow.train.recipe import Data


def load(root: Path, settings: Data, console: Console) -> tuple[list[Tensor], list[Tensor]]:
    """Decode every picture below a folder: (for training, held out for validation), each (H, W, 3) uint8 RGB.

    Pictures that cannot be read, or are smaller than a crop, are named on the console and skipped.
    """
    paths: list[Path] = []
    for folder in [root / name for name in settings.folders] or [root]:
        if not folder.is_dir():
            raise UsageError(f"{folder}: no such folder of training pictures; give the one that holds it with --data")
        paths += sorted(find_pictures(folder))
    pictures, candidates = [], []
    for path in track(paths, "decoding", console=console, transient=True, disable=not console.is_terminal):
        try:
            picture = _shrunk(read_rgb(path), settings.side)
        except RegrowError as error:
            console.print(f"skipped: {error}", markup=False)
            continue
        if min(picture.shape[:2]) < settings.piece:
            console.print(f"skipped: {path}: smaller than a crop of {settings.piece} pixels", markup=False)
            continue
        pictures.append(torch.from_numpy(picture))
        if not settings.held_out or root / settings.held_out in path.parents:
            candidates.append(pictures[-1])
    if len(candidates) < settings.validation or len(pictures) <= settings.validation:
        where = root / settings.held_out
        raise UsageError(f"{where}: {len(candidates)} usable pictures are too few to hold out {settings.validation}")
    every = len(candidates) // settings.validation if settings.validation else len(candidates) + 1
    held_out = [p for i, p in enumerate(candidates) if i % every == 0][: settings.validation]
    taken = {id(p) for p in held_out}
    return [p for p in pictures if id(p) not in taken], held_out


def _shrunk(picture: np.ndarray, side: int) -> np.ndarray:
    """(H, W, 3) uint8 with its shorter side brought down to `side`; as it is where that is 0 or no smaller."""
    if not side or min(picture.shape[:2]) <= side:
        return picture
    image = pyvips.Image.new_from_array(np.ascontiguousarray(picture))
    return image.resize(side / min(picture.shape[:2])).numpy()


class Crops:
    """Random crops, turned and mirrored at random, from pictures laid end to end in one tensor.

    The tensor may live on the training device: cropping is a gather, the same code everywhere. Which crops a batch
    holds depends on the seed, the process and the step alone, so a resumed run sees what an unbroken one would.

    Args:
        pictures: (H, W, 3) uint8 each, sides at least `crop`.
        crop, batch: side and number of crops.
        seed: any integer; `process` is the rank among processes that train together.
        device: where the pictures are kept and the crops are made.
        upright: only mirror left to right.
    """

    def __init__(
        self,
        pictures: list[Tensor],
        crop: int,
        batch: int,
        seed: int,
        process: int = 0,
        device: str = "cpu",
        upright: bool = False,
    ) -> None:
        self.crop, self.batch, self.seed, self.process, self.upright = crop, batch, seed, process, upright
        self.sizes = np.array([p.shape[:2] for p in pictures])
        areas = self.sizes.prod(1)
        self.starts = np.concatenate([[0], np.cumsum(areas)[:-1]])
        # A large picture shows more than a small one: draw by area.
        self.weights = areas / areas.sum()
        self.pixels = torch.cat([p.reshape(-1, 3) for p in pictures]).to(device)

    def __call__(self, step: int) -> Tensor:
        """The batch of a step: (batch, 3, crop, crop) float32 in [0, 1]."""
        rng = np.random.default_rng((self.seed, self.process, step))
        n, c = self.batch, self.crop
        which = rng.choice(len(self.sizes), n, p=self.weights)
        corner = (rng.random((n, 2)) * (self.sizes[which] - c + 1)).astype(np.int64)
        transpose, flip_y, flip_x = rng.random((3, n)) < 0.5
        if self.upright:
            transpose = flip_y = np.zeros(n, bool)

        y, x = np.meshgrid(np.arange(c), np.arange(c), indexing="ij")
        y, x = (np.where(transpose[:, None, None], a, b) for a, b in ((x, y), (y, x)))
        y = np.where(flip_y[:, None, None], c - 1 - y, y) + corner[:, 0, None, None]
        x = np.where(flip_x[:, None, None], c - 1 - x, x) + corner[:, 1, None, None]
        index = self.starts[which, None, None] + y * self.sizes[which, 1, None, None] + x

        flat = torch.from_numpy(index.reshape(-1)).to(self.pixels.device)
        crops = self.pixels[flat].view(n, c, c, 3).permute(0, 3, 1, 2)
        return crops.float() / 255
