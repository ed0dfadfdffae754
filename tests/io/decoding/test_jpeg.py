"""A JPEG is taken whole or refused, wherever it was cut, and by --partial for what there is of it."""

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageFile

from regrow.errors import RegrowError
from regrow.io.decoding.jpeg import prepare
from regrow.io.exif import with_orientation
from regrow.io.reader import open_picture

NOISE = np.random.default_rng(0).integers(0, 256, (70, 50, 3), np.uint8)


def jpeg(array: np.ndarray = NOISE, **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, "JPEG", **{"quality": 90, **options})
    return file.getvalue()


def pixels(data: bytes, **options) -> np.ndarray:
    return np.concatenate(list(open_picture(data, name="a.jpg", **options).rows()))


def refused(data: bytes) -> str | None:
    try:
        pixels(data)
    except RegrowError as error:
        return str(error)
    return None


KINDS = {
    "4:4:4": {"subsampling": 0},
    "4:2:2": {"subsampling": 1},
    "4:2:0": {"subsampling": 2},
    "progressive": {"progressive": True},
    "with restarts": {"restart_marker_rows": 1},
}


@pytest.mark.parametrize("height", [1, 7, 8, 9, 15, 16, 17, 24, 64, 65, 70])
@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("grey", [False, True])
def test_whole_or_refused(kind, height, grey):
    array = NOISE[:height, :, 0] if grey else NOISE[:height]
    data = jpeg(array, **KINDS[kind])
    with Image.open(io.BytesIO(data)) as image:
        expected = np.asarray(image).reshape(height, 50, -1)
    for complete in (data, data[:-1], data[:-2], data + b"trailing bytes"):
        assert np.abs(pixels(complete).astype(int) - expected).max() <= 3
    for cut in (4, 6, 20, 60):
        if len(data) - cut < data.rindex(b"\xff\xda") + 20:
            continue
        for end in (b"", b"\xff\xd9"):  # as cut by a full disk, and by a program that ends what it has
            message = refused(data[:-cut] + end)
            assert message is not None, f"{cut} bytes cut, {end!r} added"
            assert "--partial" in message


def test_a_picture_that_lacks_most_of_its_rows_is_refused_like_one_that_lacks_few():
    data = jpeg()
    for share in (0.5, 0.7, 0.9, 0.99):
        assert "--partial" in str(refused(data[: int(len(data) * share)] + b"\xff\xd9"))


def test_a_progressive_picture_without_its_last_scans_is_refused():
    data = jpeg(progressive=True)
    scans = [at for at in range(len(data) - 1) if data[at : at + 2] == b"\xff\xda"]
    assert len(scans) > 4
    cut = max(data.rfind(b"\xff\xc4", 0, scans[-1]), data.rfind(b"\xff\xda", 0, scans[-1]) + 10)
    assert "--partial" in str(refused(data[:cut]))


def test_damage_in_the_middle_is_refused():
    data = bytearray(jpeg(restart_marker_rows=1))
    at = data.index(b"\xff\xd3")
    del data[data.index(b"\xff\xd2") + 2 : at]
    assert "--partial" in str(refused(bytes(data)))


def test_bytes_that_belong_to_nothing_do_no_harm():
    data = jpeg()
    at = data.index(b"\xff\xdb")
    odd = [
        data[:at] + b"\x00\x01\x02" + data[at:],
        data[:at] + b"\xff\xff\xff" + data[at:],
        data.replace(b"JFIF\x00\x01", b"JFIF\x00\x07"),
    ]
    sos = data.index(b"\xff\xda")
    end = sos + 2 + struct.unpack(">H", data[sos + 2 : sos + 4])[0]
    odd.append(data[: end - 3] + b"\x00\x00\x00" + data[end:])
    for case in odd:
        np.testing.assert_array_equal(pixels(case), pixels(data))


@pytest.mark.parametrize("kind", list(KINDS))
def test_partial_takes_what_there_is_and_says_how_much(kind):
    data = jpeg(**KINDS[kind])
    cut = data[: len(data) * 2 // 3]
    picture = open_picture(cut, partial=True)
    assert "damaged or cut short" in picture.notes[-1]
    rows = np.concatenate(list(picture.rows()))
    assert rows.shape == NOISE.shape
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        with Image.open(io.BytesIO(cut)) as image:
            expected = np.asarray(image)
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False
    assert np.abs(rows[:16].astype(int) - expected[:16]).max() <= 3
    if kind != "progressive":
        whole = int(picture.notes[-1].split("about ")[1].split()[0])
        assert 24 <= whole <= 56
    assert open_picture(data, partial=True).notes == ()


def test_turning_does_not_make_up_what_is_missing():
    exif = b"Exif\0\0" + with_orientation(None, 6)
    data = jpeg(NOISE[:16], subsampling=0, exif=exif)
    whole = open_picture(data).upright()
    assert (whole.width, whole.height) == (16, 50)
    assert np.abs(np.concatenate(list(whole.rows())).astype(int) - np.rot90(NOISE[:16], -1)).mean() < 8
    with pytest.raises(RegrowError, match="--partial"):
        list(open_picture(data[:-30] + b"\xff\xd9").upright().rows())
    turned = open_picture(data[:-200], partial=True).upright()
    assert sum(len(block) for block in turned.rows()) == 50


def test_headers_without_end_are_given_up(monkeypatch):
    monkeypatch.setattr("regrow.io.decoding.jpeg._MOST_JUNK", 10)
    data = jpeg()
    assert prepare(io.BytesIO(data)) is not None
    assert prepare(io.BytesIO(data[:2] + bytes(20) + data[2:])) is None
    monkeypatch.setattr("regrow.io.decoding.jpeg._MOST_HEADER", 100)
    assert prepare(io.BytesIO(data)) is None


def test_cmyk_of_adobe_counts_from_white():
    for color in ((255, 0, 0), (0, 90, 200), (240, 240, 240), (10, 10, 10)):
        image = Image.new("RGB", (16, 16), color).convert("CMYK")
        file = io.BytesIO()
        image.save(file, "JPEG", quality=95)
        got = pixels(file.getvalue())[8, 8].astype(int)
        assert (np.argsort(got)[-1] == np.argmax(color)) or max(color) == min(color)
        assert abs(int(got.mean()) - int(np.mean(color))) < 70


def test_files_are_read_as_bytes_are(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg())
    np.testing.assert_array_equal(np.concatenate(list(open_picture(path).rows())), pixels(jpeg()))
    path.write_bytes(jpeg()[:-40])
    with pytest.raises(RegrowError, match="--partial"):
        list(open_picture(path).rows())
