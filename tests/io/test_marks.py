"""Marks in the pixels' own code: what decoders make of them, and of files that have none."""

import io
import struct

import av
import numpy as np
import pytest
import pyvips
from PIL import Image
from support import metadata as made
from support.pictures import ICC, exif, noise

from regrow.io.codecs import Codec
from regrow.io.marks import SCALES, quality_of, scale_of
from regrow.io.metadata import Metadata
from regrow.io.reader import open_picture
from regrow.io.writer import PictureWriter

PIXELS = noise(24, 40, 4)


def coded(format, mark, *, bands=3, metadata=None, lossless=False):
    file = io.BytesIO()
    options = {"colors": 1 if bands == 1 else 3, "alpha": bands == 4, "lossless": lossless, "quality": 60}
    with PictureWriter(
        file, width=40, height=24, format=format, mark=mark, metadata=metadata or Metadata(), **options
    ) as writer:
        writer.write(np.ascontiguousarray(PIXELS[..., :bands]))
    return file.getvalue()


def by_ffmpeg(data):
    with av.open(io.BytesIO(data)) as container:
        frame = next(container.decode(video=0))
    # Beyond the width of a plane there is padding, which holds anything.
    return [np.asarray(plane).reshape(-1, plane.line_size)[: plane.height, : plane.width] for plane in frame.planes]


DECODERS = {
    "Pillow": lambda data: [np.asarray(Image.open(io.BytesIO(data)))],
    "libvips": lambda data: [pyvips.Image.new_from_buffer(data, "").numpy()],
    "FFmpeg": by_ffmpeg,
}
KINDS = [("webp", 3), ("webp", 4), ("jpeg", 3), ("jpeg", 1), ("avif", 3), ("avif", 4)]


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(("format", "bands"), KINDS)
def test_a_mark_costs_nothing_and_no_decoder_heeds_it(format, bands, scale):
    plain, marked = coded(format, None, bands=bands), coded(format, scale, bands=bands)
    assert (scale_of(plain), scale_of(marked)) == (None, scale)
    assert len(plain) == len(marked)
    assert sum(a != b for a, b in zip(plain, marked, strict=True)) <= 4
    for name, decode in DECODERS.items():
        for before, after in zip(decode(plain), decode(marked), strict=True):
            np.testing.assert_array_equal(before, after, err_msg=name)
    assert open_picture(marked).metadata == open_picture(plain).metadata
    known = Codec(name="avif").facts(60) if format == "avif" else open_picture(plain).facts
    assert open_picture(marked).facts == known


def stripped_jpeg(data):
    """Without APP1 to APP15 and comments, as jpegtran and jpegoptim leave a file."""
    kept, at = data[:2], 2
    while data[at + 1] != 0xDA:
        end = at + 2 + struct.unpack_from(">H", data, at + 2)[0]
        if not (0xE1 <= data[at + 1] <= 0xEF or data[at + 1] == 0xFE):
            kept += data[at:end]
        at = end
    return kept + data[at:]


def stripped_webp(data):
    """Nothing but the coded pixels, as in a file without the extended header."""
    at = 12
    while at < len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        end = at + 8 + length + length % 2
        if kind == b"VP8 ":
            return b"RIFF" + struct.pack("<I", 4 + end - at) + b"WEBP" + data[at:end]
        at = end
    return None


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(("format", "strip"), [("jpeg", stripped_jpeg), ("webp", stripped_webp)])
def test_a_mark_outlives_metadata(format, strip, scale):
    own = Metadata(passport=b"regrow/2 tad-x2 1a2b3c4d 80x48", exif=exif(), xmp=made.XMP, icc=ICC)
    data = strip(coded(format, scale, metadata=own))
    assert all(block not in data for block in (own.passport, own.exif, own.xmp, own.icc))
    assert open_picture(data).metadata.said == {}
    assert scale_of(data) == scale


def test_where_there_is_no_place_there_is_no_mark():
    dense = Metadata(resolution=(300 / 25.4, 300 / 25.4))
    marked = coded("jpeg", 2, metadata=dense)
    assert scale_of(marked) is None
    assert open_picture(marked).resolution == pytest.approx(dense.resolution)
    for format in ("png", "webp", "avif", "tiff"):
        assert coded(format, 2, lossless=True) == coded(format, None, lossless=True)


def test_scales_that_no_mark_says():
    for scale in (0, 3, 1.25, 8):
        with pytest.raises(ValueError, match="mark"):
            coded("webp", scale)


def ordinary():
    """Files that Pillow and libvips write, with many settings."""
    colour, grey = Image.fromarray(PIXELS[..., :3]), Image.fromarray(PIXELS[..., 0])
    for picture in (colour, grey, Image.fromarray(PIXELS).convert("CMYK")):
        for options in ({}, {"dpi": (72, 72)}, {"dpi": (276, 276)}, {"progressive": True}, {"quality": 1},
                        {"exif": exif()}, {"comment": b"a"}, {"optimize": True}):  # fmt: skip
            yield made.saved("JPEG", picture, **options)
    for picture in (colour, grey, Image.fromarray(PIXELS)):
        for options in ({}, {"quality": 0}, {"method": 0}, {"method": 6}, {"lossless": True}, {"exif": exif()},
                        {"icc_profile": ICC}, {"save_all": True, "append_images": [picture.rotate(180)]}):  # fmt: skip
            yield made.saved("WEBP", picture, **options)
    image = pyvips.Image.new_from_array(PIXELS[..., :3])
    for resolution in (1, 3, 276 / 25.4, 27.6, 65535):
        at = image.copy(xres=resolution, yres=resolution)
        yield from (at.jpegsave_buffer(Q=q, subsample_mode=mode) for q in (1, 75, 100) for mode in ("on", "off"))
        yield from (at.webpsave_buffer(Q=q, smart_subsample=smart) for q in (0, 75, 100) for smart in (False, True))
        yield from (
            at.webpsave_buffer(preset=kind, effort=2) for kind in ("picture", "photo", "drawing", "icon", "text")
        )
    yield from (image.heifsave_buffer(compression="av1", Q=q) for q in (20, 90))
    yield from (made.saved(format) for format in ("PNG", "TIFF", "GIF", "AVIF"))


def test_ordinary_files_have_no_mark():
    files = list(ordinary())
    assert len(files) > 100
    assert {scale_of(data) for data in files} == {None}


def test_only_a_marked_avif_says_a_quality_that_there_is():
    marked = coded("avif", 1.5)
    assert quality_of(marked) == 60
    assert quality_of(coded("avif", None)) is None
    for quality, said in ((0, None), (1, 1), (100, 100), (101, None), (255, None)):
        assert quality_of(marked[:15] + bytes([quality]) + marked[16:]) == said
    assert quality_of(marked[:14] + bytes([11]) + marked[15:]) is None
    assert quality_of(coded("webp", 2)) is None


@pytest.mark.parametrize(("format", "bands"), KINDS)
def test_what_is_cut_short_has_no_mark_or_its_own(format, bands):
    data = coded(format, 2, bands=bands, metadata=Metadata(icc=ICC))
    assert {scale_of(data[:end]) for end in range(len(data))} <= {None, 2}
