import numpy as np
import pytest
from support.clips import make_clip
from support.pictures import exif, noise, write

import regrow
from regrow.operations.shrink import Shrink
from regrow.runners import alike as looks
from regrow.runners import file
from regrow.runners.resume import State, state_of


def alike(a, b):
    return looks.alike(file.first(a), file.first(b))


@pytest.fixture
def photo(tmp_path, astronaut):
    return write(tmp_path / "photo.png", np.ascontiguousarray(astronaut[:240, 100:420]))


def test_what_is_made_of_a_picture_is_alike(photo, tmp_path):
    small = regrow.shrink(photo, tmp_path / "small.webp", scale=4)
    assert alike(photo, small)
    assert alike(small, regrow.grow(small, tmp_path / "grown.png"))
    assert alike(photo, regrow.shrink(photo, tmp_path / "grey.png", grey=True))


def test_a_picture_that_is_stored_turned_is_the_same(photo, tmp_path, astronaut):
    turned = np.rot90(astronaut[:240, 100:420])  # 6: to be turned clockwise
    assert alike(photo, write(tmp_path / "turned.jpg", np.ascontiguousarray(turned), exif=exif(6)))


def test_a_part_that_was_filled_in_makes_no_other(photo, tmp_path, astronaut):
    scratched = astronaut[:240, 100:420].copy()
    scratched[60:180, 40:200] = 255
    assert alike(photo, write(tmp_path / "scratched.png", scratched))


def test_another_picture_is_another(photo, tmp_path, astronaut, coffee):
    for other in (coffee[:240, :320], astronaut[200:440, 100:420], noise(240, 320), astronaut[:240, 100:420][:, ::-1]):
        assert not alike(photo, write(tmp_path / "other.png", np.ascontiguousarray(other)))


def test_a_clip_of_another_clip_is_not_done(tmp_path, astronaut, coffee):
    clips = []
    for name, picture in (("a", astronaut), ("b", coffee)):
        frames = [np.ascontiguousarray(picture[100:164, 100 + i : 196 + i]) for i in range(2)]
        clips.append(make_clip(tmp_path / f"{name}.mp4", frames, audio=False))
    small = regrow.shrink(clips[0], tmp_path / "small.mkv", model="tad-x2")
    states = [state_of(Shrink(model="tad-x2"), clip, small, look=True) for clip in clips]
    assert states == [State.DONE, State.OTHER]
    assert state_of(Shrink(model="tad-x2"), clips[1], small) is State.DONE  # as far as headers tell
