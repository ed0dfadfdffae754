import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import pyvips
from PIL import Image
from support.commands import files, run
from support.pictures import noise

import regrow as verbs
from regrow.operations.grow import Grow
from regrow.operations.restore import Restore
from regrow.operations.shrink import Shrink
from regrow.runners import file
from regrow.runners.resume import State, state_of


def test_a_folder_is_mirrored_and_comes_back(regrow, shrink, photos, tmp_path, tiny_folder):
    done = shrink(photos, "-o", tmp_path / "small")
    assert done.code == 0
    assert files(tmp_path / "small") == ["a.png", "b.png", "deep/c.webp"]
    assert sorted(done.out.split()) == sorted(str(tmp_path / "small" / f) for f in files(tmp_path / "small"))
    assert regrow("grow", tmp_path / "small", "-o", tmp_path / "again", "--model", tiny_folder).code == 0
    for name, width in (("a.png", 10), ("b.png", 11), ("deep/c.webp", 12)):
        with Image.open(tmp_path / "again" / name) as image:
            assert image.size == (width, 12)


def test_an_output_inside_the_input_is_not_shrunk_again(shrink, photos):
    for _ in range(2):
        assert shrink(photos, "-o", photos / "small").code == 0
    assert files(photos / "small") == ["a.png", "b.png", "deep/c.webp"]


def test_pictures_of_one_name_keep_their_suffixes(shrink, save, tmp_path):
    save("in/a.jpg", noise(4, 4))
    save("in/a.png", noise(4, 4))
    assert shrink(tmp_path / "in", "-o", tmp_path / "out").code == 0
    assert files(tmp_path / "out") == ["a.jpg.png", "a.png.png"]


def test_patterns_and_formats(shrink, photos, tmp_path):
    assert shrink(photos / "**" / "*.[jw]*", "-o", tmp_path / "out", "--format", "avif").code == 0
    assert files(tmp_path / "out") == ["b.avif", "c.avif"]


def test_dry_run_writes_nothing(shrink, photos, tmp_path):
    before = files(tmp_path)
    done = shrink(photos, "-o", tmp_path / "out", "--dry-run")
    assert done.code == 0
    assert f"{photos / 'b.jpg'} -> {tmp_path / 'out' / 'b.png'}\n" in done.out
    assert len(done.out.splitlines()) == 3
    assert files(tmp_path) == before
    assert not (tmp_path / "out").exists()


def test_a_file_of_someone_elses_is_not_overwritten_without_force(regrow, shrink, photos, tmp_path, tiny_folder):
    target = tmp_path / "mine.png"
    target.write_bytes(b"precious")
    for done in (shrink(photos / "a.png", "-o", target), regrow("grow", photos / "a.png", "-o", target, "--scale", 2)):
        assert (done.code, done.out) == (1, "")
        assert "--force" in done.err
        assert target.read_bytes() == b"precious"
    assert shrink(photos / "a.png", "-o", target, "--force").code == 0
    assert target.read_bytes() != b"precious"


def test_what_was_shrunk_otherwise_is_not_overwritten_without_force(shrink, photos, tmp_path):
    target = tmp_path / "s.png"
    assert shrink(photos / "a.png", "-o", target).code == 0
    assert shrink(photos / "a.png", "-o", target, "--scale", 4).code == 1
    assert shrink(photos / "a.png", "-o", target, "--scale", 4, "--force").code == 0


def test_the_original_is_not_taken_for_the_result(regrow, shrink, photos, tmp_path, tiny_folder):
    """It has the size of the grown picture, but nobody grew it."""
    shrink(photos / "a.png", "-o", tmp_path / "s.png")
    before = (photos / "a.png").read_bytes()
    assert regrow("grow", tmp_path / "s.png", "-o", photos / "a.png", "--model", tiny_folder).code == 1
    assert (photos / "a.png").read_bytes() == before


