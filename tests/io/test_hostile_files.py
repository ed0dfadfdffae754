"""Files that are not what they seem: an error in one line, or a picture of the size that its header gives."""

import io
import os
import struct

import numpy as np
import pytest
import pyvips
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from regrow.errors import RegrowError
from regrow.io.containers import PNG_SIGNATURE, png_chunk
from regrow.io.exif import orientation, with_orientation
from regrow.io.reader import open_picture
from regrow.io.writer import PictureWriter

skimage_data = pytest.importorskip("skimage.data")
PHOTO = skimage_data.astronaut()[100:164, 180:260]
ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def made(format: str) -> bytes:
    file = io.BytesIO()
    exif = with_orientation(None, 3)
    with PictureWriter(file, width=80, height=64, colors=3, format=format, icc=ICC, exif=exif, xmp=b"<x/>") as writer:
        writer.write(PHOTO)
    return file.getvalue()


def pillow(format: str, **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(PHOTO).save(file, format, **options)
    return file.getvalue()


FILES = {format: made(format) for format in ("png", "jpeg", "webp", "tiff", "avif")}
FILES |= {
    "gif": pillow("GIF"),
    "progressive": pillow("JPEG", progressive=True),
    "plain tiff": pillow("TIFF"),
    "interlaced": pyvips.Image.new_from_array(PHOTO).pngsave_buffer(interlace=True),
    "lossy webp": pillow("WEBP", quality=50),
}


def outcome(data: bytes) -> str | None:
    """None when all rows arrive, else the error's message. Anything but a RegrowError fails the test."""
    try:
        picture = open_picture(data, name="a file")
        rows = picture.rows()
        taken = 0
        for block in rows:
            assert block.shape[1:] == (picture.width, picture.colors + picture.alpha)
            assert block.dtype == (np.uint8 if picture.depth == 8 else np.uint16)
            taken += len(block)
            # A flipped bit may announce gigapixels that stream for minutes; their start will do.
            if taken * picture.width > 10**6:
                return None
        assert taken == picture.height
    except RegrowError as error:
        message = str(error)
        assert message.startswith("a file: ")
        assert message.isprintable()
        assert len(message) < 300
        return message
    return None


@pytest.mark.parametrize("kind", list(FILES))
def test_the_samples_themselves_are_right(kind):
    assert outcome(FILES[kind]) is None


@pytest.mark.parametrize("kind", list(FILES))
def test_a_truncated_file_is_an_error(kind):
    data = FILES[kind]
    for part in np.linspace(0, 0.98, 25):
        assert outcome(data[: int(len(data) * part)]), f"{kind} cut to {part:.0%}"


@pytest.mark.parametrize("kind", list(FILES))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_corrupted_file_is_an_error_or_a_picture(kind, data):
    damaged = bytearray(FILES[kind])
    for _ in range(data.draw(st.integers(1, 4))):
        # Headers are where damage matters most.
        last = data.draw(st.sampled_from((64, 700, len(damaged))))
        at = data.draw(st.integers(0, min(last, len(damaged)) - 1))
        damaged[at : at + 1] = data.draw(st.binary(max_size=3))
    outcome(bytes(damaged))


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from([PNG_SIGNATURE, b"\xff\xd8\xff\xe0", b"II*\0", b"MM\0*", b"RIFF\x50\0\0\0WEBP", b"GIF89a", b""]),
    st.binary(max_size=200),
)
def test_nonsense_is_an_error(start, rest):
    assert outcome(start + rest)


def header_only_png(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return PNG_SIGNATURE + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", b"\x78\x9c") + png_chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("width", "height"), [(2**31 - 1, 2**31 - 1), (2**31, 1), (0, 1), (1, 0), (10**6 + 1, 1), (50_000, 50_000)]
)
def test_absurd_sizes_are_refused(width, height):
    assert outcome(header_only_png(width, height))


def test_what_libvips_does_not_explain_is_told_without_its_names():
    data = header_only_png(8, 8)
    data = data[:8] + png_chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 64, 2, 0, 0, 0)) + data[33:]
    message = outcome(data)
    assert message is not None
    assert "pngload" not in message


