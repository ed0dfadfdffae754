"""What is given to commands: names as they are, and what cannot be meant."""

import os

import pytest
from support.clips import make_clip, moving
from support.commands import files
from support.pictures import noise


@pytest.mark.parametrize(
    "arguments",
    [
        ["shrink", "", "-o", "out.png"],
        ["shrink", "a.png", "-o", ""],
        ["shrink", "a.png", "-o", "out.png", "--model", ""],
        ["shrink", "a.png", "-o", "out.png", "--model="],
        ["inpaint", "a.png", "-o", "out.png", "--mask", ""],
        ["compare", "", "a.png"],
        ["info", ""],
        ["bench", ""],
        ["shrink", "in", "-o", "out.png"],
        ["shrink", "a.png", "in", "-o", "out.mkv"],
        ["shrink", "in/*.png", "-o", "out.tif"],
        ["bench", "in", "-o", "results.csv"],
        ["demo", "-o", "demo.png"],
        ["denoise", "a.png", "-o", "b.png", "--snapshots", "steps.png"],
    ],
    ids=" ".join,
)
def test_empty_arguments_and_files_for_folders_exit_with_2(regrow, save, tmp_path, monkeypatch, arguments):
    for name in ("a.png", "in/b.png", "in/c.png"):
        save(name, noise(4, 4))
    monkeypatch.chdir(tmp_path)
    before = files(tmp_path)
    done = regrow(*arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.count("\n") == 1
    assert files(tmp_path) == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nonsense"], "no such command 'nonsense'"),
        (["study", "nonsense"], "no such command 'nonsense'"),
        (["shrnk"], "shrink"),
        (["--nonsense"], "--nonsense"),
        (["shrink"], "IN..."),
        (["shrink", "a.png"], "'--out'"),
        (["shrink", "a.png", "-o"], "-o"),
        (["grow", "a.png", "-o", "b.png", "--lite"], "--light"),
        (["shrink", "a.png", "-o", "b.png", "--new\nline"], "--new"),
        (["shrink", "a.png", "-o", "b.png", "--refine", "many"], "many"),
        (["shrink", "a.png", "-o", "b.png", "--refine", "5000"], "5000"),
        (["shrink", "a.png", "-o", "b.png", "--refine", "a\nb"], "a\\nb"),
        (["shrink", "a.png", "-o", "b.png", "--psnr", "high"], "high"),
        (["shrink", "a.png", "-o", "b.png", "--lossless=3"], "--lossless"),
        (["bench", "in", "--task", "nothing"], "nothing"),
        (["bench", "in", "--quality", "5", "--quality", "x"], "--quality"),
        (["info", "a.png", "b.png"], "b.png"),
    ],
    ids=lambda value: repr(" ".join(value)) if isinstance(value, list) else "",
)
def test_misuse_is_one_line_that_repeats_what_was_given(regrow, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    done = regrow(*arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.count("\n") == 1
    assert done.err.startswith("regrow: ")
    assert words in done.err


@pytest.mark.parametrize("arguments", [[], ["study"], ["study", "opinion"]])
def test_without_arguments_the_help_is_shown_as_it_is(regrow, arguments):
    done = regrow(*arguments)
    assert done.code == 2
    assert "\nCommands:\n" in done.out + done.err


@pytest.mark.parametrize("codec", ["jpg", "jpeg", "JPG", "webp", "avif"])
def test_a_codec_of_pictures_is_the_format_of_pictures_by_any_of_its_names(shrink, save, tmp_path, codec):
    save("in/b.png", noise(4, 4))
    assert shrink(tmp_path / "in", "-o", tmp_path / "out", "--codec", codec).code == 0
    assert files(tmp_path / "out") == [f"b.{codec.lower().replace('jpeg', 'jpg')}"]
    clip = make_clip(tmp_path / "clip.mkv", moving(2, (16, 16)), audio=False)
    for out in ("small.mkv", "%05d.png"):
        done = shrink(clip, "-o", tmp_path / out, "--codec", codec)
        assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
        assert f"{codec.lower().replace('jpg', 'jpeg')}: is a format of pictures" in done.err


def test_a_folder_may_be_called_like_a_file_where_that_is_said(shrink, save, tmp_path):
    save("in/b.png", noise(4, 4))
    assert shrink(tmp_path / "in", "-o", f"{tmp_path}/out.png/").code == 0
    assert files(tmp_path / "out.png") == ["b.png"]


STRANGE = ["50%discount.png", "a*.png", "q?.png", "[x].png", "new\nline.png", "-dash.png", "trail.png ", "%s.png",
           "%05d.png", ":heart:.png", "a\x1b[31m.png", "none", "v1.2", "x" * 250 + ".png", "\udcff.png"]  # fmt: skip


@pytest.mark.skipif(os.name != "posix", reason="names are bytes")
def test_a_file_is_a_file_whatever_its_name(shrink, save, tmp_path, monkeypatch):
    photo = save("t.png", noise(4, 4)).read_bytes()
    (tmp_path / "in").mkdir()
    monkeypatch.chdir(tmp_path)
    for name in STRANGE:
        (tmp_path / name).write_bytes(photo)
        (tmp_path / "in" / name).write_bytes(photo)
    for name in STRANGE:
        done = shrink(name, "-o", "out/")
        assert (done.code, done.err) == (0, "")
    assert len(files(tmp_path / "out")) == len(STRANGE)
    assert shrink("in", "-o", "out2").code == 0
    assert files(tmp_path / "out2") == files(tmp_path / "out")
    done = shrink("in", "-o", "out2")
    assert done.err.count("done already") == done.err.count("\n") == len(STRANGE)
    assert "\x1b" not in done.err


@pytest.mark.skipif(os.name != "posix", reason="names are bytes")
@pytest.mark.parametrize("name", ["50%discount.png", "a*.png", "new\nline.png", "-o.png", "\udcff.png"])
def test_a_result_is_a_file_whatever_its_name(shrink, save, tmp_path, monkeypatch, name):
    save("t.png", noise(4, 4))
    monkeypatch.chdir(tmp_path)
    for words in ("", "done already"):
        done = shrink("t.png", "-o", name)
        assert done.code == 0
        assert words in done.err
    assert (tmp_path / name).is_file()
    assert shrink("t.png", "-o", name, "--scale", "4").code == 1


@pytest.mark.skipif(os.name != "posix", reason="names are bytes")
def test_messages_are_one_line_whatever_the_names(regrow, save, tmp_path, monkeypatch):
    save("a\n\x1b[31m.png", noise(4, 4))
    monkeypatch.chdir(tmp_path)
    for arguments in (["info", "a\n\x1b[31m.png"], ["info", "no\nsuch"], ["grow", "a\n\x1b[31m.png", "-o", "b.png"]):
        done = regrow(*arguments)
        assert done.code
        assert done.err.count("\n") == 1
        assert "\\n" in done.err
        assert "\x1b" not in done.err
    assert "\x1b" not in regrow("info", "--no\x1b[31m").err


@pytest.mark.parametrize(
    "arguments",
    [
        ["shrink", "no.png", "-o", "s.png"],
        ["compare", "no.png", "a.png"],
        ["compare", "a.png", "no.png"],
        ["compare", "in", "no"],
        ["info", "no.png"],
        ["info", "no.mp4"],
        ["inpaint", "a.png", "-o", "s.png", "--mask", "no.png"],
        ["colorize", "a.png", "-o", "s.png", "--hint-image", "no.png"],
        ["colorize", "a.png", "-o", "s.png", "--reference", "no.png"],
        ["upscale", "a.png", "-o", "s.png", "--model", "no"],
    ],
    ids=" ".join,
)
def test_a_name_that_does_not_exist_exits_with_2(regrow, save, tmp_path, monkeypatch, arguments):
    save("a.png", noise(4, 4))
    save("in/a.png", noise(4, 4))
    monkeypatch.chdir(tmp_path)
    done = regrow(*arguments)
    assert (done.code, done.out) == (2, "")
    assert "no such" in done.err


def test_a_link_to_nothing_is_told_so(shrink, tmp_path):
    (tmp_path / "a.png").symlink_to("nowhere")
    done = shrink(tmp_path / "a.png", "-o", tmp_path / "s.png")
    assert (done.code, "a link to nothing" in done.err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["restore", "--colorizer", "none", "--scale", "1"], "nothing is to be done"),
        (["upscale", "--prior", "--ensemble"], "regrow: ensemble: is for models"),
        (["upscale", "--compile"], "regrow: --compile: is for --prior"),
    ],
)
def test_what_says_nothing_together_exits_with_2(regrow, save, tmp_path, arguments, words):
    done = regrow(*arguments, save("a.png", noise(4, 4)), "-o", tmp_path / "b.png")
    assert (done.code, files(tmp_path)) == (2, ["a.png"])
    assert words in done.err


@pytest.mark.parametrize("command", ["denoise", "dejpeg", "inpaint"])
def test_help_of_fits_names_what_they_take_and_ctrl_c(regrow, command):
    words = " ".join(regrow(command, "--help").out.split())
    assert "clip" not in words
    assert "Ctrl-C gives the best so far" in words
