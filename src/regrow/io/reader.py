"""Open a picture file: a checked header, and rows from top to bottom in bounded memory."""

import io
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyvips

from regrow.errors import RegrowError
from regrow.io.decoding.samples import straight
from regrow.io.decoding.splice import Spliced, reading
from regrow.io.detect import Found, sniff
from regrow.io.exif import bare, with_orientation
from regrow.io.exif import orientation as exif_orientation
from regrow.io.formats import printable, reason
from regrow.io.header import as_utf8, block_of, check_size, conversion, get_field, resolution_of
from regrow.io.partial import allowed

ROWS_BYTES = 2**21
"""Size in bytes of the blocks of rows that iterating over a picture gives."""


class Rows:
    """The rows of a picture, from top to bottom, once: call `read(n)`, or iterate over blocks.

    Blocks have shape (n, width, bands); uint8 (0 to 255) or uint16 (0 to 65535). Raises RegrowError where the file
    turns out to be damaged or cut short; with `partial`, what cannot be decoded is 0.
    """

    def __init__(self, image: pyvips.Image, found: Found, name: str, *, partial: bool) -> None:
        self._region = pyvips.Region.new(image)
        self._image = image  # holds what the file is read through, which a region does not
        self._found, self._name, self._partial = found, name, partial
        self._dtype = np.uint16 if image.format == "ushort" else np.uint8
        self._shape = (image.width, image.bands)
        # A picture that is announced taller than it is has a row that says whether the last ones were whole.
        self.height, self._probe = found.size if found.size and image.height > found.size[0] else (image.height, None)
        self.position = 0

    def read(self, count: int) -> "np.ndarray[Any, Any]":
        """The next `count` rows; fewer at the end, and none after it."""
        count = min(count, self.height - self.position)
        if count <= 0:
            return np.empty((0, *self._shape), self._dtype)
        try:
            data = self._region.fetch(0, self.position, self._shape[0], count)
            if self._probe is not None and self.position + count == self.height:
                self._region.fetch(0, self._probe, self._shape[0], 1)
        except pyvips.Error as error:
            if not self._partial:
                raise damaged(self._name, error, partial=self._found.in_part) from error
            data = bytes(self._shape[0] * self._shape[1] * count * np.dtype(self._dtype).itemsize)
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
    _found: Found = field(repr=False)
    _partial: bool = field(repr=False)
    _before: Callable[[], None] = field(repr=False, default=lambda: None)

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
        self._before()
        try:
            image = self._load("sequential")
        except pyvips.Error as error:
            raise damaged(self.name, error) from error
        rows = Rows(image, self._found, self.name, partial=self._partial)
        if (image.width, rows.height, image.bands) != (self.width, self.height, self.image.bands):
            raise RegrowError(f"{self.name}: the file has changed since it was opened; start again")
        return rows

    def upright(self) -> "Picture":
        """The picture with its pixels turned upright, and orientation 1 in the EXIF block too.

        For AVIF, whose viewers ignore the orientation. Turning needs the whole picture: once rows are read, libvips
        keeps up to 100 MB in memory, or else uses a temporary file.
        """
        if self.orientation == 1:
            return self

        def check() -> None:
            """Turning begins at the end of a file, where its decoder does not tell whether all was there."""
            if self._found.size and not self._partial:
                for _ in self.rows():
                    pass

        def reopen(access: str) -> pyvips.Image:
            image = self._load("random").copy()
            image.set_type(pyvips.GValue.gint_type, "orientation", self.orientation)
            return image.autorot()

        try:
            image = reopen("random")
        except pyvips.Error as error:
            raise damaged(self.name, error) from error
        return replace(
            self, image=image, exif=with_orientation(self.exif, 1), orientation=1, _load=reopen, _before=check
        )


def open_picture(
    source: str | os.PathLike[str] | bytes, *, name: str | None = None, partial: bool | None = None
) -> Picture:
    """Open a PNG, JPEG, WebP, TIFF, AVIF, HEIF or GIF file, or the bytes of one.

    Only the header is read and checked here; damage further down shows when rows are read. `name` is the name of
    the picture in messages (default: the path). With `partial` (default: what `regrow.io.partial` says) the file may be
    damaged or cut short: it is decoded once to see how much of it is whole, which a note says.

    CMYK, YCbCr and L*a*b* become sRGB, premultiplied colours are divided by alpha, palettes are expanded, 1-, 2- and
    4-bit samples become 8-bit and 10- and 12-bit ones 16-bit (full range to full range). Everything else keeps its
    values.

    Raises RegrowError, in one line that says what is wrong and what to do, for anything that is not one still picture
    of 8 or 16 bits within the size limits.
    """
    name = printable(name or (source if not isinstance(source, bytes) else "the picture"))
    partial = allowed() if partial is None else partial
    data = source if isinstance(source, bytes) else _bytes_unless_file(source, name)

    try:
        with io.BytesIO(data) if data is not None else open(source, "rb") as stream:
            found = sniff(stream, name)
    except OSError as error:
        raise RegrowError(f"{name}: cannot be read ({error.strerror or error})") from error

    def load(access: str, fail_on: str) -> pyvips.Image:
        parts = found.parts if access == "sequential" and fail_on != "none" else found.plain
        try:
            if parts is not None:
                read_at = reading(source) if data is None else lambda offset, size: data[offset : offset + size]
                return found.load(Spliced(read_at, parts).source(), access, fail_on)
            if data is not None:
                return found.load(pyvips.Source.new_from_memory(data), access, fail_on)
            with open(source, "rb") as file:
                return found.load(pyvips.Source.new_from_descriptor(file.fileno()), access, fail_on)
        except OSError as error:
            raise RegrowError(f"{name}: cannot be read ({error.strerror or error})") from error

    return _opened(load, found, name, partial=partial)


