"""Open a picture file: a checked header, and rows from top to bottom in bounded memory."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pyvips

from regrow.errors import RegrowError
from regrow.io.allowed import allowed
from regrow.io.codecs import Facts
from regrow.io.decoding.samples import straight
from regrow.io.exif import with_orientation
from regrow.io.formats import printable
from regrow.io.header import check_size, completed, conversion, get_field
from regrow.io.metadata import Metadata, without
from regrow.io.rows import Rows, damaged, lacking
from regrow.io.source import PictureSource


@dataclass(frozen=True, kw_only=True)
class Picture:
    """An opened picture: header and metadata are read, pixels are not.

    `image` has 1 or 3 colour bands and one more when `alpha`; it is sequential, to be read once. `rows()` opens the
    file anew each time. `exif` is without the six-byte "Exif" prefix. `resolution` is (x, y) in pixels per millimetre,
    None when not known. `notes` lists, in words, what reading had to change. `turned` is the orientation by which the
    stored pixels were turned upright, 1 where they were not.
    """

    name: str
    format: str
    image: pyvips.Image
    alpha: bool
    depth: int
    metadata: Metadata
    orientation: int
    notes: tuple[str, ...]
    _load: Callable[[str], pyvips.Image] = field(repr=False)
    _source: PictureSource = field(repr=False)
    _partial: bool = field(repr=False)
    turned: int = 1

    @property
    def width(self) -> int:
        """Pixels a row, as stored."""
        return int(self.image.width)

    @property
    def height(self) -> int:
        """Rows, as stored."""
        return int(self.image.height)

    @property
    def icc(self) -> bytes | None:
        """Colour profile."""
        return self.metadata.icc

    @property
    def exif(self) -> bytes | None:
        """EXIF block, without the six-byte "Exif" prefix."""
        return self.metadata.exif

    @property
    def xmp(self) -> bytes | None:
        """XMP packet, UTF-8."""
        return self.metadata.xmp

    @property
    def resolution(self) -> tuple[float, float] | None:
        """(x, y) in pixels per millimetre; None when not known."""
        return self.metadata.resolution

    @property
    def colors(self) -> int:
        """1 (grey) or 3 (RGB)."""
        return int(self.image.bands) - self.alpha

    @property
    def facts(self) -> Facts:
        """What the file states of the loss in its coding."""
        return self._source.facts

    @property
    def mark(self) -> float | None:
        """The scale that the file's code suggests, of a small picture."""
        return self._source.mark

    @property
    def length(self) -> int:
        """Bytes of the file."""
        return self._source.length

    def rows(self) -> Rows:
        """The pixels from the start, never premultiplied, in the file's own values but for what opening converts."""
        try:
            image = self._load("sequential")
        except pyvips.Error as error:
            raise damaged(self.name, error) from error
        if (image.width, image.height, image.bands) != (self.width, self.height, self.image.bands):
            raise RegrowError(f"{self.name}: the file has changed since it was opened; start again")
        if self._partial:
            return Rows(image, None)
        return Rows(image, self._failed, self._source.confirm)

    def _failed(self, error: pyvips.Error) -> RegrowError:
        return damaged(self.name, error, in_part=self._source.in_part)

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
            raise damaged(self.name, error) from error
        metadata, notes = replace(self.metadata, exif=with_orientation(self.exif, 1)), self.notes
        if metadata.gain_map:
            metadata = without(metadata, "gain_map")
            notes = (*notes, "the HDR gain map lies as the picture did before it was turned upright; left out")
        return replace(
            self, image=image, metadata=metadata, orientation=1, turned=self.orientation, notes=notes, _load=reopen
        )


