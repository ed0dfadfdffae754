import numpy as np
import pytest
import pyvips
from PIL import Image
from support.clips import make_clip, moving
from support.metadata import exif, sources
from support.pictures import ICC, noise
from support.pictures import exif as turned_by

from regrow import shrink as shrink_picture
from regrow.io.exif_passport import TAG
from regrow.io.passport import Passport
from regrow.io.reader import open_picture

SECRETS = (b"somebody", b"a title", b"Steps: 20", b"A caption", b"a comment", b"hdrgm")


@pytest.mark.parametrize(
    ("name", "suffix"),
    [("png", ".png"), ("png", ".avif"), ("jpeg", ".jpg"), ("jpeg", ".png"), ("ultra_hdr", ".jpg"), ("webp", ".webp"),
     ("tiff", ".tiff"), ("tiff", ".webp"), ("avif", ".avif")],
)  # fmt: skip
def test_nothing_is_left_of_what_a_picture_said(shrink, regrow, tiny_folder, tmp_path, name, suffix, caplog):
    path, small, grown = tmp_path / name, tmp_path / f"small{suffix}", tmp_path / "grown.png"
    path.write_bytes(sources()[name])
    command = [path, "-o", small, "--strip"]
    assert shrink(*command).code == 0
    assert "left out the EXIF block, " in caplog.text
    assert "bytes in all" in caplog.text
    passport = Passport.of(open_picture(small).metadata)
    assert passport.metadata.keys() <= {"cicp", "icc"}  # Display P3 is not sRGB
    assert "is done already" in shrink(*command).err
    assert regrow("grow", small, "-o", grown, "--model", tiny_folder).code == 0
    for found in (small, grown):
        assert not any(secret in found.read_bytes() for secret in SECRETS)
        with Image.open(found) as image:
            assert not dict(image.getexif()).keys() & {270, 306, 315, 0x8769, 0x8825}
            assert (image.info.get("icc_profile") == ICC) is (name == "png")  # whose other codes are not sRGB


def test_colors_and_orientation_survive(shrink, regrow, tiny_folder, tmp_path, save, astronaut, caplog):
    p3 = bytes(pyvips.Operation.call("profile_load", "p3"))
    path = save("a.jpg", astronaut[:40, :60], icc_profile=p3, exif=b"Exif\0\0" + turned_by(6))
    small, grown = tmp_path / "small.webp", tmp_path / "grown.png"
    assert shrink(path, "-o", small, "--strip").code == 0
    assert "its ICC profile is kept, since colours would change without it" in caplog.text
    assert regrow("grow", small, "-o", grown, "--model", tiny_folder).code == 0
    for found in (small, grown):
        with Image.open(found) as image:
            assert image.info["icc_profile"] == p3
            assert {tag: value for tag, value in image.getexif().items() if tag != TAG} == {0x0112: 6}


def test_a_profile_that_is_srgb_is_left_out_alone(shrink, tmp_path, save, astronaut, caplog):
    path, small = save("a.jpg", astronaut[:40, :60], icc_profile=ICC, exif=b"Exif\0\0" + exif()), tmp_path / "small.png"
    assert shrink(path, "-o", small, "--strip-icc", "srgb").code == 0
    assert f"left out the sRGB profile ({len(ICC)} bytes)" in caplog.text
    with Image.open(small) as image:
        assert "icc_profile" not in image.info
        assert image.getexif()[0x013B] == "somebody"


def test_a_result_that_says_more_is_not_what_was_asked_for(shrink, tmp_path, save, astronaut):
    path, small = save("a.jpg", astronaut[:40, :60], icc_profile=ICC, exif=b"Exif\0\0" + exif()), tmp_path / "small.tif"
    assert shrink(path, "-o", small).code == 0
    for options in (["--strip"], ["--strip-icc", "srgb"]):
        done = shrink(path, "-o", small, *options)
        assert (done.code, "exists and is something else" in done.err) == (1, True)
    assert shrink(path, "-o", small, "--strip", "--force").code == 0
    assert "is done already" in shrink(path, "-o", small, "--strip").err


def test_pictures_in_memory_lose_it_too(tiny_folder):
    image = Image.fromarray(noise(20, 30))
    image.info |= {"icc_profile": ICC, "exif": b"Exif\0\0" + turned_by(3), "comment": b"secret"}
    small = shrink_picture(image, model=tiny_folder, strip=True)
    assert "icc_profile" not in small.info
    assert dict(small.getexif()) == {0x0112: 3}
    same = shrink_picture(image, model=tiny_folder)
    assert same.info["icc_profile"] == ICC
    np.testing.assert_array_equal(np.asarray(small), np.asarray(same))


def test_what_cannot_be_is_said_in_one_line(shrink, tmp_path, save, astronaut):
    path, out = save("a.png", astronaut[:40, :60]), tmp_path / "small.png"
    done = shrink(path, "-o", out, "--strip-icc", "adobe")
    assert (done.code, done.err) == (
        2, "regrow: strip-icc adobe: must be srgb; without other profiles colours would change\n"
    )  # fmt: skip
    clip = make_clip(tmp_path / "a.mp4", moving(2), audio=False)
    for option in ("--strip", "--strip-icc=srgb"):
        done = shrink(clip, "-o", tmp_path / "b.mkv", option)
        assert (done.code, "is for pictures, not for clips" in done.err) == (2, True)
