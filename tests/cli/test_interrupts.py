"""Ctrl-C, once and more often."""

import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image
from support.pictures import noise

from regrow import zoo

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")


@pytest.fixture(autouse=True)
def heard():
    """What runs in the background ignores Ctrl-C, unless it is told otherwise."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def started(*arguments):
    """The command, which hears of Ctrl-C even where what runs in the background does not."""
    command = [sys.executable, "-c", "from regrow.cli import main; main()", *map(str, arguments)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


@pytest.mark.parametrize(("jobs", "times"), [(1, 1), (2, 1), (2, 3)])
def test_an_interrupt_of_a_batch_says_what_is_done(tmp_path, tiny_folder, jobs, times):
    (tmp_path / "in").mkdir()
    for name in "abcdefgh":
        Image.fromarray(np.tile(noise(100, 100), (10, 10, 1))).save(tmp_path / "in" / f"{name}.tif")
    out = tmp_path / "out"
    process = started("shrink", tmp_path / "in", "-o", out, "--model", tiny_folder, "--jobs", jobs)
    process.stdout.readline()
    for _ in range(times):
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    words = said.decode()
    assert words.count("\n") == 1
    assert words.startswith("regrow: interrupted: ")
    assert words.endswith(" of 8 pictures are done; the same command goes on from there\n")
    assert os.listdir(out)
    for name in os.listdir(out):  # nothing is there in part
        assert name in {f"{letter}.tif" for letter in "abcdefgh"}
        with Image.open(out / name) as image:
            assert np.asarray(image).shape == (500, 500, 3)


def test_an_interrupt_of_a_clip_says_how_far_it_is(tmp_path, regrow, tiny_folder, monkeypatch):
    import av

    from regrow.video.sinks import FileSink

    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=25, width=16, height=16, pix_fmt="yuv420p")
        for _ in range(5):
            container.mux(stream.encode(av.VideoFrame(16, 16, "yuv420p")))
        container.mux(stream.encode(None))
    real = FileSink.add

    def interrupted(self, groups):
        for done in real(self, groups):
            yield done
            if done:
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(1)

    command = ("shrink", tmp_path / "a.mkv", "-o", tmp_path / "s.mkv", "--model", tiny_folder)
    with monkeypatch.context() as patch:
        patch.setattr(FileSink, "add", interrupted)
        done = regrow(*command)
    assert (done.code, done.out) == (130, "")
    words = f"regrow: interrupted: {tmp_path / 'a.mkv'}: N of 5 frames are done; the same command goes on from there\n"
    assert re.sub(r"\d of 5", "N of 5", done.err) == words
    assert regrow(*command).code == 0
    assert sorted(os.listdir(tmp_path)) == ["a.mkv", "s.mkv"]


def test_an_interrupt_while_libvips_calls_back_is_heard_after_it(tmp_path, regrow, tiny_folder, monkeypatch):
    from regrow.io.decoding.splice import Spliced

    Image.fromarray(noise(600, 600)).save(tmp_path / "a.tif")
    real, seen = Spliced.read, []

    def interrupted(self, size):
        if not seen:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.1)
        seen.append(size)
        return real(self, size)

    monkeypatch.setattr(Spliced, "read", interrupted)
    done = regrow("shrink", tmp_path / "a.tif", "-o", tmp_path / "s.png", "--model", tiny_folder)
    assert seen
    assert (done.code, done.out) == (130, "")
    assert done.err.startswith("regrow: interrupted")


def test_an_interrupt_while_libvips_logs_is_heard_after_it(tmp_path, regrow, tiny_folder, monkeypatch):
    import pyvips

    Image.fromarray(noise(60, 60)).save(tmp_path / "a.png")
    real, seen = zoo.digest, []

    def interrupted(level, message):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.1)
        seen.append(message)

    def logged(name):
        if not seen:
            words = pyvips.ffi.new("char[]", b"said")
            pyvips.ffi.addressof(pyvips.glib_lib, "_log_handler_callback")(words, 16, words, pyvips.ffi.NULL)
            time.sleep(0.1)
        return real(name)

    monkeypatch.setattr(pyvips.logger, "log", interrupted)
    monkeypatch.setattr(zoo, "digest", logged)
    done = regrow("shrink", tmp_path / "a.png", "-o", tmp_path / "s.png", "--model", tiny_folder)
    assert seen
    assert (done.code, done.out) == (130, "")
    assert done.err.startswith("regrow: interrupted")


def test_an_interrupt_of_anything_is_told_in_a_line(regrow, monkeypatch):
    def interrupted():
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(1)

    monkeypatch.setattr("regrow.zoo.names", interrupted)
    done = regrow("models")
    assert (done.code, done.out, done.err) == (130, "", "regrow: interrupted\n")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interrupt_while_modules_are_imported_is_quiet():
    code = (
        "import os, signal, sys, importlib.abc\n"
        "class Late(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'regrow.cli.tools': os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Late())\n"
        "import regrow.cli\n"
    )
    heard = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=False, **heard)
    assert (done.returncode, done.stderr) == (130, b"regrow: interrupted\n")
