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
from support.pictures import GREY_ICC, ICC

from regrow.io.containers import metadata_of
from regrow.io.metadata import Metadata
from regrow.io.passport import Passport, PassportError
from regrow.io.reader import open_picture
from regrow.io.writer import PictureWriter

MAIN = made.segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + made.MAIN)
PARTS = list(made.extension())


def written(format, metadata, colors=3, **options):
    """The bytes of a file with metadata, and what could not be written."""
    file = io.BytesIO()
    with PictureWriter(file, width=8, height=8, colors=colors, format=format, metadata=metadata, **options) as writer:
        writer.write(np.zeros((8, 8, colors), np.uint8))
    return file.getvalue(), writer.notes


@pytest.mark.parametrize("segments", [[MAIN, *PARTS], [*PARTS, MAIN], [PARTS[1], MAIN, PARTS[0]], [*PARTS[::-1], MAIN]])
def test_extended_xmp_in_any_order(segments):
    picture = open_picture(made.jpeg(*segments))
    assert (picture.xmp, picture.metadata.extended) == (made.MAIN, made.EXTENDED)
    assert picture.notes == ()
    data, notes = written("jpeg", picture.metadata)
    assert notes == []
    assert made.extension_in(data) == made.EXTENDED
    assert MAIN in data


OTHER = list(made.extension(digest="0" * 32))


@pytest.mark.parametrize(
    ("segments", "says"),
    [
        ([MAIN, PARTS[0]], "lacks a part"),
        ([PARTS[1], MAIN], "lacks a part"),
        ([MAIN, *OTHER], "does not name"),
        ([*PARTS], "does not name"),
    ],
)
def test_extended_xmp_that_is_not_whole_is_left_out_aloud(segments, says):
    picture = open_picture(made.jpeg(*segments))
    assert picture.metadata.extended is None
    assert picture.xmp == (made.MAIN if MAIN in segments else None)
    assert any(says in note for note in picture.notes)


def test_the_extension_of_another_packet_does_not_hide_the_right_one():
    picture = open_picture(made.jpeg(*OTHER, *PARTS, MAIN))
    assert picture.metadata.extended == made.EXTENDED
    assert "does not name" in picture.notes[0]


def test_extended_xmp_that_cannot_be_joined_is_said():
    foreign = made.EXTENDED.replace(b"<rdf:RDF", b'<rdf:RDF xmlns:q="http://example.com/q/"')
    data, notes = written("png", Metadata(xmp=made.MAIN, extended=foreign))
    assert any("extended XMP" in note for note in notes)
    assert open_picture(data).xmp == made.MAIN


def test_xmp_of_any_size_fits_into_jpeg():
    """As extended XMP, found by its digest; read back as the one packet that it was."""
    for size in (65502, 65503, 200_000):
        packet = made.packet('dc:source="own"').ljust(size)
        data, _ = written("jpeg", Metadata(xmp=packet))
        assert (made.extension_in(data) == packet) == (size > 65502)
        assert (open_picture(data).xmp, open_picture(data).metadata.extended) == (packet, None)


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


def test_comments_longer_than_a_segment_are_cut():
    data, notes = written("jpeg", Metadata(comments=(b"a" * 100_000,)))
    assert notes == []
    with Image.open(io.BytesIO(data)) as image:
        assert b"".join(part for name, part in image.applist if name == "COM") == b"a" * 100_000


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (made.jpeg(made.segment(0xE1, b"FLIR\0\1\0\0")), "APP1 FLIR"),
        (made.jpeg(made.segment(0xE4, b"\0\1\2")), "(APP4)"),
        (made.png((b"sCAL", b"\0011\0001"), (b"sTER", b"\0")), "sCAL, sTER"),
        (made.saved("TIFF", tiffinfo={33550: (1.0, 1.0, 0.0)}), "33550"),
    ],
)
def test_what_nobody_knows_is_said(data, says):
    assert says in " ".join(open_picture(data).notes)


def test_chunks_that_may_be_copied_are():
    chunk = (b"oFFs", bytes(9))
    assert open_picture(made.png(chunk)).metadata.chunks == (chunk,)
    assert open_picture(made.png((b"bKGD", bytes(6)), (b"sBIT", b"\x08\x08\x08"))).notes == ()


def test_colours_of_a_grid_are_those_of_its_tiles():
    nclx = box(b"colr", b"nclx", struct.pack(">HHHB", 12, 13, 6, 0x80))
    properties = box(b"ipco", box(b"ispe", bytes(12)), nclx)
    association = box(b"ipma", bytes(4), struct.pack(">IHBBHBBB", 2, 1, 1, 1, 2, 2, 1, 2))
    meta = box(b"meta", bytes(4), box(b"pitm", bytes(4), b"\0\1"), box(b"iprp", properties, association))
    assert metadata_of(io.BytesIO(box(b"ftyp", b"heic") + meta), "heif") == (Metadata(cicp=(12, 13, 0, 1)), ())


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


