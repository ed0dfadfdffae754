"""Where files have the line of a passport, what it costs there, and what other programs make of it."""

import contextlib
import io
import struct

import numpy as np
import pytest
import pyvips
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from support import metadata as made
from support.pictures import ICC, exif, noise, write, written

import regrow
from regrow.errors import RegrowError
from regrow.io.exif_passport import added
from regrow.io.memory import accept
from regrow.io.metadata import Metadata
from regrow.io.passport import Passport
from regrow.io.reader import open_picture
from regrow.io.writer import PictureWriter

PLACES = ["png", "jpeg", "webp", "avif"]
LINE = b"regrow/2 tad-x2 1a2b3c4d 15x16"
OWN = Metadata(exif=exif(), xmp=made.XMP, icc=ICC)
LONGEST = {
    "model": "tad-grey-x4", "digest": "1a2b3c4d" * 8, "scale": 4, "width": 65535, "height": 65535,
    "small_width": 16384, "small_height": 16384, "depth": 8, "colours": 1, "quality": 100,
}  # fmt: skip


def coded(format, metadata, *, alpha=False):
    """A lossy file, where there is one."""
    file, pixels = io.BytesIO(), noise(16, 16, 3 + alpha)
    lossless = format == "png"
    with PictureWriter(
        file,
        width=16,
        height=16,
        colors=3,
        alpha=alpha,
        format=format,
        metadata=metadata,
        lossless=lossless,
        quality=50,
    ) as writer:
        writer.write(pixels)
    assert writer.notes == []
    return file.getvalue()


@pytest.mark.parametrize("own", [Metadata(), OWN])
@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("format", PLACES)
def test_metadata_is_what_it_is_without_a_passport(format, alpha, own):
    """And so are pixels, in independent decoders."""
    alpha = alpha and format != "jpeg"
    without, data = (coded(format, Metadata(**own.said, **said), alpha=alpha) for said in ({}, {"passport": LINE}))
    picture = open_picture(data)
    assert picture.metadata.passport == LINE
    assert picture.notes == ()
    assert (picture.exif, picture.xmp, picture.icc) == (own.exif, own.xmp, own.icc)
    assert picture.metadata.said == {**open_picture(without).metadata.said, "passport": LINE}
    for read in (
        lambda d: np.asarray(Image.open(io.BytesIO(d))),
        lambda d: pyvips.Image.new_from_buffer(d, "").numpy(),
    ):
        np.testing.assert_array_equal(read(data), read(without))


@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("format", PLACES)
def test_a_passport_costs_at_most_200_bytes(format, alpha):
    more = {"alpha_model": "tad-grey-x4", "alpha_digest": "1a2b3c4d" * 8} if alpha else {}
    line = Passport(**LONGEST, alpha=alpha, **more).to_text()
    alpha = alpha and format != "jpeg"
    cost = len(coded(format, Metadata(passport=line), alpha=alpha)) - len(coded(format, Metadata(), alpha=alpha))
    assert len(line) <= cost <= 200
    assert format != "avif" or cost == len(line)


@pytest.mark.parametrize("orientation", [1, 6])
def test_the_exif_block_of_an_avif_takes_no_room_that_it_does_not_need(orientation):
    small, large = (len(coded("avif", Metadata(exif=exif(orientation) + bytes(n)))) for n in (0, 1000))
    assert large - small == 1000
    data = coded("avif", Metadata(exif=exif(), xmp=made.XMP, icc=ICC, cicp=(9, 16, 0, 1)), alpha=True)
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        assert (image.info["xmp"], image.info["icc_profile"]) == (made.XMP, ICC)
        assert image.getexif()[0x010F] == "Camera Inc."
    assert pyvips.Image.new_from_buffer(data, "").get("exif-ifd0-Make").startswith("Camera Inc.")


def test_pillow_shows_where_the_line_is():
    image = Image.open(io.BytesIO(coded("jpeg", Metadata(passport=LINE))))
    assert image.info["comment"] == LINE
    image = Image.open(io.BytesIO(coded("jpeg", Metadata(passport=LINE, comments=(b"mine",)))))
    assert image.info["comment"] == b"mine"
    assert Image.open(io.BytesIO(coded("png", Metadata(passport=LINE)))).text == {"regrow": LINE.decode()}
    image = Image.open(io.BytesIO(coded("webp", Metadata(passport=LINE))))
    assert dict(image.getexif()) == {0x010D: LINE.decode()}


def test_the_line_is_the_name_of_the_handler_of_an_avif():
    data = coded("avif", Metadata(passport=LINE, exif=exif(), icc=ICC, cicp=(9, 16, 0, 1)))
    at = data.index(b"hdlr")
    (size,) = struct.unpack_from(">I", data, at - 4)
    assert data[at + 4 : at - 4 + size] == bytes(8) + b"pict" + bytes(12) + LINE + b"\0"


