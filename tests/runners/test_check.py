import io
import json

import numpy as np
import pytest
from PIL import Image
from support.clips import make_clip, moving
from support.pictures import ICC, exif, noise, write

import regrow as package


def test_what_is_seen_of_a_picture(tmp_path):
    path = write(tmp_path / "a.png", noise(20, 30, 4, np.uint16), icc=ICC, exif=exif(6))
    found = package.check(path)
    assert found.name == str(path)
    assert found.seen == {
        "kind": "picture, PNG", "size": "30x20", "depth": "16 bits a sample", "colours": "RGB, ICC profile",
        "alpha": "yes", "orientation": "6: turned by 90 degrees", "metadata": "the EXIF block",
        "on reading": "nothing is changed",
    }  # fmt: skip
    assert found.lost == {"shrink to .png": [], "upscale to .png": []}
    assert found.safe


def test_a_small_picture_is_tried_on_growing_too(tmp_path):
    small = package.shrink(write(tmp_path / "a.png", noise(20, 30)), tmp_path / "small.png", model="tad-x2")
    assert set(package.check(small).lost) == {"shrink to .png", "upscale to .png", "grow to .png"}


def test_what_is_lost_has_the_words_of_the_verb(regrow, tmp_path, caplog):
    """What `check` foretells, `upscale` says, word for word."""
    path = tmp_path / "a.gif"
    frames = [Image.fromarray(noise(8, 8, seed=seed)) for seed in range(3)]
    data = io.BytesIO()
    frames[0].save(data, "GIF", save_all=True, append_images=frames[1:])
    path.write_bytes(data.getvalue())
    done = regrow("check", path)
    assert done.code == 1
    words = package.check(path).lost["upscale to .png"]
    assert words
    regrow("upscale", path, "-o", tmp_path / "b.png", "--model", "bicubic")
    assert caplog.messages == [f"{path}: {word}" for word in words]
    assert all(word in done.out for word in words)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.gif", "b.png"]


def test_clips_are_rehearsed(tmp_path):
    clip = make_clip(tmp_path / "a.mp4", moving(3, (48, 32)), audio=False)
    found = package.check(clip)
    assert (found.seen["size"], found.seen["rate"]) == ("48x32", "29.97 frames a second")
    assert list(found.lost) == ["shrink to .mkv", "upscale to .mp4"]
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_each_file_is_told_and_the_exit_code_says_whether_all_are_safe(regrow, tmp_path, flags):
    good = write(tmp_path / "a.png", noise(8, 8))
    (tmp_path / "b.png").write_text("no picture")
    done = regrow("check", good, *flags)
    assert (done.code, done.err) == (0, "")
    both = regrow("check", tmp_path / "b.png", good, *flags)
    assert both.code == 1
    assert both.out == done.out
    assert both.err.startswith(f"regrow: {tmp_path / 'b.png'}: ")
    if flags:
        assert json.loads(done.out)[0]["seen"]["size"] == "8x8"


def test_damage_that_shows_late_is_seen(regrow, tmp_path):
    good = write(tmp_path / "a.png", noise(64, 64)).read_bytes()
    (tmp_path / "cut.png").write_bytes(good[: len(good) // 2])
    done = regrow("check", tmp_path / "cut.png")
    assert (done.code, done.out.strip()) == (1, "")
    assert "cut.png: " in done.err
    assert regrow("check", tmp_path / "none.png").code == 2
