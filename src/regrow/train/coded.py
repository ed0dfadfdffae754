"""Training pictures as codecs leave them: whole pictures are coded, and crops are taken of what comes back."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from regrow import zoo
from regrow.errors import UsageError
from regrow.inference.precision import in_bfloat16
from regrow.io.codecs import UNKNOWN, Codec, Facts
from regrow.io.memory import read_rgb
from regrow.io.paths import atomic
from regrow.nets.layers import quantize
from regrow.nets.ops.resample import bicubic
from regrow.nets.restore.codec import GRID
from regrow.nets.restore.codec_shrinker import CodecShrinker
from regrow.train.recipe import Data

GOLDEN = (5**0.5 - 1) / 2


def shrunk(
    pixels: np.ndarray, scale: float, shrinker: CodecShrinker | None = None, facts: Facts = UNKNOWN
) -> np.ndarray:
    """(scale * h, scale * w, 3) uint8 -> (h, w, 3) by antialiased bicubic, or by a net, told of the file."""
    if scale == 1 and shrinker is None:
        return pixels
    x = torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)[None] / 255
    if shrinker is None:
        small = quantize(bicubic(x, (round(pixels.shape[0] / scale), round(pixels.shape[1] / scale))))
    else:
        with torch.inference_mode():
            small = quantize(in_bfloat16(shrinker.told(facts))(x))
    return (small[0] * 255).round().byte().permute(1, 2, 0).numpy()


def turned(pixels: np.ndarray, way: int) -> np.ndarray:
    """(H, W, 3) one of eight ways round, 0 as it is."""
    pixels = pixels[::-1] if way & 1 else pixels
    pixels = pixels[:, ::-1] if way & 2 else pixels
    return pixels.transpose(1, 0, 2) if way & 4 else pixels


class CodedCrops:
    """Random crops of pictures and of what a codec has left of them.

    Every picture has a number of versions for each codec: a quality and a way round, which depend on nothing but the
    picture. What the codec leaves of it is worked out when it is first drawn, and kept. Which crops a batch holds
    depends on the seed, the process and the step alone.

    Args:
        pictures: (H, W, 3) uint8 each.
        settings: codecs, versions, batch and the like; crops whose side is a multiple of `GRID` * scale.
        scale: how many times smaller pictures are coded, 1.5 or a whole number.
        seed: any integer; `process` is the rank among processes that train together.
        cache: folder for what codecs leave of pictures, which runs may share; memory when there is none.
    """

    def __init__(
        self,
        pictures: Sequence[Tensor],
        settings: Data,
        scale: float,
        seed: int,
        process: int = 0,
        cache: Path | None = None,
    ) -> None:
        self.settings, self.scale, self.seed, self.process, self.cache = settings, scale, seed, process, cache
        self.shrinker = shrinker_for(settings, scale)
        cell = self.shrinker.cell if self.shrinker else scale.as_integer_ratio()[0]
        self.pictures = [p.numpy()[: len(p) // cell * cell, : p.shape[1] // cell * cell] for p in pictures]
        areas = np.array([p.shape[0] * p.shape[1] for p in self.pictures])
        # A large picture shows more than a small one: draw by area.
        self.weights = areas / areas.sum()
        self.keys = [hashlib.sha256(np.ascontiguousarray(p).tobytes()).hexdigest()[:24] for p in self.pictures]
        self.by = zoo.digest(settings.shrinker)[:8] if settings.shrinker else ""
        self.memory: dict[tuple[int, str, int], np.ndarray] = {}

    def version(self, picture: int, name: str, number: int) -> tuple[Codec, int, int]:
        """(codec, quality, way round) of a version of a picture.

        Steps of an irrational share spread the qualities of its versions evenly over those of use.
        """
        rng = np.random.default_rng(list(f"{self.keys[picture]} {name}".encode()))
        offset, chroma = rng.random(), rng.random()
        ways = rng.permutation(8)
        tuned = (rng.random() + number * GOLDEN) % 1 < self.settings.tuned
        full = (name == "jpeg" or (name == "avif" and tuned)) and (
            chroma + number * GOLDEN
        ) % 1 < self.settings.full_chroma
        codec = Codec(name=name, effort=self.settings.effort, full_chroma=full, tuned=tuned)
        low, high = codec.qualities
        share = (offset + number / 2**0.5) % 1
        return codec, int(low + share * (high + 1 - low)), int(ways[number % 8])

    def coded(self, picture: int, name: str, number: int) -> np.ndarray:
        """What the codec leaves of a version: (h, w, 3) uint8."""
        at = picture, name, number
        if at in self.memory:
            return self.memory[at]
        codec, quality, way = self.version(*at)
        path = self._path(picture, codec, quality, way)
        if path and path.exists():
            kept: np.ndarray = np.load(path, mmap_mode="r")
            return kept
        small = read_rgb(codec.encode(self.small(picture, codec, quality, way), quality))
        if path:
            with atomic(path) as part, part.open("wb") as file:
                np.save(file, small)
        else:
            self.memory[at] = small
        return small

    def small(self, picture: int, codec: Codec, quality: int, way: int) -> np.ndarray:
        """What is coded: (h, w, 3) uint8."""
        return shrunk(turned(self.pictures[picture], way), self.scale, self.shrinker, codec.facts(quality))

    def _path(self, picture: int, codec: Codec, quality: int, way: int) -> Path | None:
        """Where the cache keeps a picture that was coded; None without a cache."""
        if self.cache is None:
            return None
        how = f"{codec.name}{codec.effort if codec.name == 'avif' else ''}{'t' if codec.tuned else ''}"
        how = f"{how}-{quality}-{int(bool(codec.full_chroma))}-{way}"
        return self.cache / f"x{self.scale:g}" / f"{self.keys[picture]}-{how}{self.by}.npy"

    def __call__(self, step: int) -> Tensor:
        """The batch of a step: what `unpacked` takes apart."""
        rng = np.random.default_rng((self.seed, self.process, step))
        return torch.stack([self._crop(rng) for _ in range(self.settings.batch)])

    def _crop(self, rng: np.random.Generator) -> Tensor:
        """The next crop, packed; it starts where the codec's grid of blocks does."""
        data, side = self.settings, round(self.settings.crop / self.scale)
        picture = int(rng.choice(len(self.pictures), p=self.weights))
        at = picture, data.codecs[int(rng.integers(len(data.codecs)))], int(rng.integers(data.versions))
        codec, quality, way = self.version(*at)
        small, full = self.coded(*at), turned(self.pictures[picture], way)
        top, left = (int(rng.integers((n - side) // GRID + 1)) * GRID for n in small.shape[:2])
        y = small[top : top + side, left : left + side]
        top, left = round(top * self.scale), round(left * self.scale)
        x = full[top : top + data.crop, left : left + data.crop]
        known = rng.random() >= data.blind
        return pack(x, y, np.array(codec.facts(quality)) * known)


def shrinker_for(settings: Data, scale: float) -> CodecShrinker | None:
    """The net that shrinks pictures before they are coded; None where the bicubic does."""
    if not settings.shrinker:
        return None
    net = zoo.load(settings.shrinker)
    if not isinstance(net, CodecShrinker) or net.scale != scale:
        raise UsageError(f"shrinker {settings.shrinker!r} does not shrink by {scale:g} for codecs")
    return net.eval()


def pack(x: np.ndarray, y: np.ndarray, facts: np.ndarray) -> Tensor:
    """One tensor of a picture (H, W, 3) uint8, the coded one (h, w, 3) uint8, and facts: (channels, h, w) float32.

    At x1.5 the pixels of each cell of 3x3 and 2x2 become channels, so there h and w are half those of the coded one.
    """
    full, small = (torch.from_numpy(np.ascontiguousarray(p)).permute(2, 0, 1) / 255 for p in (x, y))
    larger, smaller = (x.shape[0] / y.shape[0]).as_integer_ratio()
    full, small = F.pixel_unshuffle(full, larger), F.pixel_unshuffle(small, smaller)
    planes = torch.tensor(facts, dtype=torch.float32)[:, None, None].expand(-1, *small.shape[1:])
    return torch.cat([full, small, planes])


def unpacked(batch: Tensor, scale: float) -> tuple[Tensor, Tensor, Tensor]:
    """A batch of what `pack` made -> pictures (B, 3, scale * h, scale * w), coded ones (B, 3, h, w), facts (B, n)."""
    larger, smaller = scale.as_integer_ratio()
    first, last = 3 * larger**2, 3 * (larger**2 + smaller**2)
    full, small = F.pixel_shuffle(batch[:, :first], larger), F.pixel_shuffle(batch[:, first:last], smaller)
    return full, small, batch[:, last:, 0, 0]
