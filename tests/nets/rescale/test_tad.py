from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from support.models import randomized
from torch.utils.flop_counter import FlopCounterMode

from regrow import zoo
from regrow.nets.layers import ResidualBlock, quantize
from regrow.nets.ops.resample import bicubic
from regrow.nets.ops.shuffle import depth_to_space, space_to_depth
from regrow.nets.rescale.tad import TAD, TADConfig

PAPER = {"channels": 64, "blocks": 3, "trunk_conv": True, "subpixel_features": True}
LAYOUTS = [
    {"channels": 6, "blocks": 0},
    {"channels": 6, "blocks": 1},
    {"channels": 6, "blocks": 2, "trunk_conv": True},
    {"channels": 6, "blocks": 1, "trunk_conv": True, "subpixel_features": True},
]
KINDS = {
    "across": {"height": 1, "blocks": 1},
    "down": {"width": 1, "blocks": 1, "subpixel_features": True},
    "1x4": {"height": 1, "width": 4, "scale": 4, "blocks": 1},
    "4x1-twice": {"height": 4, "width": 1, "scale": 16, "blocks": 0, "subpixel_features": True},
    "x4-at-once": {"height": 4, "width": 4, "scale": 4, "blocks": 1, "trunk_conv": True},
    "x4-at-once-subpixel": {"height": 4, "width": 4, "scale": 4, "blocks": 1, "subpixel_features": True},
    "unshuffle": {"unshuffle": 2, "blocks": 1},
    "unshuffle-across": {"unshuffle": 4, "height": 1, "blocks": 0, "trunk_conv": True},
    "unshuffle-alone": {"unshuffle": 2, "scale": 1, "height": 1, "width": 1, "blocks": 1},
    "hiding": {"scale": 1, "height": 1, "width": 1, "small_colors": 1, "blocks": 1},
    "hiding-subpixel": {"small_colors": 1, "blocks": 1, "subpixel_features": True},
    "hiding-last": {"small_colors": 1, "scale": 4, "pairs": 2, "blocks": 1},
    "hiding-unshuffle": {"small_colors": 1, "unshuffle": 2, "blocks": 1},
    "grey": {"colors": 1, "small_colors": 1, "scale": 4, "blocks": 1},
    "grey-pairs": {"colors": 1, "small_colors": 1, "scale": 8, "pairs": 2, "blocks": 1},
}


def kinds(**more):
    return pytest.mark.parametrize("kind", [{"channels": 6, **kind, **more} for kind in KINDS.values()], ids=KINDS)


