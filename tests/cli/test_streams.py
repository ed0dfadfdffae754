"""Standard streams that are closed, full, or left by whoever read them, and disks that are full."""

import io
import os
import resource
import subprocess
import sys

import pytest
from PIL import Image
from support.commands import files
from support.pictures import noise, write

from regrow import cli, info
from regrow.errors import RegrowError
from regrow.io.kinds import kind_of_bytes

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="descriptors and /dev/full are Linux's")
COMMAND = f"{sys.executable} -c 'from regrow.cli import main; main()'"


def shell(words, folder):
    """The command in a shell: its exit code and what it said, without traceback or surprise."""
    done = subprocess.run(
        ["bash", "-c", words.replace("REGROW", COMMAND)], cwd=folder, capture_output=True, timeout=100
    )
    said = done.stderr.decode()
    assert "Traceback" not in said
    assert "Exception ignored" not in said
    assert "fault of regrow" not in said
    return done.returncode, said


@pytest.fixture
def folder(save, tmp_path):
    save("a.png", noise(8, 8))
    return tmp_path


@pytest.mark.parametrize("command", ["--help", "models"])
def test_results_that_cannot_be_printed_are_a_failure(folder, command):
    assert shell(f"REGROW {command} > /dev/full", folder)[0] == 1
    code, said = shell(f"REGROW {command} >&-", folder)
    assert (code, said) == (1, "regrow: standard output: Bad file descriptor; it is closed\n")


def test_a_picture_for_a_closed_stream_is_a_failure(folder, tiny_folder):
    shrink = f"REGROW shrink a.png --model {tiny_folder}"
    assert shell(f"{shrink} -o - >&-", folder) == (
        1, "regrow: standard output: could not be written (Bad file descriptor); it is closed\n"
    )  # fmt: skip
    code, said = shell(f"REGROW shrink - -o s.png --model {tiny_folder} <&-", folder)
    assert (code, said.count("\n"), "standard input: Bad file descriptor" in said) == (1, 1, True)
    assert files(folder) == ["a.png"]


def test_a_picture_for_a_full_disk_is_a_failure(folder, tiny_folder, monkeypatch, capfd):
    monkeypatch.setattr(sys, "argv", ["regrow", "shrink", f"{folder}/a.png", "-o", "-", "--model", tiny_folder])
    with open("/dev/full", "wb", buffering=0) as full:
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(full))
        with pytest.raises(SystemExit) as stop:
            cli.main()
    said = capfd.readouterr().err
    assert (stop.value.code, "No space left on device" in said, said.count("\n")) == (1, True, 1)


def test_nobody_need_read_messages(folder, tiny_folder):
    for where in ("2>&-", "2>/dev/full"):
        assert shell(f"REGROW shrink --no-such-option {where}", folder) == (2, "")
    assert shell(f"REGROW shrink a.png -o s.jpg --model {tiny_folder} 2>/dev/full", folder) == (0, "")
    with Image.open(folder / "s.jpg") as image:  # and that JPEG loses something was to be told
        assert image.size == (4, 4)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif", "avif"])
def test_a_full_disk_is_told_and_leaves_nothing(tmp_path, suffix):
    """A limit to the size of files stands for it: libvips does not say which of the two it met."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(RegrowError, match=r"could not be written \(File too large\); files may not be so large"):
            write(tmp_path / f"s.{suffix}", noise(128, 128))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert os.listdir(tmp_path) == []


def test_an_avif_on_standard_input_is_a_picture(regrow, save, tmp_path, tiny_folder):
    data = save("a.avif", noise(8, 8)).read_bytes()
    assert kind_of_bytes(data[:512]) == "picture"
    done = regrow("shrink", "-", "-o", tmp_path / "s.png", "--model", tiny_folder, stdin=data)
    assert (done.code, done.err) == (0, "")


def test_info_takes_a_clip_on_standard_input(regrow, tmp_path, tiny_folder):
    import av

    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=25, width=16, height=16, pix_fmt="yuv420p")
        container.mux(stream.encode(av.VideoFrame(16, 16, "yuv420p")))
        container.mux(stream.encode(None))
    small = tmp_path / "s.mkv"
    assert regrow("shrink", tmp_path / "a.mkv", "-o", small, "--model", tiny_folder).code == 0
    done = regrow("info", "-", stdin=small.read_bytes())
    assert done.code == 0, done.err
    assert f"digest       {info(small).passport.digest}" in done.out
