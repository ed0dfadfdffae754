import numpy as np
import pytest
import torch
from support.models import learned_pair

from regrow.inference.any_scale import Windows, grow_rows, shrink_rows
from regrow.size import Size


@pytest.fixture(scope="module", params=[False, True], ids=["absolute", "relative"])
def pair(request):
    return learned_pair(relative=request.param)


@pytest.mark.parametrize(
    ("full", "small"),
    [
        ((300, 200), (200, 133)),
        ((97, 301), (40, 81)),
        ((3, 2), (2, 1)),
        ((1, 1), (1, 1)),
        ((256, 5), (233, 2)),
        ((90, 400), (89, 101)),
    ],
)  # fmt: skip
def test_tiles_make_what_the_whole_makes(pair, full, small):
    full, small = Size(*full), Size(*small)
    picture = np.random.default_rng(0).random((full.height, full.width, 3), dtype=np.float32)
    rows = np.array_split(picture, 3)
    made = np.concatenate(list(shrink_rows(rows, full, 3, pair, small, tile=64)))
    x = torch.from_numpy(picture).permute(2, 0, 1)[None]
    expected = pair.shrink(x, (small.height, small.width)).clamp(0, 1)[0].permute(1, 2, 0).numpy() * 255
    assert np.abs(made - expected).max() < 0.51
    y = torch.from_numpy(made).permute(2, 0, 1)[None] / 255
    expected = pair.grow(y, (full.height, full.width)).clamp(0, 1)[0].permute(1, 2, 0).numpy()
    again = np.concatenate(list(grow_rows([made], small, full, 3, 3, pair, np.float32, tile=64)))
    np.testing.assert_allclose(again, expected, atol=1e-4)


def test_grey_and_alpha_go_through(pair):
    full, small = Size(40, 30), Size(25, 20)
    grey = np.full((30, 40, 2), 255, np.uint8)
    grey[..., 0] = np.arange(40) * 6
    made = np.concatenate(list(shrink_rows([grey], full, 1, pair, small)))
    assert made.shape == (20, 25, 2)
    assert (made[..., 1] == 255).all()
    again = np.concatenate(list(grow_rows([made], small, full, 1, 1, pair)))
    assert again.shape == (30, 40, 2)
    assert (again[..., 1] == 255).all()


def test_alpha_stays_within_what_is_around(pair):
    """Opaque stays opaque, transparent transparent; what lies between is shrunk as a picture is."""
    full, small = Size(90, 64), Size(60, 37)
    picture = np.random.default_rng(1).integers(0, 256, (64, 90, 4), dtype=np.uint8)
    picture[:, :30, 3], picture[:, 30:60, 3], picture[:, 60:, 3] = 0, 255, np.arange(64)[:, None] * 4
    made = np.concatenate(list(shrink_rows([picture], full, 3, pair, small, tile=32)))
    again = np.concatenate(list(grow_rows([made], small, full, 3, 3, pair, tile=32)))
    assert (made[:, :18, 3] == 0).all()
    assert (made[:, 22:38, 3] == 255).all()
    assert (again[:, :26, 3] == 0).all()
    assert (again[:, 34:56, 3] == 255).all()
    assert np.abs(again[2:-2, 64:, 3].astype(int) - picture[2:-2, 64:, 3]).mean() < 8


def test_colours_under_full_transparency_come_back_and_do_not_bleed(pair):
    full, small = Size(48, 48), Size(32, 32)
    picture = np.zeros((48, 48, 4), np.uint8)
    picture[:, :24] = 200, 40, 40, 255
    picture[:, 24:] = 0, 255, 0, 0
    made = np.concatenate(list(shrink_rows([picture], full, 3, pair, small)))
    alone = np.concatenate(list(shrink_rows([np.full((48, 48, 3), (200, 40, 40), np.uint8)], full, 3, pair, small)))
    np.testing.assert_array_equal(made[:, :16, :3], alone[:, :16])
    hidden = np.concatenate(list(shrink_rows([picture[..., :3]], full, 3, pair, small)))
    np.testing.assert_array_equal(made[:, 20:, :3], hidden[:, 20:])


@pytest.mark.parametrize(("small", "tile"), [((55, 40), 24), ((40, 20), 512), ((20, 15), 32), ((9, 59), 512)])
def test_refinement_gains_at_every_scale_and_size_of_tile(pair, small, tile, astronaut):
    picture, full, small = astronaut[100:159, 200:283], Size(83, 59), Size(*small)
    errors = []
    for iterations in (0, 5):
        made = np.concatenate(list(shrink_rows([picture], full, 3, pair, small, tile, iterations)))
        again = np.concatenate(list(grow_rows([made], small, full, 3, 3, pair)))
        errors.append(((again.astype(float) - picture) ** 2).mean())
    assert errors[1] < errors[0]


@pytest.mark.parametrize("applications", [1, 2])
def test_parts_grow_as_in_the_whole(pair, applications):
    full, small = Size(60, 80), Size(45, 54) if applications == 1 else Size(20, 26)
    windows, y = Windows(pair, full, small), torch.rand(1, 3, small.height, small.width)
    down, across = (4, small.height - 2), (0, 19)
    rows, columns = windows.fulls(0, down), windows.fulls(1, across)
    part = windows.window(down, across).grow(y[..., down[0] : down[1], across[0] : across[1]])
    whole = pair.grow(y, full.hw)[..., rows[0] : rows[1], columns[0] : columns[1]]
    assert part.shape == whole.shape
    inner = np.s_[..., 18:-18, :-18]  # what the nets' reach beyond the part has no say in
    assert whole[inner].numel() > 0
    torch.testing.assert_close(part[inner], whole[inner], atol=1e-5, rtol=0)


def test_rows_are_pulled_through_in_bounded_memory(pair):
    tile, asked, given = 32, 0, 0

    def rows():
        nonlocal asked
        for _ in range(1000):
            asked += 1
            yield np.zeros((1, 40, 3), np.uint8)

    for block in shrink_rows(rows(), Size(40, 1000), 3, pair, Size(31, 769), tile):
        given += len(block)
        assert asked <= 1.3 * given + 3 * (tile + pair.halo)
    assert given == 769
