import struct

import numpy as np
import pytest
import pyvips
from support.metadata import COMMENT, PROMPT, RESOURCES, XMP, exif
from support.pictures import GREY_ICC, ICC
from support.pictures import exif as turned_by

from regrow.io.exif import orientation
from regrow.io.metadata import Metadata
from regrow.io.stripping import is_srgb, stripped, told

P3_PROFILE = bytes(pyvips.Operation.call("profile_load", "p3"))
P3, SRGB = (12, 13, 0, 1), (1, 13, 0, 1)
GAMMA = (b"gAMA", struct.pack(">I", 100000))


def grey_profile(curve):
    """A profile of grey with a gamma, or a table of 16-bit samples."""
    samples = [round(curve * 256)] if isinstance(curve, float) else curve
    white = struct.pack(">3i", 63190, 65536, 54061)
    tags = {
        b"wtpt": b"XYZ \0\0\0\0" + white,
        b"kTRC": b"curv\0\0\0\0" + struct.pack(f">I{len(samples)}H", len(samples), *samples),
        b"cprt": b"text\0\0\0\0none\0\0\0\0",
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", 5) + b"grey\0" + b"\0" * 79,
    }
    at, table, body = 128 + 4 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for kind, data in tags.items():
        table += kind + struct.pack(">II", at + len(body), len(data))
        body += data + b"\0" * (-len(data) % 4)
    head = struct.pack(">I4sI4s4s4s", at + len(body), b"lcms", 0x02100000, b"mntr", b"GRAY", b"XYZ ")
    head += struct.pack(">6H", 2024, 1, 1, 0, 0, 0) + b"acsp" + b"\0" * 28 + struct.pack(">3i", 63190, 65536, 54061)
    return head + b"\0" * 48 + table + body


def srgb_curve():
    x = np.linspace(0, 1, 1024)
    linear = np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
    return (linear * 65535).round().astype(int).tolist()


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        (ICC, True),  # of Pillow
        (bytes(pyvips.Operation.call("profile_load", "srgb")), True),  # of libvips
        (P3_PROFILE, False),
        (bytes(pyvips.Operation.call("profile_load", "cmyk")), False),
        (grey_profile(srgb_curve()), True),
        (grey_profile(2.2), False),
        (grey_profile(1.8), False),
        (GREY_ICC, False),
        (ICC[:200], False),
        (grey_profile(srgb_curve())[:160], False),
        (b"no profile", False),
    ],
    ids=["pillow", "vips", "p3", "cmyk", "grey", "gamma 2.2", "gamma 1.8", "lacking", "cut", "cut grey", "none"],
)
def test_profiles_that_are_srgb_in_effect(profile, expected):
    assert is_srgb(profile) is expected


FULL = Metadata(
    icc=ICC, exif=exif(), xmp=XMP, extended=XMP, iptc=RESOURCES, comments=(COMMENT,), cicp=SRGB,
    chunks=((b"tEXt", PROMPT), GAMMA), gain_map=b"\xff\xd8\xff", resolution=(11.8, 11.8),
)  # fmt: skip


def test_everything_goes_that_pixels_do_not_need():
    kept, left = stripped(FULL, everything=True)
    assert kept == Metadata(chunks=(GAMMA,))
    assert set(left.said) == set(FULL.said)
    assert left.chunks == ((b"tEXt", PROMPT),)
    kept, left = stripped(Metadata(icc=P3_PROFILE, exif=turned_by(6), cicp=P3), everything=True)
    assert set(left.said) == {"exif"}
    assert (kept.icc, kept.cicp) == (P3_PROFILE, P3)
    assert orientation(kept.exif) == 6
    assert b"Camera" not in kept.exif
    assert stripped(kept, everything=True) == (kept, Metadata())


def test_a_profile_alone_goes_where_it_is_srgb():
    kept, left = stripped(FULL, everything=False)
    assert set(left.said) == {"icc"}
    assert set(kept.said) == FULL.said.keys() - {"icc"}
    for meta in (Metadata(icc=P3_PROFILE, xmp=XMP), Metadata(icc=ICC, cicp=P3), Metadata(xmp=XMP), Metadata()):
        assert stripped(meta, everything=False) == (meta, Metadata())


def test_what_was_left_out_is_told_with_its_size():
    assert (
        told(Metadata(icc=ICC, comments=(b"abc", b"de")))
        == f"the comments, the sRGB profile: {len(ICC) + 5} bytes in all"
    )
    assert told(Metadata(exif=b"x" * 12345)) == "the EXIF block (12,345 bytes)"
