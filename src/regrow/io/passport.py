"""The passport of a small picture, which states how to regrow it: a line of text, or XMP properties.

The format is specified in docs/passport.md. A passport is untrusted input: everything is checked before it is used.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

from regrow.errors import RegrowError
from regrow.io import passport_text
from regrow.io import xmp as packets
from regrow.io.carried import READERS, WRITERS, from_base64, to_base64
from regrow.io.formats import METADATA_LIMIT, printable
from regrow.io.metadata import Chunk, Metadata, without
from regrow.io.passport_text import SHORT, VERSION, named, number, scale
from regrow.size import MAX_UNEVEN

NAMESPACE = "https://regrow.dev/ns/passport/1.0/"
MAX_SIDE = 10**6
SCALES = (1, 1.5, 2, 4, 8, 16, 32, 64, 128)

MAX_WORK = 4 * MAX_UNEVEN
"""Largest ratio of a side as grown to the side as wanted: the scale of a model is the next power of 2 or 4."""

_MODEL = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_ASKED = re.compile(r"[a-z][0-9][0-9.]{0,15}")
_DIGEST = re.compile(rf"[0-9a-f]{{{SHORT}}}|[0-9a-f]{{64}}")
_ADVICE = "get the file as regrow made it, or take the passport out and say how with --scale and --model"


class PassportError(RegrowError):
    """The passport of a picture cannot be used; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Passport:
    """The information that is needed to regrow a small picture.

    Args:
        model: name of the model that shrank it, `[a-z0-9][a-z0-9._-]{0,63}`.
        digest: SHA-256 of that model's weights, 64 lower-case hexadecimal digits or the first 8 of them.
        scale: scale of the model over all its applications: 1, 1.5, 2, 4, 8 ... 128.
        width, height: exact size of the original, as stored, 1 to 1,000,000 pixels.
        small_width, small_height: size of the small picture, no larger, and no smaller than the scale makes it.
        depth: bits per sample of the original, 8 or 16.
        colours: colour channels of the original, 1 (grey) or 3 (RGB).
        alpha: whether the original had transparency.
        refined: iterations of refinement of the small picture, 1 to 1,000; None if it was not.
        alpha_model, alpha_digest: name of the model that shrank transparency, and SHA-256 of its weights; None where
            it was averaged, as by regrow before 0.20, or there is none.
        quality: quality, 1 to 100, at which a codec coded the small picture; None where its file says that, or nobody
            needs to know.
        asked: what was asked of the coded file, as `regrow.operations.coded.wish` spells it; None for nothing.
        exif: the original's EXIF block, only where the small picture's format cannot store it (TIFF).
        icc: the original's colour profile, only where the small picture cannot store it (a profile for colour,
            where the small picture is grey).
        extended, iptc, comments, chunks, cicp, gain_map, resolution: fields of the original's `Metadata`, only where
            the small picture's format cannot store them.
        passport: the line that the original had as its own passport, being a small picture itself.

    Raises ValueError for anything else.
    """

    model: str
    digest: str
    scale: float
    width: int
    height: int
    small_width: int
    small_height: int
    depth: int
    colours: int
    alpha: bool
    refined: int | None = None
    alpha_model: str | None = None
    alpha_digest: str | None = None
    quality: int | None = None
    asked: str | None = None
    exif: bytes | None = None
    icc: bytes | None = None
    extended: bytes | None = None
    iptc: bytes | None = None
    comments: tuple[bytes, ...] | None = None
    chunks: tuple[Chunk, ...] | None = None
    cicp: tuple[int, int, int, int] | None = None
    gain_map: bytes | None = None
    resolution: tuple[float, float] | None = None
    passport: bytes | None = None

    def __post_init__(self) -> None:
        rules = {
            "model": _MODEL.fullmatch(self.model),
            "digest": _DIGEST.fullmatch(self.digest),
            "scale": self.scale in SCALES,
            "width": 1 <= self.width <= MAX_SIDE,
            "height": 1 <= self.height <= MAX_SIDE,
            "small_width": self._reaches(self.small_width, self.width),
            "small_height": self._reaches(self.small_height, self.height),
            "depth": self.depth in (8, 16),
            "colours": self.colours in (1, 3),
            "alpha": isinstance(self.alpha, bool) and (self.alpha or self.alpha_model is None),
            "refined": self.refined is None or 1 <= self.refined <= 1000,
            "alpha_model": self.alpha_model is None or _MODEL.fullmatch(self.alpha_model),
            "alpha_digest": _DIGEST.fullmatch(self.alpha_digest) if self.alpha_digest else self.alpha_model is None,
            "quality": self.quality is None or 1 <= self.quality <= 100,
            "asked": self.asked is None or _ASKED.fullmatch(self.asked),
        }
        for field, kept in rules.items():
            if not kept:
                raise ValueError(f"{field} is {getattr(self, field)!r}")

    @property
    def version(self) -> int:
        """The oldest version of this format that can say all of it, 1 or 2."""
        short = SHORT in (len(self.digest), len(self.alpha_digest or ""))
        return 2 if short or self.scale == 1.5 or self.quality is not None or self.asked is not None else 1

    def _reaches(self, small: int, full: int) -> bool:
        """Whether shrinking can make this of a side, and growing it needs a reasonable amount of work."""
        return small <= full <= small * self.scale and (small - 1) * self.scale < MAX_WORK * full

    def check_size(self, width: int, height: int, *, name: str = "the small picture") -> None:
        """Raise PassportError unless a picture of this size can be the one that the passport was written for."""
        if (width, height) != (self.small_width, self.small_height):
            raise PassportError(
                f"{name}: is {width}x{height} and its passport was written for {self.small_width}x{self.small_height}, "
                "so it was resized, cropped or turned since; get the file as regrow made it"
            )

    def to_xmp(self, existing: bytes | None) -> bytes:
        """The picture's own XMP packet with the passport in it, every other byte unchanged; or a new packet.

        A packet that cannot be added to (not well-formed, not UTF-8, with a DTD, or with a passport already, when a
        small picture is shrunk again) is stored inside the new one, and `strip` restores it.

        Raises PassportError when the packet would be larger than 16 MiB.
        """
        properties = {"version": str(self.version)}
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None:
                properties[field.name] = _WRITERS.get(field.name, str)(value)
        spliced = None
        if existing and not packets.mentions(existing, NAMESPACE):
            spliced = packets.splice(existing, NAMESPACE, "regrow", properties)
        if spliced is None:
            if existing:
                properties["original"] = to_base64(existing)
            spliced = packets.new_packet(NAMESPACE, "regrow", properties)
        if len(spliced) > METADATA_LIMIT:
            raise PassportError(
                f"the XMP with the passport would have {len(spliced)} bytes; take out the picture's own"
            )
        return spliced

    @property
    def metadata(self) -> dict[str, Any]:
        """What it carries of the original's metadata, by the names of its fields."""
        return {name: value for name in READERS if (value := getattr(self, name))}

    @property
    def fits_line(self) -> bool:
        """Whether it can be said in one line: whether it carries no metadata but a usual resolution."""
        carried = {name for name in self.metadata if name != "resolution"}
        return not carried and (self.resolution is None or bool(passport_text.resolution_text(self.resolution)))

    def to_text(self) -> bytes:
        """The passport as a line of ASCII, with short digests: `Metadata.passport` of a small picture.

        ValueError where it carries metadata, which needs XMP, but for a resolution.

        Examples:
            >>> from regrow import Passport
            >>> Passport(
            ...     model="tad-x2", digest="9f86d081" * 8, scale=2, width=57, height=31, small_width=29,
            ...     small_height=16, depth=8, colours=3, alpha=False,
            ... ).to_text()
            b'regrow/2 tad-x2 9f86d081 57x31'
        """
        if not self.fits_line:
            raise ValueError(f"{', '.join(self.metadata)} cannot be said in one line")
        return passport_text.written(vars(self))

    @classmethod
    def of(cls, metadata: Metadata, *, name: str = "the small picture") -> "Passport | None":
        """The passport of a picture with this metadata, None when there is none: the line if it has one, else the XMP.

        Raises PassportError, starting with `name`, for one that is damaged or was written by a newer regrow.
        """
        if metadata.passport:
            return cls.from_text(metadata.passport, name=name)
        return cls.from_xmp(metadata.xmp, name=name) if metadata.xmp else None

    @classmethod
    def from_text(cls, text: bytes, *, name: str = "the small picture") -> "Passport":
        """The passport that a line says.

        Raises PassportError, starting with `name`, for one that is damaged or was written by a newer regrow.
        """
        try:
            version = passport_text.version_of(text)
            if version > VERSION:
                raise _newer(name, version)
            if version < VERSION:
                raise ValueError(f"version is {version}")
            return cls(**passport_text.read(text))
        except (ValueError, OverflowError) as error:
            raise _damaged(name, error) from error

    @classmethod
    def from_xmp(cls, xmp: bytes, *, name: str = "the small picture") -> "Passport | None":
        """The passport in an XMP packet, None when there is none.

        Raises PassportError, starting with `name`, for one that is damaged or was written by a newer regrow.
        """
        if not packets.mentions(xmp, NAMESPACE):
            return None
        try:
            properties = packets.read(xmp, NAMESPACE)
        except ValueError as error:
            raise _damaged(name, error) from error
        if not properties:
            return None
        try:
            if "version" not in properties:
                raise ValueError("version is missing")
            version = named("version", number, properties["version"])
            if version > VERSION:
                raise _newer(name, version)
            readers = _READERS if version > 1 else _FIRST
            values = {key: named(key, reader, properties[key]) for key, reader in readers.items() if key in properties}
            missing = [key for key in readers if key not in values and key not in _OPTIONAL]
            if missing:
                raise ValueError(f"{missing[0]} is missing")
            found = cls(**values)
            if found.version > version:
                raise ValueError(f"digest is {found.digest!r}")
            return found
        except (ValueError, OverflowError) as error:
            raise _damaged(name, error) from error


