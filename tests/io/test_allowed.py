import pytest
from support.clips import make_clip, moving
from support.pictures import noise, write

import regrow
from regrow.io.allowed import MOST, Allowed, allowed, allowing
from regrow.size import Size


def test_what_is_not_said_stays_as_it_was():
    with allowing(max_pixels=100):
        with allowing(partial=True):
            assert allowed() == Allowed(partial=True, max_pixels=100)
        assert allowed() == Allowed(max_pixels=100)
    assert allowed() == Allowed()


@pytest.mark.parametrize("wrong", [0, -1, MOST + 1])
def test_a_bound_is_a_number_of_pixels(wrong):
    words = f"max_pixels {wrong}: must be from 1 to {MOST}"
    with pytest.raises(regrow.UsageError, match=words), allowing(max_pixels=wrong):
        pass


def test_exactly_so_many_are_allowed():
    Allowed(max_pixels=12).check("a", Size(4, 3))
    with pytest.raises(regrow.RegrowError, match=r"a: 13x1 has more than 12 pixels; .* say --max-pixels 13"):
        Allowed(max_pixels=12).check("a", Size(13, 1))


def test_what_is_opened_grown_and_enlarged_is_bounded(tmp_path, tiny_folder):
    photo = write(tmp_path / "photo.png", noise(20, 30))
    small = regrow.shrink(photo, tmp_path / "small.png", model=tiny_folder)
    bounded = {
        "photo.png: 30x20": lambda: regrow.shrink(photo, tmp_path / "no.png", model=tiny_folder),
        "small.png: 30x20": lambda: regrow.grow(small, tmp_path / "no.png", model=tiny_folder),
        "no.png: 60x40": lambda: regrow.upscale(small, tmp_path / "no.png", scale=4, model="bicubic"),
    }
    for words, make in bounded.items():
        with pytest.raises(regrow.RegrowError, match=f"{words} has more than 500 pixels"), allowing(max_pixels=500):
            make()
        assert not (tmp_path / "no.png").exists()
        make()
        (tmp_path / "no.png").unlink()


def test_pictures_in_memory_grow_within_bounds_too(tmp_path, tiny_folder):
    from PIL import Image

    small = regrow.shrink(Image.fromarray(noise(20, 30)), model=tiny_folder)
    with pytest.raises(regrow.RegrowError, match="30x20 has more than 500 pixels"), allowing(max_pixels=500):
        regrow.grow(small, model=tiny_folder)


def test_frames_are_bounded(tmp_path, tiny_folder):
    clip = make_clip(tmp_path / "a.mp4", moving(2, (48, 32)))
    with pytest.raises(regrow.RegrowError, match="48x32 has more than 1000 pixels"), allowing(max_pixels=1000):
        regrow.shrink(clip, tmp_path / "b.mkv", model=tiny_folder)
    assert not list(tmp_path.glob("b*"))
