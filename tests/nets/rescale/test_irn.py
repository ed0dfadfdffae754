from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch.utils.flop_counter import FlopCounterMode

from regrow import zoo
from regrow.errors import UsageError
from regrow.inference.rescale import grow_rows, shrink_rows
from regrow.nets.rescale.irn import IRN, IRNConfig
from regrow.nets.rescale.irn_blocks import Dense, Residual, Squeeze
from regrow.nets.rescale.tad import TAD, TADConfig
from regrow.size import Size, small_size

ROOT = Path(__file__).parents[3]
LAYOUTS = [
    {"channels": 4, "blocks": 1},
    {"channels": 4, "blocks": 2, "squeeze": "learned"},
    {"channels": 4, "blocks": 2, "affine": False},
    {"channels": 6, "blocks": 3, "subnet": "residual", "depth": 0},
    {"channels": 6, "blocks": 2, "subnet": "residual", "depth": 1, "squeeze": "learned"},
]
WHOLE = [
    {"scale": 4, "whole": True, "channels": 4, "blocks": 1},
    {"scale": 8, "whole": True, "channels": 4, "blocks": 1, "subnet": "residual", "depth": 0, "squeeze": "learned"},
]


def randomized(dtype=torch.float32, std=0.1, **layout):
    """A net whose every weight matters: those that start at zero included."""
    model = IRN(IRNConfig(**layout))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=std)
    return model.to(dtype).eval().requires_grad_(False)


def repeated(x, factor):
    return x.repeat_interleave(factor, -2).repeat_interleave(factor, -1)


def test_the_squeeze_is_the_haar_transform_with_the_mean_first():
    x = torch.rand(2, 3, 6, 8, dtype=torch.double)
    y = Squeeze(3, learned=False)(x).numpy()
    assert y.shape == (2, 12, 3, 4)
    haar = np.array([[1, 1], [1, -1]]) / np.sqrt(2)
    for n, row, column in np.ndindex(2, 3, 4):
        for channel in range(3):
            pixels = x[n, channel, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2].numpy()
            orthonormal = haar @ pixels @ haar.T
            expected = (orthonormal / 2).ravel()  # mean, left-right, top-bottom, both
            np.testing.assert_allclose(y[n, channel::3, row, column], expected, atol=1e-15)
            assert expected[0] == pytest.approx(pixels.mean())


@pytest.mark.parametrize("learned", [False, True])
def test_the_squeeze_is_undone(learned):
    squeeze = Squeeze(5, learned).double()
    x = torch.rand(2, 5, 6, 8, dtype=torch.double)
    haar = Squeeze(5, learned=False)(x)
    torch.testing.assert_close(squeeze(x), haar)
    if learned:
        torch.nn.init.normal_(squeeze.generator, std=1)
        assert (squeeze(x) - haar).abs().amax((0, 2, 3)).min() > 0.1
    torch.testing.assert_close(squeeze.inverse(squeeze(x)), x)


@pytest.mark.parametrize("layout", [*LAYOUTS, *WHOLE])
def test_nothing_is_lost_when_both_halves_are_kept(layout):
    model = randomized(torch.double, **layout)
    x = torch.rand(2, 3, 24, 16, dtype=torch.double)
    y = x - 0.5
    for stage in model.nets[0]:
        y = stage(y)
    torch.testing.assert_close(model.shrink_once(x), y[:, :3] + 0.5)
    assert (y[:, :3] + 0.5 - torch.nn.functional.avg_pool2d(x, model.scale if model.config.whole else 2)).std() > 0.01
    for stage in reversed(model.nets[0]):
        y = stage.inverse(y)
    torch.testing.assert_close(y + 0.5, x, atol=1e-5, rtol=0)


@pytest.mark.parametrize("layout", [*LAYOUTS, *WHOLE])
def test_growing_is_the_way_back_with_nothing_in_the_lost_half(layout):
    """Shrinking what was grown gives the small picture again."""
    model = randomized(torch.double, **layout)
    small = torch.rand(1, 3, 5, 4, dtype=torch.double)
    torch.testing.assert_close(model.shrink_once(model.grow_once(small)), small, atol=1e-5, rtol=0)


