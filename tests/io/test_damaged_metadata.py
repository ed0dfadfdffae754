"""Metadata that is damaged is left out and said, so that no reader refuses the result."""

import io

import numpy as np
import pytest
from PIL import Image
from support import metadata as made

from regrow.io import png
from regrow.io.reader import open_picture
from regrow.io.writer import PictureWriter

SIZES = {"pHYs": 9, "tIME": 7, "gAMA": 4, "cHRM": 32, "mDCV": 24, "cLLI": 8, "cICP": 4, "sRGB": 1}
"""As the specification of PNG has them, third edition, section 11.3."""


def again(picture):
    """The file that a picture becomes, with its metadata."""
    file = io.BytesIO()
    with PictureWriter(
        file, width=picture.width, height=picture.height, colors=3, format="png", metadata=picture.metadata
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
