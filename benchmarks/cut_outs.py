"""Cut-outs on transparency through shrink and grow, beside opaque pictures of the same shapes, on white and on black.

python benchmarks/cut_outs.py PHOTO [--scale 2] [--sheet FILE]
"""

import argparse
import logging
from itertools import product
from pathlib import Path
from statistics import fmean

import numpy as np
from PIL import Image

import regrow
from regrow.io.memory import read_rgb

SIDE, FINE = 96, 8
FLAT = (250, 200, 30)


def shape(name: str, *, soft: bool) -> np.ndarray:
    """Alpha of a shape, (SIDE, SIDE, 1) in [0, 1]: the share of samples inside, or a hard edge."""
    y, x = (np.mgrid[: SIDE * FINE, : SIDE * FINE] + 0.5) / FINE - SIDE / 2
    inside = {
        "disc": np.hypot(x, y) < 0.38 * SIDE,
        "star": np.hypot(x, y) < SIDE * (0.3 + 0.13 * np.cos(5 * np.arctan2(y, x))),
        "half": x + 0.3 * y < 0.15 * SIDE,
    }[name]
    alpha = inside.reshape(SIDE, FINE, SIDE, FINE).mean((1, 3))[..., None]
    return alpha if soft else (alpha > 0.5).astype(float)


def over(picture: np.ndarray, ground: int) -> np.ndarray:
    """(H, W, 4) uint8 on white (1) or black (0): (H, W, 3) in [0, 1]."""
    alpha = picture[..., 3:] / 255
    return np.asarray(picture[..., :3] / 255 * alpha + ground * (1 - alpha))


def there_and_back(picture: np.ndarray, scale: float) -> np.ndarray:
    """Shrunk and grown, with the passport that says how."""
    return np.asarray(regrow.grow(regrow.shrink(Image.fromarray(picture), scale=scale)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photo", type=Path)
    parser.add_argument("--scale", type=float, default=2)
    parser.add_argument("--sheet", type=Path, help="file for the results on white, below those of opaque pictures")
    given = parser.parse_args()
    photo = read_rgb(given.photo)[:SIDE, :SIDE]
    gains, excess, columns = [], [], []
    for name, soft, painted in product(("disc", "star", "half"), (True, False), (False, True)):
        alpha = shape(name, soft=soft)
        color = photo if painted else np.broadcast_to(np.uint8(FLAT), (SIDE, SIDE, 3))
        picture = np.dstack((np.where(alpha > 0, color, 0), np.round(alpha * 255))).astype(np.uint8)
        grown = there_and_back(picture, given.scale)
        for ground in (1, 0):
            truth = over(picture, ground)
            opaque = there_and_back(np.round(truth * 255).astype(np.uint8), given.scale) / 255
            found = over(grown, ground)
            errors = [np.abs(result - truth) for result in (found, opaque)]
            gains.append(10 * np.log10(np.square(errors[1]).mean() / np.square(errors[0]).mean()))
            excess.append(255 * (errors[0].max() - errors[1].max()))
            if ground:
                columns.append(np.concatenate((truth, opaque, found)))
    print(f"x{given.scale:g}, {len(gains)} pictures, beside an opaque picture of the shape:")
    print(f"PSNR: mean {fmean(gains):+.1f} dB, least {min(gains):+.1f} dB")
    print(f"worst pixel: mean {fmean(excess):+.0f} levels, most {max(excess):+.0f} levels")
    if given.sheet:
        Image.fromarray(np.round(np.concatenate(columns, 1).clip(0, 1) * 255).astype(np.uint8)).save(given.sheet)


if __name__ == "__main__":
    logging.getLogger("regrow").setLevel(logging.ERROR)
    main()
