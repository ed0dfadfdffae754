"""Metadata that a format does not hold as it is, said in another way that the format has."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pyvips

from regrow.io import tiff, xmp
from regrow.io.exif import ORIENTATION, entries, resolution_entries
from regrow.io.formats import Format
from regrow.io.ifd import Entry, Layout
from regrow.io.metadata import Metadata, without

Halves = tuple[Metadata, Metadata]
"""What is kept, and what is left."""

_DISPLAY_P3 = (12, 13)


def adapted(kept: Metadata, left: Metadata, form: Format, *, colors: int) -> Halves:
    """The halves of `split` once what is left is said in another way, where there is one."""
    for name, (_, say) in WAYS[form.name].items():
        if name in left.said and (name != "cicp" or colors == 3):
            kept, left = say(kept, left)
    return kept, left


@cache
def _display_p3() -> bytes:
    return bytes(pyvips.Operation.call("profile_load", "p3"))


def profile_of(cicp: tuple[int, int, int, int]) -> bytes | None:
    """A profile that means the same as these primaries and transfer; None where libvips brings none."""
    return _display_p3() if cicp[:2] == _DISPLAY_P3 and cicp[3] else None


def _joined(kept: Metadata, left: Metadata) -> Halves:
    """One XMP packet."""
    whole = xmp.joined(kept.xmp, left.extended) if kept.xmp and left.extended else None
    return (replace(kept, xmp=whole), without(left, "extended")) if whole else (kept, left)


def _as_texts(kept: Metadata, left: Metadata) -> Halves:
    """Comments as the PNG texts that the keyword Comment is for."""
    texts, rest = [], []
    for comment in left.comments:
        text = comment.rstrip(b"\0")
        try:
            known = b"\0" not in text and text.decode("utf-8") is not None
        except UnicodeError:
            known = False
        if known:
            texts.append((b"iTXt", b"Comment\0\0\0\0\0" + text))
        elif b"\0" not in text:
            texts.append((b"tEXt", b"Comment\0" + text))
        else:
            rest.append(comment)
    return replace(kept, chunks=(*kept.chunks, *texts)), replace(left, comments=tuple(rest))


def _as_comments(kept: Metadata, left: Metadata) -> Halves:
    """Plain PNG texts of the keyword Comment as the comments of a JPEG."""
    comments, rest = [], []
    for kind, data in left.chunks:
        plain, packed = data.removeprefix(b"Comment\0"), data.removeprefix(b"Comment\0\0\0\0\0")
        if kind == b"iTXt" and len(packed) < len(data) and len(packed) <= 65533:
            comments.append(packed)
        elif kind == b"tEXt" and len(plain) < len(data) and len(plain) <= 65533:
            comments.append(plain.decode("latin-1").encode() if not plain.isascii() else plain)
        else:
            rest.append((kind, data))
    return replace(kept, comments=(*kept.comments, *comments)), replace(left, chunks=tuple(rest))


def _as_tags(kept: Metadata, left: Metadata) -> Halves:
    """EXIF as tags of a TIFF."""
    if left.exif and tiff.can_say(left.exif):
        return replace(kept, exif=left.exif), without(left, "exif")
    return kept, left


def _in_exif(kept: Metadata, left: Metadata) -> Halves:
    """The resolution in an EXIF block of its own, or of the orientation alone."""
    order, found = entries(kept.exif)
    if not left.resolution or [entry for entry in found if entry.tag != ORIENTATION] or (kept.exif and not found):
        return kept, left
    tags: list[Entry] = [*found, *resolution_entries(left.resolution, order)]
    head = struct.pack(order + "2sHI", b"II" if order == "<" else b"MM", 42, 8)
    return replace(kept, exif=head + Layout(order).packed(tags, 8)), without(left, "resolution")


def _as_profile(kept: Metadata, left: Metadata) -> Halves:
    """Colours as a profile, where there is none yet."""
    profile = left.cicp and not kept.icc and profile_of(left.cicp)
    return (replace(kept, icc=profile), without(left, "cicp")) if profile else (kept, left)


Way = tuple[str, Callable[[Metadata, Metadata], Halves]]
_EXTENDED: Way = ("in one packet with the other", _joined)
_RESOLUTION: Way = ("in an EXIF block, where there is none yet", _in_exif)
_CICP: Way = ("as a profile, where it is Display P3", _as_profile)

WAYS: dict[str, dict[str, Way]] = {
    "png": {"extended": _EXTENDED, "comments": ("as the text `Comment`", _as_texts)},
    "jpeg": {"chunks": ("the text `Comment` as a comment", _as_comments), "cicp": _CICP},
    "webp": {"extended": _EXTENDED, "resolution": _RESOLUTION, "cicp": _CICP},
    "tiff": {"extended": _EXTENDED, "exif": ("as tags", _as_tags), "cicp": _CICP},
    "avif": {"extended": _EXTENDED, "resolution": _RESOLUTION},
}
"""For each format, the fields that can be said in another way: in words, and how."""
