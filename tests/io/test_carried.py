"""What a passport carries of an original's metadata, and must not."""

import base64
import zlib

import pytest
from support import metadata as made

from regrow.io.passport import Passport, PassportError

CARRIED = {
    "extended": made.EXTENDED, "iptc": made.RESOURCES, "comments": (b"one", b"\0two"), "cicp": (9, 16, 0, 1),
    "chunks": ((b"tEXt", made.PROMPT), (b"tIME", made.TIME)), "gain_map": made.gain_map(), "resolution": (11.5, 3.25),
}  # fmt: skip
PASSPORT = Passport(
    model="tad-x2", digest="0" * 64, scale=2, width=8, height=8, small_width=4, small_height=4, depth=8, colours=3,
    alpha=False, **CARRIED,
)  # fmt: skip


def test_a_passport_carries_what_it_was_given():
    assert Passport.from_xmp(PASSPORT.to_xmp(made.XMP)) == PASSPORT
    assert PASSPORT.metadata == CARRIED


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("cicp", "9 16 0"),
        ("cicp", "9 16 0 256"),
        ("cicp", "9 16 0 -1"),
        ("resolution", "0.0 1.0"),
        ("resolution", "1 1"),
        ("resolution", "nan nan"),
        ("iptc", "eJwDAAAAAAE="),
        ("iptc", "AAAA"),
        ("gain_map", "eJwrKUosSSxKBQAJkgLt"),
        ("comments", "eJxjYGBgAAAABAAB"),
        ("chunks", "eJxjYGBgAAAABAAB"),
    ],
)
def test_what_a_passport_must_not_carry_is_refused(name, text):
    packet = PASSPORT.to_xmp(None)
    begin = packet.index(f" regrow:{name}=".encode()) + len(f" regrow:{name}=") + 1
    packet = packet[:begin] + text.encode() + packet[packet.index(b'"', begin) :]
    with pytest.raises(PassportError, match="damaged"):
        Passport.from_xmp(packet)


def test_chunks_of_pixels_and_bombs_are_refused():
    bomb = zlib.compress(b"\0" * (2**24 + 1), 9)
    evil = zlib.compress(made.png_chunk(b"IDAT", b"") + made.png_chunk(b"IEND", b""))
    for data in (bomb, evil, zlib.compress(made.png_chunk(b"iCCP", b"x\0\0")), zlib.compress(b"\0\0\0\1tEXtx1234")):
        packet = PASSPORT.to_xmp(None)
        begin = packet.index(b' regrow:chunks="') + 16
        packet = packet[:begin] + base64.b64encode(data) + packet[packet.index(b'"', begin) :]
        with pytest.raises(PassportError, match="damaged"):
            Passport.from_xmp(packet)
