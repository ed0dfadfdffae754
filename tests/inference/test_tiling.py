import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regrow.inference.tiling import Tiling, run_tiled
from regrow.size import Size


def box(picture, reach):
    """Sum over a square window of whole numbers, zero outside: exact in whatever order."""
    h, w = picture.shape[:2]
    padded = np.pad(picture, ((reach, reach), (reach, reach), (0, 0)))
    return sum(padded[y : y + h, x : x + w] for y in range(2 * reach + 1) for x in range(2 * reach + 1))


def shrinking(picture, reach):
    h, w, bands = picture.shape
    return box(picture.reshape(h // 2, 2, w // 2, 2, bands).sum((1, 3)), reach)


def growing(picture, reach):
    return box(picture, reach).repeat(2, 0).repeat(2, 1) * np.array([1.0, 2.0])


MAPS = {"shrink": (shrinking, 2, 1), "grow": (growing, 1, 2), "keep": (box, 1, 1)}


def blocks_of(picture, heights):
    """Rows in blocks of these heights, over and over."""
    top = 0
    while top < len(picture):
        for height in heights:
            yield picture[top : top + height]
            top += height


def integers(height, width):
    return np.random.default_rng(height * 1000 + width).integers(0, 256, (height, width, 2)).astype(np.float64)


@settings(max_examples=300)
@given(
    kind=st.sampled_from(sorted(MAPS)),
    down=st.integers(1, 25),
    across=st.integers(1, 25),
    tile=st.integers(1, 27),
    reach=st.integers(0, 4),
    slack=st.integers(0, 2),
    heights=st.lists(st.integers(0, 9), min_size=1, max_size=4).filter(any),
)
def test_tiles_equal_the_whole(kind, down, across, tile, reach, slack, heights):
    run, cell_in, cell_out = MAPS[kind]
    picture = integers(down * cell_in, across * cell_in)
    tiling = Tiling((cell_in,) * 2, (cell_out,) * 2, reach + slack, tile)
    strips = list(
        run_tiled(blocks_of(picture, heights), Size(across * cell_in, down * cell_in), lambda x: run(x, reach), tiling)
    )
    np.testing.assert_array_equal(np.concatenate(strips), run(picture, reach))


@pytest.mark.parametrize("kind", MAPS)
def test_a_picture_of_one_cell(kind):
    run, cell_in, cell_out = MAPS[kind]
    picture = integers(cell_in, cell_in)
    (strip,) = run_tiled(
        [picture], Size(cell_in, cell_in), lambda x: run(x, 3), Tiling((cell_in,) * 2, (cell_out,) * 2, 3, 5)
    )
    np.testing.assert_array_equal(strip, run(picture, 3))


@pytest.mark.parametrize(("down", "across"), [(3, 1000), (1000, 3)])
def test_narrow_pictures_are_cut_into_long_tiles(down, across):
    """Issue: a picture of 65536x3 took a minute, nearly all of it overlaps of tiles."""
    picture, runs = integers(down, across), []

    def run(x):
        runs.append(x.shape)
        return box(x, 2)

    strips = run_tiled([picture], Size(across, down), run, Tiling((1, 1), (1, 1), 2, 30))
    np.testing.assert_array_equal(np.concatenate(list(strips)), box(picture, 2))
    assert len(runs) == 4  # of 300x3 cells, as many as 30x30


def test_too_small_a_halo_shows():
    """The maps of this file do look as far as they say, so the tests above can fail."""
    picture = integers(20, 20)
    strips = run_tiled([picture], Size(20, 20), lambda x: box(x, 2), Tiling((1, 1), (1, 1), 1, 7))
    assert (np.concatenate(list(strips)) != box(picture, 2)).any()


@pytest.mark.parametrize(("kind", "block"), [("shrink", 1), ("shrink", 3), ("grow", 1), ("grow", 5)])
def test_rows_are_asked_for_only_when_needed(kind, block):
    run, cell_in, cell_out = MAPS[kind]
    tile, halo, down = 7, 3, 60
    picture = integers(down * cell_in, 10 * cell_in)
    asked = 0

    def rows():
        nonlocal asked
        for part in blocks_of(picture, [block]):
            asked += len(part)
            yield part

    tiling = Tiling((cell_in,) * 2, (cell_out,) * 2, halo, tile)
    strips = run_tiled(rows(), Size(10 * cell_in, down * cell_in), lambda x: run(x, halo), tiling)
    assert asked == 0
    given_back = 0
    for strip in strips:
        given_back += len(strip) // cell_out
        assert asked < (given_back + halo) * cell_in + block
    assert given_back == down


def test_nothing_larger_than_a_tile_and_its_halo_is_run():
    """Memory is bounded by the tile, not by the picture."""
    seen = set()

    def run(x):
        seen.add(x.shape)
        return box(x, 2)

    list(run_tiled([integers(100, 90)], Size(90, 100), run, Tiling((1, 1), (1, 1), 2, 11)))
    assert max(h for h, _, _ in seen) == max(w for _, w, _ in seen) == 11 + 2 * 2


def test_rows_above_the_window_are_let_go():
    import weakref

    class Rows(np.ndarray):
        pass

    alive = []

    def rows():
        for _ in range(200):
            block = np.zeros((1, 8, 1)).view(Rows)
            alive.append(weakref.ref(block))
            yield block

    most = 0
    for _ in run_tiled(rows(), Size(8, 200), np.asarray, Tiling((1, 1), (1, 1), 2, 10)):
        most = max(most, sum(ref() is not None for ref in alive))
    assert most <= 10 + 2 * 2 + 1


def test_rows_that_are_done_with_are_let_go():
    """A picture of any height needs the memory of a strip, not of the picture."""
    width, height, block = 64, 64 * 200, 64

    def rows():
        for _ in range(height // block):
            yield np.zeros((block, width, 3), np.float32)

    tracemalloc.start()
    try:
        for _ in run_tiled(rows(), Size(width, height), lambda tile: tile, Tiling((1, 1), (1, 1), 2, 64)):
            pass
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 10 * block * width * 3 * 4
