"""What a folder holds: every file is found, or passed over with its reason."""

import os
import socket
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from regrow.io.kinds import kind_of, kind_of_bytes
from regrow.io.paths import is_pattern, names_file, numbered
from regrow.io.search import Search, find_pictures

posix = pytest.mark.skipif(os.name != "posix", reason="links and pipes are POSIX")


def write(path, form="PNG"):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        Image.fromarray(np.zeros((2, 2, 3), np.uint8)).save(file, format=form)


def searched(folder, **options):
    search = Search(folder, **options)
    found = [str(path.relative_to(folder)) for path in search.files()]
    return found, {str(one.path.relative_to(folder)): (one.why, one.lost) for one in search.passed}


def test_pictures_are_found_by_their_bytes_or_names(tmp_path):
    for name in ("a.jpe", "b.jfif", "c.MPO", "d.jpg"):
        write(tmp_path / name, "JPEG")
    for name, form in (("e", "PNG"), ("f.dat", "TIFF"), ("g.txt", "WEBP"), ("h.bak", "GIF"), ("sub/i.mp4", "PNG")):
        write(tmp_path / name, form)
    for name in ("j.nef", "k.bmp", "l.mp4", "notes.txt", ".hidden.png"):
        (tmp_path / name).write_bytes(b"no picture")
    found, passed = searched(tmp_path)
    names = ["a.jpe", "b.jfif", "c.MPO", "d.jpg", "e", "f.dat", "g.txt", "h.bak", "j.nef", "k.bmp", "l.mp4"]
    assert found == [*names, "sub/i.mp4"]
    assert passed == {"notes.txt": ("", False)}


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF", "GIF", "AVIF"])
def test_pictures_are_known_by_their_bytes(tmp_path, form):
    write(tmp_path / "x", form)
    assert kind_of(tmp_path / "x") == "picture"


@pytest.mark.parametrize(("form", "codec"), [("mp4", "mpeg4"), ("matroska", "ffv1"), ("avi", "ffv1"), ("mov", "mpeg4"),
                                             ("mpegts", "mpeg2video"), ("vob", "mpeg2video"), ("flv", "flv1"),
                                             ("asf", "mpeg4"), ("yuv4mpegpipe", "rawvideo")])  # fmt: skip
def test_clips_are_known_by_their_bytes(tmp_path, form, codec):
    import av

    with av.open(str(tmp_path / "x"), "w", format=form) as container:
        stream = container.add_stream(codec, rate=25, width=32, height=32, pix_fmt="yuv420p")
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame(32, 32, "yuv420p")))
        container.mux(stream.encode(None))
    assert kind_of(tmp_path / "x") == "clip"


@pytest.mark.parametrize("head", [b"", b"text", b"PK\3\4", b"\0\0\0\x20ftypM4A ", b"\0\0\0\x20ftypcrx ", b"OggS" * 9])
def test_other_files_are_neither(head):
    assert kind_of_bytes(head) is None


@posix
def test_what_is_no_file_is_named(tmp_path):
    write(tmp_path / "in" / "a.png")
    os.symlink("nowhere", tmp_path / "in" / "broken.png")
    os.symlink("round.png", tmp_path / "in" / "round.png")
    os.mkfifo(tmp_path / "in" / "pipe.png")
    os.mkfifo(tmp_path / "in" / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(tmp_path / "in" / "sock"))
    found, passed = searched(tmp_path / "in")
    assert found == ["a.png"]
    assert passed == {
        "broken.png": ("a link to nothing", True),
        "round.png": ("too many levels of symbolic links", True),
        "pipe.png": ("a named pipe", True),
        "pipe": ("a named pipe", False),
        "sock": ("a socket", False),
    }


@posix
def test_links_are_followed_and_lead_in_no_circles(tmp_path):
    write(tmp_path / "in" / "deep" / "a.png")
    write(tmp_path / "other" / "b.png")
    os.symlink("..", tmp_path / "in" / "deep" / "up")
    os.symlink("deep", tmp_path / "in" / "again")
    os.symlink(tmp_path / "other", tmp_path / "in" / "linked")
    os.symlink("deep/a.png", tmp_path / "in" / "c.png")
    found, passed = searched(tmp_path / "in")
    assert found == ["c.png", "deep/a.png", "linked/b.png"] or sorted(found) == ["c.png", "deep/a.png", "linked/b.png"]
    assert {name: lost for name, (_, lost) in passed.items()} == {"deep/up": False, "again": False}


def test_what_cannot_be_read_is_named(tmp_path, monkeypatch):
    """The tests may be run by root, to whom nothing is forbidden."""
    write(tmp_path / "a.png")
    write(tmp_path / "locked" / "b.png")
    real = os.listdir

    def forbidden(path):
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "listdir", forbidden)
    assert searched(tmp_path) == (["a.png"], {"locked": ("permission denied", True)})


def test_a_set_of_pictures_warns_of_what_is_lost(tmp_path, caplog):
    write(tmp_path / "a.png")
    write(tmp_path / "noise.dat")
    os.symlink("nowhere", tmp_path / "b.png")
    assert [path.name for path in find_pictures(tmp_path)] == ["a.png"]
    assert "b.png (a link to nothing)" in caplog.text


def test_an_existing_file_is_no_pattern(tmp_path):
    name = str(tmp_path / "50%discount.png")
    assert is_pattern(name)
    write(Path(name))
    assert not is_pattern(name)
    assert is_pattern(str(tmp_path / "%03d.png"))
    assert not is_pattern(str(tmp_path / "50%done.mp4"))  # frames are no clips
    assert numbered("50%d/%03d.png", 7) == Path("50%d/007.png")


def test_what_looks_like_a_file(tmp_path):
    for name in ("out.png", "out.WEBP", "a/out.jxl", "out.mkv", "out.zip"):
        assert names_file(name)
        assert not names_file(name + "/")
    for name in ("out", "out.d", "v1.2", "2024.11", str(tmp_path)):
        assert not names_file(name)
