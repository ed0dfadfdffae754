import errno

import pytest

from regrow.errors import Fault, RegrowError, UsageError, printable, worded


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a b.png", "a b.png"),
        ("ünï 写\u3000🌱", "ünï 写\u3000🌱"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        (b"\xff.png", "\\xff.png"),
    ],
)
def test_names_are_shown_on_one_line(name, shown):
    assert printable(name) == shown
    assert str(UsageError(f"{printable(name)}: no such file")) == f"{shown}: no such file"
    assert printable(shown) == shown


def test_an_error_is_one_line():
    assert str(RegrowError("a\nb: bad")) == "a\\nb: bad"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left", "x/a\n.png"), "x/a\\n.png: No space left; make room"),
        (OSError(errno.EROFS, "Read-only file system"), "job: Read-only file system; name another place"),
        (OSError(errno.EMFILE, "Too many open files"), "ulimit -n"),
        (OSError(errno.ENAMETOOLONG, "File name too long", "y"), "y: File name too long; take a shorter name"),
        (PermissionError(errno.EACCES, "Permission denied", "z"), "z: Permission denied"),
        (OSError(errno.EIO, "Input/output error"), "job: Input/output error"),
        (OSError("odd"), "job: odd"),
        (MemoryError(), "memory does not suffice"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "memory does not suffice"),
        (RecursionError("maximum recursion depth exceeded"), "nested too deeply"),
        (UnicodeEncodeError("utf-8", "\udcff", 0, 1, "surrogates not allowed"), "not in Unicode"),
        (ImportError("libfoo.so: no such file"), "a library cannot be loaded"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)  # fmt: skip
def test_what_systems_and_libraries_refuse_is_said_in_a_line(error, words):
    said = worded(error, "job")
    assert words in str(said)
    assert str(said).isprintable()
    assert not isinstance(said, Fault)
    assert said.exit_code == 1


def test_what_nobody_foresaw_is_a_fault_of_ours():
    said = worded(TypeError("of all\nthings"), "job")
    assert isinstance(said, Fault)
    assert str(said).startswith("job: a fault of regrow itself: TypeError: of all things; please report it")
    assert "--debug" in str(said)