@pytest.mark.parametrize("layout", [*LAYOUTS, *WHOLE, {"scale": 4, "channels": 4}])
def test_untrained_it_is_the_mean_and_the_repeated_pixel(layout):
    model = IRN(IRNConfig(**layout))
    x = torch.rand(2, 3, 16, 24)
    with torch.no_grad():
        small = model.shrink(x)
        grown = model.grow(small)
    torch.testing.assert_close(small, torch.nn.functional.avg_pool2d(x, model.scale))
    torch.testing.assert_close(grown, repeated(small, model.scale))


def test_the_couplings_are_the_papers():
    """Equal to the formulas, with subnets of another kind in them."""
    model = randomized(torch.double, channels=4, blocks=1)
    block = model.nets[0][0].couplings[0]
    low, high = torch.randn(1, 3, 5, 5, dtype=torch.double), torch.randn(1, 9, 5, 5, dtype=torch.double)
    block.phi, block.rho, block.eta = (torch.nn.Conv2d(n, 12 - n, 1).double() for n in (9, 3, 3))
    after = low + block.phi(high)
    strength = 2 / (1 + (-block.rho(after)).exp()) - 1
    torch.testing.assert_close(block(low, high), (after, high * strength.exp() + block.eta(after)))


def test_a_dense_subnet_is_what_the_paper_draws():
    subnet = Dense(3, 9, channels=4).double()
    torch.nn.init.normal_(subnet.convs[-1].weight)
    x = torch.randn(2, 3, 6, 5, dtype=torch.double)
    seen = x
    for conv in subnet.convs[:-1]:
        y = torch.nn.functional.conv2d(seen, conv.weight, conv.bias, padding=1)
        seen = torch.cat([seen, torch.where(y > 0, y, 0.2 * y)], 1)
    expected = torch.nn.functional.conv2d(seen, subnet.convs[-1].weight, padding=1)
    torch.testing.assert_close(subnet(x), expected)


@pytest.mark.parametrize(("layout", "published"), [({}, 1.66), ({"scale": 4, "whole": True}, 4.35)])
def test_the_papers_layouts_have_as_many_parameters_as_published(layout, published):
    model = IRN(IRNConfig(**layout))
    kernels = sum(p.numel() for p in model.parameters() if p.ndim == 4)
    assert round(kernels / 1e6, 2) == published

    def dense(inputs, outputs, c=32):
        return sum((inputs + i * c) * n * 9 + n for i, n in enumerate([c, c, c, c, outputs]))

    expected = sum(8 * (dense(n - 3, 3) + 2 * dense(3, n - 3)) for n in (12, 48)[: len(model.nets[0])])
    assert sum(p.numel() for p in model.parameters()) == expected
    assert expected in (1_667_952, 4_355_136)


