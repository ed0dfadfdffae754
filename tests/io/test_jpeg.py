"""Segments of a JPEG: extended XMP, gain maps, comments."""

import io

import pytest
import pyvips
from PIL import Image
from support import metadata as made
from support.pictures import written

from regrow.io.metadata import Metadata
from regrow.io.reader import open_picture

MAIN = made.segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + made.MAIN)
PARTS = list(made.extension())


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


def test_comments_longer_than_a_segment_are_cut():
    data, notes = written("jpeg", Metadata(comments=(b"a" * 100_000,)))
    assert notes == []
    with Image.open(io.BytesIO(data)) as image:
        assert b"".join(part for name, part in image.applist if name == "COM") == b"a" * 100_000
