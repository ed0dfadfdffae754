"""Odd files by number: the same number is always the same file."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import PurePath
from random import Random

from odd_files import clip_formats as clips
from odd_files import picture_formats as pictures
from odd_files.clip_seeds import clip_seeds
from odd_files.parts import Part, families, flipped, number_changed, parts_changed, resized, span_changed
from odd_files.picture_seeds import picture_seeds
from odd_files.texts import is_text, text_changed
from odd_files.tiff_format import tiff_changed

Split = Callable[[bytes], list[Part]]
Join = Callable[[list[Part]], bytes]

_BOXES = (clips.boxes, clips.boxes_file)
_FORMATS: dict[str, tuple[Split, Join]] = {
    "png": (pictures.png_parts, pictures.png_file),
    "jpg": (pictures.jpeg_parts, pictures.jpeg_file),
    "mpo": (pictures.jpeg_parts, pictures.jpeg_file),
    "webp": (pictures.riff_parts, pictures.riff_file),
    "avi": (pictures.riff_parts, pictures.riff_file),
    "gif": (pictures.gif_parts, pictures.plain_file),
    "avif": _BOXES,
    "mp4": _BOXES,
    "mov": _BOXES,
    "mkv": (clips.elements, clips.elements_file),
    "webm": (clips.elements, clips.elements_file),
    "ts": (clips.packets, pictures.plain_file),
    "wmv": (clips.objects, clips.objects_file),
    "mpg": (clips.pieces(b"\0\0\1"), pictures.plain_file),
    "flv": (clips.pieces(b"\x09\0\0"), pictures.plain_file),
    "ogv": (clips.pieces(b"OggS"), pictures.plain_file),
    "y4m": (clips.pieces(b"FRAME"), pictures.plain_file),
}
_TIFF = (b"II*\0", b"MM\0*")


@dataclass(frozen=True)
class OddFile:
    """A file, and what was done to it."""

    name: str
    data: bytes
    seed: str
    changes: tuple[str, ...]
    is_clip: bool


@cache
def seeds(kind: str) -> dict[str, bytes]:
    """Sound files by name: of "pictures" or "clips"."""
    return picture_seeds() if kind == "pictures" else clip_seeds()


def odd_file(number: int, clips_in_ten: int = 4) -> OddFile:
    """The file of this number."""
    rng = Random(number)
    is_clip = rng.randrange(10) < clips_in_ten
    sound = seeds("clips" if is_clip else "pictures")
    passports = [name for name in sorted(sound) if name.startswith("small")]
    seed = rng.choice(passports if rng.randrange(5) == 0 else sorted(sound))
    form = PurePath(seed).suffix[1:]
    kin = [sound[name] for name in sorted(sound) if name.endswith(form)]
    data, changes = sound[seed], []
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3))):
        data, change = _changed(rng, data, form, rng.choice(kin))
        if rng.randrange(60) == 0:
            data, change = data + sound[rng.choice(sorted(sound))], "another file behind"
        changes.append(change)
    return OddFile(f"odd.{_suffix(rng, form)}", data, seed, tuple(changes), is_clip)


def _suffix(rng: Random, form: str) -> str:
    """Mostly that of the format."""
    return form if rng.randrange(40) else rng.choice(sorted({*_FORMATS, "tif", "heic", "dng"}))


def _changed(rng: Random, data: bytes, form: str, kin: bytes) -> tuple[bytes, str]:
    """A file with one change, and which. `kin` is another file of the format."""
    if rng.randrange(6):
        try:
            return _tiff_changed(rng, data) if form == "tif" else _tree_changed(rng, data, form, kin)
        except (IndexError, struct.error):
            pass  # it is too damaged already to be taken apart
    change = rng.choice((_cut, flipped, span_changed, number_changed, resized))
    return change(rng, data), f"{change.__name__.strip('_')} the file"


def _tiff_changed(rng: Random, data: bytes) -> tuple[bytes, str]:
    """A TIFF with a change in a directory, or in its XMP, which keeps its length."""
    start, end = data.find(b"<x:xmpmeta"), data.find(b"</x:xmpmeta>")
    if 0 < start < end and rng.randrange(2):
        size = end - start
        return data[:start] + text_changed(rng, data[start:end])[:size].ljust(size) + data[end:], "text in XMP"
    return tiff_changed(rng, data)


def _tree_changed(rng: Random, data: bytes, form: str, kin: bytes) -> tuple[bytes, str]:
    split, join = _FORMATS[form]
    parts = split(data)
    said = _inside(rng, parts) if rng.randrange(3) == 0 else None
    said = said or parts_changed(rng, parts, split(kin))
    return join(parts), said


def _cut(rng: Random, data: bytes) -> bytes:
    return data[: rng.choice((rng.randint(0, len(data)), max(0, len(data) - rng.randint(1, 16))))]


def _inside(rng: Random, parts: list[Part]) -> str | None:
    """Change what a part holds in a format of its own: text, TIFF, compressed bytes; and say what."""
    leaves = [part for family in families(parts) for part in family]
    rng.shuffle(leaves)
    for part in leaves:
        if is_text(part.body):
            part.body = text_changed(rng, part.body)
            return f"text in {part.kind!r}"
        if (at := max(part.body[:64].find(magic) for magic in _TIFF)) >= 0:
            changed, said = tiff_changed(rng, part.body[at:])
            part.body = part.body[:at] + changed
            return f"{said} in {part.kind!r}"
        if (at := part.body[:100].find(b"\x78")) >= 0 and (packed := _repacked(rng, part.body[at:])):
            part.body = part.body[:at] + packed
            return f"compressed {part.kind!r}"
    return None


def _repacked(rng: Random, data: bytes) -> bytes | None:
    try:
        inside = zlib.decompressobj().decompress(data, 2**20)
    except zlib.error:
        return None
    change = rng.choice((flipped, span_changed, number_changed, resized, text_changed))
    return zlib.compress(change(rng, inside))