def test_a_line_in_the_exif_block_of_an_avif_is_read():
    assert open_picture(coded("avif", Metadata(exif=added(None, LINE)))).metadata.passport == LINE


def test_an_image_of_an_avif_has_the_line_while_its_file_is_there(tmp_path):
    path = tmp_path / "small.avif"
    path.write_bytes(coded("avif", Metadata(passport=LINE)))
    with Image.open(path) as image:
        assert accept(image).metadata.passport == LINE
        image.load()  # which closes the file
        assert accept(image).metadata.passport == LINE
        path.unlink()
        assert accept(image).metadata.passport is None
    assert accept(Image.open(io.BytesIO(coded("avif", Metadata(passport=LINE))))).metadata.passport == LINE


def test_own_comments_and_texts_are_not_taken_for_a_passport():
    comments = (b"regrow/2", b"regrow is fine", b"\0regrow/2 a")
    picture = open_picture(coded("jpeg", Metadata(passport=LINE, comments=comments)))
    assert (picture.metadata.comments, picture.metadata.passport) == (comments, LINE)
    texts = ((b"tEXt", b"regrow\0is fine"), (b"tEXt", b"Comment\0" + LINE))
    picture = open_picture(coded("png", Metadata(passport=LINE, chunks=texts)))
    assert (picture.metadata.chunks, picture.metadata.passport) == (texts, LINE)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_pillow_saves_a_small_picture_again(format):
    """What it keeps of itself, or is told to, still says how to grow."""
    image = Image.open(
        io.BytesIO(coded({"JPEG": "jpeg", "PNG": "png"}.get(format, format.lower()), Metadata(passport=LINE)))
    )
    options = {}
    if format == "PNG":
        options["pnginfo"] = made.PngImagePlugin.PngInfo()
        options["pnginfo"].add_text("regrow", image.text["regrow"])
    elif format != "JPEG":
        options["exif"] = image.info["exif"]
    assert open_picture(made.saved(format, image, **options)).metadata.passport == LINE


@pytest.mark.parametrize("format", PLACES)
def test_libvips_takes_it_out_with_all_else(format):
    image = pyvips.Image.new_from_buffer(coded(format, Metadata(passport=LINE)), "")
    suffix = {"avif": ".avif", "jpeg": ".jpg"}.get(format, f".{format}")
    data = image.write_to_buffer(suffix, keep="none")
    assert open_picture(data).metadata.passport is None
    assert b"regrow/2" not in data


def test_a_small_png_that_libvips_saves_again_grows():
    image = pyvips.Image.new_from_buffer(coded("png", Metadata(passport=LINE)), "")
    assert open_picture(image.pngsave_buffer()).metadata.passport == LINE


def test_the_line_comes_before_the_xmp():
    other = Passport.from_text(LINE.replace(b"15x16", b"16x16"))
    picture = open_picture(coded("png", Metadata(passport=LINE, xmp=other.to_xmp(None))))
    assert Passport.of(picture.metadata) == Passport.from_text(LINE)
    assert Passport.of(Metadata(xmp=picture.xmp)) == other
    assert Passport.of(Metadata(xmp=made.XMP)) is None
    assert Passport.of(Metadata()) is None


def test_a_damaged_exif_block_has_no_place_for_it():
    """The result is written without, and that is said; shrinking takes the XMP then."""
    damaged = b"MM\0*\xff\xff\xff\xff" + bytes(20)
    data, notes = written("webp", Metadata(exif=damaged, passport=LINE))
    assert "passport" in notes[0]
    assert open_picture(data).exif == damaged


def test_a_tiff_has_no_place_for_it():
    _, notes = written("tiff", Metadata(passport=LINE))
    assert notes == ["TIFF cannot hold the passport; left out"]


def test_a_damaged_exif_block_makes_the_passport_travel_in_the_xmp(tmp_path, tiny_folder):
    damaged = b"MM\0*\xff\xff\xff\xff" + bytes(20)
    source = write(tmp_path / "a.png", noise(8, 8), exif=damaged)
    small = regrow.shrink(source, tmp_path / "s.webp", model=tiny_folder)
    assert regrow.info(small).passport.version == 1
    assert open_picture(regrow.grow(small, tmp_path / "g.png", model=tiny_folder)).exif == damaged


@pytest.mark.parametrize("format", PLACES)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_file_changed_near_its_passport_is_an_error_or_a_picture(format, data):
    file = bytearray(SMALL[format])
    at = file.index(b"regrow/2")
    for _ in range(data.draw(st.integers(1, 3))):
        where = at + data.draw(st.integers(-40, len(LINE) + 20))
        file[where : where + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    with contextlib.suppress(RegrowError):
        found = regrow.info(bytes(file)).passport
        assert found is None or isinstance(found, Passport)


SMALL = {format: coded(format, Metadata(passport=LINE, exif=exif())) for format in PLACES}
