"""The pictures of docs/priors.md: python benchmarks/prior_pictures.py [DIR], from scikit-image's photographs.

What each verb was given, what it made of it, and the original, with PSNR (`rgb`) to that.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from skimage import data

import regrow
from regrow.bench.sheet import write_overview
from regrow.metrics.fidelity import psnr_rgb
from regrow.metrics.pictures import as_tensor

SIDE = 192
PRIOR = regrow.Prior()


def scratched(original: np.ndarray) -> np.ndarray:
    """(H, W) uint8, white where strokes of a pen and a torn corner hide a picture."""
    mask = Image.new("L", (original.shape[1], original.shape[0]))
    pen = ImageDraw.Draw(mask)
    random = np.random.default_rng(0)
    for _ in range(8):
        pen.line([tuple(p) for p in random.integers(0, SIDE, (3, 2)).tolist()], fill=255, width=4)
    pen.polygon([(0, SIDE), (0, SIDE - 40), (30, SIDE - 25), (45, SIDE)], fill=255)
    return np.array(mask)


def noisy(original: np.ndarray) -> np.ndarray:
    """With Gaussian noise of 25 levels."""
    noise = 25 * np.random.default_rng(0).standard_normal(original.shape)
    return np.clip(np.rint(original + noise), 0, 255).astype(np.uint8)


def blocky(original: np.ndarray) -> np.ndarray:
    """As JPEG of quality 10 has it."""
    file = io.BytesIO()
    Image.fromarray(original).save(file, "JPEG", quality=10)
    return np.array(Image.open(file))


def main() -> None:
    """Fit and draw."""
    out = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images")
    astronaut, coffee, cat = data.astronaut(), data.coffee(), data.chelsea()
    original = astronaut[:SIDE, 100 : 100 + SIDE]
    mask = scratched(original)
    torn = np.where(mask[..., None] > 0, 255, original).astype(np.uint8)
    draw(out / "inpaint.png", {"given": torn, "inpaint": regrow.inpaint(torn, mask=mask, prior=PRIOR)}, original)
    original = coffee[100 : 100 + SIDE, 200 : 200 + SIDE]
    given = noisy(original)
    draw(out / "denoise.png", {"noisy": given, "denoise": regrow.denoise(given, prior=PRIOR)}, original)
    original = cat[20 : 20 + SIDE, 80 : 80 + SIDE]
    given = blocky(original)
    draw(out / "dejpeg.png", {"JPEG": given, "dejpeg": regrow.dejpeg(given, prior=PRIOR)}, original)
    original = astronaut[-SIDE:, :SIDE]
    small = np.array(Image.fromarray(original).resize((SIDE // 4, SIDE // 4), Image.Resampling.BICUBIC))
    made = {
        "bicubic": regrow.upscale(small, scale=4, model="bicubic"),
        "--prior": regrow.upscale(small, scale=4, prior=PRIOR),
        "plain-x4": regrow.upscale(small, scale=4),
    }
    draw(out / "prior-upscale.png", made, original)


def draw(path: Path, made: dict[str, np.ndarray], original: np.ndarray) -> None:
    """Side by side."""
    figures = {name: psnr_rgb(as_tensor(picture), as_tensor(original)) for name, picture in made.items()}
    write_overview([{**{f"{name}, {figures[name]:.1f} dB": made[name] for name in made}, "original": original}], path)
    print(path, *(f"{name} {value:.2f}" for name, value in figures.items()))


if __name__ == "__main__":
    main()
