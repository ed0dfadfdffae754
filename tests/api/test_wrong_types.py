"""Whatever is given to a verb by a name and is of a wrong type is named in one line, before anything is done."""

import inspect

import numpy as np
import pytest

import regrow

VERBS = ("shrink", "grow", "colorize", "restore", "upscale", "dejpeg", "denoise", "inpaint", "stabilize")
PARAMETERS = [
    (verb, name) for verb in VERBS for name, parameter in inspect.signature(getattr(regrow, verb)).parameters.items()
    if parameter.kind is parameter.KEYWORD_ONLY
]  # fmt: skip


class Strange:
    """Of no type that anything has."""

    def __repr__(self):
        return "Strange()"


@pytest.mark.parametrize(("verb", "name"), PARAMETERS)
def test_an_argument_of_a_wrong_type(save, tmp_path, verb, name):
    picture, out = save("a.png", np.zeros((8, 8, 3), np.uint8)), tmp_path / "out.png"
    given = {name: Strange()}
    if verb in ("inpaint", "stabilize"):
        given = {{"inpaint": "mask", "stabilize": "reference"}[verb]: str(picture)} | given
    with pytest.raises(regrow.UsageError) as said:
        getattr(regrow, verb)(picture, out, **given)
    assert "Strange" in str(said.value)
    assert "\n" not in str(said.value)
    assert not out.exists()


@pytest.mark.parametrize("verb", ["shrink", "grow", "restore", "upscale", "dejpeg"])
@pytest.mark.parametrize("tile", [-1, 0, 7])
def test_tiles_are_not_so_small_that_nothing_ends(verb, tile):
    with pytest.raises(regrow.UsageError, match=f"tile {tile}: must be at least 8 pixels"):
        getattr(regrow, verb)(np.zeros((8, 8, 3), np.uint8), tile=tile)


@pytest.mark.parametrize("hint", ["1,1,#ffffff", 3, [3], {1: 2}, np.zeros(2)])
def test_hints_are_a_list_of_hints(hint):
    with pytest.raises(regrow.UsageError, match=r"must be a list of x,y,#rrggbb"):
        regrow.colorize(np.zeros((8, 8), np.uint8), hint=hint)


@pytest.mark.parametrize("options", [{"codec": 3}, {"crf": "x"}, {"rate": [1]}, {"rate": float("inf")}, {"gop": None}])
def test_options_of_clips(options):
    with pytest.raises(regrow.UsageError):
        regrow.Video(**options)


@pytest.mark.parametrize(
    "options", [{"net": 3}, {"iterations": "3"}, {"seed": 0.5}, {"stop": "x"}, {"half": 1.5}, {"checkpoints": 3}]
)
def test_options_of_priors(options):
    with pytest.raises(regrow.UsageError):
        regrow.Prior(**options)


def test_a_model_may_be_a_path(tiny_folder):
    from pathlib import Path

    picture = np.zeros((8, 8, 3), np.uint8)
    assert np.array_equal(
        regrow.shrink(picture, model=Path(tiny_folder)), regrow.shrink(picture, model=tiny_folder)
    )  # fmt: skip