def test_run_again_it_skips_what_is_done(regrow, shrink, photos, tmp_path, tiny_folder):
    def twice(command):
        assert command().code == 0
        times = {f: (tmp_path / "out" / f).stat().st_mtime_ns for f in files(tmp_path / "out")}
        (tmp_path / "out" / "b.png").unlink()
        done = command()
        assert done.code == 0
        assert len(done.out.splitlines()) == 3
        assert done.err.count("done already") == 2
        again = {f: (tmp_path / "out" / f).stat().st_mtime_ns for f in files(tmp_path / "out")}
        assert {f for f in again if again[f] != times[f]} == {"b.png"}

    twice(lambda: shrink(photos, "-o", tmp_path / "out"))
    os.rename(tmp_path / "out", tmp_path / "small")
    twice(lambda: regrow("grow", tmp_path / "small", "-o", tmp_path / "out", "--model", tiny_folder))


def test_names_are_told_as_they_are(shrink, save, tmp_path):
    """Brackets are markup to some; a file may be called so nevertheless."""
    photo = save("photo [bold].png", noise(4, 4))
    for _ in range(2):
        done = shrink(photo, "-o", tmp_path / "small [bold].png")
        assert done.out == f"{tmp_path / 'small [bold].png'}\n"
    assert "small [bold].png" in done.err


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes on Linux")
def test_names_that_are_no_text_are_fine(shrink, save, tmp_path):
    photo = os.fsencode(tmp_path) + b"/\xff\xfe.png"
    os.rename(save("x.png", noise(4, 4)), photo)
    out = os.fsencode(tmp_path) + b"/out/"
    done = shrink(os.fsdecode(photo), "-o", os.fsdecode(out))
    assert done.code == 0, done.err
    assert done.data == out + b"\xff\xfe.png\n"


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_bad_file_is_named_once_and_the_others_are_done(shrink, photos, tmp_path, jobs):
    (photos / "aa.png").write_text("no picture")
    (photos / "z.jpg").write_bytes((photos / "b.jpg").read_bytes()[:300])
    done = shrink(photos, "-o", tmp_path / "out", "--jobs", jobs)
    assert done.code == 1
    assert files(tmp_path / "out") == ["a.png", "b.png", "deep/c.webp"]
    assert len(done.out.splitlines()) == 3
    *failed, last = done.err.splitlines()
    assert sorted(line.split(": ")[1] for line in failed) == [str(photos / "aa.png"), str(photos / "z.jpg")]
    assert all(line.startswith("failed: ") for line in failed)
    assert last == "regrow: 2 of 5 pictures failed"


def test_one_failure_beside_what_was_passed_over_is_named_once(shrink, save, tmp_path):
    bad = save("in/a.png", noise(4, 4))
    bad.write_text("no picture")
    (tmp_path / "in" / "b.png").symlink_to(tmp_path / "nowhere.png")
    done = shrink(tmp_path / "in", "-o", tmp_path / "out")
    assert done.code == 1
    failed, passed, last = done.err.splitlines()
    assert failed.startswith(f"failed: {bad}: ")
    assert passed == f"passed over: {tmp_path / 'in' / 'b.png'} (a link to nothing)"
    assert last == "regrow: 1 of 1 pictures failed, 1 passed over"


@pytest.mark.parametrize(
    "options", [["--scale", "2.7"], ["--scale", "1.5x3"], ["--grey", "--scale", "1.3"], ["--grey"]], ids=" ".join
)
def test_run_again_it_skips_what_any_scale_has_made(
    regrow, photos, tmp_path, tiny_folder, hiding_folder, hiding_x2_folder, options
):
    model = tiny_folder if "--grey" not in options else hiding_x2_folder if "--scale" in options else hiding_folder
    shrink = ["shrink", photos, "-o", tmp_path / "small", "--model", model]
    for verb in ([*shrink, *options], ["grow", tmp_path / "small", "-o", tmp_path / "again", "--model", model]):
        assert regrow(*verb).err.count("done already") == 0
        done = regrow(*verb)
        assert done.code == 0
        assert done.err.count("done already") == 3
    if "--scale" in options:
        done = regrow(*shrink, *["--grey"][: "--grey" in options], "--scale", "2")
        assert done.code == 1
        assert done.err.count("--force") == 3


