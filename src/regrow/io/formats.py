"""What each file format can store: the table that reading and writing use."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace

from regrow.errors import UsageError
from regrow.errors import printable as printable
from regrow.io.allowed import allowed
from regrow.size import Size

METADATA_LIMIT = 16 * 2**20
"""Size in bytes above which an ICC, EXIF or XMP block is refused as an attack or an accident."""


@dataclass(frozen=True, kw_only=True)
class Format:
    """One file format, as regrow writes it. `exif_limit` 0 means that the format cannot keep EXIF byte for byte."""

    name: str
    suffixes: tuple[str, ...]
    lossless: bool
    alpha: bool
    depths: tuple[int, ...]
    max_side: int
    grey: bool = True
    """False where grey is stored as three equal channels and so reads back as RGB."""
    turned: bool = True
    """False where viewers ignore the EXIF orientation, so that pixels must be stored upright."""
    lossy: bool = False
    """Whether the format supports lossy coding."""
    holds: frozenset[str]
    """Fields of `regrow.io.metadata.Metadata` that the format holds as they are."""
    exif_limit: int = METADATA_LIMIT
    xmp_limit: int = METADATA_LIMIT
    icc_limit: int = METADATA_LIMIT


FORMATS = {
    f.name: f
    for f in (
        Format(
            name="png",
            suffixes=(".png",),
            lossless=True,
            alpha=True,
            depths=(8, 16),
            max_side=10**6,
            holds=frozenset(("icc", "exif", "xmp", "iptc", "chunks", "cicp", "resolution", "passport")),
        ),
        Format(
            name="jpeg",
            suffixes=(".jpg", ".jpeg", ".jpe", ".jfif"),
            lossless=False,
            lossy=True,
            alpha=False,
            depths=(8,),
            max_side=65500,  # of libjpeg; the format would have 65535
            holds=frozenset(
                ("icc", "exif", "xmp", "extended", "iptc", "comments", "gain_map", "resolution", "passport")
            ),
            exif_limit=65533 - 6,
            xmp_limit=65502,
            icc_limit=255 * 65519,
        ),
        Format(
            name="webp",
            suffixes=(".webp",),
            lossless=True,
            lossy=True,
            alpha=True,
            depths=(8,),
            max_side=16383,
            holds=frozenset(("icc", "exif", "xmp", "passport")),
            grey=False,
        ),
        Format(
            name="tiff",
            suffixes=(".tif", ".tiff"),
            lossless=True,
            alpha=True,
            depths=(8, 16),
            max_side=10**6,
            holds=frozenset(("icc", "xmp", "iptc", "resolution")),
            exif_limit=0,
        ),
        Format(
            name="avif",
            suffixes=(".avif",),
            lossless=True,
            lossy=True,
            alpha=True,
            depths=(8,),
            max_side=16384,
            holds=frozenset(("icc", "exif", "xmp", "cicp", "passport")),
            grey=False,
            turned=False,
        ),
    )
}

NO_FILE = replace(FORMATS["png"], holds=FORMATS["png"].holds - {"passport"})
"""What pictures in memory and the frames of clips carry: what a PNG does, with the passport in the XMP."""


def get_format(name: str) -> Format:
    """The format called `name` ("png", "jpeg", "webp", "tiff", "avif"; also "jpg", "tif").

    Raises UsageError for any other name.
    """
    wanted = name.lower()
    for form in FORMATS.values():
        if wanted == form.name or "." + wanted in form.suffixes:
            return form
    raise UsageError(f"{name!r} is not a format that regrow writes; use one of {', '.join(FORMATS)}")


def format_of(path: str | os.PathLike[str]) -> Format:
    """The format that a file name's suffix asks for. Raises UsageError when it asks for none.

    Examples:
        >>> from regrow.io.formats import format_of
        >>> format_of("photo.JPG").name
        'jpeg'
    """
    suffix = os.path.splitext(os.fspath(path))[1].lower()
    for form in FORMATS.values():
        if suffix in form.suffixes:
            return form
    known = ", ".join(s for form in FORMATS.values() for s in form.suffixes[:1])
    raise UsageError(f"{printable(path)}: cannot tell the format from the name; end it with one of {known}")


def icc_fits(icc: bytes, *, colors: int, format: str) -> bool:
    """Whether a profile fits the pixels of the file: a GRAY profile for grey pixels, an RGB one for colour."""
    stored = 1 if colors == 1 and get_format(format).grey else 3
    return icc[16:20] == (b"GRAY" if stored == 1 else b"RGB ")


def names_of(forms: Iterable[Format]) -> str:
    """As in PNG, WEBP or TIFF."""
    *most, last = (form.name.upper() for form in forms)
    return f"{', '.join(most)} or {last}" if most else last


def check_pixels(form: Format, name: str, *, width: int, height: int, colors: int, alpha: bool, depth: int) -> None:
    """Raise UsageError when the format cannot store such pixels; it names the formats that can."""
    kind, size = form.name.upper(), f"{width}x{height}"
    if colors not in (1, 3) or depth not in (8, 16) or width < 1 or height < 1:
        raise ValueError(f"not a picture: {size}, {colors} colours, {depth} bits")
    if alpha and not form.alpha:
        holders = names_of(f for f in FORMATS.values() if f.alpha)
        raise UsageError(f"{name}: {kind} has no transparency; use {holders}")
    if depth not in form.depths:
        holders = names_of(f for f in FORMATS.values() if depth in f.depths)
        raise UsageError(f"{name}: {kind} does not keep {depth} bits; use {holders}")
    if max(width, height) > form.max_side:
        raise UsageError(f"{name}: {size} is too large, {kind} ends at {form.max_side} pixels a side; use PNG or TIFF")
    allowed().check(name, Size(width, height))


def check_coding(form: Format, name: str, *, lossless: bool, quality: int) -> None:
    """Raise UsageError when the format does not support this coding."""
    kind = form.name.upper()
    if lossless and not form.lossless:
        raise UsageError(
            f"{name}: {kind} cannot be lossless; use {names_of(f for f in FORMATS.values() if f.lossless)}"
        )
    if not lossless and not form.lossy:
        raise UsageError(f"{name}: {kind} is always lossless; use {names_of(f for f in FORMATS.values() if f.lossy)}")
    if not 1 <= quality <= 100:
        raise UsageError(f"{name}: quality must be 1 to 100, not {quality}")


def check_metadata(form: Format, name: str, *, icc: bytes | None, exif: bytes | None, xmp: bytes | None) -> None:
    """Raise UsageError when a block does not fit into the format."""
    blocks = (("EXIF", exif, form.exif_limit), ("XMP", xmp, form.xmp_limit), ("ICC", icc, form.icc_limit))
    for kind, block, limit in blocks:
        if kind == "XMP" and form.name == "jpeg":
            continue  # the rest goes into extended XMP
        if block and len(block) > limit > 0:
            raise UsageError(
                f"{name}: the {kind} block has {len(block)} bytes and {form.name.upper()} holds at most {limit}; "
                "use PNG or WEBP, or take the block out first"
            )


def reason(error: Exception) -> str:
    """The error message of a library, shortened to one line."""
    text = str(getattr(error, "detail", "") or getattr(error, "strerror", None) or error)
    lines = [line.strip() for line in text.splitlines() if line.strip() and "bad seek" not in line]
    # libvips adds to what it said before; the last line is about now.
    return printable(lines[-1])[:120] if lines else type(error).__name__
