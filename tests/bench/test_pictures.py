import numpy as np
import pytest
from support.pictures import noise

from regrow.bench.pictures import labels, originals, to_multiple
from regrow.errors import RegrowError


def test_labels_are_last_parts_where_those_differ():
    assert labels(["bicubic", "runs/a/weights", "runs/b"]) == {
        "bicubic": "bicubic", "runs/a/weights": "weights", "runs/b": "b"
    }  # fmt: skip
    assert labels(["a/weights", "b/weights", "c"]) == {"a/weights": "a/weights", "b/weights": "b/weights", "c": "c"}
    assert labels(["a/weights", "a/weights"]) == {"a/weights": "weights"}


def test_originals_are_read_one_at_a_time_and_cut(astronaut, camera, coffee, grey_folder, tmp_path, save):
    save("a/1.png", astronaut[:120, 100:260])
    save("a/2.png", camera[:96, :100])
    save("b/3.webp", coffee[:99, :101], lossless=True)
    sets = [tmp_path / "a", tmp_path / "b"]
    (path, first), (_, second) = originals(sets[0], (7, 1), ["bicubic"])
    assert path == sets[0] / "1.png"
    np.testing.assert_array_equal(first, astronaut[:120, 100:254])
    np.testing.assert_array_equal(second, camera[:96, :98, None].repeat(3, 2))
    ((_, grey),) = originals(sets[1], (2, 2), ["bicubic", grey_folder])
    assert np.abs(grey - coffee[:98, :100] @ [[0.299], [0.587], [0.114]]).max() < 0.51
    save("late/a.png", noise(8, 8))
    save("late/b.png", noise(3, 8))
    found = originals(tmp_path / "late", (4, 4), ["bicubic"])
    assert next(found)[1].shape == (8, 8, 3)
    with pytest.raises(RegrowError, match=r"b\.png: is too small"):
        next(found)


def test_cutting_to_a_multiple_keeps_the_top_left():
    picture = noise(11, 9)
    np.testing.assert_array_equal(to_multiple(picture, (4, 4)), picture[:8, :8])
    np.testing.assert_array_equal(to_multiple(picture, (3, 1)), picture[:, : picture.shape[1] // 3 * 3])
    np.testing.assert_array_equal(to_multiple(picture, (2.7, 2.7)), picture)
