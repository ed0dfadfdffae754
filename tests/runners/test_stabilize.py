"""The verb `stabilize`, on clips that end at once."""

import os
import signal
import time

import numpy as np
import pytest
from PIL import Image
from support.clips import make_clip, moving, pixels_of, sound_of, times_of
from support.commands import files
from support.pictures import read, size_of

import regrow as library
from regrow.api import clips as api
from regrow.errors import UsageError
from regrow.io.provenance import steps_of
from regrow.io.reader import open_picture
from regrow.priors import deep_video
from regrow.runners import stabilize

WORDS = "stabilize prior frame-unet epochs 2 modes 2 seed 0"
COUNT = 4


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    """A small net, and few epochs."""
    real = deep_video.ClipSettings

    def quick(**given):
        return real(**{**given, "channels": 4, "levels": 1, "epochs": min(2, given["epochs"])})

    monkeypatch.setattr(deep_video, "ClipSettings", quick)
    monkeypatch.setattr(api, "ClipSettings", quick)


@pytest.fixture
def clips(tmp_path):
    """Folders: of frames, and of the same brighter and darker in turns."""
    for i, frame in enumerate(moving(COUNT)):
        shade = [0.8, 1.1][i % 2]
        for folder, pixels in ("before", frame), ("after", np.clip(frame * shade, 0, 255).astype(np.uint8)):
            (tmp_path / folder).mkdir(exist_ok=True)
            Image.fromarray(pixels).save(tmp_path / folder / f"{i:03}.png")
    return tmp_path / "before", tmp_path / "after"


def steady(regrow, clips, out, *options, epochs=2):
    return regrow("stabilize", clips[1], "--reference", clips[0], "-o", out, "--epochs", epochs, *options)


def newer(folder):
    """The same, changed just now."""
    os.utime(folder, (time.time() + 60,) * 2)
    return folder


def test_a_folder_becomes_a_folder_of_the_same_names(regrow, clips, tmp_path, caplog):
    out = f"{tmp_path}/steady/"
    done = steady(regrow, clips, out)
    assert (done.code, done.out) == (0, f"{out}\n")
    assert "Ctrl-C gives the result so far" in caplog.text
    assert files(tmp_path / "steady") == [f"{i:03}.png" for i in range(COUNT)]
    assert size_of(tmp_path / "steady" / "000.png") == (96, 64)
    assert steps_of(open_picture(tmp_path / "steady" / "003.png").xmp) == WORDS
    assert "is done already" in steady(regrow, clips, out).err
    assert "exists and is something else" in steady(regrow, clips, out, "--seed", 1).err
    assert "exists and is something else" in steady(regrow, (clips[0], newer(clips[1])), out).err
    before = read(tmp_path / "steady" / "001.png")
    assert steady(regrow, clips, out, "--force").code == 0
    np.testing.assert_array_equal(read(tmp_path / "steady" / "001.png"), before)
    assert steady(regrow, clips, out, "--force", "--seed", 1).code == 0
    assert not np.array_equal(read(tmp_path / "steady" / "001.png"), before)


def test_a_pattern_and_a_video_file(regrow, clips, tmp_path):
    pattern = tmp_path / "numbered" / "%02d.png"
    assert steady(regrow, clips, pattern).code == 0
    assert files(tmp_path / "numbered") == [f"{i:02}.png" for i in range(1, COUNT + 1)]
    assert steady(regrow, clips, tmp_path / "steady.mkv", "--codec", "ffv1", "--rate", 10).code == 0
    assert times_of(tmp_path / "steady.mkv") == pytest.approx([0, 0.1, 0.2, 0.3])
    for number, frame in enumerate(pixels_of(tmp_path / "steady.mkv")):
        np.testing.assert_array_equal(frame, read(tmp_path / "numbered" / f"{number + 1:02}.png"))


def test_videos_keep_sound_and_the_reference_may_be_smaller(regrow, tmp_path):
    frames = moving(COUNT)
    before = make_clip(tmp_path / "before.mp4", [np.ascontiguousarray(frame[::2, ::2]) for frame in frames])
    after, out = make_clip(tmp_path / "after.mp4", frames), tmp_path / "steady.mp4"
    assert steady(regrow, (before, after), out).code == 0
    assert sound_of(out) == sound_of(after)
    assert times_of(out) == times_of(after)
    assert pixels_of(out)[0].shape == (64, 96, 3)
    assert WORDS in regrow("info", out).out


