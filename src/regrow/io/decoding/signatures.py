"""Files that regrow does not read, told by their first bytes or their name, and what to do with them."""

from __future__ import annotations

from regrow.errors import RegrowError
from regrow.io.paths import RAW_SUFFIXES, suffix_of

_RAW = (
    (0, b"FUJIFILMCCD-RAW"), (0, b"IIRO"), (0, b"IIRS"), (0, b"MMOR"), (0, b"IIU\x00"), (0, b"FOVb"), (0, b"\x00MRM"),
    (8, b"CR\x02\x00"), (6, b"HEAPCCDR"), (4, b"ftypcrx "), (8, b"IIII"), (8, b"MMMM"),
)  # fmt: skip
"""Where in a raw file which bytes stand: Fujifilm, Olympus, Panasonic, Sigma, Minolta, Canon, Phase One."""

_OTHERS = (
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
    (0, b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
    (0, b"BM", "BMP"),
    (0, b"8BPS", "Photoshop"),
    (0, b"\x76\x2f\x31\x01", "OpenEXR"),
    (0, b"#?RADIANCE", "Radiance HDR"),
    (0, b"#?RGBE", "Radiance HDR"),
    (0, b"P1", "PBM"),
    (0, b"P2", "PGM"),
    (0, b"P3", "PPM"),
    (0, b"P4", "PBM"),
    (0, b"P5", "PGM"),
    (0, b"P6", "PPM"),
    (0, b"P7\n", "PAM"),
    (0, b"PF\n", "PFM"),
    (0, b"Pf\n", "PFM"),
    (0, b"qoif", "QOI"),
    (0, b"\x00\x00\x01\x00", "ICO"),
    (0, b"DDS ", "DDS"),
    (0, b"farbfeld", "farbfeld"),
    (0, b"gimp xcf", "GIMP"),
    (0, b"II\xbc", "JPEG XR"),
    (0, b"SIMPLE  =", "FITS"),
    (0, b"%PDF", "PDF"),
    (0, b"<svg", "SVG"),
    (0, b"\x8aMNG", "MNG"),
    (0, b"\x8bJNG", "JNG"),
)


BY_OTHERS = "develop it to TIFF or PNG first (with darktable, RawTherapee, dcraw -T)"


class RawFile(RegrowError):
    """A raw file, which says what to do with it."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name}: is a raw file of a camera; {BY_OTHERS}, or pip install 'regrow[raw]'")


def is_raw(head: bytes, name: str, *, tiff: bool) -> bool:
    """Whether a file is a raw one: by its first bytes or, where those are TIFF's or nobody's, by its suffix."""
    by_bytes = any(head[at : at + len(magic)] == magic for at, magic in _RAW)
    own = tiff or not any(head[at : at + len(magic)] == magic for at, magic, _ in _OTHERS)
    return by_bytes or (own and suffix_of(name) in RAW_SUFFIXES)


def other_format(head: bytes) -> str | None:
    """The name of a format that is known and not read."""
    return next((name for at, magic, name in _OTHERS if head[at : at + len(magic)] == magic), None)