@pytest.mark.parametrize("layout", [*LAYOUTS, *WHOLE, {"scale": 8, "pairs": 2, "channels": 4, "blocks": 2}])
def test_multiply_adds_are_what_torch_counts(layout):
    model = IRN(IRNConfig(**layout))
    x = torch.rand(1, 3, 16, 16)
    ways = (model.shrink, x), (model.grow, x[..., : 16 // model.scale, : 16 // model.scale])
    for (way, picture), claimed in zip(ways, model.multiply_adds(), strict=True):
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            way(picture)
        counts = counter.get_flop_counts()["Global"]
        convolutions = sum(n for operation, n in counts.items() if "convolution" in str(operation))
        assert convolutions / 2 / 16**2 == pytest.approx(claimed)


@pytest.mark.parametrize("layout", [LAYOUTS[0], LAYOUTS[3], *WHOLE])
def test_nothing_beyond_the_halo_is_seen_and_its_edge_is(layout):
    """Change every cell farther than the halo from the middle one: the middle one stays. Not so for one at the halo."""
    model = randomized(torch.double, std=0.3, **layout)
    halo, scale, cells = model.halo, model.factors[0], 2 * model.halo + 5
    middle = cells // 2
    far = torch.ones(1, cells, dtype=torch.bool)
    far[:, middle - halo : middle + halo + 1] = False
    edge = torch.zeros(1, cells, dtype=torch.bool)
    edge[:, middle - halo] = True
    for way, going_in, out in ((model.grow_once, 1, scale), (model.shrink_once, scale, 1)):
        a = torch.rand(1, 3, going_in * 3, going_in * cells, dtype=torch.double)
        here = slice(out * middle, out * (middle + 1))
        before = way(a)[..., here]
        beyond, at = (torch.where(repeated(mask, going_in)[:1], torch.rand_like(a), a) for mask in (far, edge))
        assert (way(beyond) != way(a)).any()
        torch.testing.assert_close(way(beyond)[..., here], before, atol=1e-12, rtol=0)
        if way == model.grow_once:  # which looks farther
            assert ((way(at)[..., here] - before).abs() > 1e-12).any()


@pytest.mark.parametrize("layout", [*LAYOUTS[2:4], *WHOLE[:1], {"scale": 4, "pairs": 2, "channels": 4, "blocks": 1}])
def test_tiles_and_the_whole_are_at_most_one_level_apart(layout, astronaut):
    model = randomized(**layout)
    picture = astronaut[100:170, 50:173]

    def shrunk(tile):
        return np.concatenate(
            list(shrink_rows([picture], Size(123, 70), 3, model, Size(*small_size((123, 70), model.scales)), tile))
        )

    def grown(small, tile):
        size = Size(small.shape[1], small.shape[0])
        return np.concatenate(list(grow_rows([small], size, Size(123, 70), 3, 3, model, tile=tile)))

    small = shrunk(10**4)
    assert np.abs(shrunk(32).astype(int) - small).max() <= 1
    whole = grown(small, 10**4)
    assert whole.shape == picture.shape
    assert np.abs(grown(small, 32).astype(int) - whole).max() <= 1


def test_each_application_uses_its_own_net_and_further_ones_the_last():
    model = randomized(scale=8, pairs=2, channels=4, blocks=1)
    x = torch.rand(1, 3, 16, 16)
    before = [way(x, n) for way in (model.shrink_once, model.grow_once) for n in range(3)]
    for parameter in model.nets[1].parameters():
        torch.nn.init.zeros_(parameter)
    after = [way(x, n) for way in (model.shrink_once, model.grow_once) for n in range(3)]
    assert [torch.equal(a, b) for a, b in zip(before, after, strict=True)] == [True, False, False] * 2


def test_more_nets_start_as_one_applied_twice():
    one = randomized(scale=4, channels=4, blocks=1)
    two = IRN(IRNConfig(scale=4, pairs=2, channels=4, blocks=1))
    two.start_from(one)
    x = torch.rand(1, 3, 16, 24)
    torch.testing.assert_close(two.shrink(x), one.shrink(x))
    torch.testing.assert_close(two.grow(x), one.grow(x))


@pytest.mark.parametrize(
    "other",
    [
        {"blocks": 2},
        {"blocks": 1, "channels": 5},
        {"blocks": 1, "affine": False},
        {"blocks": 1, "squeeze": "learned"},
        {"blocks": 1, "subnet": "residual"},
        {"blocks": 1, "scale": 4, "whole": True},
    ],
)
def test_another_layout_cannot_be_started_from(other):
    with pytest.raises(ValueError, match="layouts differ"):
        IRN(IRNConfig(channels=4, blocks=1)).start_from(IRN(IRNConfig(**{"channels": 4, **other})))


def test_another_architecture_cannot_be_started_from():
    with pytest.raises(ValueError, match="no invertible"):
        IRN(IRNConfig(channels=4, blocks=1)).start_from(TAD(TADConfig(channels=4, blocks=1)))


@pytest.mark.parametrize(
    "wrong",
    [
        {"scale": 1},
        {"scale": 0},
        {"scale": -2},
        {"scale": 6},
        {"scale": 256},
        {"scale": 2**1000},
        {"scale": 16, "whole": True},
        {"pairs": 0},
        {"pairs": 8},
        {"pairs": 2, "scale": 4, "whole": True},
        {"channels": 0},
        {"channels": 1025},
        {"blocks": 0},
        {"blocks": 17},
        {"depth": -1},
        {"depth": 9},
        {"subnet": "sparse"},
        {"squeeze": "s" * 10**5},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))) as caught:
        IRNConfig(**wrong)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("wrong", [{"blocks": True}, {"affine": 1}, {"subnet": 3}, {"clamp": 1.0}, {"depth": 99}])
def test_the_zoo_refuses_what_it_does_not_know(wrong):
    with pytest.raises(UsageError, match=f"architecture irn.*{next(iter(wrong))}"):
        zoo.build({"architecture": "irn", **wrong})


def test_the_largest_settings_take_neither_memory_nor_time():
    """A hostile configuration is built on no device before the weights are seen not to fit."""
    most = {"scale": 128, "pairs": 7, "blocks": 16, "channels": 1024, "depth": 8, "subnet": "residual"}
    with torch.device("meta"):
        model = zoo.build({"architecture": "irn", **most, "squeeze": "learned"})
    assert all(p.is_meta for p in model.parameters())


@pytest.mark.parametrize("layout", [*LAYOUTS[:2], LAYOUTS[4], WHOLE[0]])
def test_saved_and_loaded_is_the_same_in_half_precision(layout, tmp_path):
    model = randomized(**layout)
    zoo.save(model, tmp_path)
    again = zoo.load(str(tmp_path))
    assert again.config == model.config
    assert again.settings() == model.settings() == zoo.config(str(tmp_path))
    x = torch.rand(1, 3, 16, 16)
    torch.testing.assert_close(again.shrink(x), model.half().float().shrink(x))


def test_weights_saved_before_0_2_still_load(tmp_path):
    """Their names began otherwise."""
    model = randomized(scale=4, pairs=2, channels=4, blocks=1)
    zoo.save(model, tmp_path)
    saved = load_file(tmp_path / "model.safetensors")
    assert {name.split(".")[0] for name in saved} == {"nets"}
    old = {name.replace("nets.", "applications.", 1): value for name, value in saved.items()}
    save_file(old, tmp_path / "model.safetensors")
    again = zoo.load(str(tmp_path))
    x = torch.rand(1, 3, 16, 16)
    torch.testing.assert_close(again.shrink(x), model.half().float().shrink(x))


@pytest.mark.parametrize("layout", [LAYOUTS[1], LAYOUTS[4]])
def test_all_weights_learn(layout):
    """The lost half has a part in growing, so that even its last subnets do."""
    model = randomized(**layout).requires_grad_(True)
    x = torch.rand(2, 3, 16, 16)
    (model.grow(model.shrink(x)) - x).square().mean().backward()
    assert all(p.grad.abs().max() > 0 for p in model.parameters())


def test_in_bfloat16_only_convolutions_from_features_are():
    model = randomized(channels=4, blocks=2)
    dtypes = []
    for module in model.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(lambda _, __, result: dtypes.append(result.dtype))
    x = torch.rand(1, 3, 16, 16)
    with torch.autocast("cpu", torch.bfloat16):
        small = model.shrink(x)
        grown = model.grow(small)
    assert dtypes == ([torch.float32] + 4 * [torch.bfloat16]) * (4 + 6)
    assert small.dtype == grown.dtype == torch.float32
    torch.testing.assert_close(small, model.shrink(x), atol=0.05, rtol=0)


def test_residual_subnets_are_as_deep_as_asked():
    assert [len(Residual(3, 9, channels=4, depth=n).blocks) for n in range(3)] == [0, 1, 2]


@pytest.mark.parametrize("name", ["irn-x2", "irn-x2-light"])
def test_the_recipes_train(name, astronaut, coffee, tmp_path):
    pytest.importorskip("accelerate")
    from regrow.train import loop
    from regrow.train.recipe import Recipe

    (tmp_path / "data").mkdir()
    for n, picture in enumerate((astronaut, coffee, astronaut[::-1])):
        Image.fromarray(picture[:100, :120]).save(tmp_path / "data" / f"{n}.png")
    recipe = Recipe.read(ROOT / "recipes" / f"{name}.toml")
    assert recipe.data.crop == 64
    recipe = replace(
        recipe,
        model={**recipe.model, "blocks": 2},
        data=replace(recipe.data, folders=(), batch=2, validation=1, validation_crop=64),
        run=replace(recipe.run, steps=5, precision="fp32", compile=False),
    )
    trained = zoo.load(str(loop.train(recipe, tmp_path / "data", tmp_path / "out", device="cpu")))
    assert trained.settings() == {**trained.settings(), **recipe.model}
    assert all(conv.weight.any() for conv in trained.modules() if isinstance(conv, torch.nn.Conv2d))


def test_the_light_recipe_costs_what_the_shipped_net_does():
    from regrow.train.recipe import Recipe

    model = zoo.build(Recipe.read(ROOT / "recipes" / "irn-x2-light.toml").model)
    assert model.multiply_adds() == (60_192, 65_664)
