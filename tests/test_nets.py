import numpy as np
import pytest
import torch
from conftest import randomized
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

from regrow import zoo
from regrow.nets.layers import ResidualBlock, quantize
from regrow.nets.rescale.tad import TAD, TADConfig

PAPER = {"channels": 64, "blocks": 3, "trunk_conv": True, "subpixel_features": True}
LAYOUTS = [
    {"channels": 6, "blocks": 0},
    {"channels": 6, "blocks": 1},
    {"channels": 6, "blocks": 2, "trunk_conv": True},
    {"channels": 6, "blocks": 1, "trunk_conv": True, "subpixel_features": True},
]


def test_quantize_gives_what_a_file_can_hold():
    x = torch.linspace(-0.3, 1.3, 2001, dtype=torch.double)
    expected = np.rint(np.clip(x.numpy(), 0, 1) * 255) / 255
    np.testing.assert_allclose(quantize(x).numpy(), expected, atol=1e-6)


def test_quantize_to_16_bits():
    x = torch.rand(1000, dtype=torch.double)
    np.testing.assert_allclose(quantize(x, 65535).numpy(), np.rint(x.numpy() * 65535) / 65535, atol=1e-9)


def test_the_gradient_passes_rounding_but_not_the_clamp():
    x = torch.tensor([-0.1, -0.001, 0.0, 0.3001, 0.5, 1.0, 1.001, 1.1], requires_grad=True)
    (quantize(x) * torch.arange(1, 9)).sum().backward()
    assert x.grad.tolist() == [0, 2, 3, 4, 5, 6, 7, 0]


def test_residual_block_is_two_convolutions_and_a_skip():
    block = ResidualBlock(4)
    x = torch.randn(2, 4, 7, 5)
    inner = torch.nn.functional.conv2d(x, block.conv1.weight, block.conv1.bias, padding=1).clamp(min=0)
    expected = x + torch.nn.functional.conv2d(inner, block.conv2.weight, block.conv2.bias, padding=1)
    torch.testing.assert_close(block(x), expected)


def test_a_deep_stack_of_residual_blocks_starts_near_the_identity():
    torch.manual_seed(0)
    x = torch.randn(1, 16, 12, 12)
    y = torch.nn.Sequential(*(ResidualBlock(16) for _ in range(30)))(x)
    assert 0.5 < y.std() / x.std() < 2


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_untrained_pair_is_bicubic(layout, astronaut):
    """Against Pillow, away from the rim, which Pillow does not mirror."""
    x = torch.from_numpy(astronaut[:64, :80, 0].astype(np.float32) / 255)
    model = TAD(TADConfig(**layout))

    def pillow(picture, width, height):
        return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BICUBIC))

    with torch.no_grad():
        small = model.shrink(x.expand(1, 3, -1, -1))
        grown = model.grow(x.expand(1, 3, -1, -1))
    np.testing.assert_allclose(small[0, 1, 4:-4, 4:-4], pillow(x.numpy(), 40, 32)[4:-4, 4:-4], atol=1e-5)
    np.testing.assert_allclose(grown[0, 2, 8:-8, 8:-8], pillow(x.numpy(), 160, 128)[8:-8, 8:-8], atol=1e-5)


def test_the_papers_layout_costs_what_the_paper_says():
    # head 12->64, six convolutions in blocks, one after them, tail 64->3, all at a quarter of the pixels.
    shrinking = (12 * 64 + 6 * 64 * 64 + 64 * 64 + 64 * 3) * 9 / 4
    # head 3->64, the same trunk, 64->256 before the pixel shuffle, 64->3 at every pixel.
    growing = (3 * 64 + 6 * 64 * 64 + 64 * 64 + 64 * 256) * 9 / 4 + 64 * 3 * 9
    model = TAD(TADConfig(**PAPER))
    assert model.multiply_adds() == (shrinking, growing) == (66_672, 103_536)


def test_the_papers_layout_has_the_parameters_counted_by_hand():
    trunk = 7 * (64 * 64 * 9 + 64)
    encoder = (12 * 64 * 9 + 64) + trunk + (64 * 3 * 9 + 3)
    decoder = (3 * 64 * 9 + 64) + trunk + (64 * 256 * 9 + 256) + (64 * 3 * 9 + 3)
    model = TAD(TADConfig(**PAPER))
    assert sum(p.numel() for p in model.parameters()) == encoder + decoder == 676_934


