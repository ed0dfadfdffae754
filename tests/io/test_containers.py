"""Metadata in each container, in the order and the kinds that cameras, phones and programs write; and what is said."""

import io
import struct
import zlib

import numpy as np
import pytest
import pyvips
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from support import metadata as made
from support.pictures import GREY_ICC, ICC, written

from regrow.io import tiff
from regrow.io.containers import metadata_of
from regrow.io.exif import entries
from regrow.io.metadata import Metadata
from regrow.io.reader import open_picture
from regrow.io.xmp import joined


@pytest.mark.parametrize("code", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_xmp_in_other_encodings_becomes_utf8(code):
    said = made.packet('dc:source="own"')
    block = said.decode().encode(code)
    picture = open_picture(made.saved("WEBP", xmp=block))
    assert picture.xmp.decode("utf-8").lstrip("\ufeff") == said.decode()
    assert "now in UTF-8" in picture.notes[0]


@pytest.mark.parametrize("block", [b"<x/>\0\0more", b"\0\0\0A\1", b"http://ns.adobe.com/\0" + bytes(range(64))])
def test_xmp_with_zeros_is_never_taken_for_utf16(block):
    picture = open_picture(made.saved("WEBP", xmp=block))
    assert picture.xmp is None
    assert "unreadable" in picture.notes[0]
    data, notes = written("png", Metadata(xmp=block))  # as the passport of an older small picture may have it
    assert open_picture(data).xmp is None
    assert "unreadable" in notes[0]


CREDENTIALS = {
    "jpeg": lambda: made.jpeg(made.segment(0xEB, b"JP\0\1\0\0\0\1" + b"\0\0\0\x20jumb\0\0\0\x18jumdc2pa")),
    "png": lambda: made.png((b"caBX", b"\0\0\0\x20jumb")),
    "webp": lambda: riff(made.saved("WEBP", lossless=True), b"C2PA", b"jumb"),
    "avif": lambda: made.saved("AVIF") + struct.pack(">I4s", 40, b"uuid") + CREDENTIALS_ID + b"\0" * 16,
    "tiff": lambda: made.saved("TIFF", tiffinfo={52545: b"jumb"}),
}
CREDENTIALS_ID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")


def riff(data, kind, content):
    data += kind + struct.pack("<I", len(content)) + content
    return data[:4] + struct.pack("<I", len(data) - 8) + data[8:]


@pytest.mark.parametrize("format", list(CREDENTIALS))
def test_content_credentials_are_said(format):
    assert any("C2PA" in note for note in open_picture(CREDENTIALS[format]()).notes)


def test_comments_xmp_and_profile_of_a_gif():
    data = made.saved("GIF", comment=b"hello, " * 60)
    trailer = bytes((1, *range(255, -1, -1), 0))
    xmp = b"!\xff\x0bXMP DataXMP" + made.XMP + trailer
    blocks = b"".join(bytes((len(part),)) + part for part in (ICC[at : at + 255] for at in range(0, len(ICC), 255)))
    icc = b"!\xff\x0bICCRGBG1012" + blocks + b"\0"
    at = data.index(b"!\xfe")
    picture = open_picture(data[:at] + xmp + icc + data[at:])
    assert picture.metadata == Metadata(comments=(b"hello, " * 60,), xmp=made.XMP, icc=ICC)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (made.jpeg(made.segment(0xE1, b"FLIR\0\1\0\0")), "APP1 FLIR"),
        (made.jpeg(made.segment(0xE4, b"\0\1\2")), "(APP4)"),
        (made.png((b"sCAL", b"\0011\0001"), (b"sTER", b"\0")), "sCAL, sTER"),
        (made.saved("TIFF", tiffinfo={270: '{"shape": [16, 16, 3]}'}), "description of its arrays"),
        (made.saved("TIFF", tiffinfo={33550: (1.0, 1.0, 0.0)}), "33550"),
    ],
)
def test_what_nobody_knows_is_said(data, says):
    assert says in " ".join(open_picture(data).notes)


