"""What AVIF says beside its pixels: premultiplied colours, and pictures beside sequences."""

import io
import struct

import numpy as np
import pytest
import pyvips
from PIL import Image

from regrow.errors import RegrowError
from regrow.io.decoding.heif import boxes
from regrow.io.reader import open_picture

ALPHA = np.linspace(1, 255, 64).astype(np.uint8)[None, :, None].repeat(64, 0)
COLORS = np.broadcast_to(np.array([200, 100, 50], np.uint8), (64, 64, 3))
STORED = np.concatenate([np.rint(COLORS * (ALPHA / 255)).astype(np.uint8), ALPHA], 2)


def avif(array: np.ndarray, depth: int = 8) -> bytes:
    deep = array.dtype == np.uint16
    image = pyvips.Image.new_from_memory(array.tobytes(), 64, 64, 4, "ushort" if deep else "uchar")
    image = image.copy(interpretation="rgb16" if deep else "srgb")
    return image.heifsave_buffer(compression="av1", lossless=True, bitdepth=depth)


def premultiplied(data: bytes) -> bytes:
    """The file with a reference "prem" from its first to its second item, that is from colours to alpha.

    Offsets into the file grow by what is inserted.
    """
    added = struct.pack(">I4sHHH", 14, b"prem", 1, 1, 2)
    meta = data.index(b"meta") - 4
    inner = data.index(b"iref", meta) - 4
    end = inner + struct.unpack_from(">I", data, inner)[0]
    made = bytearray(data[:end] + added + data[end:])
    for at in (meta, inner):
        struct.pack_into(">I", made, at, struct.unpack_from(">I", made, at)[0] + len(added))
    table = made.index(b"iloc") + 4
    assert made[table] == 0
    assert made[table + 4 : table + 6] == b"\x44\x40"
    at = table + 8
    for _ in range(struct.unpack_from(">H", made, table + 6)[0]):
        struct.pack_into(">I", made, at + 4, struct.unpack_from(">I", made, at + 4)[0] + len(added))
        at += 18
    return bytes(made)


@pytest.fixture
def stored():
    return avif(STORED)


def pixels(data: bytes) -> np.ndarray:
    return np.concatenate(list(open_picture(data).rows()))


def test_premultiplied_colors_are_divided(stored):
    np.testing.assert_array_equal(pixels(stored), STORED)
    data = premultiplied(stored)
    got = pixels(data)
    expected = np.rint(np.minimum(STORED[..., :3] * 255.0 / ALPHA, 255))
    np.testing.assert_array_equal(got[..., :3], expected)
    np.testing.assert_array_equal(got[..., 3:], ALPHA)
    assert np.abs(got[:, 32:, :3].astype(int) - COLORS[:, 32:]).max() <= 2
    assert open_picture(data).notes == ("premultiplied colours divided by alpha",)


@pytest.mark.parametrize("depth", [10, 12])
def test_premultiplied_colors_of_more_bits_are_divided(depth):
    deep = np.rint(np.concatenate([COLORS * (ALPHA / 255), ALPHA], 2) * 257).astype(np.uint16)
    got = pixels(premultiplied(avif(deep, depth)))[:, 32:]
    assert got.dtype == np.uint16
    assert np.abs(got[..., :3] / 257 - COLORS[:, 32:]).max() < 0.6


def test_a_picture_of_another_program_is_not_touched():
    file = io.BytesIO()
    Image.fromarray(STORED).save(file, "AVIF", quality=100)
    with Image.open(io.BytesIO(file.getvalue())) as image:
        assert np.abs(pixels(file.getvalue()).astype(int) - np.asarray(image.convert("RGBA"))).max() <= 2


def test_a_size_beyond_all_bounds_is_refused_and_nothing_printed(stored, capfd):
    at = stored.index(b"ispe") + 12
    with pytest.raises(RegrowError, match="too large"):
        open_picture(stored[:at] + struct.pack(">I", 738197568) + stored[at + 4 :])
    assert capfd.readouterr() == ("", "")


def test_what_lies_beyond_the_end_is_missed(stored):
    with pytest.raises(RegrowError, match="cut short"):
        open_picture(stored[:-5])


def test_boxes_that_lie_about_their_size_end_the_search():
    assert list(boxes(struct.pack(">I4s", 100, b"meta"))) == []
    assert list(boxes(struct.pack(">I4s", 0, b"free") + b"xy")) == [(b"free", b"xy")]
    assert list(boxes(struct.pack(">I4sQ", 1, b"free", 18) + b"xy")) == [(b"free", b"xy")]
    assert list(boxes(struct.pack(">I4s", 4, b"free") * 3)) == []
