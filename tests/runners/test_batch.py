import os
import threading
import time
from pathlib import Path

import pytest
from support.clips import make_clip, moving

from regrow.errors import RegrowError, UsageError
from regrow.io.paths import atomic
from regrow.io.search import find_pictures
from regrow.operations.shrink import Shrink
from regrow.runners import batch
from regrow.runners.batch import Job, plan
from regrow.runners.dispatch import apply, runner


def suffix_for(format):
    """The suffix of a result in a folder."""
    return lambda source: runner(source).suffix(source, None, format)


KEEP = suffix_for(None)


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A working folder; `tree("a/b.png")` makes empty files."""
    monkeypatch.chdir(tmp_path)

    def make(*names):
        for name in names:
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).touch()

    return make


def planned(inputs, out, suffix=KEEP):
    return {job.source: job.target for job in plan(inputs, out, suffix)}


def test_one_file_becomes_the_output(tree):
    tree("a.jpg")
    assert planned(["a.jpg"], "b.webp") == {"a.jpg": "b.webp"}


@pytest.mark.parametrize("out", ["made/", "there"])
def test_one_file_goes_into_a_folder(tree, out):
    tree("a.jpg", "there/x")
    assert planned(["a.jpg"], out) == {"a.jpg": os.path.join(out, "a.png")}


def test_a_lossless_suffix_is_kept_and_a_format_overrules_it(tree):
    tree("a.jpg", "b.webp", "c.TIF", "d.gif")
    into = {"a.jpg": "o/a.png", "b.webp": "o/b.webp", "c.TIF": "o/c.tif", "d.gif": "o/d.png"}
    assert planned(list(into), "o/") == into
    assert set(planned(list(into), "o/", suffix_for("avif")).values()) == {f"o/{n}.avif" for n in "abcd"}


def test_a_tree_is_mirrored(tree):
    tree("in/a.png", "in/x/y/b.JPG", "in/x/notes.txt", "in/.hidden.png", "in/.cache/c.png")
    assert planned(["in"], "out") == {"in/a.png": "out/a.png", "in/x/y/b.JPG": "out/x/y/b.png"}


def test_an_output_folder_inside_the_input_folder_is_not_searched(tree):
    tree("in/a.png", "in/out/a.png", "in/out/deep/b.png")
    assert planned(["in"], "in/out") == {"in/a.png": "in/out/a.png"}
    assert planned(["."], "in/out") == {"in/a.png": "in/out/in/a.png"}


def test_an_output_folder_around_the_input_folder_is_fine(tree):
    tree("photos/a.jpg")
    assert planned(["photos"], ".") == {"photos/a.jpg": "a.png"}
    assert planned(["photos"], "./") == {"photos/a.jpg": "a.png"}


def test_two_that_would_share_a_name_keep_their_suffixes(tree):
    tree("in/a.jpg", "in/a.png", "in/b.jpg")
    expected = {"in/a.jpg": "out/a.jpg.png", "in/a.png": "out/a.png.png", "in/b.jpg": "out/b.png"}
    assert planned(["in"], "out") == expected


def test_two_of_one_name_cannot_go_to_one_folder(tree):
    tree("x/a.png", "y/a.png")
    with pytest.raises(UsageError, match=r"x/a\.png and y/a\.png would both become"):
        plan(["x/a.png", "y/a.png"], "out/", KEEP)


def test_patterns_are_expanded(tree):
    tree("in/a1.png", "in/a2.png", "in/b.png", "in/deep/a3.png")
    assert set(planned(["in/a?.png"], "out")) == {"in/a1.png", "in/a2.png"}
    assert set(planned(["in/**/*.png"], "out")) == {"in/a1.png", "in/a2.png", "in/b.png", "in/deep/a3.png"}
    assert planned(["in/*1.png"], "o.png") == {"in/a1.png": "o.png"}


def test_a_name_that_looks_like_a_pattern_is_a_name(tree):
    tree("a[1].png", "a1.png")
    assert planned(["a[1].png"], "o.png") == {"a[1].png": "o.png"}


def test_streams(tree):
    tree("a.png")
    assert planned(["-"], "-") == {"-": "-"}
    assert planned(["a.png"], "-") == {"a.png": "-"}
    assert planned(["-"], "out/") == {"-": "out/stdin.png"}


@pytest.mark.parametrize(
    ("inputs", "out", "words"),
    [
        (["no.png"], "o.png", r"no\.png: no such file"),
        (["no*.png"], "o/", "no such file"),
        (["empty"], "o/", "no pictures there"),
        (["in"], "-", "2 pictures cannot all become -"),
        (["in/a.png", "in/b.png"], "o.png", "2 pictures cannot all become"),
        (["in/a.png"], "in/a.png", "overwritten by its own result"),
        (["in/a.png"], "in/../in/a.png", "overwritten by its own result"),
        (["in/a.png"], "in/", "overwritten by its own result"),
        (["in"], "in", "in"),
    ],
)
def test_what_cannot_be_planned_is_a_usage_error(tree, inputs, out, words):
    tree("in/a.png", "in/b.png", "empty/notes.txt")
    with pytest.raises(UsageError, match=words):
        plan(inputs, out, KEEP)


JOBS = [Job(str(n), "") for n in range(20)]


@pytest.mark.parametrize("threads", [1, 3])
def test_a_batch_goes_on_after_a_failure_and_names_it(threads):
    done = []

    def work(job):
        if job.source in ("3", "19"):
            raise RegrowError("bad")
        done.append(job.source)

    failed = batch.run(JOBS, work, threads=threads)
    assert sorted(job.source for job, _ in failed) == ["19", "3"]
    assert sorted(done, key=int) == [str(n) for n in range(20) if n not in (3, 19)]


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_anything_else_ends_the_batch(threads, error):
    done = []

    def work(job):
        if job.source == "0":
            raise error
        threading.Event().wait(0.01)
        done.append(job)

    with pytest.raises(error):
        batch.run(JOBS, work, threads=threads)
    assert len(done) < 15


def test_jobs_work_at_the_same_time():
    """Each waits for the other: one after the other would never end."""
    meeting = threading.Barrier(2, timeout=20)
    assert batch.run(JOBS[:2], lambda job: meeting.wait(), threads=2) == []


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    target = tmp_path / "new" / "a.txt"
    with atomic(target) as part:
        part.write_text("one")
        assert not target.exists()

    def interrupted():
        with atomic(target) as part:
            part.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert target.read_text() == "one"
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("name", ["x" * 250 + ".png", "写" * 80 + ".png"], ids=["latin", "chinese"])
def test_names_may_be_as_long_as_the_file_system_allows(tmp_path, name):
    with atomic(tmp_path / name) as part:
        part.write_text("x")
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.skipif(os.name != "posix", reason="file rights are POSIX")
def test_a_result_has_the_rights_of_any_new_file(tmp_path):
    with atomic(tmp_path / "a"):
        pass
    (tmp_path / "b").touch()
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


@pytest.mark.skipif(os.name != "posix", reason="file rights are POSIX")
def test_writing_in_several_threads_leaves_the_rights_of_new_files_alone(tmp_path, monkeypatch):
    """Asking for the umask sets it: two threads that ask at once must not leave it open."""
    real = os.umask
    before = real(0o022)

    def slow(mask):
        old = real(mask)
        time.sleep(0.005)
        return old

    def write(thread):
        for n in range(5):
            with atomic(tmp_path / f"{thread}-{n}"):
                pass

    monkeypatch.setattr(os, "umask", slow)
    try:
        threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o644}
        assert real(0o022) == 0o022
    finally:
        real(before)


def test_pictures_are_found_by_suffix_in_order(tree):
    tree("b.PNG", "a.heic", "z/a.jpeg", "z/.x.png", "c.txt", "d.png/e.avif")
    assert [str(p) for p in find_pictures(Path())] == ["a.heic", "b.PNG", "d.png/e.avif", "z/a.jpeg"]


@pytest.mark.parametrize(
    "name", ["50%discount.mkv", "12:30.mkv", "data:x.mkv", "a\nb.mkv", "-.mkv", "x" * 250 + ".mkv"]
)
def test_clips_have_any_name(tmp_path, tiny_folder, monkeypatch, name):
    """FFmpeg takes what comes before a colon for a protocol."""
    monkeypatch.chdir(tmp_path)
    make_clip(tmp_path / "t.mkv", moving(2, (32, 32)), audio=False).rename(tmp_path / name)
    (tmp_path / "in:out").mkdir()
    for out in ("out/", "in:out/"):
        (job,) = plan([f"./{name}"], out, KEEP)
        apply(Shrink(model=tiny_folder), job.source, job.target)
        assert os.listdir(out) == [name]


@pytest.mark.skipif(os.name != "posix", reason="links are POSIX")
def test_deep_patterns_go_in_no_circles_and_name_what_they_cannot_enter(tree, monkeypatch):
    tree("in/a.png", "in/deep/b.png", "in/locked/c.png")
    os.symlink("..", "in/deep/up")
    real, reals = os.listdir, os.scandir

    def forbidden(path, do):
        if not isinstance(path, int) and Path(os.fsdecode(path)).name == "locked":
            raise PermissionError(13, "Permission denied", path)
        return do(path)

    monkeypatch.setattr(os, "listdir", lambda path: forbidden(path, real))
    monkeypatch.setattr(os, "scandir", lambda path: forbidden(path, reals))
    passed = []
    jobs = plan(["in/**/*.png"], "out/", KEEP, passed=passed)
    assert [job.source for job in jobs] == ["in/a.png", "in/deep/b.png"]
    assert [str(one) for one in passed] == ["in/locked (permission denied)"]