def test_chunks_that_may_be_copied_are():
    chunk = (b"oFFs", bytes(9))
    assert open_picture(made.png(chunk)).metadata.chunks == (chunk,)
    assert open_picture(made.png((b"bKGD", bytes(6)), (b"sBIT", b"\x08\x08\x08"))).notes == ()


def test_iptc_of_a_tiff_that_has_no_photoshop_resources():
    data, _ = written("jpeg", open_picture(made.saved("TIFF", tiffinfo={33723: made.CAPTION})).metadata)
    with Image.open(io.BytesIO(data)) as image:
        assert image.info["photoshop"][1028] == made.CAPTION


@pytest.mark.parametrize("order", ["<", ">"])
def test_exif_becomes_tags_of_a_tiff_and_a_block_again(order):
    block = struct.pack(order + "2sHIH", b"II" if order == "<" else b"MM", 42, 8, 3)
    block += struct.pack(order + "HHII", 0x010F, 2, 8, 50)
    block += struct.pack(order + "HHI4s", 0x8769, 4, 1, struct.pack(order + "I", 58))
    block += struct.pack(order + "HHI4s", 0x8825, 4, 1, struct.pack(order + "I", 96)) + b"\0\0\0\0" + b"Company\0"
    block += struct.pack(order + "HHHIIHHI4sI", 2, 0x829A, 5, 1, 88, 0x8827, 3, 1, struct.pack(order + "H", 200), 0)
    block += struct.pack(order + "II", 1, 125)
    block += struct.pack(order + "HHHI4sI", 1, 5, 1, 1, b"\1", 0)
    with Image.open(io.BytesIO(written("tiff", Metadata(exif=block))[0])) as image:
        seen = image.getexif()
        assert (seen[0x010F], seen.get_ifd(0x8769)[0x829A], seen.get_ifd(0x8769)[0x8827]) == ("Company", 0.008, 200)
        assert seen.get_ifd(0x8825)[5] == b"\1"
    again = open_picture(written("tiff", Metadata(exif=block))[0]).exif
    seen = Image.Exif()
    seen.load(b"Exif\0\0" + again)
    assert (seen[0x010F], seen.get_ifd(0x8769)[0x829A], seen.get_ifd(0x8769)[0x8827]) == ("Company", 0.008, 200)


@pytest.mark.parametrize("big", [False, True])
def test_tags_beside_pixels_against_tifffile(big):
    tifffile = pytest.importorskip("tifffile")
    pixels = np.random.default_rng(0).integers(0, 256, (40, 30, 3), np.uint8)
    source = io.BytesIO(pyvips.Image.new_from_array(pixels).tiffsave_buffer(bigtiff=big, compression="deflate"))
    target = io.BytesIO()
    tiff.splice(source, target, Metadata(exif=made.exif(), iptc=made.RESOURCES, icc=ICC, resolution=(10.0, 20.0)))
    target.seek(0)
    with tifffile.TiffFile(target) as file:
        page = file.pages[0]
        assert file.is_bigtiff == big
        assert (page.asarray() == pixels).all()
        tags = {tag.code: tag.value for tag in page.tags}
    assert (tags[270], tags[306], tags[315]) == ("a title", "2024:05:06 07:08:09", "somebody")
    assert tags[0x8769]["DateTimeOriginal"] == "2024:05:06 07:08:09"
    assert tags[0x8825]["GPSLatitude"] == (52, 1, 30, 1, 0, 1)
    assert (bytes(tags[34377]), bytes(tags[34675])) == (made.RESOURCES, ICC)
    assert (tags[282], tags[283], tags[296]) == ((2540000, 10000), (5080000, 10000), 2)


def test_exif_that_is_none_is_said_in_a_tiff():
    _, notes = written("tiff", Metadata(exif=b"MM\0*" + b"\xff" * 20))
    assert "TIFF cannot hold the EXIF block" in notes[0]


def test_raw_profiles_of_imagemagick_are_what_they_say():
    hexed = b"\nexif\n%8d\n%s\n" % (len(made.exif()) + 6, (b"Exif\0\0" + made.exif()).hex().encode())
    picture = open_picture(made.png((b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(hexed))))
    assert (picture.exif, picture.metadata.chunks) == (made.exif(), ())
    damaged = (b"tEXt", b"Raw profile type exif\0\nexif\n 99\n00")
    assert open_picture(made.png(damaged)).metadata.chunks == (damaged,)


