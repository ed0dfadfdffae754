"""Files that are not read are told by what they are, and say what to do."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from regrow.errors import RegrowError
from regrow.io.paths import RAW_SUFFIXES
from regrow.io.reader import open_picture


@pytest.fixture(autouse=True)
def _without_rawpy(monkeypatch):
    monkeypatch.setattr("regrow.io.decoding.raw.available", lambda: False)


SMALL = np.random.default_rng(0).integers(0, 256, (16, 24, 3), np.uint8)


def refusal(data: bytes, name: str) -> str:
    with pytest.raises(RegrowError) as caught:
        open_picture(data, name=name)
    message = str(caught.value)
    assert message.startswith(f"{name}: ")
    assert message.isprintable()
    return message


def saved(format: str, **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(SMALL).save(file, format, **options)
    return file.getvalue()


STARTS = {
    "a.cr2": b"II*\0\x10\0\0\0CR\x02\0",
    "a.cr3": b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom",
    "a.crw": b"II\x1a\0\0\0HEAPCCDR",
    "a.orf": b"IIRO\x08\0\0\0",
    "b.orf": b"IIRS\x08\0\0\0",
    "c.orf": b"MMOR\0\0\0\x08",
    "a.rw2": b"IIU\0\x18\0\0\0",
    "a.raf": b"FUJIFILMCCD-RAW 0201",
    "a.x3f": b"FOVb\0\0\x02\0",
    "a.mrw": b"\0MRM\0\0\0\0",
    "a.iiq": b"II*\0\0\x01\0\0IIII",
}


@pytest.mark.parametrize("name", list(STARTS))
@pytest.mark.parametrize("suffix", ["", ".tif", ".jpg"])
def test_raw_files_are_told_by_their_first_bytes(name, suffix):
    message = refusal(STARTS[name] + bytes(100), name + suffix)
    assert "raw file" in message
    assert "TIFF or PNG first" in message


@pytest.mark.parametrize("suffix", [".nef", ".NEF", ".arw", ".pef", ".srw", ".3fr", ".dng", ".dcr"])
def test_raw_files_that_begin_like_tiff_are_told_by_their_suffix(suffix):
    assert suffix.lower() in RAW_SUFFIXES
    assert "raw file" in refusal(saved("TIFF"), f"photo{suffix}")
    assert "raw file" in refusal(b"\x01\x02\x03\x04" * 30, f"photo{suffix}")


def test_a_picture_with_the_suffix_of_a_raw_file_is_still_a_picture():
    for format in ("PNG", "JPEG", "WEBP"):
        assert open_picture(saved(format), name="photo.raw").width == 24


@pytest.mark.parametrize("as_sub", [False, True])
@pytest.mark.parametrize("photometric", [32803, 34892])
def test_raw_files_are_told_by_what_their_tags_say(photometric, as_sub):
    """As NEF, ARW and SRW are: a preview first, the samples of the sensor in another directory."""
    tifffile = pytest.importorskip("tifffile")
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write(SMALL, photometric="rgb", subfiletype=1, subifds=int(as_sub), metadata=None)
        sensor = SMALL if photometric == 34892 else SMALL[..., 0].copy()
        writer.write(sensor.astype(np.uint16), photometric=photometric, subfiletype=0, metadata=None)
    assert "raw file" in refusal(file.getvalue(), "photo.tif")


def test_dng_is_told_by_its_version():
    tifffile = pytest.importorskip("tifffile")
    file = io.BytesIO()
    tifffile.imwrite(file, SMALL, photometric="rgb", metadata=None, extratags=[(50706, "B", 4, (1, 4, 0, 0), True)])
    assert "raw file" in refusal(file.getvalue(), "photo.tif")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (saved("BMP"), "BMP"), (saved("PPM"), "PPM"), (saved("JPEG2000"), "JPEG 2000"),
        (saved("JPEG2000", no_jp2=True), "JPEG 2000"), (saved("ICO"), "ICO"), (b"\xff\x0a" + bytes(40), "JPEG XL"),
        (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(40), "JPEG XL"), (b"8BPS\0\x01" + bytes(40), "Photoshop"),
        (b"\x76\x2f\x31\x01" + bytes(40), "OpenEXR"), (b"#?RADIANCE\n", "Radiance"), (b"PF\n2 2\n-1\n", "PFM"),
        (b"P5 2 2 65535\n" + bytes(8), "PGM"), (b"qoif" + bytes(20), "QOI"), (b"DDS |" + bytes(20), "DDS"),
    ],
)  # fmt: skip
def test_other_formats_are_called_by_their_names(data, says):
    message = refusal(data, "a.picture")
    assert f"is a {says}" in message
    assert "convert it to PNG or TIFF first" in message


def test_what_nobody_knows_is_no_picture():
    assert "not a picture" in refusal(struct.pack("<64B", *range(1, 65)), "a.png")
