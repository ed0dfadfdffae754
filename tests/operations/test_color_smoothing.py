import numpy as np
import torch

from regrow.nets.ops.guided_filter import lines
from regrow.operations.color_smoothing import ALIKE, REACH, smoothed
from regrow.operations.colorize import EPSILON, RADIUS, Colors


def test_what_stands_still_gets_the_mean_color():
    torch.manual_seed(0)
    grey = torch.rand(1, 1, 32, 48)
    guesses = [(grey, torch.randn(1, 2, 32, 48)) for _ in range(2 * REACH + 1)]
    found = smoothed(guesses)
    expected = lines(grey, torch.cat([ab for _, ab in guesses]).mean(0, keepdim=True), RADIUS, EPSILON)
    torch.testing.assert_close((found.slope, found.offset), tuple(expected), atol=1e-4, rtol=1e-4)


def test_what_shows_something_else_has_no_say():
    grey, other = torch.full((1, 1, 32, 48), 0.2), torch.full((1, 1, 32, 48), 0.8)
    own, foreign = torch.full((1, 2, 32, 48), 10.0), torch.full((1, 2, 32, 48), -50.0)
    found = smoothed([(other, foreign), (grey, own), (other, foreign)])
    np.testing.assert_allclose(found.on(grey, 0, (48, 32)), own, atol=1e-4)


def test_the_say_of_a_frame_falls_as_a_gaussian_of_how_much_it_differs():
    grey = torch.full((1, 1, 32, 48), 0.5)
    own, foreign = torch.zeros(1, 2, 32, 48), torch.ones(1, 2, 32, 48)
    found = smoothed([(grey + ALIKE, foreign), (grey, own), (grey, own)]).on(grey, 0, (48, 32))
    weight = np.exp(-0.5)
    np.testing.assert_allclose(found, weight / (2 + weight), rtol=1e-4)


def test_one_frame_is_as_a_picture():
    torch.manual_seed(0)
    grey, ab = torch.rand(1, 1, 32, 48), torch.randn(1, 2, 32, 48)
    found, expected = smoothed([(grey, ab)]), Colors.fit(grey, ab)
    torch.testing.assert_close((found.slope, found.offset), (expected.slope, expected.offset))
