import io

import numpy as np
import pytest
import torch
from rich.console import Console
from support.pictures import noise

pytest.importorskip("accelerate")

from regrow.errors import UsageError
from regrow.train.data import Crops, load
from regrow.train.recipe import Data

QUIET = Console(file=io.StringIO())


def test_bad_and_small_pictures_are_named_and_skipped(photographs):
    console = Console(file=io.StringIO(), soft_wrap=True)
    training, held_out = load(photographs, Data(crop=24, validation=2), console)
    told = console.file.getvalue().splitlines()
    assert (len(training), len(held_out)) == (4, 2)
    assert len(told) == 2
    assert "5bad.png" in told[0]
    assert "5small.png" in told[1]
    assert all(p.dtype == torch.uint8 and p.shape[-1] == 3 for p in training)


def test_held_out_pictures_are_not_trained_on(photographs):
    training, held_out = load(photographs, Data(crop=24, validation=3), QUIET)
    assert not any(torch.equal(a, b) for a in training for b in held_out if a.shape == b.shape)


def test_folders_that_are_not_there_and_too_few_pictures_are_usage_errors(photographs, tmp_path):
    with pytest.raises(UsageError, match="nowhere"):
        load(tmp_path / "nowhere", Data(), QUIET)
    with pytest.raises(UsageError, match="nothing"):
        load(photographs, Data(folders=("nothing",)), QUIET)
    with pytest.raises(UsageError, match="too few"):
        load(photographs, Data(crop=24, validation=6), QUIET)


@pytest.mark.parametrize("device", ["cpu"])
def test_every_crop_is_one_of_eight_turns_of_a_place_in_a_picture(device):
    pictures = [noise(9, 13, seed=1), noise(6, 6, seed=2), noise(20, 7, seed=3)]
    c = 5
    known = {}
    for n, picture in enumerate(pictures):
        for y in range(picture.shape[0] - c + 1):
            for x in range(picture.shape[1] - c + 1):
                for turn in range(4):
                    turned = np.rot90(picture[y : y + c, x : x + c], turn)
                    known[turned.tobytes()] = n, turn
                    known[turned[:, ::-1].tobytes()] = n, turn + 4
    crops = Crops([torch.from_numpy(p) for p in pictures], c, 50, seed=3, device=device)
    seen = []
    for step in range(20):
        batch = crops(step)
        assert batch.shape == (50, 3, c, c)
        assert batch.dtype == torch.float32
        for crop in (batch * 255).round().byte().permute(0, 2, 3, 1).numpy():
            seen.append(known[crop.tobytes()])
    assert {turn for _, turn in seen} == set(range(8))
    shares = np.bincount([n for n, _ in seen]) / len(seen)
    areas = np.array([9 * 13, 6 * 6, 20 * 7])
    np.testing.assert_allclose(shares, areas / areas.sum(), atol=0.06)


def test_a_crop_can_be_anywhere_in_a_picture():
    picture = torch.from_numpy(noise(6, 7))
    crops = Crops([picture], 5, 100, seed=0)
    corners = {crop[:, 0, 0].numpy().tobytes() for crop in crops(0)}
    assert len(corners) > 12  # six places, up to four corners each


def test_crops_depend_on_seed_process_and_step_alone():
    pictures = [torch.from_numpy(noise(40, 40))]
    first = Crops(pictures, 8, 4, seed=1)
    first(0)
    same = torch.equal(first(7), Crops(pictures, 8, 4, seed=1)(7))
    assert same
    for other in (first(8), Crops(pictures, 8, 4, seed=2)(7), Crops(pictures, 8, 4, seed=1, process=1)(7)):
        assert not torch.equal(first(7), other)