def _text(value: str) -> str:
    return value


def _truth(value: str) -> bool:
    if value not in ("True", "False"):
        raise ValueError(f"{value!r} is neither True nor False")
    return value == "True"


_OPTIONAL = {field.name for field in fields(Passport) if field.default is None}
_WRITERS: dict[str, Callable[[Any], str]] = {**WRITERS, "scale": "{:g}".format}
_READERS: dict[str, Callable[[str], Any]] = {
    "model": _text,
    "digest": _text,
    "scale": scale,
    "width": number,
    "height": number,
    "small_width": number,
    "small_height": number,
    "depth": number,
    "colours": number,
    "alpha": _truth,
    "refined": number,
    "alpha_model": _text,
    "alpha_digest": _text,
    "quality": number,
    "asked": str,
    **READERS,
}
_FIRST = {**{key: reader for key, reader in _READERS.items() if key not in ("quality", "asked")}, "scale": number}
"""Those of version 1."""


def _newer(name: str, version: int) -> PassportError:
    return PassportError(f"{name}: was written by a newer regrow (passport version {version}); update regrow")


def _damaged(name: str, error: Exception) -> PassportError:
    why = printable(error)
    return PassportError(f"{name}: its passport is damaged ({why[:100]}); {_ADVICE}")


def strip(xmp: bytes) -> bytes | None:
    """The picture's own XMP, byte for byte as it was before `Passport.to_xmp`; None when there was none.

    Where another program has rewritten the packet since, this is that program's packet without the passport's
    properties; None when they cannot be separated.
    """
    if not packets.mentions(xmp, NAMESPACE):
        return xmp
    try:
        properties = packets.read(xmp, NAMESPACE) or {}
        if "original" in properties:
            return from_base64(properties["original"])
        return packets.unsplice(xmp, NAMESPACE, "regrow")
    except ValueError:
        return None


def removed(metadata: Metadata) -> Metadata:
    """A small picture's metadata without its passport: that of the original, but for what the passport carries."""
    if metadata.passport:
        return without(metadata, "passport")
    return replace(metadata, xmp=strip(metadata.xmp)) if metadata.xmp else metadata


def mentioned(metadata: Metadata) -> bool:
    """Whether metadata has a passport, be it sound or not."""
    return bool(metadata.passport) or (metadata.xmp is not None and packets.mentions(metadata.xmp, NAMESPACE))
