"""Whether a lossy small file ever grows worse than the codec alone at as many bytes: tried on pictures and qualities.

python benchmarks/never_worse.py DIR... [--side 320] [--codec webp] [--quality 50]

Of each picture the middle is taken. The codec alone has whichever of its qualities is best within the bytes
of the small file, passport included.
"""

import argparse
import logging
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

import regrow
from regrow.bench.coded import Behind
from regrow.bench.pictures import as_tensor
from regrow.io.codecs import Codec
from regrow.io.memory import read_rgb
from regrow.io.search import find_pictures
from regrow.metrics.fidelity import psnr_rgb
from regrow.operations.restorers import NONE

CODECS = "jpeg", "webp", "avif"
QUALITIES = 15, 50, 85
EFFORT = 5
"""Of AVIF: libaom at speed 4."""
BEARABLE = 0.05
"""Decibels below the codec alone that are not named."""


def middle(picture: np.ndarray, side: int) -> np.ndarray:
    """Of (H, W, 3) at most `side` by `side` pixels."""
    height, width = (min(side, n) for n in picture.shape[:2])
    top, left = (picture.shape[0] - height) // 2, (picture.shape[1] - width) // 2
    return np.ascontiguousarray(picture[top : top + height, left : left + width])


def psnr(original: np.ndarray, picture: np.ndarray) -> float:
    """`rgb` in dB of two of (H, W, 3)."""
    return psnr_rgb(as_tensor(original), as_tensor(picture))


def alone(picture: np.ndarray, codec: Codec) -> list[tuple[int, float]]:
    """Bytes and PSNR `rgb` in dB of the codec alone at each quality."""
    behind = Behind(NONE)
    files = ((quality, codec.encode(picture, quality)) for quality in range(1, 101))
    return [(len(file), psnr(picture, behind.grow(file, codec, quality))) for quality, file in files]


def shortfall(picture: np.ndarray, codec: Codec, curve: list[tuple[int, float]], quality: int, folder: Path) -> float:
    """Decibels by which the codec alone is better than what grows of as many bytes; 0 where it makes none so few."""
    original, small, again = folder / "original.png", folder / f"small.{codec.name}", folder / "again.png"
    Image.fromarray(picture).save(original)
    for made in (small, again):
        made.unlink(missing_ok=True)
    regrow.shrink(original, small, quality=quality)
    grown = read_rgb(regrow.grow(small, again))
    within = [found for size, found in curve if size <= small.stat().st_size]
    return max(within) - psnr(picture, grown) if within else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--side", type=int, default=320)
    parser.add_argument("--codec", action="append")
    parser.add_argument("--quality", type=int, action="append")
    given = parser.parse_args()
    cases, worst = 0, -np.inf
    with tempfile.TemporaryDirectory() as folder:
        for path in (path for one in given.folders for path in find_pictures(one)):
            picture = middle(read_rgb(path), given.side)
            for name in given.codec or CODECS:
                curve = alone(picture, Codec(name=name, effort=EFFORT))
                for quality in given.quality or QUALITIES:
                    found = shortfall(picture, Codec(name=name, effort=EFFORT), curve, quality, Path(folder))
                    cases, worst = cases + 1, max(worst, found)
                    if found > BEARABLE:
                        print(f"{path.name} {name} at {quality}: {found:.3f} dB worse than alone", flush=True)
    print(f"{cases} cases; at worst {worst:.3f} dB worse than the codec alone (less than 0: better)")


if __name__ == "__main__":
    logging.getLogger("regrow").setLevel(logging.ERROR)
    main()