def test_grey_and_deep_frames_stay_so(tmp_path):
    before, after = tmp_path / "before", tmp_path / "after"
    for folder in before, after:
        folder.mkdir()
        for i, frame in enumerate(moving(2)):
            Image.fromarray(frame[..., 1].astype(np.uint16) * 257).save(folder / f"{i}.png")
    (tmp_path / "out").mkdir()
    assert library.stabilize(after, tmp_path / "out", reference=before, epochs=1) == tmp_path / "out"
    picture = open_picture(tmp_path / "out" / "0.png")
    assert (picture.depth, picture.colors) == (16, 1)
    near = np.concatenate(list(picture.rows())).astype(float) - moving(1)[0][..., 1:2] * 257.0
    assert np.abs(near).mean() < 2 * 257  # there was nothing to be learned


def test_an_interrupt_writes_what_was_learned_and_it_goes_on(regrow, clips, tmp_path, monkeypatch, caplog):
    def interrupted(*given, report, **options):
        def told(done, total):
            report(done, total)
            if done == COUNT + 1:
                os.kill(os.getpid(), signal.SIGINT)

        return deep_video.fit_clip(*given, report=told, **options)

    out = f"{tmp_path}/steady/"
    with monkeypatch.context() as patch:
        patch.setattr(stabilize, "fit_clip", interrupted)
        done = steady(regrow, clips, out)
    assert (done.code, done.out) == (130, "")
    assert f"interrupted after iteration {COUNT + 1}" in caplog.text
    assert steps_of(open_picture(tmp_path / "steady" / "000.png").xmp) == WORDS + "; interrupted"
    assert [name for name in os.listdir(tmp_path / "steady") if name.endswith(".fit")]
    assert "exists and is something else" in steady(regrow, clips, out, "--seed", 1).err
    assert steady(regrow, clips, out).code == 0
    assert f"going on after iteration {COUNT + 1} of {2 * COUNT + 2}" in caplog.text
    assert steady(regrow, clips, f"{tmp_path}/again/").code == 0
    np.testing.assert_array_equal(*(read(tmp_path / name / "002.png") for name in ("steady", "again")))
    assert sorted(os.listdir(tmp_path / "steady")) == [f"{i:03}.png" for i in range(COUNT)]


def turned(folder):
    """Pictures in a folder become upright ones."""
    for path in folder.iterdir():
        Image.new("RGB", (64, 96)).save(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda before: (before / "003.png").unlink(), "has 4 frames, but the reference .* 3"),
        (
            lambda before: [Image.new("RGB", (64, 96)).save(path) for path in before.iterdir()],
            "has another shape, 64x96",
        ),
        (lambda before: [path.unlink() for path in before.iterdir()], "no pictures there"),
    ],
)
def test_a_reference_that_does_not_fit(regrow, clips, tmp_path, change, words):
    change(clips[0])
    with pytest.raises(UsageError, match=words):
        library.stabilize(clips[1], tmp_path / "steady.mkv", reference=clips[0])
    done = steady(regrow, clips, tmp_path / "steady.mkv")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert not (tmp_path / "steady.mkv").exists()


def test_streams_are_refused(regrow, clips, tmp_path):
    done = regrow("stabilize", "-", "--reference", clips[0], "-o", tmp_path / "a.mkv")
    assert (done.code, "name files" in done.err) == (2, True)
    with open(clips[1] / "000.png", "rb") as file, pytest.raises(UsageError, match="can be read but once"):
        library.stabilize(file, tmp_path / "a.mkv", reference=clips[0])


@pytest.mark.parametrize("which", [0, 1])
def test_what_it_is_made_from_is_never_overwritten(regrow, clips, which):
    before = {path: path.read_bytes() for path in clips[which].iterdir()}
    done = steady(regrow, clips, f"{clips[which]}/", "--force")
    assert (done.code, "would overwrite what it is made from" in done.err) == (2, True)
    assert {path: path.read_bytes() for path in clips[which].iterdir()} == before