def test_colours_of_a_png_are_kept_unless_they_say_nothing_new():
    gamma = (b"gAMA", struct.pack(">I", 100000))
    assert open_picture(made.png(gamma)).metadata.chunks == (gamma,)
    _, notes = written("webp", Metadata(chunks=(gamma,)))
    assert "gAMA" in notes[0]
    data, _ = written("png", Metadata(chunks=(gamma,)))
    assert gamma in list(made.chunks_of(data))
    for silent in ((b"gAMA", struct.pack(">I", 45455)),), (gamma, (b"sRGB", b"\0")):
        assert open_picture(made.png(*silent)).metadata == Metadata()


@pytest.mark.parametrize("format", ["png", "jpeg", "webp", "tiff", "avif"])
@pytest.mark.parametrize(("colors", "icc"), [(1, GREY_ICC), (3, ICC), (3, ICC[:100])], ids=["grey", "rgb", "damaged"])
def test_profiles_are_kept_or_said(format, colors, icc):
    data, notes = written(format, Metadata(icc=icc), colors)
    assert open_picture(data).icc == (None if notes else icc)
    grey_as_rgb = colors == 1 and format in ("webp", "avif")
    assert bool(notes) == grey_as_rgb


@pytest.mark.parametrize(
    "resolution", [(300 / 25.4, 300 / 25.4), (72 / 25.4, 72 / 25.4), (40.0, 20.0), (11.811, 11.811)]
)
@pytest.mark.parametrize("format", ["png", "jpeg", "tiff", "webp", "avif"])
def test_resolution(format, resolution):
    data, notes = written(format, Metadata(resolution=resolution))
    assert notes == []
    with Image.open(io.BytesIO(data)) as image:
        seen = (image.getexif()[282], image.getexif()[283]) if format in ("webp", "avif") else image.info["dpi"]
    assert np.allclose([float(side) for side in seen], [side * 25.4 for side in resolution], rtol=2e-3)
    if format not in ("webp", "avif"):
        assert np.allclose(open_picture(data).resolution, resolution, rtol=2e-3)
    else:
        notes = written(format, Metadata(resolution=resolution, exif=made.exif()))[1]
        assert ["resolution" in note for note in notes] == [True] * (round(resolution[0] * 25.4) != 72)


SOURCES = made.sources()


FILES = {"png": "png", "jpeg": "jpeg", "ultra_hdr": "jpeg", "webp": "webp", "tiff": "tiff", "avif": "heif"}


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_hostile_containers(data):
    name = data.draw(st.sampled_from(list(FILES)))
    file = bytearray(SOURCES[name])
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, min(len(file), 3000)))
        size = data.draw(st.integers(0, 8))
        file[at : at + size] = data.draw(st.binary(max_size=8) | st.sampled_from([b"\xff\xff\xff\xff", b"\0\0\0\0"]))
    meta, notes = metadata_of(io.BytesIO(bytes(file)), FILES[name])
    assert isinstance(meta, Metadata)
    assert all(note.isprintable() for note in notes)
    for format in ("png", "jpeg", "tiff", "webp", "avif"):
        written(format, Metadata(**{**meta.said, "exif": None}))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_hostile_exif_as_tags(data):
    block = bytearray(made.exif())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(block) - 1))
        block[at : at + 4] = data.draw(st.binary(min_size=4, max_size=4) | st.just(b"\xff\xff\xff\xff"))
    exif = bytes(block)
    file, notes = written("tiff", Metadata(exif=exif))
    assert open_picture(file).exif or notes
    assert entries(b"II*\0\x08\0\0\0" + b"\x01\0\x69\x87\x04\0\x01\0\0\0\x08\0\0\0" * 9)[1]  # points to itself


def test_expensive_packets_end_soon():
    for extended in (b"<a:RDF>" * 200_000, b"<a:RDF " * 200_000, b"<rdf:RDF xmlns:rdf=''>" + b"</rdf:RDF" * 200_000):
        assert joined(made.MAIN, extended) is None