@pytest.mark.parametrize("layout", [*LAYOUTS, PAPER, {}])
@pytest.mark.parametrize("scale", [2, 8])
def test_multiply_adds_are_what_torch_counts(layout, scale):
    model = TAD(TADConfig(scale=scale, **layout))
    x = torch.rand(1, 3, 32, 32)
    for way, picture, claimed in zip(
        (model.shrink, model.grow), (x, x[..., : 32 // scale, : 32 // scale]), model.multiply_adds(), strict=True
    ):
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            way(picture)
        counts = counter.get_flop_counts()["Global"]
        convolutions = sum(n for operation, n in counts.items() if "convolution" in str(operation))
        assert convolutions / 2 / 32**2 == pytest.approx(claimed)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("scale", [2, 4, 16])
def test_shapes(layout, scale):
    model = TAD(TADConfig(scale=scale, **layout))
    with torch.no_grad():
        small = model.shrink(torch.rand(2, 3, 2 * scale, scale))
        assert small.shape == (2, 3, 2, 1)
        assert model.grow(small).shape == (2, 3, 2 * scale, scale)


def test_a_size_that_does_not_divide_is_refused():
    with pytest.raises(ValueError, match="6x8 does not divide by 4x4"):
        TAD(TADConfig(scale=4, channels=4, blocks=0)).shrink(torch.rand(1, 3, 8, 6))


@pytest.mark.parametrize(
    "wrong", [{"scale": 3}, {"scale": 1}, {"scale": 0}, {"scale": -2}, {"channels": 0}, {"blocks": -1}]
)
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        TADConfig(**wrong)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_nothing_beyond_the_halo_is_seen(layout):
    """Change every cell farther than the halo from the middle one: the middle one stays."""
    model = randomized(TADConfig(**layout)).double()
    halo, cells = model.halo, 2 * model.halo + 5
    middle = cells // 2
    far = torch.ones(cells, cells, dtype=torch.bool)
    far[middle - halo : middle + halo + 1, middle - halo : middle + halo + 1] = False
    a = torch.rand(1, 3, cells, cells, dtype=torch.double)
    b = torch.where(far, torch.rand_like(a), a)
    assert (model.grow_once(a) != model.grow_once(b)).any()
    two = slice(2 * middle, 2 * middle + 2)
    torch.testing.assert_close(model.grow_once(a)[..., two, two], model.grow_once(b)[..., two, two], atol=1e-7, rtol=0)

    a = torch.rand(1, 3, 2 * cells, 2 * cells, dtype=torch.double)
    b = torch.where(far.repeat_interleave(2, 0).repeat_interleave(2, 1), torch.rand_like(a), a)
    assert (model.shrink_once(a) != model.shrink_once(b)).any()
    one = model.shrink_once(a)[..., middle, middle], model.shrink_once(b)[..., middle, middle]
    torch.testing.assert_close(*one, atol=1e-7, rtol=0)


def test_the_halo_is_no_larger_than_it_must_be():
    """A cell at the very edge of the halo does change the middle one."""
    model = randomized(TADConfig(channels=6, blocks=2, trunk_conv=True)).double()
    a = torch.rand(1, 3, 2 * model.halo + 1, 2 * model.halo + 1, dtype=torch.double)
    b = a.clone()
    b[..., 0, :] += 1
    two = slice(2 * model.halo, 2 * model.halo + 2)
    assert (model.grow_once(a)[..., two, two] != model.grow_once(b)[..., two, two]).any()


def test_the_configuration_makes_the_same_model_again():
    config = TADConfig(scale=8, channels=5, blocks=2, trunk_conv=True, subpixel_features=True)
    assert zoo.build(TAD(config).settings()).config == config


def test_more_pairs_start_as_what_one_pair_is_applied_twice():
    one = randomized(TADConfig(scale=4, channels=8, blocks=1))
    two = TAD(TADConfig(scale=4, pairs=2, channels=8, blocks=1))
    two.start_from(one)
    x = torch.rand(1, 3, 24, 32)
    torch.testing.assert_close(two.shrink(x), one.shrink(x))
    torch.testing.assert_close(two.grow(x), one.grow(x))
    assert sum(p.numel() for p in two.parameters()) == 2 * sum(p.numel() for p in one.parameters())


def test_each_application_uses_its_own_pair_and_growing_mirrors_shrinking():
    model = randomized(TADConfig(scale=8, pairs=2, channels=8, blocks=1))
    x = torch.rand(1, 3, 32, 32)
    before = [model.shrink_once(x, step) for step in range(3)], [model.grow_once(x, step) for step in range(3)]
    for trunk in (model.encoders[1], model.decoders[1]):
        torch.nn.init.zeros_(trunk.tail.weight)
    after = [model.shrink_once(x, step) for step in range(3)], [model.grow_once(x, step) for step in range(3)]
    for old, new in zip(before, after, strict=True):
        assert [torch.equal(a, b) for a, b in zip(old, new, strict=True)] == [True, False, False]


def test_further_blocks_start_as_the_identity_and_can_learn():
    shallow = randomized(TADConfig(channels=8, blocks=1))
    deep = TAD(TADConfig(channels=8, blocks=3))
    deep.start_from(shallow)
    x = torch.rand(1, 3, 24, 32)
    torch.testing.assert_close(deep.shrink(x), shallow.shrink(x))
    torch.testing.assert_close(deep.grow(x), shallow.grow(x))
    deep.grow(deep.shrink(x)).square().mean().backward()
    for trunk in (deep.encoders[0], deep.decoders[0]):
        assert all(block.conv2.weight.grad.any() for block in trunk.blocks)


@pytest.mark.parametrize("other", [{"channels": 8, "blocks": 3}, {"channels": 4, "blocks": 2}])
def test_another_layout_cannot_be_started_from(other):
    with pytest.raises(ValueError, match="layouts differ"):
        TAD(TADConfig(channels=8, blocks=2)).start_from(TAD(TADConfig(**other)))
