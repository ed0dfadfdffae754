"""One rule for all formats: what lacks data is refused in a line that names --partial, which takes what there is."""

import io

import numpy as np
import pytest
import pyvips
from PIL import Image

import regrow
from regrow.errors import RegrowError
from regrow.io.allowed import allowed, allowing
from regrow.io.reader import open_picture

PHOTO = np.random.default_rng(0).integers(0, 256, (96, 64, 3), np.uint8)


def saved(format: str, **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(PHOTO).save(file, format, **options)
    return file.getvalue()


def tiff(**options) -> bytes:
    return pyvips.Image.new_from_array(PHOTO).tiffsave_buffer(**options)


def with_directory_first(data: bytes) -> bytes:
    """The TIFF as most programs write it: what is cut off is pixels."""
    tifffile = pytest.importorskip("tifffile")
    file = io.BytesIO()
    tifffile.imwrite(file, tifffile.imread(io.BytesIO(data)), photometric="rgb", rowsperstrip=8, metadata=None)
    return file.getvalue()


FILES = {
    "png": saved("PNG"),
    "jpeg": saved("JPEG"),
    "tiff": with_directory_first(tiff()),
    "gif": saved("GIF"),
}
LOSSLESS = ("png", "tiff")


@pytest.mark.parametrize("format", list(FILES))
def test_what_lacks_data_is_refused_or_taken_for_what_it_is(format):
    data = FILES[format]
    cut = data[: len(data) * 6 // 10]
    with pytest.raises(RegrowError, match="--partial"):
        list(open_picture(cut).rows())
    picture = open_picture(cut, partial=True)
    assert "damaged or cut short" in picture.notes[-1]
    rows = np.concatenate(list(picture.rows()))
    assert rows.shape[:2] == PHOTO.shape[:2]
    if format in LOSSLESS:
        np.testing.assert_array_equal(rows[:32], PHOTO[:32])
        assert 16 <= int(picture.notes[-1].split("about ")[1].split()[0]) <= 64


@pytest.mark.parametrize("format", list(FILES))
def test_a_whole_picture_has_nothing_to_be_said_about(format):
    picture = open_picture(FILES[format], partial=True)
    assert not any("damaged" in note for note in picture.notes)
    same = np.concatenate(list(open_picture(FILES[format]).rows()))
    np.testing.assert_array_equal(np.concatenate(list(picture.rows())), same)


@pytest.mark.parametrize(("format", "end"), [("png", 12), ("jpeg", 2), ("gif", 1)])
def test_what_lacks_its_end_marker_alone_is_whole(format, end):
    whole = np.concatenate(list(open_picture(FILES[format]).rows()))
    np.testing.assert_array_equal(np.concatenate(list(open_picture(FILES[format][:-end]).rows())), whole)


@pytest.mark.parametrize("format", ["WEBP", "AVIF"])
def test_what_is_decoded_whole_or_not_at_all_promises_nothing(format):
    data = saved(format)
    for partial in (False, True):
        with pytest.raises(RegrowError) as caught:
            list(open_picture(data[: len(data) * 6 // 10], partial=partial).rows())
        assert "--partial" not in str(caught.value)


def test_files_that_hold_no_header_promise_nothing():
    for data in FILES.values():
        with pytest.raises(RegrowError) as caught:
            list(open_picture(data[:15]).rows())
        assert "--partial" not in str(caught.value)


def test_verbs_take_what_there_is(tmp_path):
    path = tmp_path / "cut.jpg"
    path.write_bytes(FILES["jpeg"][: len(FILES["jpeg"]) * 6 // 10])
    with pytest.raises(RegrowError, match="--partial"):
        regrow.upscale(path, tmp_path / "a.png", model="bicubic")
    assert not (tmp_path / "a.png").exists()
    regrow.upscale(path, tmp_path / "a.png", model="bicubic", partial=True)
    assert open_picture(tmp_path / "a.png").width == 128
    assert regrow.compare(path, path, partial=True)["rgb"]["psnr"] == float("inf")
    assert not allowed().partial


def test_the_permission_ends_with_its_block():
    with allowing(partial=True):
        assert allowed().partial
        with allowing(partial=False):
            assert not allowed().partial
        assert allowed().partial
    assert not allowed().partial
