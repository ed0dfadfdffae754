import numpy as np
import pytest
from skimage import data
from support.clips import moving

from regrow.video.clip import Frame
from regrow.video.scenes import scenes


def frames(*clips):
    return [Frame(pixels, i, 1, i) for i, pixels in enumerate(pixels for clip in clips for pixels in clip)]


def numbers(found):
    return [[frame.number for frame in scene] for scene in scenes(found)]


def test_a_clip_without_cuts_is_one_scene():
    assert numbers(frames(moving(20))) == [list(range(20))]
    assert numbers(frames(moving(20, step=8))) == [list(range(20))], "however fast it moves"
    assert numbers([]) == []


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_a_scene_begins_where_everything_changes(kind):
    first, second = moving(7), [255 - frame[::-1] for frame in moving(5)]
    clip = [(frame / 255).astype(kind) if kind == np.float32 else frame for frame in (*first, *second, *first)]
    assert numbers(frames(clip)) == [list(range(7)), list(range(7, 12)), list(range(12, 19))]


def test_noise_and_a_fade_are_no_cuts():
    rng = np.random.default_rng(0)
    noisy = [np.clip(frame + 20 * rng.standard_normal(frame.shape), 0, 255).astype(np.uint8) for frame in moving(12)]
    assert len(numbers(frames(noisy))) == 1
    fade = [(frame * (1 - i / 12)).astype(np.uint8) for i, frame in enumerate(moving(12))]
    assert len(numbers(frames(fade))) == 1


def test_a_scene_can_be_one_frame():
    dark = [moving(1)[0][::-1, ::-1]]
    assert numbers(frames(moving(4), dark, moving(4))) == [[0, 1, 2, 3], [4], [5, 6, 7, 8]]


def test_scenes_are_read_as_they_are_asked_for():
    read = []

    def source():
        for frame in frames(moving(50)):
            read.append(frame.number)
            yield frame

    scene = next(scenes(source()))
    assert next(scene).number == 0
    assert len(read) <= 2


def test_black_before_a_scene_is_a_scene_of_its_own():
    dark = [np.zeros((64, 96, 3), np.uint8)] * 3
    assert numbers(frames(dark, moving(4))) == [[0, 1, 2], [3, 4, 5, 6]]
    tiny = [np.zeros((1, 2, 1), np.uint8)] * 3
    assert numbers(frames(tiny)) == [[0, 1, 2]]


def test_different_photographs_are_different_scenes():
    pictures = [data.astronaut(), data.coffee(), data.chelsea(), data.rocket(), data.camera()[..., None]]
    shown = [picture[:300, :400] for picture in pictures]
    shown = [np.broadcast_to(picture, (300, 400, 3)) for picture in shown]
    assert numbers(frames([picture for picture in shown for _ in range(2)])) == [[2 * i, 2 * i + 1] for i in range(5)]
