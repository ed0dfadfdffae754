"""Writes the table of metadata.md, what each format holds beside pixels, from those that reading and writing use.

python docs/metadata.py --write
python docs/metadata.py --check
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from regrow.io.adapting import WAYS
from regrow.io.formats import FORMATS

PAGE = Path(__file__).parent / "metadata.md"

ROWS = {
    "EXIF": ("exif", "PNG, JPEG, WebP, TIFF, AVIF, HEIF"),
    "ICC profile": ("icc", "all"),
    "XMP": ("xmp", "all"),
    "Extended XMP": ("extended", "JPEG"),
    "IPTC, Photoshop's resources": ("iptc", "PNG, JPEG, TIFF"),
    "Comments": ("comments", "JPEG, GIF"),
    "PNG text, time, colours": ("chunks", "PNG"),
    "CICP colours": ("cicp", "PNG, AVIF, HEIF"),
    "HDR gain map": ("gain_map", "JPEG"),
    "Resolution": ("resolution", "PNG, JPEG, TIFF"),
}
"""The field of `regrow.io.metadata.Metadata` of each kind, and which formats it is read from."""


def pages() -> dict[Path, str]:
    """The text of the page by its path, with the table as it should be."""
    names = {"png": "PNG", "jpeg": "JPEG", "webp": "WebP", "tiff": "TIFF", "avif": "AVIF"}
    lines = ["| what | read from | " + " | ".join(names[name] for name in FORMATS) + " |"]
    lines.append("|---" * (2 + len(FORMATS)) + "|")
    for title, (field, sources) in ROWS.items():
        lines.append(f"| {title} | {sources} | " + " | ".join(cell(field, name) for name in FORMATS) + " |")
    text = PAGE.read_text(encoding="utf-8")
    return {PAGE: re.sub(r"^\|.*?\n\n", "\n".join(lines) + "\n\n", text, count=1, flags=re.DOTALL | re.MULTILINE)}


def cell(field: str, name: str) -> str:
    """What becomes of a field of the metadata in a format."""
    if field in FORMATS[name].holds:
        return "kept"
    way = WAYS[name].get(field)
    return f"{way[0]}, else said" if way and field != "exif" else f"kept {way[0]}" if way else "said"


def main() -> int:
    """Write the page, or tell whether it is out of date."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--write", action="store_true", help="write the page")
    group.add_argument("--check", action="store_true", help="exit with 1 where it differs from the code")
    write = parser.parse_args().write
    for path, text in pages().items():
        if path.read_text(encoding="utf-8") == text:
            continue
        if write:
            path.write_text(text, encoding="utf-8")
        print(f"{path}: {'written' if write else 'out of date; run `make pages`'}")
        return int(not write)
    return 0


if __name__ == "__main__":
    sys.exit(main())