@pytest.mark.parametrize("cicp", [(9, 16), (12, 13), (1, 8)])
@pytest.mark.parametrize("lossless", [True, False])
@pytest.mark.parametrize("alpha", [True, False])
def test_cicp_in_avif_against_ffmpeg(cicp, lossless, alpha):
    import av

    file = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3 + alpha), np.uint8)
    metadata = Metadata(cicp=(*cicp, 0, 1), icc=ICC, exif=made.exif(), xmp=made.XMP)
    options = {"colors": 3, "alpha": alpha, "format": "avif", "lossless": lossless, "metadata": metadata}
    with PictureWriter(file, width=16, height=16, **options) as writer:
        writer.write(pixels)
    assert writer.notes == []
    with Image.open(io.BytesIO(file.getvalue())) as image:
        seen = np.asarray(image)
        assert (image.info["icc_profile"], image.info["xmp"]) == (ICC, made.XMP)
        assert (seen == pixels).all() if lossless else np.abs(seen.astype(int) - pixels).mean() < 20
    assert made.cicp_of(file.getvalue()) == cicp
    with av.open(io.BytesIO(file.getvalue())) as container:
        stream = container.streams.video[0]
        assert (stream.color_primaries, stream.color_trc) == cicp


def test_heif_colours_that_a_profile_or_nobody_says():
    assert open_picture(made.avif_in(9, 16)).metadata.cicp == (9, 16, 0, 1)
    for primaries, transfer in ((1, 13), (2, 2), (9, 2)):
        assert open_picture(made.avif_in(primaries, transfer)).metadata.cicp is None


def test_cicp_that_no_profile_means_is_said():
    for colors, codes in ((3, (9, 16, 0, 1)), (1, (12, 13, 0, 1))):
        data, notes = written("jpeg", Metadata(cicp=codes), colors)
        assert "CICP {}/{}".format(*codes) in notes[0]
        assert open_picture(data).icc is None
    assert written("jpeg", Metadata(cicp=(1, 13, 0, 1)))[1] == []
    assert "CICP" in written("avif", Metadata(cicp=(9, 16, 0, 0)))[1][0]


def test_a_gain_map_is_where_its_index_says(tmp_path):
    picture = open_picture(made.ultra_hdr())
    assert picture.metadata.gain_map == made.gain_map()
    data, notes = written("jpeg", Metadata(xmp=picture.xmp, gain_map=picture.metadata.gain_map), orientation=6)
    assert notes == []
    seen = pyvips.Image.new_from_buffer(data, "")
    assert seen.get("gainmap-data") == made.gain_map()
    turned = open_picture(data).upright()
    assert turned.metadata.gain_map is None
    assert "gain map" in turned.notes[-1]


def test_further_images_of_a_jpeg_are_said():
    data = made.ultra_hdr()
    preview = made.saved("JPEG", made.image(8))
    picture = open_picture(data[: -len(made.gain_map())] + preview.ljust(len(made.gain_map()), b"\0"))
    assert any("preview" in note for note in picture.notes)
    assert any("gain map is not kept" in note for note in picture.notes)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (b"urn:com:apple:photo:2020:aux:hdrgainmap", "gain map"),
        (b"urn:mpeg:hevc:2015:auxid:2", "auxiliary pictures (2)"),
        (b"urn:com:apple:photo:2018:aux:portraitmatte", "(portraitmatte)"),
    ],
)
def test_auxiliary_pictures_of_heif_are_said(name, says):
    data = made.saved("AVIF", Image.fromarray(np.full((16, 16, 4), 200, np.uint8)))
    alpha = b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha"
    assert alpha in data
    assert open_picture(data).notes == ()
    assert says in " ".join(open_picture(data.replace(alpha, name.ljust(len(alpha), b"\0"))).notes)


def box(kind, *content):
    content = b"".join(content)
    return struct.pack(">I4s", len(content) + 8, kind) + content


def test_the_gain_map_of_iso_21496_in_heif_is_said():
    items = [
        box(b"infe", b"\2\0\0\0", struct.pack(">HH4s", n, 0, kind), b"\0") for n, kind in ((1, b"av01"), (2, b"tmap"))
    ]
    meta = box(b"meta", b"\0" * 4, box(b"pitm", b"\0" * 4, b"\0\1"), box(b"iinf", b"\0" * 4, b"\0\2", *items))
    _, notes = metadata_of(io.BytesIO(box(b"ftyp", b"avif\0\0\0\0mif1tmap") + meta), "heif")
    assert notes == ("the HDR gain map is not kept",)


@pytest.mark.parametrize("format", ["png", "jpeg", "webp", "tiff", "avif"])
@pytest.mark.parametrize(("colors", "icc"), [(1, GREY_ICC), (3, ICC), (3, ICC[:100])])
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
        assert "resolution" in written(format, Metadata(resolution=resolution, exif=made.exif()))[1][0]


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
    import base64

    bomb = zlib.compress(b"\0" * (2**24 + 1), 9)
    evil = zlib.compress(made.png_chunk(b"IDAT", b"") + made.png_chunk(b"IEND", b""))
    for data in (bomb, evil, zlib.compress(made.png_chunk(b"iCCP", b"x\0\0")), zlib.compress(b"\0\0\0\1tEXtx1234")):
        packet = PASSPORT.to_xmp(None)
        begin = packet.index(b' regrow:chunks="') + 16
        packet = packet[:begin] + base64.b64encode(data) + packet[packet.index(b'"', begin) :]
        with pytest.raises(PassportError, match="damaged"):
            Passport.from_xmp(packet)


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


SOURCES = made.sources()