Load = Callable[[str, str], pyvips.Image]
"""Opens the picture for an order of access, to fail on what libvips calls so."""


def _opened(load: Load, found: Found, name: str, *, partial: bool) -> Picture:
    whole = None
    try:
        strict = _strict(load, found)
        if found.lacks and not partial:
            raise _lacking(name)
        picture = _picture(lambda access: load(access, strict), found, name)
        if not partial:
            return picture
        whole = picture.height if not found.lacks else 0
        whole = min(whole, _whole_rows(picture))
        if whole == picture.height:
            return picture
    except pyvips.Error as error:
        if not partial or not found.in_part:
            raise damaged(name, error, partial=found.in_part and not partial and _loads(load)) from error
    try:
        picture = _picture(lambda access: load(access, "none"), found, name, partial=True)
    except pyvips.Error as error:
        raise damaged(name, error) from error
    much = f"about {whole} of its {picture.height} rows are whole" if whole else "no row of it is sure to be whole"
    return replace(picture, notes=(*picture.notes, f"is damaged or cut short; {much}"))


def _strict(load: Load, found: Found) -> str:
    """What reading is to fail on; where the header alone has something to warn of, warnings say nothing."""
    if found.strict == "warning":
        try:
            load("sequential", "warning")
        except pyvips.Error:
            return "error"
    return found.strict


def _loads(load: Load) -> bool:
    try:
        load("sequential", "none")
    except pyvips.Error:
        return False
    return True


def _whole_rows(picture: Picture) -> int:
    rows = picture.rows()
    try:
        while len(rows.read(16)):
            pass
    except RegrowError:
        pass
    return rows.position


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
        raise RegrowError(f"{name}: no such file") from error
    except (OSError, ValueError) as error:
        raise RegrowError(f"{name}: cannot be read ({reason(error)})") from error


_TAKE = "get a fresh copy, or take what there is of it with --partial"


def _lacking(name: str) -> RegrowError:
    return RegrowError(f"{name}: is cut short or damaged; {_TAKE}")


def damaged(name: str, error: pyvips.Error, *, partial: bool = False) -> RegrowError:
    """What to say of a file that cannot be decoded; `partial` where some of it can be."""
    what = reason(error)
    if "heif" in what.lower() and ("unsupported" in what.lower() or "plugin" in what.lower()):
        return RegrowError(f"{name}: this kind of HEIF cannot be read here ({what}); convert it to AVIF, PNG or JPEG")
    return RegrowError(
        f"{name}: cannot be decoded, being damaged, cut short or of an unusual kind ({what}); "
        + (_TAKE if partial else "get a fresh copy or save it as PNG")
    )


def _picture(load: Callable[[str], pyvips.Image], found: Found, name: str, *, partial: bool = False) -> Picture:
    raw = load("sequential")
    if found.size:
        raw = raw.crop(0, 0, raw.width, found.size[0])
    notes = list(found.notes)
    check_size(raw, found, name)
    if (get_field(raw, "n-pages") or 1) > 1:
        notes.append(f"holds {get_field(raw, 'n-pages')} frames; only the first is used")
    raw = found.change(raw)
    bits = get_field(raw, "bits-per-sample") or 8
    change, words = conversion(raw, bits, name)
    notes += words
    if get_field(raw, "gainmap-data"):
        notes.append("the HDR gain map is not kept")
    icc, exif, xmp = (block_of(raw, kind, notes) for kind in ("icc-profile-data", "exif-data", "xmp-data"))
    exif = bare(exif)
    if raw.interpretation == "cmyk" or not found.own_colors:
        icc = None
    if found.format == "tiff":
        orientation = get_field(raw, "orientation") or 1
    elif found.format == "heif":
        # libvips has turned the pixels already, and HEIF readers ignore what EXIF says.
        orientation, exif = 1, exif and with_orientation(exif, 1)
    else:
        orientation = exif_orientation(exif)
    if found.premultiplied and raw.bands in (2, 4):
        notes.append("premultiplied colours divided by alpha")

    def made(image: pyvips.Image) -> pyvips.Image:
        image = change(found.change(image))
        return straight(image) if found.premultiplied and image.bands in (2, 4) else image

    image = made(load("sequential"))
    if found.size:
        image = image.crop(0, 0, image.width, found.size[0])
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
        _load=lambda access: made(load(access)),
        _found=found,
        _partial=partial,
    )
