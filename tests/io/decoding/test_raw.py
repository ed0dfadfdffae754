"""Raw files of cameras, where rawpy is installed; and without, what is done with what it gives."""

import io
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from regrow.errors import RegrowError
from regrow.io.reader import open_picture

PHOTO = np.random.default_rng(0).integers(0, 65536, (20, 30, 3)).astype(np.uint16)
RAF = b"FUJIFILMCCD-RAW 0201" + bytes(100)


@pytest.fixture
def rawpy(monkeypatch):
    """A rawpy that knows one photograph."""
    made = types.ModuleType("rawpy")

    class LibRawError(Exception):
        pass

    class Raw:
        def __enter__(self):
            return self

        def __exit__(self, *error):
            return None

        def postprocess(self, *, use_camera_wb, output_bps, gamma):
            assert (use_camera_wb, output_bps, gamma) == (True, 16, (2.4, 12.92))
            return PHOTO

    def imread(file):
        data = file.read() if isinstance(file, io.BytesIO) else Path(file).read_bytes()
        if data != RAF:
            raise LibRawError(b"Unsupported file format or not RAW file")
        return Raw()

    made.LibRawError, made.imread = LibRawError, imread
    monkeypatch.setitem(sys.modules, "rawpy", made)
    monkeypatch.setattr("regrow.io.decoding.raw.available", lambda: True)


def test_what_is_developed_is_read_like_any_picture(rawpy, tmp_path):
    (tmp_path / "a.raf").write_bytes(RAF)
    for source in (tmp_path / "a.raf", RAF):
        picture = open_picture(source)
        assert (picture.depth, picture.colors, picture.alpha, picture.orientation) == (16, 3, False, 1)
        assert "developed" in picture.notes[0]
        for _ in range(2):
            np.testing.assert_array_equal(np.concatenate(list(picture.rows())), PHOTO)


def test_what_libraw_does_not_know_is_refused_in_a_line(rawpy):
    with pytest.raises(
        RegrowError, match=r"LibRaw cannot read \(Unsupported file format or not RAW file\); develop it"
    ):
        open_picture(RAF + b"more", name="a.raf")


def test_a_dng_is_developed():
    pytest.importorskip("rawpy")
    tifffile = pytest.importorskip("tifffile")
    file = io.BytesIO()
    level = 10000
    matrix = tuple(number for entry in np.eye(3).flatten() for number in (int(entry * 10000), 10000))
    tags = [
        (50706, "B", 4, (1, 4, 0, 0), True), (50708, "s", 0, "Camera", True), (33421, "H", 2, (2, 2), True),
        (33422, "B", 4, (0, 1, 1, 2), True), (50721, "2i", 9, matrix, True), (50728, "2I", 3, (1,) * 6, True),
        (50778, "H", 1, 21, True), (50717, "H", 1, 65535, True),
    ]  # fmt: skip
    tifffile.imwrite(file, np.full((64, 96), level, np.uint16), photometric=32803, metadata=None, extratags=tags)
    picture = open_picture(file.getvalue())
    assert (picture.width, picture.height, picture.depth) == (96, 64, 16)
    rows = np.concatenate(list(picture.rows()))
    assert np.ptp(rows[8:-8, 8:-8].astype(int), axis=(0, 1)).max() < 600
