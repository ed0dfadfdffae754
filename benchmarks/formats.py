"""What each file format does to what a small picture hides: regrown PSNR and bytes a pixel through real files.

python benchmarks/formats.py DIR [--scale 2]
"""

import argparse
import logging
import tempfile
from pathlib import Path

import regrow
from regrow.io.memory import read_rgb
from regrow.io.paths import find_pictures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--scale", type=int, default=2)
    arguments = parser.parse_args()
    print(f"{'format':8} {'rgb dB':>7} {'y dB':>7} {'B/px':>6}")
    with tempfile.TemporaryDirectory() as folder:
        for suffix in (".png", ".webp", ".tiff", ".avif", ".jpg"):
            figures = []
            for path in find_pictures(arguments.folder):
                small, grown = Path(folder) / f"small{suffix}", Path(folder) / "grown.png"
                regrow.shrink(path, small, scale=arguments.scale)
                regrow.grow(small, grown)
                original = read_rgb(path)
                alike = regrow.compare(original, grown, border=arguments.scale)
                size = small.stat().st_size / (original.shape[0] * original.shape[1])
                figures.append((alike["rgb"]["psnr"], alike["y"]["psnr"], size))
            rgb, y, size = (sum(column) / len(column) for column in zip(*figures, strict=True))
            print(f"{suffix[1:]:8} {rgb:7.2f} {y:7.2f} {size:6.3f}")


if __name__ == "__main__":
    logging.getLogger("regrow").setLevel(logging.ERROR)  # the table says what JPEG costs
    main()
