"""A few hundred odd files, every time; `run.py` is for thousands."""

import sys
from pathlib import Path

import pytest

from odd_files.checks import Ran, faults
from odd_files.generate import odd_file
from odd_files.run import Worker

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits of processes are Linux's")
COUNT = 150


def test_odd_files_are_refused_in_a_line_or_done(tmp_path):
    work, keep = tmp_path / "work", tmp_path / "keep"
    work.mkdir()
    keep.mkdir()
    with Worker(work, 10, keep) as worker:
        answers = {number: worker.ask(number) for number in range(COUNT)}
    assert not {number: answer["faults"] for number, answer in answers.items() if answer["faults"]}
    outcomes = {answer["outcome"] for answer in answers.values()}
    assert outcomes >= {"refused", "grow", "upscale"}


def test_a_number_is_always_the_same_file():
    assert [odd_file(number) for number in range(30)] == [odd_file(number) for number in range(30)]
    assert len({odd_file(number).data for number in range(30)}) > 25


@pytest.mark.parametrize(
    ("ran", "says"),
    [
        (Ran(["info"], 1, "regrow: a.png: is damaged\n", 0), None),
        (Ran(["info"], 3, "regrow: a.png: is damaged\n", 0), "exit code"),
        (Ran(["info"], 1, "", 0), "without a message"),
        (Ran(["info"], 1, "regrow: unexpected KeyError: 3\n", 0), "confesses"),
        (Ran(["info"], 1, "Traceback (most recent call last):\n", 0), "not a message"),
        (Ran(["info"], 1, "regrow: a\x1b[31m.png: no\n", 0), "cannot be printed"),
        (Ran(["info"], 1, "regrow: no\n", 3 * 2**30), "GiB"),
        (Ran(["grow"], 1, "regrow: no\n", 0, ["a.png"]), "leaves a.png"),
        (Ran(["grow"], 0, "", 0, [".a.png.regrow", "a.png"]), "leaves .a.png.regrow"),
        (Ran(["grow"], 0, "", 0, []), "writes nothing"),
        (Ran(["grow"], 0, "", 0, ["a.png"]), None),
    ],
)
def test_what_counts_as_a_fault(ran, says):
    found = faults(ran, Path("a.png") if ran.arguments == ["grow"] else None)
    assert (says in found[0]) if says else not found
