"""Samples of PNG of all kinds, written by hand, by the letter of the specification."""

import struct
import zlib

import numpy as np
import pytest

from regrow.io.containers import PNG_SIGNATURE, png_chunk
from regrow.io.reader import open_picture

GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
TABLE = (b"PLTE", bytes(range(12)))
TOP = 65535


def png(width: int, depth: int, kind: int, row: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    header = (b"IHDR", struct.pack(">IIBBBBB", width, 1, depth, kind, 0, 0, 0))
    data = (b"IDAT", zlib.compress(b"\0" + row))
    return PNG_SIGNATURE + b"".join(png_chunk(*chunk) for chunk in (header, *chunks, data, (b"IEND", b"")))


def key(*values: int) -> tuple[bytes, bytes]:
    return b"tRNS", struct.pack(f">{len(values)}H", *values)


CASES = {
    "16-bit colours with a key": (
        png(2, 16, RGB, struct.pack(">6H", 1, 2, 3, 258, 515, 772), key(258, 515, 772)),
        [[1, 2, 3, TOP], [258, 515, 772, 0]],
    ),
    "16-bit colours with a key that differs in the low byte": (
        png(2, 16, RGB, struct.pack(">6H", 1, 2, 3, 258, 515, 772), key(258, 515, 773)),
        [[1, 2, 3, TOP], [258, 515, 772, TOP]],
    ),
    "16-bit grey with a key": (png(2, 16, GREY, struct.pack(">2H", 256, 258), key(258)), [[256, TOP], [258, 0]]),
    "8-bit grey with a key": (png(2, 8, GREY, bytes((5, 6)), key(6)), [[5, 255], [6, 0]]),
    "4-bit grey with a key": (png(2, 4, GREY, bytes((0x56,)), key(6)), [[85, 255], [102, 0]]),
    "2-bit grey with a key": (
        png(4, 2, GREY, bytes((0b00011011,)), key(2)), [[0, 255], [85, 255], [170, 0], [255, 255]],
    ),
    "1-bit grey": (png(4, 1, GREY, bytes((0b01010000,))), [[0], [255], [0], [255]]),
    "1-bit palette with alpha": (
        png(2, 1, PALETTE, bytes((0b01000000,)), TABLE, (b"tRNS", bytes((255, 128)))),
        [[0, 1, 2, 255], [3, 4, 5, 128]],
    ),
    "4-bit palette with alpha of some": (
        png(2, 4, PALETTE, bytes((0x12,)), TABLE, (b"tRNS", bytes((255, 128)))), [[3, 4, 5, 128], [6, 7, 8, 255]],
    ),
    "8-bit palette": (png(2, 8, PALETTE, bytes((1, 2)), TABLE), [[3, 4, 5], [6, 7, 8]]),
    "16-bit grey and alpha": (png(2, 16, GREY_ALPHA, struct.pack(">4H", 1, 2, 3, 4)), [[1, 2], [3, 4]]),
    "16-bit colours and alpha": (png(1, 16, RGBA, struct.pack(">4H", 1, 2, 3, 4)), [[1, 2, 3, 4]]),
    "background, gamma and significant bits": (
        png(1, 8, RGB, bytes((8, 16, 25)), (b"gAMA", struct.pack(">I", 45455)), (b"sBIT", bytes((5, 5, 5))),
            (b"bKGD", struct.pack(">3H", 9, 9, 9))),
        [[8, 16, 25]],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", list(CASES))
def test_samples_are_what_the_specification_says(case):
    data, expected = CASES[case]
    rows = np.concatenate(list(open_picture(data).rows()))
    assert rows[0].tolist() == expected
    assert rows.dtype == (np.uint16 if "16-bit" in case else np.uint8)
