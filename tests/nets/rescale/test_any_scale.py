import numpy as np
import pytest
import torch
from support.models import learned_pair, randomized

from regrow import zoo
from regrow.nets.ops.bank import Analysis, Side, Synthesis, positions
from regrow.nets.ops.resample import bicubic
from regrow.nets.rescale.any_scale import AnyScale, AnyScaleConfig
from regrow.nets.rescale.tad import TADConfig

AT_ONCE = [((24, 36), (16, 20)), ((25, 31), (25, 17)), ((3, 2), (2, 1)), ((1, 1), (1, 1)), ((40, 40), (20, 20))]
TWICE = [((25, 31), (23, 9)), ((40, 40), (10, 10)), ((5, 3), (1, 1))]


@pytest.fixture
def pair():
    return learned_pair()


@pytest.mark.parametrize(("full", "small"), AT_ONCE + TWICE)
def test_untrained_it_is_the_bicubic_of_every_application(full, small):
    net, x, y = AnyScale(AnyScaleConfig(blocks=1)).eval(), torch.rand(2, 3, *full), torch.rand(2, 3, *small)
    sizes = [small]
    if (full, small) in TWICE:
        sizes.insert(0, tuple(max(-(-n // 2), less) for n, less in zip(full, small, strict=True)))
    expected_small, expected_full = x, y
    for size in sizes:
        expected_small = bicubic(expected_small, size)
    for size in [*sizes[-2::-1], full]:
        expected_full = bicubic(expected_full, size)
    with torch.no_grad():
        torch.testing.assert_close(net.shrink(x, small), expected_small)
        torch.testing.assert_close(net.grow(y, full), expected_full)


@pytest.mark.parametrize("blocks", [2, 3])
@pytest.mark.parametrize("most", [2, 4])
def test_it_starts_as_the_model_of_its_largest_factor(most, blocks):
    other = randomized(TADConfig(scale=most, height=most, width=most, channels=8, blocks=2))
    net = AnyScale(AnyScaleConfig(most=most, channels=8, blocks=blocks)).eval()
    net.start_from(other)
    x = torch.rand(1, 3, 32, 40)
    with torch.no_grad():
        small = other.shrink(x)
        torch.testing.assert_close(net.shrink(x, small.shape[-2:]), small)
        torch.testing.assert_close(net.grow(small, (32, 40)), other.grow(small))


def test_blocks_that_are_too_many_are_left_out():
    other = randomized(TADConfig(channels=8, blocks=2))
    net, fewer = AnyScale(AnyScaleConfig(channels=8, blocks=1)).eval(), randomized(TADConfig(channels=8, blocks=1))
    net.start_from(other)
    fewer.encoders[0].load_state_dict({k: v for k, v in other.encoders[0].state_dict().items() if "blocks.1" not in k})
    x = torch.rand(1, 3, 32, 40)
    with torch.no_grad():
        torch.testing.assert_close(net.shrink(x, (16, 20)), fewer.shrink(x))


@pytest.mark.parametrize(
    ("most", "full", "small", "expected"),
    [
        (2, (64, 64), (32, 32), [((64, 64), (32, 32))]),
        (2, (64, 64), (64, 33), [((64, 64), (64, 33))]),
        (2, (65, 64), (32, 32), [((65, 64), (33, 32)), ((33, 32), (32, 32))]),
        (2, (64, 64), (16, 64), [((64, 64), (32, 64)), ((32, 64), (16, 64))]),
        (2, (64, 90), (16, 60), [((64, 90), (32, 60)), ((32, 60), (16, 60))]),
        (2, (70, 70), (9, 9), [((70, 70), (35, 35)), ((35, 35), (18, 18)), ((18, 18), (9, 9))]),
        (4, (64, 64), (16, 32), [((64, 64), (16, 32))]),
        (4, (65, 64), (16, 16), [((65, 64), (17, 16)), ((17, 16), (16, 16))]),
    ],
)
def test_pictures_are_shrunk_by_the_most_until_once_more_is_enough(most, full, small, expected):
    applied = AnyScale(AnyScaleConfig(most=most, channels=1, blocks=1)).applied(full, small)
    assert [tuple(zip(*((s.full, s.small) for s in sides), strict=True)) for sides in applied] == expected


def test_a_model_of_other_factors_is_no_start():
    with pytest.raises(ValueError, match="the layouts differ"):
        AnyScale().start_from(zoo.load("tad-2x1"))


@pytest.mark.parametrize(("inputs", "outputs"), [(7, 5), (5, 7), (4, 2), (2_000_000_000, 1_999_999_999)])
def test_positions_are_those_of_the_centres(inputs, outputs):
    last = min(outputs, 1000)
    fraction, first = positions(inputs, outputs, (outputs - last, outputs), torch.device("cpu"))
    exact = [(2 * i + 1) * inputs / (2 * outputs) - 0.5 for i in range(outputs - last, outputs)]
    np.testing.assert_allclose(first.numpy() + fraction.double().numpy(), exact, rtol=1e-9, atol=1e-6)
    assert (fraction >= 0).all()
    assert (fraction <= 1).all()


@pytest.mark.parametrize("bank", [Analysis, Synthesis])
def test_filters_that_have_learned_nothing_interpolate(bank):
    """The matrix keeps what is the same everywhere, where the filter looks into the reach."""
    with torch.no_grad():
        matrix = bank()(Side.whole(30, 20))
    assert matrix.shape == ((20, 6, 30) if bank is Analysis else (30, 6, 20))
    if bank is Analysis:
        torch.testing.assert_close(matrix.sum(2), torch.ones(20, 6))
    else:  # each full-size pixel lies within half a pixel of the filters of its nearest small ones
        assert (matrix.sum((1, 2)) > 0.9).all()


def test_a_part_is_a_part_of_the_whole(pair):
    whole = Side.whole(60, 40)
    for bank, part in (
        (pair.analysis, Side(60, 40, (15, 60), (20, 30))),
        (pair.synthesis, Side(60, 40, (30, 36), (18, 30))),
    ):
        rows, columns = (part.smalls, part.fulls) if bank is pair.analysis else (part.fulls, part.smalls)
        expected = bank(whole)[rows[0] : rows[1], :, columns[0] : columns[1]]
        torch.testing.assert_close(bank(part), expected)


@pytest.mark.parametrize(("full", "small"), [AT_ONCE[0], TWICE[0]])
def test_a_turned_picture_is_shrunk_turned(pair, full, small):
    """Both sides share their filters; kernels that are symmetric see no difference between them."""
    for trunk in (pair.encoder, pair.decoder):
        trunk.head.weight[:] = 0
        trunk.tail.weight[:] = 0
    x = torch.rand(1, 3, *full)
    turned = pair.shrink(x.mT.contiguous(), small[::-1]).mT
    torch.testing.assert_close(turned, pair.shrink(x, small))


def test_cost_is_that_of_the_small_sizes():
    net = AnyScale(AnyScaleConfig(channels=8, blocks=1))
    one, other = (112 * 8 + 2 * 8 * 8 + 8 * 3) * 9, (7 * 8 + 2 * 8 * 8 + 8 * 108) * 9
    for scale, pixels in ((1.5, 1 / 1.5**2), (2, 1 / 4), (3, 1 / 4 + 1 / 9), (4, 1 / 4 + 1 / 16)):
        assert net.multiply_adds(scale) == pytest.approx((one * pixels, other * pixels), rel=1e-4)
    assert net.multiply_adds() == net.multiply_adds(4)
    net = AnyScale(AnyScaleConfig(channels=8, blocks=1, most=4))
    assert net.multiply_adds(2.5) == pytest.approx((one / 6.25, other / 6.25), rel=1e-4)


@pytest.mark.parametrize("settings", [{"channels": 0}, {"blocks": 257}, {"hidden": 0}, {"scale": 3}, {"most": 3}])
def test_settings_out_of_range(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        AnyScaleConfig(**settings)