def test_what_is_done_is_told_by_size_weights_and_scale(tmp_path, save, tiny_folder, hiding_folder, hiding_x2_folder):
    photo, small, grown = save("a.png", noise(31, 44)), tmp_path / "s.png", tmp_path / "g.png"
    verbs.shrink(photo, small, scale=2.7, model=tiny_folder)
    assert state_of(Shrink(scale=2.7, model=tiny_folder), photo, small) is State.DONE
    assert state_of(Shrink(scale=(2.7, 2.7), model=tiny_folder), photo, small) is State.DONE
    for wrong in ({"scale": 2.5}, {"scale": 3}, {"scale": (2.7, 1)}, {}, {"scale": 2.7, "model": hiding_x2_folder}):
        assert state_of(Shrink(**{"model": tiny_folder, **wrong}), photo, small) is State.OTHER
    assert state_of(Grow(), small, grown) is State.OTHER
    verbs.grow(small, grown, model=tiny_folder)
    assert state_of(Grow(), small, grown) is State.DONE
    assert state_of(Grow(), photo, grown) is State.OTHER
    verbs.shrink(photo, small, grey=True, model=hiding_folder)
    assert state_of(Shrink(grey=True, model=hiding_folder), photo, small) is State.DONE
    assert state_of(Shrink(scale=1, model=hiding_folder), photo, small) is State.DONE
    assert state_of(Shrink(model=hiding_folder), photo, small) is State.OTHER
    assert state_of(Grow(), small, grown) is State.OTHER  # older than what it would be grown from


def test_streams_carry_pictures_through_pipes(regrow, tmp_path, tiny_folder):
    """Nothing but the picture is on standard output, and nothing but words on standard error."""
    Image.fromarray(noise(12, 10)).save(tmp_path / "a.jpg")
    shrunk = regrow("shrink", "-", "-o", "-", "--model", tiny_folder, stdin=(tmp_path / "a.jpg").read_bytes())
    assert (shrunk.code, shrunk.err) == (0, "")
    grown = run("grow", "-", "-o", "-", "--model", tiny_folder, "--format", "tiff", input=shrunk.data)
    assert grown.returncode == 0, grown.stderr
    (tmp_path / "g.tiff").write_bytes(grown.stdout)
    with Image.open(tmp_path / "g.tiff") as image:
        assert (image.size, image.format) == ((10, 12), "TIFF")


def test_a_reader_that_has_had_enough_is_no_failure_to_report(tmp_path):
    command = f"{sys.executable} -c 'from regrow.cli import main; main()' models --json | true"
    done = subprocess.run(["sh", "-c", command], capture_output=True, timeout=60, check=False)
    assert done.stderr == b""


def test_whatever_format_is_chosen_can_be_written_by_every_verb(regrow, tmp_path, tiny_folder):
    """AVIF holds the 8 bits of a small picture, and not those of the original that it regrows to."""
    (tmp_path / "in").mkdir()
    deep = pyvips.Image.new_from_array(noise(12, 10, 3, np.uint16)).copy(interpretation="rgb16")
    deep.heifsave(str(tmp_path / "in" / "a.avif"), compression="av1", bitdepth=10, lossless=True)
    Image.fromarray(noise(12, 10)).save(tmp_path / "in" / "b.webp", lossless=True)
    model = ["--model", tiny_folder]
    assert regrow("shrink", tmp_path / "in", "-o", tmp_path / "small", *model).code == 0
    assert files(tmp_path / "small") == ["a.avif", "b.webp"]
    for _ in range(2):
        done = regrow("grow", tmp_path / "small", "-o", tmp_path / "again", *model)
        assert (done.code, files(tmp_path / "again")) == (0, ["a.png", "b.webp"])
    assert done.err.count("done already") == 2
    assert pyvips.Image.new_from_file(str(tmp_path / "again" / "a.png")).format == "ushort"
    for verb in (["upscale"], ["colorize"], ["restore", "--colorizer", "none"]):
        done = regrow(*verb, tmp_path / "in", "-o", tmp_path / verb[0])
        assert (done.code, files(tmp_path / verb[0])) == (0, ["a.png", "b.webp"])


def test_a_result_too_large_for_the_format_of_its_source_gets_another(tmp_path, save):
    wide = str(save("a.webp", noise(2, 9000), lossless=True))
    for scale, suffix in ((1.5, ".webp"), (2, ".png")):
        assert file.suffix(wide, Restore(upscaler="bicubic", scale=scale), None) == suffix
    assert file.suffix(str(tmp_path / "missing.webp"), Restore(upscaler="bicubic", scale=2), None) == ".webp"