def brute_force_space_to_depth(x, down, across):
    b, c, h, w = x.shape
    result = np.empty((b, c * down * across, h // down, w // across), x.dtype)
    for channel in range(c):
        for i in range(down):
            for j in range(across):
                result[:, (channel * down + i) * across + j] = x[:, channel, i::down, j::across]
    return result


FACTORS = [(1, 1), (1, 2), (2, 1), (1, 4), (4, 1), (2, 4), (4, 2), (3, 2), (2, 2), (4, 4)]


@pytest.mark.parametrize(("down", "across"), FACTORS)
def test_space_to_depth_takes_every_offset_to_a_channel_of_its_own(down, across):
    x = torch.rand(2, 3, 3 * down, 5 * across)
    deep = space_to_depth(x, down, across)
    np.testing.assert_array_equal(deep, brute_force_space_to_depth(x.numpy(), down, across))
    assert torch.equal(depth_to_space(deep, down, across), x)
    y = torch.rand(2, 3 * down * across, 4, 3)
    assert torch.equal(space_to_depth(depth_to_space(y, down, across), down, across), y)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_even_factors_are_pixel_shuffles_in_every_memory_format(n):
    x = torch.rand(2, 3, 3 * n, 5 * n)
    deep = torch.nn.functional.pixel_unshuffle(x, n)
    for memory_format in (torch.contiguous_format, torch.channels_last):
        assert torch.equal(space_to_depth(x.to(memory_format=memory_format), n, n), deep)
        assert torch.equal(depth_to_space(deep.to(memory_format=memory_format), n, n), x)


@pytest.mark.parametrize(("down", "across"), [(1, 2), (4, 1), (2, 4)])
def test_uneven_factors_do_not_depend_on_the_memory_format(down, across):
    x = torch.rand(2, 3, 4 * down, 6 * across)
    deep = space_to_depth(x, down, across)
    assert torch.equal(space_to_depth(x.to(memory_format=torch.channels_last), down, across), deep)
    assert torch.equal(depth_to_space(deep.to(memory_format=torch.channels_last), down, across), x)


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
    before = [model.shrink_once(x, n) for n in range(3)], [model.grow_once(x, n) for n in range(3)]
    for trunk in (model.encoders[1], model.decoders[1]):
        torch.nn.init.zeros_(trunk.tail.weight)
    after = [model.shrink_once(x, n) for n in range(3)], [model.grow_once(x, n) for n in range(3)]
    for old, new in zip(before, after, strict=True):
        assert [torch.equal(a, b) for a, b in zip(old, new, strict=True)] == [True, False, False]


def started(larger, smaller):
    """A model that was started from another and gives the same, with the gradients of a step."""
    model = TAD(larger)
    model.start_from(smaller)
    x = torch.rand(1, 3, 24, 32)
    torch.testing.assert_close(model.shrink(x), smaller.shrink(x))
    torch.testing.assert_close(model.grow(x), smaller.grow(x))
    model.grow(model.shrink(x)).square().mean().backward()
    return model


def test_further_blocks_start_as_the_identity_and_can_learn():
    deep = started(TADConfig(channels=8, blocks=3), randomized(TADConfig(channels=8, blocks=1)))
    for trunk in (deep.encoders[0], deep.decoders[0]):
        assert all(block.conv2.weight.grad.any() for block in trunk.blocks)


def test_further_channels_of_the_last_pair_add_nothing_at_first_and_can_learn():
    config = TADConfig(scale=4, pairs=2, channels=8, blocks=1)
    wide = started(replace(config, last_channels=12, last_blocks=3), randomized(config))
    for trunk in (wide.encoders[1], wide.decoders[1]):
        assert trunk.tail.weight.grad[:, 8:].any()
        assert trunk.blocks[0].conv1.weight.grad[:, 8:].any()
        assert all(block.conv2.weight.grad.any() for block in trunk.blocks)
    assert [len(trunk.blocks) for trunk in (*wide.encoders, *wide.decoders)] == [1, 3, 1, 3]
    assert wide.halo == 8


@pytest.mark.parametrize("other", [{"channels": 8, "blocks": 3}, {"channels": 16, "blocks": 2}])
def test_another_layout_cannot_be_started_from(other):
    with pytest.raises(ValueError, match="layouts differ"):
        TAD(TADConfig(channels=8, blocks=2)).start_from(TAD(TADConfig(**other)))


def scales_of(kind):
    """(down, across) by the settings' meaning: the factor of each side as often as the larger makes the scale."""
    height, width, scale = kind.get("height", 2), kind.get("width", 2), kind.get("scale", 2)
    steps = next(n for n in range(1, 8) if max(height, width) ** n == scale)
    return height**steps, width**steps


@kinds()
def test_scales_and_shapes_of_every_kind(kind):
    model, (down, across), unshuffle = TAD(TADConfig(**kind)), scales_of(kind), kind.get("unshuffle", 1)
    assert model.scales == (down, across)
    assert model.scale == max(down, across)
    assert model.multiples == (down * unshuffle, across * unshuffle)
    colors, small_colors = kind.get("colors", 3), kind.get("small_colors", 3)
    with torch.no_grad():
        small = model.shrink(torch.rand(2, colors, 3 * down * unshuffle, 2 * across * unshuffle))
        assert small.shape == (2, small_colors, 3 * unshuffle, 2 * unshuffle)
        assert model.grow(small).shape == (2, colors, 3 * down * unshuffle, 2 * across * unshuffle)


@pytest.mark.parametrize(
    ("kind", "size", "says"),
    [
        ({"height": 1}, (5, 7), "7x5 does not divide by 2x1"),
        ({"width": 1}, (5, 8), "8x5 does not divide by 1x2"),
        ({"unshuffle": 2}, (6, 8), "8x6 does not divide by 4x4"),
        ({"unshuffle": 4, "height": 1}, (4, 12), "12x4 does not divide by 8x4"),
    ],
)
def test_sides_that_do_not_divide_are_named_width_first(kind, size, says):
    with pytest.raises(ValueError, match=says):
        TAD(TADConfig(channels=4, blocks=0, **kind)).shrink(torch.rand(1, 3, *size))


@kinds()
def test_multiply_adds_of_every_kind_are_what_torch_counts(kind):
    model, unshuffle = TAD(TADConfig(**kind)), kind.get("unshuffle", 1)
    height, width = 4 * unshuffle * model.scales[0], 4 * unshuffle * model.scales[1]
    x = torch.rand(1, model.colors, height, width)
    y = torch.rand(1, model.small_colors, 4 * unshuffle, 4 * unshuffle)
    for way, picture, claimed in zip((model.shrink, model.grow), (x, y), model.multiply_adds(), strict=True):
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            way(picture)
        counts = counter.get_flop_counts()["Global"]
        convolutions = sum(n for operation, n in counts.items() if "convolution" in str(operation))
        assert convolutions / 2 / (height * width) == pytest.approx(claimed)


def test_fold_2_costs_a_quarter_in_the_blocks():
    blocks, channels = 4, 16
    encoder, _ = TAD(TADConfig(unshuffle=2, channels=channels, blocks=blocks)).multiply_adds()
    assert encoder == (3 * 16 * channels + 2 * blocks * channels**2 + channels * 3 * 4) * 9 / 16


def test_the_color_autoencoder_has_nine_convolutions_a_side():
    config = TADConfig(
        scale=1, height=1, width=1, small_colors=1, channels=64, blocks=3, trunk_conv=True, residual=False
    )
    model = TAD(config)
    for trunk in (model.encoders[0], model.decoders[0]):
        assert sum(isinstance(module, torch.nn.Conv2d) for module in trunk.modules()) == 9
    assert model.multiply_adds() == ((3 + 7 * 64 + 1) * 64 * 9, (1 + 7 * 64 + 3) * 64 * 9)


def grey_of(x):
    return x[:, :1] * 0.299 + x[:, 1:2] * 0.587 + x[:, 2:] * 0.114


@kinds()
def test_an_untrained_pair_of_every_kind_is_bicubic(kind):
    """Its luma where the small picture is grey, and repeated in all colours when grown."""
    model = TAD(TADConfig(**kind))
    (down, across), unshuffle = model.scales, model.unshuffle
    x = torch.rand(2, model.colors, 8 * unshuffle * down, 6 * unshuffle * across)
    y = torch.rand(2, model.small_colors, 8 * unshuffle, 6 * unshuffle)
    expected_small, expected_grown = x, y
    for _ in range(model.applications):
        height, width = expected_small.shape[-2:]
        expected_small = bicubic(expected_small, (height // model.factors[0], width // model.factors[1]))
        height, width = expected_grown.shape[-2:]
        expected_grown = bicubic(expected_grown, (height * model.factors[0], width * model.factors[1]))
    if model.small_colors < model.colors:
        expected_small = grey_of(expected_small)
    with torch.no_grad():
        torch.testing.assert_close(model.shrink(x), expected_small, atol=1e-5, rtol=0)
        torch.testing.assert_close(model.grow(y), expected_grown.expand(-1, model.colors, -1, -1), atol=1e-5, rtol=0)


@kinds()
def test_guidance_is_what_an_untrained_pair_gives_in_one_step(kind):
    model = TAD(TADConfig(**kind))
    x = torch.rand(1, model.colors, 4 * model.multiples[0], 4 * model.multiples[1])
    small = x.shape[-2] // model.factors[0], x.shape[-1] // model.factors[1]
    with torch.no_grad():
        torch.testing.assert_close(model.shrink_once(x, model.applications - 1), model.guidance(x, small))


@kinds(residual=False)
def test_what_is_not_guided_is_the_encoders_result_alone(kind):
    model, residual = TAD(TADConfig(**kind)), TAD(TADConfig(**{**kind, "residual": True}))
    residual.load_state_dict(model.state_dict())
    (down, across), unshuffle, last = model.factors, model.unshuffle, model.applications - 1
    x = torch.rand(1, model.colors, 4 * unshuffle * down, 4 * unshuffle * across)
    with torch.no_grad():
        own = model.shrink_once(x, last)
        folded = torch.from_numpy(brute_force_space_to_depth(x.numpy(), down * unshuffle, across * unshuffle))
        torch.testing.assert_close(own, depth_to_space(model.encoders[-1](folded), unshuffle, unshuffle))
        assert own.any()
        guidance = bicubic(x, own.shape[-2:])
        guidance = grey_of(guidance) if model.small_colors < model.colors else guidance
        torch.testing.assert_close(residual.shrink_once(x, last), own + guidance)


@pytest.mark.parametrize(
    "kind",
    [
        KINDS[name]
        for name in (
            "unshuffle",
            "unshuffle-alone",
            "unshuffle-across",
            "1x4",
            "hiding",
            "hiding-unshuffle",
            "across",
            "down",
        )
    ],
    ids=str,
)
def test_the_halo_is_exact_in_cells_of_every_kind(kind):
    """The nearest pixels beyond the halo change nothing; the farthest cell within it changes something."""
    model = randomized(TADConfig(channels=6, **kind)).double()
    halo, (down, across), unshuffle = model.halo, model.factors, model.unshuffle
    cells = 2 * halo + 3
    middle = halo + 1

    def moved(run, picture, cell, out, before):
        """Whether the middle cell of the result sees one cell of the middle row changed."""
        changed = picture.clone()
        changed[..., middle * cell[0] : (middle + 1) * cell[0], before] += 1
        here = slice(middle * out[0], (middle + 1) * out[0]), slice(middle * out[1], (middle + 1) * out[1])
        return bool((run(picture)[(..., *here)] - run(changed)[(..., *here)]).abs().max() > 1e-9)

    large, small = (unshuffle * down, unshuffle * across), (unshuffle, unshuffle)
    for run, colors, cell, out in (
        (model.shrink_once, model.colors, large, small),
        (model.grow_once, model.small_colors, small, large),
    ):
        picture = torch.rand(1, colors, cells * cell[0], cells * cell[1], dtype=torch.double)
        assert not moved(run, picture, cell, out, cell[1] - 1)  # the last column of cell 0, halo + 1 away
        # The bicubic's reach is rounded up, and of subpixel features the encoder has a layer less.
        if halo > 3 and not (run == model.shrink_once and model.config.subpixel_features):
            assert moved(run, picture, cell, out, slice(cell[1], 2 * cell[1]))


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"height": 3, "scale": 3}, "height 3"),
        ({"height": 0}, "height 0"),
        ({"width": 8, "scale": 8}, "width 8"),
        ({"width": -2}, "width -2"),
        ({"unshuffle": 3}, "unshuffle 3"),
        ({"unshuffle": 0}, "unshuffle 0"),
        ({"height": 4, "scale": 4}, "height 4 and width 2"),
        ({"height": 4, "width": 4, "scale": 8}, "scale 8 is not a power of 4"),
        ({"height": 1, "width": 1}, "scale 2 is not a power of 1"),
        ({"scale": 256}, "scale 256"),
        ({"colors": 1}, "colors 1 and small_colors 3"),
        ({"colors": 2, "small_colors": 2}, "colors 2"),
        ({"small_colors": 2}, "small_colors 2"),
        ({"small_colors": 1, "scale": 4}, "pairs 1"),
        ({"small_colors": 1, "scale": 4, "pairs": 3}, "pairs 3"),
        ({"pairs": 0}, "pairs 0"),
        ({"pairs": 8}, "pairs 8"),
        ({"unshuffle": 2, "subpixel_features": True}, "subpixel_features"),
        ({"channels": 1025}, "channels 1025"),
        ({"blocks": 257}, "blocks 257"),
    ],
    ids=str,
)
def test_wrong_settings_are_named(wrong, named):
    with pytest.raises(ValueError, match=named):
        TADConfig(**wrong)


