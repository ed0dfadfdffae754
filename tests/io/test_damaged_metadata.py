"""Metadata that is damaged is left out and said, so that no reader refuses the result."""

import io
import struct

import numpy as np
import pytest
from PIL import Image
from support import metadata as made

import regrow
from regrow.errors import RegrowError
from regrow.io import png
from regrow.io.reader import open_picture
from regrow.io.writer import PictureWriter

SIZES = {"pHYs": 9, "tIME": 7, "gAMA": 4, "cHRM": 32, "mDCV": 24, "cLLI": 8, "cICP": 4, "sRGB": 1}
"""As the specification of PNG has them, third edition, section 11.3."""


def again(picture, format="png"):
    """The file that a picture becomes, with its metadata."""
    file = io.BytesIO()
    with PictureWriter(
        file, width=picture.width, height=picture.height, colors=3, format=format, metadata=picture.metadata
    ) as out:
        out.write(np.concatenate(list(picture.rows())))
    return file.getvalue()


@pytest.mark.parametrize(("kind", "size"), SIZES.items())
def test_png_chunks_of_a_wrong_size(kind, size):
    for wrong in (0, size - 1, size + 1):
        picture = open_picture(made.png((kind.encode(), bytes(wrong))))
        assert any(f"the {kind} chunk is damaged" in note for note in picture.notes)
        result = again(picture)
        assert kind.encode() not in result
        Image.open(io.BytesIO(result)).load()
        with pytest.raises(ValueError, match="not PNG chunks"):  # nor does a passport bring them back
            png.unpacked(made.png_chunk(kind.encode(), bytes(wrong)))


def test_png_chunks_that_may_be_there_once():
    dates = [(b"tIME", bytes((7, 234, month, 2, 3, 4, 5))) for month in (1, 2)]
    assert open_picture(made.png(*dates)).metadata.chunks == ((b"tIME", bytes((7, 234, 1, 2, 3, 4, 5))),)


def test_the_shape_of_pixels_alone_comes_back_by_a_passport(tmp_path, tiny_folder):
    shape = struct.pack(">IIB", 2, 1, 0)  # no unit
    source, small, grown = (tmp_path / name for name in ("source.png", "small.avif", "grown.png"))
    source.write_bytes(made.png((b"pHYs", shape)))
    regrow.shrink(source, small, model=tiny_folder)
    regrow.grow(small, grown, model=tiny_folder)
    assert dict(made.chunks_of(grown.read_bytes()))[b"pHYs"] == shape


@pytest.mark.parametrize("format", ["png", "jpeg", "webp", "avif"])
def test_exif_that_is_no_tiff_is_left_out_with_a_note(format):
    picture = open_picture(made.png((b"eXIf", b"MM\0\x01" + bytes(20))))
    assert "the EXIF block is damaged; it is left out" in picture.notes
    Image.open(io.BytesIO(again(picture, format))).load()


def test_bytes_that_are_no_text_in_what_a_library_says():
    exif = Image.Exif()
    exif[274] = 6  # becomes a property of AVIF that readers must understand, and libheif names those that it does not
    good = made.saved("AVIF", exif=exif)
    assert b"irot" in good
    with pytest.raises(RegrowError, match="cannot be read here"):
        open_picture(good.replace(b"irot", b"\xe9rot"))
    assert sum(map(len, open_picture(good).rows()))  # it is not remembered


@pytest.mark.parametrize("side", [2**32 - 1, 0.0000001])
def test_a_resolution_that_no_passport_holds_is_left_out_with_a_note(side, tmp_path, tiny_folder):
    source, small = tmp_path / "source", tmp_path / "small.webp"
    if side > 1:
        source.write_bytes(made.png((b"pHYs", struct.pack(">IIB", 1, side, 1))))
    else:
        source.write_bytes(made.saved("TIFF", resolution=side, resolution_unit=3))
    assert "the resolution is implausible; it is left out" in open_picture(source).notes
    regrow.shrink(source, small, model=tiny_folder)
    regrow.grow(small, tmp_path / "grown.png", model=tiny_folder)
