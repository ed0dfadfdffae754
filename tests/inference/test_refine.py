"""Refinement: each picture regrows better for it, whatever the model, the size and the tile."""

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio as psnr
from support.models import randomized
from support.pictures import noise

import regrow
from regrow import zoo
from regrow.errors import UsageError
from regrow.inference.rescale import grow_rows, shrink_rows
from regrow.nets.rescale.tad import TADConfig
from regrow.operations.shrink import Shrink
from regrow.runners.resume import State, state_of
from regrow.size import Size, small_size

KINDS = {
    "x4": {"scale": 4, "pairs": 2},
    "unshuffle": {"unshuffle": 2},
    "across": {"height": 1},
    "hiding": {"scale": 1, "height": 1, "width": 1, "small_colors": 1},
    "grey": {"colors": 1, "small_colors": 1},
}


def shrunk(picture, model, refine, tile=512, small=None):
    height, width = picture.shape[:2]
    small = Size(*(small or small_size((width, height), model.scales[::-1])))
    rows = shrink_rows([picture], Size(width, height), model.colors, model, small, tile, refine)
    return np.concatenate(list(rows))


def grown(small, size, model):
    height, width = small.shape[:2]
    rows = grow_rows([small], Size(width, height), Size(*size), model.small_colors, model.colors, model)
    return np.concatenate(list(rows))


@pytest.mark.parametrize("name", ["tad-x2", "tad-x4"])
def test_a_photograph_regrows_better_and_its_small_picture_stays_as_alike(name, astronaut):
    model, picture = zoo.load(name), astronaut[:160, 160:352]
    plain, refined = shrunk(picture, model, 0), shrunk(picture, model, 5)
    gain = psnr(picture, grown(refined, (192, 160), model)) - psnr(picture, grown(plain, (192, 160), model))
    assert gain > 0.4
    ordinary = torch.from_numpy(picture).permute(2, 0, 1)[None] / 255
    ordinary = (model.guidance(ordinary, plain.shape[:2])[0].clamp(0, 1) * 255).round().permute(1, 2, 0).numpy()
    ordinary = ordinary.astype(np.uint8)
    assert psnr(ordinary, refined) > psnr(ordinary, plain) - 0.5


# A tile of 8 with its halo is worked on in many pieces: two kinds of them show what it does.
@pytest.mark.parametrize(
    ("kind", "tile"),
    [*((kind, 33) for kind in KINDS), ("x4", 8), ("hiding", 8), ("unshuffle", 512), ("across", 512), ("grey", 512)],
)
def test_every_kind_of_model_gains_at_every_size_of_tile(kind, tile, astronaut):
    model = randomized(TADConfig(channels=8, blocks=1, **KINDS[kind]))
    picture = astronaut[100:159, 200:283, : model.colors]
    plain, refined = shrunk(picture, model, 0, tile), shrunk(picture, model, 5, tile)
    assert refined.shape == plain.shape
    before, after = (psnr(picture, grown(small, (83, 59), model)) for small in (plain, refined))
    assert after > before


def test_alpha_is_left_alone(tiny):
    picture = noise(30, 41, 4)
    plain, refined = shrunk(picture, tiny, 0), shrunk(picture, tiny, 3)
    np.testing.assert_array_equal(refined[..., 3], plain[..., 3])
    assert (refined[..., :3] != plain[..., :3]).any()


def test_no_seams(astronaut):
    """Errors along the borders of tiles are no larger than elsewhere."""
    model, picture = zoo.load("tad-x2"), astronaut[:160, 160:320]
    again = grown(shrunk(picture, model, 5, tile=64), (160, 160), model)
    error = np.abs(again.astype(float) - picture).mean(2)
    borders = np.zeros((160, 160), bool)
    for cut in (64, 128):
        borders[cut - 2 : cut + 2] = borders[:, cut - 2 : cut + 2] = True
    whole = np.abs(grown(shrunk(picture, model, 5), (160, 160), model).astype(float) - picture).mean(2)
    assert error[borders].mean() < 1.05 * whole[borders].mean()


def test_resampled_scales_and_tiny_pictures(tiny):
    for height, width in ((1, 1), (3, 5), (40, 1)):
        picture = noise(height, width)
        for scale in (1.3, 2.0):
            small = small_size((width, height), (scale, scale))
            assert shrunk(picture, tiny, 2, small=small).shape == (*small[::-1], 3)


def test_rows_are_pulled_through_in_bounded_memory(tiny):
    tile, asked = 32, 0

    def rows():
        nonlocal asked
        for _ in range(1000):
            asked += 1
            yield noise(1, 40)

    given_back = 0
    for block in shrink_rows(rows(), Size(40, 1000), 3, tiny, Size(20, 500), tile, 1):
        given_back += len(block)
        assert asked <= 2 * given_back + 4 * (tile + tiny.halo)
    assert given_back == 500


def test_the_passport_says_it_and_done_knows(tmp_path, tiny_folder, save):
    source, small = save("a.png", noise(20, 30)), tmp_path / "s.png"
    regrow.shrink(source, small, model=tiny_folder, refine=2)
    assert regrow.info(small).passport.refined == 2
    assert state_of(Shrink(model=tiny_folder, refine=2), source, small) is State.DONE
    assert state_of(Shrink(model=tiny_folder), source, small) is State.OTHER
    regrow.grow(small, tmp_path / "again.png", model=tiny_folder)
    regrow.shrink(source, tmp_path / "plain.png", model=tiny_folder)
    assert regrow.info(tmp_path / "plain.png").passport.refined is None


@pytest.mark.parametrize("refine", [-1, 1001])
def test_steps_out_of_range(refine):
    with pytest.raises(UsageError, match=f"refine {refine}: must be from 0 to 1000 iterations"):
        regrow.shrink(noise(8, 8), refine=refine)
