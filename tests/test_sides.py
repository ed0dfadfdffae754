import itertools

import numpy as np
import pytest
import torch

from regrow.sides import Way, applications, mirrored, positions


@pytest.mark.parametrize(("inputs", "outputs"), [(7, 5), (5, 7), (4, 2), (2_000_000_000, 1_999_999_999)])
def test_positions_are_those_of_the_centres(inputs, outputs):
    last = min(outputs, 1000)
    fraction, first = positions(inputs, outputs, np.arange(outputs - last, outputs))
    exact = [(2 * i + 1) * inputs / (2 * outputs) - 0.5 for i in range(outputs - last, outputs)]
    np.testing.assert_allclose(first + fraction, exact, rtol=1e-9, atol=1e-6)
    assert (fraction >= 0).all()
    assert (fraction <= 1).all()


def test_positions_of_tensors_are_those_of_arrays():
    made = np.arange(40, 60)
    for inputs, outputs in ((100, 70), (70, 100), (120, 60)):
        fraction, first = positions(inputs, outputs, made)
        same, as_first = positions(torch.tensor(inputs), torch.tensor(outputs), torch.from_numpy(made))
        np.testing.assert_allclose(same, fraction, rtol=1e-6, atol=1e-7)
        np.testing.assert_array_equal(as_first, first)


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_mirrored_positions_are_those_of_padding_with_the_edge_repeated(count):
    far = 3 * count
    expected = np.pad(np.arange(count), far, mode="symmetric")
    at = np.arange(-far, count + far)
    np.testing.assert_array_equal(mirrored(at, count), expected)
    np.testing.assert_array_equal(mirrored(torch.from_numpy(at), torch.tensor(count)), expected)


def test_a_way_of_a_part_has_the_places_of_the_whole():
    whole, part = Way(30, 20, (0, 30), (0, 20)), Way(30, 20, (6, 24), (7, 12))
    for of_part, of_whole in zip(part.places(8), whole.places(8), strict=True):
        np.testing.assert_array_equal(of_part, of_whole[7:12])
    assert (part.first, part.length, part.wide, part.taps) == (6, 18, 1.5, 6)


@pytest.mark.parametrize(
    ("relative", "sizes"),
    [
        (False, [(64, 64), (32, 32)]),
        (False, [(64, 64), (64, 33)]),
        (False, [(65, 64), (33, 32), (32, 32)]),
        (False, [(64, 64), (32, 64), (16, 64)]),
        (False, [(64, 90), (32, 60), (16, 60)]),
        (False, [(70, 70), (35, 35), (18, 18), (9, 9)]),
        (True, [(64, 64), (32, 32)]),
        (True, [(65, 64), (64, 64), (32, 32)]),
        (True, [(64, 64), (32, 64), (16, 64)]),
        (True, [(64, 90), (32, 90), (16, 60)]),
        (True, [(70, 70), (36, 36), (18, 18), (9, 9)]),
    ],
)
def test_all_applications_but_one_shrink_by_2(relative, sizes):
    applied = applications(sizes[0], sizes[-1], relative=relative)
    found = [tuple(zip(*((s.full, s.small) for s in one.sides), strict=True)) for one in applied]
    assert found == list(itertools.pairwise(sizes))
    assert [one.last for one in applied] == [*[False] * (len(applied) - 1), True]
