"""Open a picture file: a checked header, and rows from top to bottom in bounded memory."""

import io
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyvips

from regrow.errors import RegrowError, UsageError
from regrow.io.detect import Found, sniff
from regrow.io.exif import bare, with_orientation
from regrow.io.exif import orientation as exif_orientation
from regrow.io.formats import printable, reason
from regrow.io.header import as_utf8, block_of, check_size, conversion, get_field, resolution_of

ROWS_BYTES = 2**21
"""Size in bytes of the blocks of rows that iterating over a picture gives."""


class Rows:
    """The rows of a picture, from top to bottom, once: call `read(n)`, or iterate over blocks.

    Blocks have shape (n, width, bands); uint8 (0 to 255) or uint16 (0 to 65535). Raises RegrowError where the file
    turns out to be damaged or cut short.
    """

    def __init__(self, image: pyvips.Image, name: str) -> None:
        self._region = pyvips.Region.new(image)
        self._name = name
        self._dtype = np.uint16 if image.format == "ushort" else np.uint8
        self._shape = (image.width, image.bands)
        self.height: int = image.height
        self.position = 0

    def read(self, count: int) -> "np.ndarray[Any, Any]":
        """The next `count` rows; fewer at the end, and none after it."""
        count = min(count, self.height - self.position)
        if count <= 0:
            return np.empty((0, *self._shape), self._dtype)
        try:
            data = self._region.fetch(0, self.position, self._shape[0], count)
        except pyvips.Error as error:
            raise _damaged(self._name, error) from error
        self.position += count
        return np.frombuffer(data, self._dtype).reshape(count, *self._shape)

    def __iter__(self) -> "Iterator[np.ndarray[Any, Any]]":
        row = self._shape[0] * self._shape[1] * np.dtype(self._dtype).itemsize
        # Whole groups of 16 rows suit the blocks that JPEG and most TIFF files are cut into.
        count = max(16, ROWS_BYTES // row // 16 * 16)
        while len(block := self.read(count)):
            yield block


@dataclass(frozen=True, kw_only=True)
class Picture:
    """An opened picture: header and metadata are read, pixels are not.

    `image` has 1 or 3 colour bands and one more when `alpha`; it is sequential, to be read once. `rows()` opens the
    file anew each time. `exif` is without the six-byte "Exif" prefix. `resolution` is (x, y) in pixels per millimetre,
    None when not known. `notes` lists, in words, what reading had to change.
    """

    name: str
    format: str
    image: pyvips.Image
    alpha: bool
    depth: int
    icc: bytes | None
    exif: bytes | None
    xmp: bytes | None
    orientation: int
    resolution: tuple[float, float] | None
    notes: tuple[str, ...]
    _load: Callable[[str], pyvips.Image] = field(repr=False)

    @property
    def width(self) -> int:
        """Pixels a row, as stored."""
        return int(self.image.width)

    @property
    def height(self) -> int:
        """Rows, as stored."""
        return int(self.image.height)

    @property
    def colors(self) -> int:
        """1 (grey) or 3 (RGB)."""
        return int(self.image.bands) - self.alpha

    def rows(self) -> Rows:
        """The pixels from the start, in the file's own values, never premultiplied; only CMYK is colour-converted."""
        try:
            image = self._load("sequential")
        except pyvips.Error as error:
            raise _damaged(self.name, error) from error
        if (image.width, image.height, image.bands) != (self.width, self.height, self.image.bands):
            raise RegrowError(f"{self.name}: the file has changed since it was opened; start again")
        return Rows(image, self.name)

    def upright(self) -> "Picture":
        """The picture with its pixels turned upright, and orientation 1 in the EXIF block too.

        For AVIF, whose viewers ignore the orientation. Turning needs the whole picture: once rows are read, libvips
        keeps up to 100 MB in memory, or else uses a temporary file.
        """
        if self.orientation == 1:
            return self

        def reopen(access: str) -> pyvips.Image:
            image = self._load("random").copy()
            image.set_type(pyvips.GValue.gint_type, "orientation", self.orientation)
            return image.autorot()

        try:
            image = reopen("random")
        except pyvips.Error as error:
            raise _damaged(self.name, error) from error
        return replace(self, image=image, exif=with_orientation(self.exif, 1), orientation=1, _load=reopen)


def open_picture(source: str | os.PathLike[str] | bytes, *, name: str | None = None) -> Picture:
    """Open a PNG, JPEG, WebP, TIFF, AVIF, HEIF or GIF file, or the bytes of one.

    Only the header is read and checked here; damage further down shows when rows are read. `name` is the name of
    the picture in messages (default: the path).

    CMYK becomes sRGB, palettes are expanded, 1-, 2- and 4-bit samples become 8-bit and 10- and 12-bit ones 16-bit
    (full range to full range). Everything else keeps its values.

    Raises RegrowError, in one line that says what is wrong and what to do, for anything that is not one still picture
    of 8 or 16 bits within the size limits.
    """
    name = printable(name or (source if not isinstance(source, bytes) else "the picture"))
    data = source if isinstance(source, bytes) else _bytes_unless_file(source, name)
    try:
        with io.BytesIO(data) if data is not None else open(source, "rb") as stream:
            found = sniff(stream, name)
    except OSError as error:
        raise RegrowError(f"{name}: cannot be read ({error.strerror or error})") from error

    def load(access: str) -> pyvips.Image:
        if data is not None:
            return found.load(pyvips.Source.new_from_memory(data), access)
        try:
            with open(source, "rb") as file:
                return found.load(pyvips.Source.new_from_descriptor(file.fileno()), access)
        except OSError as error:
            raise RegrowError(f"{name}: cannot be read ({error.strerror or error})") from error

    try:
        return _picture(load, found, name)
    except pyvips.Error as error:
        raise _damaged(name, error) from error


def _bytes_unless_file(path: str | os.PathLike[str], name: str) -> bytes | None:
    """None for an ordinary file; the content of a pipe or device, read to its end."""
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISDIR(mode):
            raise RegrowError(f"{name}: is a folder; name a picture file")
        if stat.S_ISREG(mode):
            return None
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError as error:
        raise UsageError(f"{name}: no such file") from error
    except (OSError, ValueError) as error:
        raise RegrowError(f"{name}: cannot be read ({reason(error)})") from error


def _damaged(name: str, error: pyvips.Error) -> RegrowError:
    what = reason(error)
    if "heif" in what.lower() and ("unsupported" in what.lower() or "plugin" in what.lower()):
        return RegrowError(f"{name}: this kind of HEIF cannot be read here ({what}); convert it to AVIF, PNG or JPEG")
    return RegrowError(
        f"{name}: cannot be decoded, being damaged, cut short or of an unusual kind ({what}); "
        "get a fresh copy or save it as PNG"
    )


def _picture(load: Callable[[str], pyvips.Image], found: Found, name: str) -> Picture:
    raw = load("sequential")
    notes = list(found.notes)
    check_size(raw, found, name)
    bits = get_field(raw, "bits-per-sample") or 8
    change, words = conversion(raw, bits, name)
    notes += words
    if get_field(raw, "gainmap-data"):
        notes.append("the HDR gain map is not kept")
    icc, exif, xmp = (block_of(raw, kind, notes) for kind in ("icc-profile-data", "exif-data", "xmp-data"))
    exif = bare(exif)
    if raw.interpretation == "cmyk":
        icc = None
    if found.format == "tiff":
        orientation = get_field(raw, "orientation") or 1
    elif found.format == "heif":
        # libvips has turned the pixels already, and HEIF readers ignore what EXIF says.
        orientation, exif = 1, exif and with_orientation(exif, 1)
    else:
        orientation = exif_orientation(exif)
    image = change(raw)
    return Picture(
        name=name,
        format=found.format,
        image=image,
        alpha=image.bands in (2, 4),
        depth=16 if image.format == "ushort" else 8,
        icc=icc,
        exif=exif,
        xmp=as_utf8(xmp, notes),
        orientation=orientation,
        resolution=resolution_of(raw),
        notes=tuple(notes),
        _load=lambda access: change(load(access)),
    )
