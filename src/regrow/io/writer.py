"""Write a picture row by row, in bounded memory; the file appears whole or not at all."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np
import pyvips

from regrow.errors import RegrowError, UsageError, what_to_do
from regrow.io import bmff, jpeg, marks, png, riff, tiff
from regrow.io.adapting import adapted
from regrow.io.codecs import Codec
from regrow.io.containers import xmp_in_utf8
from regrow.io.encoder import Encoder
from regrow.io.exif import orientation as exif_orientation
from regrow.io.exif import with_orientation
from regrow.io.exif_passport import added, fits
from regrow.io.formats import (
    check_coding,
    check_metadata,
    check_pixels,
    format_of,
    get_format,
    printable,
    reason,
)
from regrow.io.metadata import NOTHING, Metadata, notes_on, split, without
from regrow.io.paths import atomic


class PictureWriter:
    """Writes a picture file: `with PictureWriter(...) as writer: writer.write(rows)`, top to bottom.

    ::

        rows -> uncompressed PNG stream -> libvips encoder (a thread) -> temporary file -> + metadata -> target

    The target is a path, or a binary file object such as `sys.stdout.buffer`, which needs `format`. A path is
    replaced in one step when the block ends cleanly; after an exception, an interrupt included, neither the target
    nor anything beside it has changed.

    Args:
        width, height: size of the picture as stored, in pixels.
        colors: 1 (grey) or 3 (RGB). `alpha` adds one band, never premultiplied.
        depth: 8 (rows are uint8) or 16 (uint16, full range 0 to 65535).
        format: "png", "jpeg", "webp", "tiff" or "avif"; the path's suffix when not given.
        metadata: all that is written beside pixels, byte for byte.
        icc, exif, xmp, resolution: some of it, in place of what `metadata` says.
        orientation: how viewers must turn the pixels, 1 to 8; that of `exif` when not given. AVIF viewers
            ignore it, so there the stored pixels are turned and the EXIF orientation is 1.
        lossless: False asks WebP and AVIF for lossy coding. Everything but JPEG is lossless otherwise.
        quality: 1 to 100, for lossy coding; JPEG 100 and others 90 when not given.
        codec: lossy coding for few bytes, at that quality; otherwise it is for good pictures: 4:4:4, and quick.
        mark: scale of a small picture, one of `regrow.io.marks.SCALES`, that lossy WebP and AVIF say in their
            code, and JPEG where it has no resolution to say; other files cannot.

    `notes` lists, in words, what the format could not store.

    Raises UsageError at once when the format cannot store the picture or its metadata, RegrowError when writing fails,
    and ValueError when rows do not fit the size, bands or type announced.
    """

    def __init__(
        self,
        target: str | os.PathLike[str] | BinaryIO,
        *,
        width: int,
        height: int,
        colors: int,
        alpha: bool = False,
        depth: int = 8,
        format: str | None = None,
        metadata: Metadata = NOTHING,
        icc: bytes | None = None,
        exif: bytes | None = None,
        xmp: bytes | None = None,
        orientation: int | None = None,
        resolution: tuple[float, float] | None = None,
        lossless: bool | None = None,
        quality: int | None = None,
        codec: Codec | None = None,
        mark: float | None = None,
    ) -> None:
        if mark is not None and mark not in marks.SCALES:
            raise ValueError(f"mark is {mark!r}")
        self.target = Path(target) if isinstance(target, str | os.PathLike) else target
        if isinstance(self.target, Path):
            self.name = printable(target)
            self.form = get_format(format) if format else format_of(self.target)
        else:
            self.name = "standard output"
            if format is None:
                raise UsageError("no format is given for standard output; name one, such as png")
            self.form = get_format(format)
        self.width, self.height, self.depth, self.mark = width, height, depth, mark
        self.bands = colors + alpha
        self.notes: list[str] = []
        self.codec = codec
        self.lossless = self.form.lossless and codec is None if lossless is None else lossless
        self.quality = quality if quality is not None else 90 if self.form.lossless else 100
        check_pixels(self.form, self.name, width=width, height=height, colors=colors, alpha=alpha, depth=depth)
        check_coding(self.form, self.name, lossless=self.lossless, quality=self.quality)

        blocks: dict[str, Any] = {"icc": icc, "exif": exif, "xmp": xmp, "resolution": resolution}
        own = replace(metadata, **{name: block for name, block in blocks.items() if block})
        self._orientation = exif_orientation(own.exif) if orientation is None else orientation
        if self.form.name == "png":
            own = replace(own, xmp=xmp_in_utf8(own.xmp, self.notes))
        said = self._orientation if self.form.turned else 1
        if self.form.exif_limit:
            own = replace(own, exif=with_orientation(own.exif, said))
        self.meta, left = adapted(*split(own, self.form, colors=colors), self.form, colors=colors)
        self.notes += notes_on(left, self.form)
        if self.meta.passport and self.form.name == "webp":
            self.meta = self._with_passport_in_exif()
        check_metadata(self.form, self.name, icc=self.meta.icc, exif=self.meta.exif, xmp=self.meta.xmp)
        if self.form.name == "jpeg":
            jpeg.split_xmp(self.meta.xmp, self.meta.extended, self.name)

    def _with_passport_in_exif(self) -> Metadata:
        text, meta = self.meta.passport, without(self.meta, "passport")
        if text and fits(meta.exif):
            return replace(meta, exif=added(meta.exif, text))
        self.notes.append("the passport has no place in the EXIF block, which is damaged; it is left out")
        return meta

    def __enter__(self) -> "PictureWriter":
        self._written = 0
        self._opened = ExitStack()
        try:
            self._file = self._opened.enter_context(tempfile.TemporaryFile(dir=self._folder()))
        except (OSError, ValueError) as error:
            raise self._unwritable(error) from error
        self._encoder = Encoder(self._save, width=self.width, height=self.height, bands=self.bands, depth=self.depth)
        self._opened.callback(self._encoder.stop)
        return self

    def _unwritable(self, error: Exception) -> RegrowError:
        return RegrowError(f"{self.name}: cannot write there ({reason(error)}){what_to_do(error)}")

    def _folder(self) -> Path | None:
        """Folder of the temporary file: on the target's file system, so that a full disk is noticed."""
        if not isinstance(self.target, Path):
            return None
        if self.target.is_dir():
            raise RegrowError(f"{self.name}: is a folder; name a file")
        folder = Path(os.path.realpath(self.target)).parent
        if not self._replaceable():
            return None
        while not folder.exists():
            folder = folder.parent
        return folder

    def _replaceable(self) -> bool:
        """Whether the target is a file to be replaced; devices and named pipes are written to directly."""
        return not isinstance(self.target, Path) or not self.target.exists() or self.target.is_file()

    def write(self, rows: "np.ndarray[Any, Any]") -> None:
        """Append rows, shape (n, width, bands) or (n, width) when there is one band, uint8 or uint16 as announced."""
        if rows.ndim == 2:
            rows = rows[:, :, None]
        dtype = np.uint8 if self.depth == 8 else np.uint16
        if rows.shape[1:] != (self.width, self.bands) or rows.dtype != dtype:
            raise ValueError(
                f"rows are {rows.shape} {rows.dtype}, not (n, {self.width}, {self.bands}) {dtype.__name__}"
            )
        if self._written + len(rows) > self.height:
            raise ValueError(f"{self._written + len(rows)} rows are more than the height, {self.height}")
        with self._failing():
            self._encoder.write(rows)
        self._written += len(rows)

    def _save(self, image: pyvips.Image) -> None:
        """In the encoder's thread: pixels, and for TIFF and AVIF the metadata, into the temporary file."""
        if self.form.turned:
            image = image.copy()
        else:
            image = image.copy_memory()
            image.set_type(pyvips.GValue.gint_type, "orientation", self._orientation)
            image = image.autorot().copy()
        if self.meta.resolution:
            image = image.copy(xres=self.meta.resolution[0], yres=self.meta.resolution[1])
        blob = pyvips.GValue.blob_type
        keep = pyvips.enums.ForeignKeep.NONE
        if self.form.name in ("tiff", "avif"):
            keep = pyvips.enums.ForeignKeep.ALL
            placeholder = None
            if self.meta.exif and self.form.name == "avif":
                placeholder = bmff.exif_placeholder(len(self.meta.exif))
            blocks = {"xmp-data": self.meta.xmp, "exif-data": placeholder}
            for field, block in blocks.items():
                if block:
                    image.set_type(blob, field, block)
            if self.form.name == "tiff":
                image.set_type(pyvips.GValue.gint_type, "orientation", self._orientation)
            elif not placeholder:
                keep = pyvips.enums.ForeignKeep.XMP
        coding = _OPTIONS[self.form.name]
        alpha = self.bands in (2, 4)
        options = self.codec.options(self.quality, alpha=alpha) if self.codec else coding(self.lossless, self.quality)
        if self.form.name == "tiff":
            options["bigtiff"] = self.width * self.height * self.bands * self.depth // 8 > 2**31
        if self.form.name == "jpeg" and self.codec is None:
            # Optimal Huffman tables need all coefficients in memory, 12 bytes a pixel.
            options["optimize_coding"] = self.width * self.height < 2**24
        target = pyvips.Target.new_to_descriptor(self._file.fileno())
        save = getattr(image, _SAVERS[self.form.name])
        save(target, keep=keep, **options)

    @contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except (OSError, pyvips.Error, ValueError) as problem:
            why = (self._refusal() or problem) if isinstance(problem, pyvips.Error) else problem
            raise RegrowError(f"{self.name}: could not be written ({reason(why)}){what_to_do(why)}") from problem

    def _refusal(self) -> OSError | None:
        """Why the system takes no more bytes, which libvips does not pass on; None where it takes them."""
        try:
            os.lseek(self._file.fileno(), 0, os.SEEK_END)
            for _ in range(16):
                os.write(self._file.fileno(), bytes(2**16))
        except OSError as error:
            return error
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._opened:
            if error is None:
                if self._written != self.height:
                    raise ValueError(f"{self._written} rows were written and {self.height} announced")
                with self._failing():
                    self._encoder.finish()
                    self._publish(self._deliver)

    def put(self, data: bytes) -> None:
        """Write a finished file in place of rows, outside of the block."""
        try:
            self._folder()
        except (OSError, ValueError) as error:
            raise self._unwritable(error) from error
        with self._failing():
            self._publish(lambda target: target.write(data))

    def _publish(self, deliver: Callable[[BinaryIO], Any]) -> None:
        if not isinstance(self.target, Path):
            deliver(self.target)
            self.target.flush()
        elif self._replaceable():
            with atomic(Path(os.path.realpath(self.target))) as part, part.open("r+b") as file:
                deliver(file)
                file.flush()
                os.fsync(file.fileno())
        else:
            with self.target.open("wb") as file:
                deliver(file)

    def _deliver(self, target: BinaryIO) -> None:
        """Copy the encoded pixels into `target` with the metadata in their places."""
        self._file.seek(0)
        meta = self.meta
        if self.mark is not None and self.form.name in ("webp", "avif") and not self.lossless:
            marks.put(self._file, self.mark, self.quality)
        if self.form.name == "png":
            png.splice(self._file, target, meta)
        elif self.form.name == "jpeg":
            jpeg.splice(self._file, target, meta, self.mark)
        elif self.form.name == "tiff":
            tiff.splice(self._file, target, meta)
        elif self.form.name == "avif":
            bmff.splice(self._file, target, meta, matrix=0 if self.lossless else 6)
        elif meta.icc or meta.exif or meta.xmp:
            alpha = self.bands in (2, 4)
            riff.splice(self._file, target, meta, width=self.width, height=self.height, alpha=alpha)
        else:
            shutil.copyfileobj(self._file, target, 2**20)


_SAVERS = {
    "png": "pngsave_target",
    "jpeg": "jpegsave_target",
    "webp": "webpsave_target",
    "tiff": "tiffsave_target",
    "avif": "heifsave_target",
}

_OPTIONS: dict[str, Callable[[bool, int], dict[str, Any]]] = {
    "png": lambda lossless, quality: {"compression": 6, "filter": "all"},
    "jpeg": lambda lossless, quality: {"Q": quality, "subsample_mode": "off"},
    # Without `exact`, WebP forgets the colours under fully transparent pixels.
    "webp": lambda lossless, quality: {"lossless": lossless, "Q": 75 if lossless else quality, "exact": True},
    "tiff": lambda lossless, quality: {"compression": "deflate", "predictor": "horizontal"},
    "avif": lambda lossless, quality: {
        "compression": "av1",
        "bitdepth": 8,
        "effort": 2 if lossless else 4,
        **({"lossless": True} if lossless else {"Q": quality, "subsample_mode": "off"}),
    },
}
