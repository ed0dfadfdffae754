from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from regrow.errors import UsageError
from regrow.progress import Report
from regrow.typed import of_type, typed
from regrow.video.options import Video


@pytest.mark.parametrize(
    ("hint", "value", "made"),
    [
        (bool, True, True), (bool, np.bool_(False), False), (bool, 1, 1), (int, 3, 3), (int, np.int64(3), 3),
        (int | None, None, None), (float, 3, 3), (float, np.float32(0.5), 0.5), (float, Fraction(1, 2), 0.5),
        (str, "a", "a"), (str, Path("a"), "a"), (str | None, torch.device("cpu"), "cpu"),
        (tuple[int, int] | None, (1, 2), (1, 2)), (tuple[int, int], [1, np.int32(2)], (1, 2)),
        (Report, print, print), (Callable[[int], None], print, print), (Video | None, Video(), Video()),
        (Any, "x", "x"), (float | tuple[float, float], "x", "x"),
    ],
)  # fmt: skip
def test_what_is_of_the_type_passes(hint, value, made):
    assert of_type("it", value, hint) == made


@pytest.mark.parametrize(
    ("hint", "value", "words"),
    [
        (bool, "no", "it 'no': must be True or False"), (bool, 2, "True or False"), (bool | None, [], "True or False"),
        (int, "3", "it '3': must be a whole number"), (int, 5.5, "a whole number"), (int, None, "a whole number"),
        (float | None, "3", "a number"), (str, 3, "text"), (str | None, b"x", "text"), (str, None, "text"),
        (tuple[int, int], "10x10", "2 whole numbers"), (tuple[int, int], (1, 2, 3), "2 whole numbers"),
        (tuple[int, int], (1.5, 2), "2 whole numbers"), (tuple[int, int], 5.5, "2 whole numbers"),
        (Report, 3, "something to call"), (Video | None, {"crf": 3}, "a regrow.Video"),
        (int, np.zeros((9, 9)), "a whole number"), (int, "a\nb" * 99, "a whole number"),
    ],
)  # fmt: skip
def test_what_is_not_is_refused_in_one_line(hint, value, words):
    with pytest.raises(UsageError) as said:
        of_type("it", value, hint)
    assert words in str(said.value)
    assert "\n" not in str(said.value)
    assert len(str(said.value)) < 120


def test_positional_arguments_and_unknown_names_are_left_to_python():
    @typed
    def halved(number: int, *, times: int = 1) -> float:
        return number / 2**times

    assert halved(4, times=2) == 1
    with pytest.raises(TypeError, match="unexpected keyword"):
        halved(4, time=2)
    with pytest.raises(UsageError, match=r"times 'two': must be a whole number"):
        halved(4, times="two")
