"""A few hundred odd files, every time; `run.py` is for thousands."""

import os
from pathlib import Path

import pytest

from odd_files.checks import Ran, faults
from odd_files.generate import odd_file
from odd_files.verbs import tried

COUNT = 100


def test_odd_files_are_refused_in_a_line_or_done(tmp_path, regrow):
    def run(arguments, results):
        done = regrow(*arguments)
        return Ran(arguments, done.code, done.err, 0, sorted(os.listdir(results)))

    found, outcomes = {}, set()
    for number in range(COUNT):
        folder = tmp_path / str(number)
        folder.mkdir()
        outcome, found[number] = tried(odd_file(number), number, folder, run)
        outcomes.add(outcome)
    assert not {number: wrong for number, wrong in found.items() if wrong}
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
        (Ran(["info"], 1, "Traceback (most recent call last):\n", 0), "confesses"),
        (Ran(["info"], 1, "VIPS-WARNING: odd\n", 0), "not a message"),
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