def test_sizes_that_must_be_decoded_whole_are_refused_earlier():
    data = bytearray(FILES["interlaced"])
    data[8:33] = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 1))
    message = outcome(bytes(data))
    assert message is not None
    assert "decoded whole" in message


OTHERS = [Image.fromarray(PHOTO[::-1].copy()), Image.fromarray(255 - PHOTO)]


def test_several_pages_are_refused():
    message = outcome(pillow("TIFF", save_all=True, append_images=OTHERS))
    assert message is not None
    assert "holds 3 frames or pages" in message


@pytest.mark.parametrize("format", ["GIF", "WEBP", "AVIF", "PNG"])
def test_of_several_frames_the_first_is_used_and_said(format):
    options = {"lossless": True} if format == "WEBP" else {"quality": 100} if format == "AVIF" else {}
    picture = open_picture(pillow(format, save_all=True, append_images=OTHERS, **options))
    assert any("only the first is used" in note or "only its still picture is used" in note for note in picture.notes)
    read = np.concatenate(list(picture.rows()))[..., :3].astype(int)
    assert np.abs(read - PHOTO).mean() < (20 if format == "GIF" else 4)


@pytest.mark.parametrize(
    ("image", "says"),
    [
        (pyvips.Image.black(8, 8).cast("float"), "32-bit floating-point"),
        (pyvips.Image.black(8, 8).cast("uint"), "32-bit whole numbers"),
        (pyvips.Image.black(8, 8).cast("complex"), "64-bit complex"),
        (pyvips.Image.black(8, 8, bands=3).copy(interpretation="lab").cast("float"), "save it as grey or RGB"),
        (pyvips.Image.black(8, 8, bands=7), "7 bands"),
    ],
)
def test_samples_of_other_kinds_are_refused(image, says):
    message = outcome(image.tiffsave_buffer())
    assert message is not None
    assert says in message


def test_implausible_metadata_is_left_out_with_a_note():
    data = FILES["webp"]
    block = b"x" * (2**24 + 2)
    data = data[:12] + data[12:].replace(b"XMP \x04\0\0\0<x/>", b"XMP " + struct.pack("<I", len(block)) + block)
    data = data[:4] + struct.pack("<I", len(data) - 8) + data[8:]
    picture = open_picture(data)
    assert picture.xmp is None
    assert "XMP" in picture.notes[0]


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([b"MM\0*", b"II*\0", b""]), st.binary(max_size=80), st.integers(1, 8))
def test_hostile_exif(start, rest, value):
    block = start + rest
    assert 1 <= orientation(block) <= 8
    turned = with_orientation(block, value)
    assert turned is not None
    assert len(turned) == len(block)
    assert sum(a != b for a, b in zip(turned, block, strict=True)) <= 2


def test_things_that_are_not_files(tmp_path):
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.png").write_text("hello\nthere")
    for path, says in (
        (tmp_path / "missing.png", "no such file"),
        (tmp_path, "folder"),
        (tmp_path / "empty.png", "empty"),
        (tmp_path / "text.png", "not a picture"),
        (tmp_path / "text.png" / "below.png", "cannot be read"),
        ("nul\0.png", "cannot be read"),
        ("x" * 5000 + ".png", "cannot be read"),
    ):
        with pytest.raises(RegrowError, match=says) as caught:
            open_picture(path)
        assert str(caught.value).isprintable()


@pytest.mark.skipif(os.name != "posix", reason="file names are not bytes")
def test_strange_names_work(tmp_path):
    for name in ("new\nline.png", "\udcff.png", "ünï 🌱.png", "[0].png", "%s.png", "-.png"):
        path = tmp_path / name
        path.write_bytes(FILES["png"])
        assert open_picture(path).width == 80
        path.write_bytes(FILES["png"][:500])
        with pytest.raises(RegrowError) as caught:
            list(open_picture(path).rows())
        assert str(caught.value).isprintable()
        with PictureWriter(path, width=80, height=64, colors=3) as writer:
            writer.write(PHOTO)
        assert open_picture(path).width == 80


def test_nothing_is_printed(capfd):
    for data in FILES.values():
        for part in (0.3, 0.7, 0.97):
            outcome(data[: int(len(data) * part)])
    assert capfd.readouterr() == ("", "")
