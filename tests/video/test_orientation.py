import numpy as np
import pytest
from PIL import Image, ImageOps
from support.clips import WAYS, matrix_of, moving

from regrow.video.orientation import alike, quarter_turns, shown, swaps_sides

PICTURE = moving(1, (7, 4))[0]


@pytest.mark.parametrize("orientation", WAYS)
def test_matrices_show_frames_as_exif_orientations_show_pictures(orientation):
    image = Image.fromarray(PICTURE)
    image.getexif()[0x0112] = orientation
    expected = np.asarray(ImageOps.exif_transpose(image))
    matrix = matrix_of(orientation)
    found = shown(PICTURE, matrix)
    np.testing.assert_array_equal(found, expected)
    assert swaps_sides(matrix) == (orientation >= 5)
    turned = np.rot90(PICTURE, quarter_turns(matrix))
    assert any(np.array_equal(turned, way) for way in (expected, expected[:, ::-1])), "what is shown on top is on top"


def test_matrices_are_alike_where_they_show_the_same():
    moved = (0, 65536, 0, -65536, 0, 0, 48 << 16, 0, 1 << 30)
    assert alike(moved, matrix_of(6))
    assert not alike(moved, matrix_of(8))
    assert not alike(matrix_of(2), None)
    assert alike(matrix_of(1), None)
