"""What a GIF says beside its pixels: comments, XMP and a colour profile."""

from typing import BinaryIO

from regrow.io.formats import METADATA_LIMIT
from regrow.io.metadata import Metadata

_TRAILER = bytes((1, *range(255, -1, -1), 0))
"""Ends XMP in a GIF, so that readers of blocks find their way out of it."""
_MOST = 65536
"""Extensions and frames that are looked at."""


def _blocks(file: BinaryIO, *, whole: bool = False) -> bytes:
    """Data blocks up to the empty one, without their lengths, or with them where `whole`."""
    parts, total = [], 0
    while (length := file.read(1)) and length[0]:
        data = file.read(length[0])
        total += 256
        if total <= METADATA_LIMIT:
            parts.append(length + data if whole else data)
    return b"".join(parts)


def _table(packed: int) -> int:
    return 3 * 2 ** ((packed & 7) + 1) if packed & 0x80 else 0


def read(file: BinaryIO, notes: list[str]) -> Metadata:
    """The metadata of a GIF."""
    file.seek(0)
    head = file.read(13)
    file.seek(_table(head[10]) if len(head) == 13 else 0, 1)
    comments: list[bytes] = []
    icc = xmp = b""
    for _ in range(_MOST):
        begin = file.read(1)
        if begin == b",":
            place = file.read(9)
            file.seek((_table(place[8]) if len(place) == 9 else 0) + 1, 1)
            _blocks(file)
        elif begin == b"!":
            label = file.read(1)
            name = file.read((file.read(1) or b"\0")[0]) if label == b"\xff" else b""
            data = _blocks(file, whole=name == b"XMP DataXMP")
            if label == b"\xfe" and data and len(comments) < 1000:
                comments.append(data)
            elif name == b"ICCRGBG1012":
                icc = icc or data
            elif name == b"XMP DataXMP":
                xmp = xmp or data.removesuffix(_TRAILER[:-1])
        else:
            break
    return Metadata(comments=tuple(comments), icc=icc or None, xmp=xmp or None)
