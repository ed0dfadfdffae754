"""Where the bytes of a picture come from, and how they reach its decoder."""

import io
import os
import stat
from functools import cached_property

import pyvips

from regrow.errors import RegrowError, UsageError
from regrow.io.codecs import UNKNOWN, Facts
from regrow.io.coded import facts_of
from regrow.io.containers import metadata_of
from regrow.io.decoding import raw
from regrow.io.decoding.splice import Part, Spliced, reading
from regrow.io.detect import sniff
from regrow.io.formats import reason
from regrow.io.header import MAX_SIDE
from regrow.io.marks import BRAND, scale_of


class PictureSource:
    """A file, or the bytes of one, whose format is known. RegrowError where it cannot be read or is no picture."""

    def __init__(self, source: str | os.PathLike[str] | bytes, name: str) -> None:
        self._source, self._name = source, name
        self._data = source if isinstance(source, bytes) else _bytes_unless_file(source, name)
        self._confirmed = False
        try:
            with io.BytesIO(self._data) if self._data is not None else open(source, "rb") as stream:
                self.found = sniff(stream, name)
                self.metadata, self.metadata_notes = metadata_of(stream, self.found.format)
        except OSError as error:
            raise self._unreadable(error) from error

    def load(self, access: str, fail_on: str) -> pyvips.Image:
        """The picture as its decoder gives it, to fail on what libvips calls so."""
        return self._developed if self.found.format == "raw" else self._load(self.found.parts, access, fail_on)

    @cached_property
    def _developed(self) -> pyvips.Image:
        return raw.developed(self._path if self._data is None else self._data, self._name)

    @property
    def facts(self) -> Facts:
        """What the file states of the loss in its coding; unknown where it has none, or states nothing."""
        return self._stated[0]

    @property
    def mark(self) -> float | None:
        """The scale that the file's code suggests, of a small picture."""
        return self._stated[1]

    @cached_property
    def _stated(self) -> tuple[Facts, float | None]:
        """Both, from one reading of a file whose code may say how it was made."""
        if self.found.format not in ("jpeg", "webp", "heif"):
            return UNKNOWN, None
        if self._data is not None:
            return facts_of(self._data), scale_of(self._data)
        with open(self._path, "rb") as file:
            # Of an AVIF only the brand tells, and HEIF may be large.
            data = file.read(BRAND if self.found.format == "heif" else -1)
        return facts_of(data), scale_of(data)

    @property
    def length(self) -> int:
        """Bytes of the file."""
        return len(self._data) if self._data is not None else os.stat(self._path).st_size

    @cached_property
    def strict(self) -> str:
        """What reading is to fail on. Where the header has something to warn of, warnings say nothing.

        Nor do they where the first row has, if its kind is one that old or careless programs wrote.
        """
        strict = self.found.strict
        return "error" if strict == "warning" and not self._begins(strict) else strict

    def _begins(self, fail_on: str) -> bool:
        try:
            image = self.load("sequential", fail_on)
            if self.found.tolerant and image.width <= MAX_SIDE:
                pyvips.Region.new(image).fetch(0, 0, image.width, 1)
        except pyvips.Error:
            return False
        return True

    @property
    def in_part(self) -> bool:
        """Whether what there is of it can be read, if it is damaged."""
        try:
            self.load("sequential", "none")
        except pyvips.Error:
            return False
        return self.found.in_part

    def confirm(self) -> None:
        """Raise pyvips.Error where the last rows lack data and their decoder did not say so."""
        tall = self.found.tall
        if tall is None or self._confirmed:
            return
        image = self._load(tall.parts, "sequential", self.strict)
        region = pyvips.Region.new(image)
        for top in range(0, tall.height, 16):
            region.fetch(0, top, image.width, min(16, tall.height - top))
        region.fetch(0, tall.probe, image.width, 1)
        self._confirmed = True

    def _load(self, parts: tuple[Part, ...] | None, access: str, fail_on: str) -> pyvips.Image:
        try:
            if parts is not None:
                data = self._data
                read_at = reading(self._path) if data is None else lambda at, size: data[at : at + size]
                return self.found.load(Spliced(read_at, parts).source(), access, fail_on)
            if self._data is not None:
                return self.found.load(pyvips.Source.new_from_memory(self._data), access, fail_on)
            with open(self._path, "rb") as file:
                return self.found.load(pyvips.Source.new_from_descriptor(file.fileno()), access, fail_on)
        except OSError as error:
            raise self._unreadable(error) from error

    @property
    def _path(self) -> str | os.PathLike[str]:
        assert not isinstance(self._source, bytes)
        return self._source

    def _unreadable(self, error: OSError) -> RegrowError:
        return RegrowError(f"{self._name}: cannot be read ({error.strerror or error})")


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
