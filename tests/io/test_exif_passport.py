"""The passport in an EXIF block: put in, found again, and taken out without a trace."""

import io
import struct

import numpy as np
import pytest
import pyvips
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from support import metadata as made
from support.pictures import exif

from regrow.io.exif_passport import added, fits, taken
from regrow.io.reader import open_picture

LINE = b"regrow/2 codec-x2 1a2b3c4d 4032x3024 quality=55"
OTHER = b"regrow/2 tad-x4 9127cc88 57x31 scale=4"
NAME = 0x010D


def block_of(*entries, order="<", next=0, behind=b""):
    """A block of entries of a tag, a type, a count and four bytes."""
    table = b"".join(struct.pack(order + "HHI4s", *entry) for entry in entries)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, len(entries))
    return head + table + struct.pack(order + "I", next) + behind


BLOCKS = {
    "Pillow's": exif(6),
    "with dates and a place": made.exif(),
    "of odd length": made.exif() + b"\0",
    "little-endian": block_of((0x0112, 3, 1, b"\6\0\0\0")),
    "with a makers' note and a thumbnail": block_of((0x0112, 3, 1, b"\6\0\0\0"), (0x927C, 7, 9, b"\x26\0\0\0"),
                                                    next=48, behind=b"NIKON\0\1\2\3" + bytes(30)),
    "with a name of its own": block_of((NAME, 2, 4, b"own\0"), (0x0112, 3, 1, b"\6\0\0\0")),
}  # fmt: skip


@pytest.mark.parametrize("own", [None, *BLOCKS.values()], ids=["none", *BLOCKS])
def test_a_block_comes_back_as_it_was(own):
    block = added(own, LINE)
    assert taken(block) == (own, LINE)
    assert taken(added(block, OTHER)) == (block, OTHER)
    if own is not None:
        assert taken(own) == (own, None)
        assert block[8 : len(own)] == own[8:], "nothing in it moves"


@pytest.mark.parametrize("own", [None, *BLOCKS.values()], ids=["none", *BLOCKS])
def test_other_programs_read_the_block(own):
    """Pillow and libexif, by way of libvips, find the line and all that was there."""
    block = added(own, LINE)
    found, before = Image.Exif(), Image.Exif()
    found.load(block)
    before.load(own or b"")
    assert found[NAME] == LINE.decode()
    assert {tag: value for tag, value in found.items() if tag != NAME} == {
        tag: value for tag, value in before.items() if tag != NAME
    }
    image = pyvips.Image.new_from_buffer(made.saved("WEBP", exif=block), "")
    assert image.get("exif-ifd0-DocumentName").startswith(LINE.decode())
    if 0x0112 in before:
        assert image.get("orientation") == before[0x0112]


@pytest.mark.parametrize("own", [None, *BLOCKS.values()], ids=["none", *BLOCKS])
@pytest.mark.parametrize("format", ["WEBP", "AVIF", "JPEG", "PNG"])
def test_pillow_rewrites_the_block_and_the_line_stays(own, format):
    image = Image.open(io.BytesIO(made.saved("WEBP", exif=added(own, LINE))))
    block = image.getexif()
    block[0x013B] = "somebody else"
    picture = open_picture(made.saved(format, image.convert("RGB"), exif=block))
    assert picture.metadata.passport == LINE
    left = Image.Exif()
    left.load(picture.exif)
    assert left[0x013B] == "somebody else"
    assert NAME not in left
    assert LINE not in picture.exif
    assert taken(picture.exif) == (picture.exif, None)


@pytest.mark.parametrize("own", [None, BLOCKS["with dates and a place"]])
@pytest.mark.parametrize("saver", ["webpsave", "heifsave", "jpegsave", "pngsave"])
def test_libvips_rewrites_the_block_and_the_line_stays(own, saver):
    image = pyvips.Image.new_from_buffer(made.saved("WEBP", exif=added(own, LINE)), "")
    options = {"compression": "av1"} if saver == "heifsave" else {}
    data = getattr(image, saver + "_buffer")(keep="exif", **options)
    assert open_picture(data).metadata.passport == LINE
    bare = getattr(image, saver + "_buffer")(keep="none", **options)
    assert open_picture(bare).metadata.passport is None


def test_a_rewritten_block_is_left_where_it_is():
    """What another program changed in place is kept; the entry goes, and nothing moves."""
    block = bytearray(added(BLOCKS["with a makers' note and a thumbnail"], LINE))
    at = struct.unpack_from("<I", block, 4)[0]
    assert struct.unpack_from("<H", block, at + 2 + 12)[0] == 0x0112
    block[at + 2 + 12 + 8] = 3  # turned round by a viewer
    own, line = taken(bytes(block))
    assert line == LINE
    assert len(own) == len(block)
    found = Image.Exif()
    found.load(own)
    assert dict(found) == {0x0112: 3, 0x927C: b"NIKON\0\1\2\3"}
    assert own[38:47] == b"NIKON\0\1\2\3"
    assert LINE not in own


def test_names_of_documents_are_not_taken_for_passports():
    for name in (b"own", b"regrow is fine", b"regrow/2"):
        own = added(None, name)
        assert taken(own) == (own, None)


@pytest.mark.parametrize(
    "block", [b"", b"junk", b"MM\0*", b"MM\0*\0\0\0\x08", b"II*\0\xff\xff\xff\xff" + bytes(20), b"MM\0+" + bytes(30),
              b"MM\0*\0\0\0\x08\xff\xff" + bytes(50), b"MM\0*\0\0\0\x08\0\0" + bytes(50)],
)  # fmt: skip
def test_a_damaged_block_is_returned_as_it_is_and_not_added_to(block):
    assert taken(block) == (block, None)
    assert not fits(block)
    with pytest.raises(ValueError, match="EXIF"):
        added(block, LINE)


def test_a_block_that_would_grow_too_large_is_not_added_to():
    assert fits(BLOCKS["Pillow's"] + bytes(2**24 - 3000))
    assert not fits(BLOCKS["Pillow's"] + bytes(2**24 - 1000))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_hostile_blocks(data):
    """Whatever a block says, taking ends with a block or none, and what is added can be taken out again."""
    blocks = [added(None, LINE), *(added(own, LINE) for own in BLOCKS.values()), *BLOCKS.values()]
    block = bytearray(data.draw(st.sampled_from(blocks)))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(block)))
        block[at : at + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=8))
    block = bytes(block)
    own, _ = taken(block)
    assert own is None or own[:4] == block[:4]
    if fits(block):
        assert taken(added(block, OTHER)) == (block, OTHER)
    picture = open_picture(made.saved("PNG", Image.fromarray(np.zeros((4, 4), np.uint8)), exif=block))
    assert picture.width == 4
