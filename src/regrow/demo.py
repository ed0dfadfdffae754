"""The demo: the main job on a photograph that comes with regrow."""

from __future__ import annotations

from pathlib import Path

from regrow import verbs
from regrow.inputs import read_rgb
from regrow.measure.compare import compare
from regrow.measure.sheet import write_sheet
from regrow.resample import bicubic

PHOTOGRAPH = Path(__file__).parent / "assets" / "astronaut.webp"
"""Eileen Collins, by NASA, 1993, in the public domain; 512x512."""


def run(out: Path, scale: int = 2) -> None:
    """Shrink and regrow the photograph in a folder, beside an ordinary thumbnail, and print what each gives back."""
    import pyvips
    import torch

    original = read_rgb(PHOTOGRAPH)
    small, grown = out / "small.png", out / "regrown.png"
    verbs.shrink(PHOTOGRAPH, small, scale=scale)
    verbs.grow(small, grown)

    x = torch.from_numpy(original).permute(2, 0, 1) / 255
    height, width = original.shape[:2]
    thumbnail = bicubic(x, (height // scale, width // scale)).clamp(0, 1).mul(255).round().div(255)
    ordinary = bicubic(thumbnail, (height, width)).clamp(0, 1).mul(255).round().byte().permute(1, 2, 0).numpy()
    pyvips.Image.new_from_array(ordinary).copy(interpretation="srgb").pngsave(str(out / "ordinary.png"))

    figures = {"regrow": compare(PHOTOGRAPH, grown), "ordinary thumbnail, bicubic": compare(PHOTOGRAPH, ordinary)}
    write_sheet(
        [{"original": original, "small, by regrow": read_rgb(small), "regrown": read_rgb(grown), "ordinary": ordinary}],
        out / "sheet.png",
    )
    print(f"{width}x{height} photograph -> {small} ({width // scale}x{height // scale}, an ordinary PNG) -> {grown}")
    for name, figure in figures.items():
        print(f"{name:28} PSNR {figure['rgb']['psnr']:6.2f} dB   SSIM {figure['rgb']['ssim']:.4f}")
    print(f"side by side: {out / 'sheet.png'}")