@kinds()
def test_every_kind_is_made_again_from_its_configuration(kind):
    config = TADConfig(**kind, residual=False)
    assert zoo.build(TAD(config).settings()).config == config


@pytest.mark.parametrize(
    ("kind", "first", "last"),
    [
        ({"unshuffle": 2}, False, False),
        ({"height": 1}, False, True),
        ({}, True, True),
    ],
    ids=str,
)
def test_blocks_are_taken_over_whatever_the_channels_of_first_and_last_layers(kind, first, last):
    """Layers for other channels start afresh, so that the pair is still bicubic where the last are new."""
    other = randomized(TADConfig(channels=6, blocks=2, trunk_conv=True))
    model = TAD(TADConfig(channels=6, blocks=2, trunk_conv=True, **kind))
    fresh = {name: value.clone() for name, value in model.state_dict().items()}
    model.start_from(other)
    taken = other.state_dict()
    for name, value in model.state_dict().items():
        if ".blocks." in name or ".trunk_conv." in name:
            assert torch.equal(value, taken[name])
    for name, same in (("encoders.0.head.weight", first), ("encoders.0.tail.weight", last)):
        assert torch.equal(model.state_dict()[name], (taken if same else fresh)[name])


def test_a_net_of_grey_starts_as_one_of_colors_on_equal_colors():
    color = randomized(TADConfig(channels=8, blocks=1))
    grey = TAD(TADConfig(colors=1, small_colors=1, channels=8, blocks=1))
    grey.start_from(color)
    x = torch.rand(1, 1, 24, 32)
    small = color.shrink(x.expand(-1, 3, -1, -1)).mean(1, keepdim=True)
    torch.testing.assert_close(grey.shrink(x), small)
    torch.testing.assert_close(grey.grow(small), color.grow(small.expand(-1, 3, -1, -1)).mean(1, keepdim=True))


def test_a_net_that_hides_colors_starts_as_one_that_does_not():
    color = randomized(TADConfig(channels=8, blocks=1))
    hiding = TAD(TADConfig(small_colors=1, channels=8, blocks=1))
    hiding.start_from(color)
    x = torch.rand(1, 3, 24, 32)
    added = color.shrink(x) - color.guidance(x, (12, 16))
    torch.testing.assert_close(hiding.shrink(x) - hiding.guidance(x, (12, 16)), added.mean(1, keepdim=True))
    y = torch.rand(1, 1, 12, 16)
    torch.testing.assert_close(hiding.grow(y), color.grow(y.expand(-1, 3, -1, -1)))
