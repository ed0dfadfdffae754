"""Boxes of AVIF and HEIF: colours, and what is not kept."""

import io
import struct

import av
import numpy as np
import pytest
from PIL import Image
from support import metadata as made
from support.pictures import ICC, written

from regrow.io.containers import metadata_of
from regrow.io.metadata import Metadata
from regrow.io.reader import open_picture
from regrow.io.writer import PictureWriter


def box(kind, *content):
    content = b"".join(content)
    return struct.pack(">I4s", len(content) + 8, kind) + content


def test_colours_of_a_grid_are_those_of_its_tiles():
    nclx = box(b"colr", b"nclx", struct.pack(">HHHB", 12, 13, 6, 0x80))
    properties = box(b"ipco", box(b"ispe", bytes(12)), nclx)
    association = box(b"ipma", bytes(4), struct.pack(">IHBBHBBB", 2, 1, 1, 1, 2, 2, 1, 2))
    meta = box(b"meta", bytes(4), box(b"pitm", bytes(4), b"\0\1"), box(b"iprp", properties, association))
    assert metadata_of(io.BytesIO(box(b"ftyp", b"heic") + meta), "heif") == (Metadata(cicp=(12, 13, 0, 1)), ())


@pytest.mark.parametrize("cicp", [(9, 16), (12, 13), (1, 8)])
@pytest.mark.parametrize("lossless", [True, False])
@pytest.mark.parametrize("alpha", [True, False])
def test_cicp_in_avif_against_ffmpeg(cicp, lossless, alpha):
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


def test_the_gain_map_of_iso_21496_in_heif_is_said():
    items = [
        box(b"infe", b"\2\0\0\0", struct.pack(">HH4s", n, 0, kind), b"\0") for n, kind in ((1, b"av01"), (2, b"tmap"))
    ]
    meta = box(b"meta", b"\0" * 4, box(b"pitm", b"\0" * 4, b"\0\1"), box(b"iinf", b"\0" * 4, b"\0\2", *items))
    _, notes = metadata_of(io.BytesIO(box(b"ftyp", b"avif\0\0\0\0mif1tmap") + meta), "heif")
    assert notes == ("the HDR gain map is not kept",)
