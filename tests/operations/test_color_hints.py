import heapq

import numpy as np
import pytest
import torch

from regrow.errors import UsageError
from regrow.nets.color.regression import RegressionColorizer, RegressionConfig
from regrow.nets.ops.color import lab, lightness, luma
from regrow.operations import color_hints as hints
from regrow.operations.color_hints import Hint, carry_over, check, sparse, spread

RED = 200, 30, 40


def ab_of(color):
    return lab(torch.tensor(color, dtype=torch.float32)[:, None, None] / 255)[1:, 0, 0]


def test_a_hint_is_read():
    assert Hint.parse("12,7,#c81e28") == Hint(12, 7, RED)
    assert Hint.parse("12, 7, C81E28") == Hint(12, 7, RED)
    for text in ("12,7", "12,7,#c81e2", "-1,7,#c81e28", "12,7,red", "1.5,7,#c81e28", ""):
        with pytest.raises(UsageError, match="expected x,y,#rrggbb"):
            Hint.parse(text)


def test_a_hint_outside_is_refused():
    check([Hint(9, 4, RED)], (10, 5))
    for x, y in ((10, 0), (0, 5)):
        with pytest.raises(UsageError, match="outside the picture, which is 10x5"):
            check([Hint(x, y, RED)], (10, 5))


def test_a_sparse_picture_is_its_colored_pixels():
    painted = np.full((5, 10, 3), 90, np.uint8)
    painted[2, 3] = RED
    assert sparse(painted, (10, 5)) == [Hint(3, 2, RED)]
    clear = np.zeros((5, 10, 4), np.uint8)
    clear[1, 8] = 80, 80, 80, 255  # opaque grey is a colour too: that it is none
    assert sparse(clear, (10, 5)) == [Hint(8, 1, (80, 80, 80))]
    with pytest.raises(UsageError, match="10x5, but the picture to colour is 10x6"):
        sparse(painted, (10, 6))
    with pytest.raises(UsageError, match="no colour"):
        sparse(np.full((5, 10, 3), 90, np.uint8), (10, 5))


def dijkstra(level, start):
    """Shortest ways over the grid with the cost of `spread`."""
    h, w = level.shape
    found = np.full((h, w), np.inf)
    queue = [(0.0, *place) for place in start]
    while queue:
        d, y, x = heapq.heappop(queue)
        if d >= found[y, x]:
            continue
        found[y, x] = d
        for v, u in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            if 0 <= v < h and 0 <= u < w:
                step = ((level[v, u] - level[y, x]) / hints.CONTRAST) ** 2 + hints.FRICTION
                heapq.heappush(queue, (d + step, v, u))
    return found


def test_distances_are_those_of_dijkstra():
    level = 100 * np.random.default_rng(0).random((14, 17)).astype(np.float32)
    level[5:8] = np.linspace(0, 30, 17)
    start = torch.full((2, 14, 17), torch.inf)
    start[0, 3, 4] = start[1, 13, 0] = start[1, 0, 16] = 0
    found = hints._distance(start, torch.from_numpy(level))
    for got, places in zip(found, ([(3, 4)], [(13, 0), (0, 16)]), strict=True):
        np.testing.assert_allclose(got, dijkstra(level, places), rtol=1e-3, atol=0.02)


def test_a_color_fills_its_region_and_stops_at_its_edge():
    seen = torch.full((1, 1, 32, 48), 30.0)
    seen[..., 24:] = 70
    guess = torch.zeros(1, 2, 32, 48)
    found = spread(guess, seen, [Hint(10, 10, RED)], (96, 64))
    torch.testing.assert_close(found[0, :, 5, 5], ab_of(RED), atol=0.5, rtol=0)
    assert (found[..., :24] - ab_of(RED).view(1, 2, 1, 1)).abs().max() < 15
    assert found[..., 24:].abs().max() < 1


def test_the_nearer_of_two_colors_wins():
    seen = torch.full((1, 1, 16, 64), 50.0)
    blue = 40, 60, 200
    found = spread(torch.zeros(1, 2, 16, 64), seen, [Hint(0, 8, RED), Hint(63, 8, blue)], (64, 16))
    for x, color in ((1, RED), (62, blue)):
        torch.testing.assert_close(found[0, :, 8, x], ab_of(color), atol=0.5, rtol=0)
    middle = found[0, :, 8, 31:33].mean(1)
    away = [float((middle - ab_of(color)).norm()) for color in (RED, blue)]
    assert away[0] == pytest.approx(away[1], rel=0.05)


def test_a_reference_gives_its_colors_to_what_looks_alike(coffee):
    """A picture is the best reference for itself: far better than none, and than its own colours anywhere else."""
    model = RegressionColorizer(RegressionConfig(width=8)).eval()
    x = torch.from_numpy(coffee[:192, :192].copy()).permute(2, 0, 1)[None] / 255
    ab = torch.nn.functional.avg_pool2d(lab(x)[:, 1:], 8)
    with torch.no_grad():
        found = carry_over(lightness(luma(x)), coffee[:192, :192], model)
    assert found.shape == (1, 2, 192, 192)
    found = torch.nn.functional.avg_pool2d(found, 8)
    error = (found - ab).square().mean()
    assert error < 0.5 * ab.square().mean()
    assert error < 0.5 * (found - ab.flip(-1)).square().mean()