@pytest.mark.skipif(os.name != "posix", reason="links and pipes are POSIX")
def test_what_is_passed_over_is_named_and_what_is_lost_is_a_failure(shrink, save, photos, tmp_path):
    data = save("x.png", noise(4, 4)).read_bytes()
    for name in ("d.jfif", "e", "wrong.mp4"):
        (photos / name).write_bytes(data)
    (photos / "notes.txt").write_text("no picture")
    os.mkfifo(photos / "pipe")
    out = tmp_path / "out"
    for words in ("", "done already"):
        done = shrink(photos, "-o", out)
        assert (done.code, len(done.out.splitlines())) == (0, 6)
        assert words in done.err
        assert f"passed over: {photos / 'notes.txt'} (no pictures or clips)\n" in done.err
        assert f"passed over: {photos / 'pipe'} (a named pipe)\n" in done.err
    assert files(out) == ["a.png", "b.png", "d.png", "deep/c.webp", "e.png", "wrong.png"]
    os.symlink("nowhere", photos / "broken.jpg")
    os.mkfifo(photos / "pipe.png")
    done = shrink(photos, "-o", out)
    assert (done.code, len(done.out.splitlines())) == (1, 6)
    assert done.err.count(f"passed over: {photos / 'broken.jpg'} (a link to nothing)\n") == 1
    assert done.err.count(f"passed over: {photos / 'pipe.png'} (a named pipe)\n") == 1
    assert done.err.endswith("\nregrow: 2 passed over\n")


def test_dry_run_tells_what_is_done_from_what_is_something_else(shrink, photos, tmp_path):
    assert shrink(photos / "a.png", "-o", f"{tmp_path}/out/").code == 0
    (tmp_path / "out" / "b.png").write_text("mine")
    told = shrink(photos, "-o", tmp_path / "out", "--dry-run").out.splitlines()
    assert [line.partition(" -> ")[2].removeprefix(f"{tmp_path}/out/") for line in told] == [
        "a.png (done already)", "b.png (exists, made by something else: needs --force)", "deep/c.webp"
    ]  # fmt: skip
    assert "(" not in shrink(photos, "-o", tmp_path / "out", "--dry-run", "--force").out


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("error", [MemoryError(), OSError(24, "Too many open files"), TypeError("odd\nthing")])
def test_whatever_happens_to_one_picture_the_others_are_done(shrink, photos, tmp_path, monkeypatch, error, jobs):
    real = file.open_picture

    def surprising(source):
        if str(source).endswith("b.jpg"):
            raise error
        return real(source)

    monkeypatch.setattr(file, "open_picture", surprising)
    done = shrink(photos, "-o", tmp_path / "out", "--jobs", jobs)
    assert (done.code, files(tmp_path / "out")) == (1, ["a.png", "deep/c.webp"])
    assert "Traceback" not in done.err
    assert "unexpected" not in done.err
    assert ("fault of regrow itself: TypeError: odd thing" in done.err) == isinstance(error, TypeError)
    assert done.err.count("\n") == 2  # when it fails; how many


@pytest.mark.skipif(os.name != "posix", reason="pipes are POSIX")
def test_a_pipe_is_written_to_without_a_look_into_it(shrink, photos, tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with ThreadPoolExecutor() as pool:
        read = pool.submit((tmp_path / "pipe.png").read_bytes)
        assert shrink(photos / "a.png", "-o", tmp_path / "pipe.png").code == 0
        assert read.result(timeout=20).startswith(b"\x89PNG")


def test_a_result_takes_the_place_of_no_other_source(shrink, save, tmp_path):
    save("in/x/a.jpg", noise(4, 4))
    before = save("x/a.png", noise(4, 4)).read_bytes()
    done = shrink(tmp_path / "in", tmp_path / "x" / "a.png", "-o", f"{tmp_path}/", "--force")
    assert (done.code, "would be overwritten by what" in done.err) == (2, True)
    assert (tmp_path / "x" / "a.png").read_bytes() == before
