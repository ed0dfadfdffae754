"""The demo: the main job on a photograph that comes with regrow."""

from __future__ import annotations

from pathlib import Path

import regrow as verbs
from regrow.bench.models import Pair
from regrow.bench.sheet import write_sheet
from regrow.io.memory import read_rgb
from regrow.io.writer import PictureWriter
from regrow.operations.restorers import BICUBIC
from regrow.runners.compare import compare

PHOTOGRAPH = Path(__file__).parent.parent / "assets" / "astronaut.webp"
"""Eileen Collins, by NASA, 1993, in the public domain; 512x512."""

MISSION_PATCH = (345, 128)
"""Top left (y, x) of the detail that the sheet shows."""

ORDINARY = "ordinary thumbnail, bicubic"


def run(out: Path, scale: int = 2) -> None:
    """Shrink and regrow the photograph in a folder, beside an ordinary thumbnail, and print what each gives back."""
    original = read_rgb(PHOTOGRAPH)
    height, width = original.shape[:2]
    small, grown, ordinary = out / "small.png", out / "regrown.png", out / "ordinary.png"
    verbs.shrink(PHOTOGRAPH, small, scale=scale)
    verbs.grow(small, grown)
    with PictureWriter(ordinary, width=width, height=height, colors=3) as writer:
        writer.write(Pair(BICUBIC, scale)(original)[1])

    figures = {"regrow": compare(PHOTOGRAPH, grown), ORDINARY: compare(PHOTOGRAPH, ordinary)}
    details = {
        "original": original,
        f"small, 1/{scale**2} of the pixels": read_rgb(small),
        f"regrown, {figures['regrow']['rgb']['psnr']:.1f} dB": read_rgb(grown),
        f"ordinary thumbnail, {figures[ORDINARY]['rgb']['psnr']:.1f} dB": read_rgb(ordinary),
    }
    write_sheet([details], out / "sheet.png", corner=MISSION_PATCH)
    print(f"{width}x{height} photograph -> {small} ({width // scale}x{height // scale}, an ordinary PNG) -> {grown}")
    for name, figure in figures.items():
        print(f"{name:28} PSNR {figure['rgb']['psnr']:6.2f} dB   SSIM {figure['rgb']['ssim']:.4f}")
    print(f"side by side: {out / 'sheet.png'}")
