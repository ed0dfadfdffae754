import pytest
import torch
from support.models import learned_pair, randomized

from regrow import zoo
from regrow.metrics.fidelity import psnr_rgb
from regrow.nets.ops.bank import Analysis, Synthesis
from regrow.nets.ops.resample import bicubic
from regrow.nets.rescale.any_scale import AnyScale, AnyScaleConfig
from regrow.nets.rescale.tad import TADConfig
from regrow.sides import Side

AT_ONCE = [((24, 36), (16, 20)), ((25, 31), (25, 17)), ((3, 2), (2, 1)), ((1, 1), (1, 1)), ((40, 40), (20, 20))]
TWICE = [((25, 31), (23, 9)), ((40, 40), (10, 10)), ((5, 3), (2, 1))]


@pytest.fixture(params=[False, True], ids=["absolute", "relative"])
def pair(request):
    return learned_pair(relative=request.param)


@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize(("full", "small"), AT_ONCE + TWICE)
def test_untrained_it_is_the_bicubic_of_every_application(full, small, relative):
    net = AnyScale(AnyScaleConfig(blocks=1, relative=relative)).eval()
    x, y = torch.rand(2, 3, *full), torch.rand(2, 3, *small)
    sizes = [small]
    if (full, small) in TWICE:
        halfway = (min(n, 2 * less) if relative else max(-(-n // 2), less) for n, less in zip(full, small, strict=True))
        sizes.insert(0, tuple(halfway))
    expected_small, expected_full = x, y
    for size in sizes:
        expected_small = bicubic(expected_small, size)
    for size in [*sizes[-2::-1], full]:
        expected_full = bicubic(expected_full, size)
    with torch.no_grad():
        torch.testing.assert_close(net.shrink(x, small), expected_small)
        torch.testing.assert_close(net.grow(y, full), expected_full)


@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize(("name", "pairs"), [("tad-x2", 1), ("tad-x2", 2), ("tad-x4", 2)])
def test_it_starts_as_the_model_of_a_fixed_scale(name, pairs, relative):
    last = 16 if pairs == 2 else 0
    net = AnyScale(AnyScaleConfig(blocks=14, last_blocks=last, pairs=pairs, relative=relative)).eval()
    other = zoo.load(name).eval()
    net.start_from(other)
    x = torch.rand(1, 3, 32, 40)
    with torch.no_grad():
        small = other.shrink(x)
        torch.testing.assert_close(net.shrink(x, small.shape[-2:]), small)
        torch.testing.assert_close(net.grow(small, (32, 40)), other.grow(small))


def test_relative_it_starts_as_resampling_and_the_model_of_a_fixed_scale():
    net, other = AnyScale(AnyScaleConfig(blocks=14, pairs=2, relative=True)).eval(), zoo.load("tad-x4").eval()
    net.start_from(other)
    x = bicubic(torch.rand(1, 3, 8, 10, generator=torch.Generator().manual_seed(0)), (60, 75))
    with torch.no_grad():
        small = other.shrink(bicubic(x, (96, 120)))
        assert psnr_rgb(net.shrink(x, (24, 30)), small) > 50
        assert psnr_rgb(net.grow(small, (60, 75)), bicubic(other.grow(small), (60, 75))) > 45


def test_of_blocks_that_are_too_many_those_after_the_first_half_are_left_out():
    other = randomized(TADConfig(channels=8, blocks=5))
    net, fewer = AnyScale(AnyScaleConfig(channels=8, blocks=3)).eval(), randomized(TADConfig(channels=8, blocks=3))
    for trunk, full in ((fewer.encoders[0], other.encoders[0]), (fewer.decoders[0], other.decoders[0])):
        trunk.head.load_state_dict(full.head.state_dict())
        trunk.tail.load_state_dict(full.tail.state_dict())
        for own, kept in enumerate((0, 1, 4)):
            trunk.blocks[own].load_state_dict(full.blocks[kept].state_dict())
    net.start_from(other)
    x = torch.rand(1, 3, 32, 40)
    with torch.no_grad():
        small = fewer.shrink(x)
        torch.testing.assert_close(net.shrink(x, (16, 20)), small)
        torch.testing.assert_close(net.grow(small, (32, 40)), fewer.grow(small))


def test_of_two_pairs_the_last_takes_over_the_only_one_of_another_model():
    one, two = (AnyScale(AnyScaleConfig(channels=8, blocks=1, hidden=8, pairs=pairs)).eval() for pairs in (1, 2))
    torch.nn.init.normal_(one.pairs[0].encoder.tail.weight, std=0.05)
    torch.nn.init.normal_(one.pairs[0].synthesis.outer.weight, std=0.05)
    two.start_from(one)
    x = torch.rand(1, 3, 23, 30)
    with torch.no_grad():
        small = one.shrink(x, (14, 29))
        torch.testing.assert_close(two.shrink(x, (14, 29)), small)
        torch.testing.assert_close(two.grow(small, (23, 30)), one.grow(small, (23, 30)))
        half = bicubic(x, (12, 15))
        torch.testing.assert_close(two.shrink(x, (6, 9)), one.shrink(half, (6, 9)))


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({}, "tad-2x1"),
        ({"channels": 16}, "tad-x2"),
        ({"pairs": 1}, "tad-x4"),
        ({"pairs": 2, "relative": True}, "tad-any"),
        ({"pairs": 2, "blocks": 3}, "tad-any"),
        ({"pairs": 2}, "tad-any-x4"),
    ],
)
def test_a_model_of_another_layout_is_no_start(settings, name):
    with pytest.raises(ValueError, match="the layouts differ"):
        AnyScale(AnyScaleConfig(**settings)).start_from(zoo.load(name))


@pytest.mark.parametrize(("full", "small"), [(30, 20), (20, 20), (37, 21), (40, 20)])
def test_relative_filters_that_have_learned_nothing_resample(full, small):
    """Those in the middle are the picture of twice the small size; what becomes of theirs is made smaller again."""
    eye = torch.eye(full).view(1, 1, full, full)
    with torch.no_grad():
        seen = Analysis(relative=True)(Side.whole(full, small))
        made = Synthesis(relative=True)(Side.whole(full, small))
    larger = bicubic(eye, (2 * small, full))[0, 0]
    torch.testing.assert_close(seen[:, 1:3].reshape(2 * small, full), larger, atol=1e-5, rtol=0)
    again = bicubic(torch.eye(2 * small).view(1, 1, 2 * small, -1), (full, 2 * small))[0, 0]
    assert (made[:, [0, 3]] == 0).all()
    # At scale 1 the kernel is as long as small pixels reach: what lies at its ends is cut. At the borders, small pixels
    # are mirrored, but not their filters.
    torch.testing.assert_close(made[2:-2, 1:3].mT.reshape(full - 4, 2 * small), again[2:-2], atol=0.04, rtol=0)


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
    whole, pair = Side.whole(60, 40), pair.pairs[0]
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
    for nets in pair.pairs:
        for trunk in (nets.encoder, nets.decoder):
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


@pytest.mark.parametrize(
    "settings", [{"channels": 0}, {"blocks": 257}, {"hidden": 0}, {"scale": 3}, {"pairs": 3}, {"last_blocks": 3}]
)
def test_settings_out_of_range(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        AnyScaleConfig(**settings)