def open_picture(
    source: str | os.PathLike[str] | bytes, *, name: str | None = None, partial: bool | None = None
) -> Picture:
    """Open a PNG, JPEG, WebP, TIFF, AVIF, HEIF, GIF or, where rawpy is installed, raw file, or the bytes of one.

    Only the header is read and checked here; damage further down shows when rows are read. `name` is the name of
    the picture in messages (default: the path). With `partial` (default: what `regrow.io.allowed` says) the file may be
    damaged or cut short: it is decoded once to see how much of it is whole, which a note says.

    CMYK, YCbCr and L*a*b* become sRGB, premultiplied colours are divided by alpha, palettes are expanded, 1-, 2- and
    4-bit samples become 8-bit and 10- and 12-bit ones 16-bit (full range to full range). Everything else keeps its
    values.

    Raises RegrowError, in one line that says what is wrong and what to do, for anything that is not one still picture
    of 8 or 16 bits within the size limits.
    """
    name = printable(name or (source if not isinstance(source, bytes) else "the picture"))
    partial = allowed().partial if partial is None else partial
    opened = PictureSource(source, name)
    try:
        if opened.found.lacks and not (partial and opened.found.in_part):
            raise lacking(name, in_part=opened.in_part)
        picture = _picture(opened, opened.strict, name)
    except pyvips.Error as error:
        if not partial or not opened.found.in_part:
            raise damaged(name, error, in_part=not partial and opened.in_part) from error
        return _in_part(opened, name, 0)
    if not partial:
        return picture
    whole = _whole_rows(picture)
    if whole == picture.height and not opened.found.lacks:
        return picture
    return _in_part(opened, name, whole % picture.height)


def _in_part(opened: PictureSource, name: str, whole: int) -> Picture:
    """What there is of a picture, of which so many rows are whole."""
    try:
        picture = _picture(opened, "none", name)
    except pyvips.Error as error:
        raise damaged(name, error) from error
    picture = replace(picture, _partial=True)
    if not whole and _is_blank(picture):
        raise RegrowError(f"{name}: is damaged or cut short, and no row of it can be read; get a fresh copy")
    much = f"about {whole} of its {picture.height} rows are whole" if whole else "no row of it is sure to be whole"
    return replace(picture, notes=(*picture.notes, f"is damaged or cut short; {much}"))


def _is_blank(picture: Picture) -> bool:
    """Whether nothing came out of a decoder that was not to fail."""
    return len({sample for block in picture.rows() for sample in (block.min(), block.max())}) == 1


def _whole_rows(picture: Picture) -> int:
    rows = picture.rows()
    try:
        while len(rows.read(16)):
            pass
    except RegrowError:
        pass
    return rows.position


def _picture(opened: PictureSource, fail_on: str, name: str) -> Picture:
    found = opened.found
    raw = opened.load("sequential", fail_on)
    notes = [*found.notes, *opened.metadata_notes]
    check_size(raw, found, name)
    if (pages := get_field(raw, "n-pages") or 1) > 1:
        several = "pictures; only the main one" if found.format == "heif" else "frames; only the first"
        notes.append(f"holds {pages} {several} is used")
    raw = found.change(raw)
    bits = get_field(raw, "bits-per-sample") or 8
    change, words = conversion(raw, bits, name)
    notes += words
    metadata, orientation = completed(opened.metadata, raw, found.format, notes)
    if not found.own_colors:
        metadata = without(metadata, "icc")
    if found.premultiplied and raw.bands in (2, 4):
        notes.append("premultiplied colours divided by alpha")

    def made(image: pyvips.Image) -> pyvips.Image:
        image = change(found.change(image))
        return straight(image) if found.premultiplied and image.bands in (2, 4) else image

    image = made(opened.load("sequential", fail_on))
    return Picture(
        name=name,
        format=found.format,
        image=image,
        alpha=image.bands in (2, 4),
        depth=16 if image.format == "ushort" else 8,
        metadata=metadata,
        orientation=orientation,
        notes=tuple(notes),
        _load=lambda access: made(opened.load(access, fail_on)),
        _source=opened,
        _partial=False,
    )
