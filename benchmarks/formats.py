"""What each file format does to what a pair of nets hides: regrown PSNR and bytes a pixel through real files.

python benchmarks/formats.py DIR [--scale 2] [--summary FILE]
"""

import argparse
import logging
import shlex
import sys
import tempfile
from pathlib import Path
from statistics import fmean

import regrow
from regrow.bench.results import summary
from regrow.bench.table import Column, lines
from regrow.io.memory import read_rgb
from regrow.io.search import find_pictures
from regrow.operations.rescalers import default_model

FORMATS = "png", "webp", "tiff", "avif", "jpg"
COLUMNS = (
    Column("format", "{format}", 8, left=True), Column("rgb dB", "{rgb:.2f}", 7), Column("y dB", "{y:.2f}", 7),
    Column("B/px", "{bytes_per_pixel:.3f}", 6),
)  # fmt: skip


def measured(path: Path, format: str, scale: int, folder: Path) -> tuple[float, float, float]:
    """PSNR `rgb` and `y` in dB of a picture that went through a small file, and the file's bytes a pixel."""
    small, grown = folder / f"small.{format}", folder / "grown.png"
    regrow.shrink(path, small, scale=scale, model=default_model((scale, scale)))
    regrow.grow(small, grown)
    original = read_rgb(path)
    alike = regrow.compare(original, grown, border=scale)
    return alike["rgb"]["psnr"], alike["y"]["psnr"], small.stat().st_size / (original.shape[0] * original.shape[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--scale", type=int, default=2)
    parser.add_argument("--summary", type=Path)
    given = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for format in FORMATS:
            figures = [measured(path, format, given.scale, Path(folder)) for path in find_pictures(given.folder)]
            rgb, y, size = map(fmean, zip(*figures, strict=True))
            about = {"set": given.folder.name, "format": format, "count": len(figures), "scale": str(given.scale)}
            rows.append({**about, "rgb": rgb, "y": y, "bytes_per_pixel": size})
    print("\n".join(lines(COLUMNS, rows)))
    if given.summary:
        summary(rows, shlex.join(["python", "benchmarks/formats.py", *sys.argv[1:]])).write(given.summary)


if __name__ == "__main__":
    logging.getLogger("regrow").setLevel(logging.ERROR)  # the table says what JPEG costs
    main()
