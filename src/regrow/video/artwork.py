"""Cover art: the pictures that players show for a clip, kept as each container has them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regrow.video.reader import COVER, open_container

_KINDS = {"mjpeg": ("jpg", "image/jpeg", 13), "png": ("png", "image/png", 14), "bmp": ("bmp", "image/bmp", 27)}
"""Suffix, media type, and number in QuickTime's metadata, by FFmpeg's name of what a picture is encoded with."""

_ISOBMFF, _MATROSKA = (".mp4", ".m4v", ".mov"), ".mkv"
_KEY = "com.apple.quicktime.artwork"
"""The key under which QuickTime keeps a picture (QuickTime File Format, "Metadata"). FFmpeg reads, but never writes it
beside metadata under other keys: a text of the picture's length takes its place first."""
_MARK = b"regrow puts cover art here "


@dataclass(frozen=True)
class Picture:
    """One picture, as its bytes are in the file."""

    kind: str
    """FFmpeg's name of what it is encoded with."""
    data: bytes
    name: str | None
    """Of the attachment it was."""


def pictures(source: Path) -> list[Picture]:
    """The cover art of a file."""
    with open_container(str(source)) as given:
        streams = [s for s in given.streams.video if int(s.disposition) & COVER and s.codec_context is not None]
        found: dict[int, Picture] = {}
        for packet in given.demux(streams) if streams else ():
            stream = packet.stream
            if packet.size and stream.index not in found:
                name = stream.metadata.get("filename")
                found[stream.index] = Picture(stream.codec_context.name, bytes(packet), name)
            if len(found) == len(streams):
                break
        return [found[index] for index in sorted(found)]


def held(art: list[Picture], suffix: str) -> list[Picture]:
    """Those that a container can hold."""
    known = [picture for picture in art if picture.kind in _KINDS and len(picture.data) > len(_MARK)]
    return known if suffix == _MATROSKA else known[:1] if suffix in _ISOBMFF else []


def announce(out: Any, art: list[Picture], suffix: str) -> None:
    """Make room for pictures in a file whose header is not written yet; Matroska gets them at once."""
    for number, picture in enumerate(held(art, suffix)):
        if suffix == _MATROSKA:
            ending, media, _ = _KINDS[picture.kind]
            out.add_attachment(picture.name or f"cover{number or ''}.{ending}", media, picture.data)
        else:
            out.metadata[_KEY] = _MARK.decode() + "." * (len(picture.data) - len(_MARK))


def place(path: Path, art: list[Picture], suffix: str) -> None:
    """Write pictures into the room that was made for them in a finished file; no byte moves."""
    for picture in held(art, suffix) if suffix in _ISOBMFF else ():
        with path.open("r+b") as file:
            at = next((at for at in _found(file) if at >= 8), None)
            if at is not None:  # before the value, its type and a locale
                file.seek(at - 8)
                file.write(_KINDS[picture.kind][2].to_bytes(4, "big") + bytes(4) + picture.data)


def _found(file: Any, step: int = 2**20) -> Iterator[int]:
    """Where the mark is."""
    before, at = b"", 0
    while block := file.read(step):
        window = before + block
        where = window.find(_MARK)
        if where >= 0:
            yield at - len(before) + where
        at += len(block)
        before = window[-len(_MARK) :]
