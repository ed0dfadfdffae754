"""The contract that all models share, for every architecture."""

import ast
import json
from dataclasses import fields, is_dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import pytest
import torch
from torch import nn

import regrow.nets
from regrow import zoo
from regrow.nets.model import Model
from regrow.nets.rescale.any_scale import AnyScale
from regrow.nets.rescale.base import FixedScale, Rescaler
from regrow.nets.restore.codec_shrinker import CodecShrinker
from regrow.nets.upscale.base import Restorer, ScaleRestorer
from regrow.nets.video.base import VideoRestorer
from regrow.zoo.registry import ARCHITECTURES

CAPABILITIES = "scale", "frames", "halo", "grid", "tile", "unshuffle"


def built(name, **settings):
    with torch.device("meta"):
        return zoo.build({"architecture": name, **settings})


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_its_settings_make_a_model_again(name):
    model = built(name)
    kind = type(model)
    assert is_dataclass(kind.Config)
    assert type(model.config) is kind.Config
    assert model.config == kind.Config()
    settings = model.settings()
    assert list(settings) == ["architecture", *(field.name for field in fields(kind.Config))]
    assert settings == {"architecture": name, **vars(model.config)}
    assert json.loads(json.dumps(settings)) == settings
    assert built(settings.pop("architecture"), **settings).config == model.config
    assert "settings" not in vars(kind)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_it_says_what_whoever_runs_it_asks_for(name):
    model = built(name)
    assert all(type(getattr(model, capability)) is int for capability in ("scale", "frames", "grid", "unshuffle"))
    assert min(model.scale, model.frames, model.grid, model.unshuffle) >= 1
    assert model.tile is None or model.tile >= model.grid
    if isinstance(model, (Rescaler, Restorer, CodecShrinker)):
        assert type(model.halo) is int
        assert model.halo % model.grid == 0
    if isinstance(model, AnyScale):
        assert type(model.halo) is int
        return
    if isinstance(model, CodecShrinker):
        assert model.scale == model.config.scale
    elif isinstance(model, (Rescaler, Restorer)):
        assert model.scale == max(model.scales) or isinstance(model, ScaleRestorer)
    else:
        assert (model.scale, model.halo) == (1, None)
    # What lies in the class and not in the model would come before a layer of the same name.
    layers = {*dict(model.named_children()), *(key.split(".")[0] for key in model.state_dict())}
    assert not layers & {*CAPABILITIES, "config", "architecture", "Config", "applications", "factors", "scales"}


class Plain(Model):
    """What a class has that says nothing."""


def test_what_says_nothing_is_a_net_of_single_pictures_that_sees_them_whole():
    found = {capability: getattr(Plain(), capability) for capability in CAPABILITIES}
    assert found == {"scale": 1, "frames": 1, "halo": None, "grid": 1, "tile": None, "unshuffle": 1}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"architecture": "tad"}, {"frames": 1, "tile": None, "unshuffle": 1, "scale": 2, "scales": (2, 2)}),
        ({"architecture": "tad", "unshuffle": 4}, {"unshuffle": 4, "multiples": (8, 8)}),
        ({"architecture": "tad", "height": 1, "scale": 8}, {"scale": 8, "scales": (1, 8), "applications": 3}),
        ({"architecture": "tad", "height": 4, "width": 1, "scale": 16}, {"scales": (16, 1), "applications": 2}),
        (
            {"architecture": "tad", "scale": 1, "height": 1, "width": 1, "small_colors": 1},
            {"scale": 1, "scales": (1, 1), "applications": 1},
        ),
        ({"architecture": "video-tad", "frames": 7}, {"frames": 7, "scale": 2, "applications": 1}),
        ({"architecture": "irn", "scale": 8}, {"scale": 8, "factors": (2, 2), "applications": 3}),
        ({"architecture": "irn", "scale": 4, "whole": True}, {"scale": 4, "factors": (4, 4), "applications": 1}),
        ({"architecture": "sofvsr", "frames": 5}, {"frames": 5, "grid": 2, "tile": None, "scale": 4, "scales": (4,)}),
        ({"architecture": "edsr", "scale": 3}, {"frames": 1, "grid": 1, "tile": 256, "scale": 3, "scales": (3,)}),
        ({"architecture": "plain", "context": 2}, {"grid": 4, "tile": 512}),
        ({"architecture": "rrdb", "scale": 2, "unshuffle": 2}, {"grid": 2}),
        ({"architecture": "carn", "scale": 3}, {"scale": 3, "scales": (2, 3, 4)}),
        ({"architecture": "mdsr", "scale": 2}, {"scale": 2, "scales": (2, 3, 4)}),
        ({"architecture": "frame-unet"}, {"frames": 1, "scale": 1, "grid": 16}),
        ({"architecture": "dncnn"}, {"frames": 1, "scale": 2, "tile": 256}),
    ],
    ids=str,
)
def test_capabilities_follow_from_settings(settings, expected):
    model = built(**{"name" if key == "architecture" else key: value for key, value in settings.items()})
    assert {key: getattr(model, key) for key in expected} == expected


@pytest.mark.parametrize("name", ["carn", "mdsr"])
def test_nets_of_several_scales_run_at_each_and_share_their_weights(name):
    model = built(name)
    for scale in model.scales:
        twin = model.at(scale)
        assert (twin.scale, twin.config.scale, twin.scales) == (scale, scale, model.scales)
        assert all(a is b for a, b in zip(twin.parameters(), model.parameters(), strict=True))


def test_a_rescaler_is_applied_as_often_as_it_says():
    class Halves(FixedScale):
        unshuffle, halo, colors, small_colors = 1, 0, 1, 1

        def __init__(self):
            super().__init__((2, 1), 3)
            self.seen = []

        def shrink_once(self, x, application=0):
            self.seen.append(application)
            return x[..., ::2, :]

        def grow_once(self, y, application=0):
            self.seen.append(application)
            return y.repeat_interleave(2, -2)

        def own_multiply_adds(self):
            return 64.0, 128.0

    model, x = Halves(), torch.arange(32.0).view(1, 1, 16, 2)
    assert (model.scales, model.scale, model.multiples) == ((8, 1), 8, (8, 1))
    assert model.shrink(x).tolist() == [[[[0, 1], [16, 17]]]]
    assert model.grow(x[..., :2, :]).shape == (1, 1, 16, 2)
    assert model.multiply_adds() == model.multiply_adds(8) == (64, 128)
    assert model.multiply_adds(4) == (256, 512)  # resampled to twice as many pixels a side first
    assert model.seen == [0, 1, 2, 2, 1, 0]
    with pytest.raises(ValueError, match="2x12 does not divide by 1x8"):
        model.shrink(x[..., :12, :])


def test_a_restorer_of_clips_is_a_restorer_that_takes_several_frames():
    model = built("sofvsr", scale=2)
    assert isinstance(model, VideoRestorer)
    assert isinstance(model, Restorer)
    assert model.up_to(3) is model
    with pytest.raises(ValueError, match="enlarges by 2, not by 3"):
        model.at(3)
    with pytest.raises(ValueError, match="layouts differ"):
        model.start_from(built("sofvsr", scale=3))


def test_multiply_adds_are_counted_with_all_frames():
    class Mean(Restorer):
        scale, frames, halo = 1, 3, 0

        def __init__(self):
            super().__init__()
            self.layer = nn.Conv2d(9, 3, 1)

        def forward(self, y):
            return self.layer(y)

    assert Mean().multiply_adds() == 27


def test_nobody_asks_a_model_for_what_its_base_says():
    """No `getattr` and no `hasattr` of a capability, in nets or where they are built, run and trained."""
    root = Path(regrow.nets.__file__).parents[1]
    paths = [path for folder in ("nets", "zoo", "inference", "train") for path in (root / folder).rglob("*.py")]
    assert len(paths) > 80
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("getattr", "hasattr"):
                name = node.args[1]
                asked = name.value if isinstance(name, ast.Constant) else ""
                assert asked not in {*CAPABILITIES, "scales", "factors", "applications", "config"}, path


def test_every_net_of_the_package_is_in_the_registry():
    """But for `Described`, which no configuration makes."""
    for module in walk_packages(regrow.nets.__path__, "regrow.nets."):
        import_module(module.name)

    def concrete(kind):
        for child in kind.__subclasses__():
            yield from concrete(child)
            if child.__module__.startswith("regrow.nets.") and not child.__abstractmethods__:
                yield f"{child.__module__}:{child.__name__}"

    found = set(concrete(Model))
    assert found - {*ARCHITECTURES.values()} == {"regrow.nets.upscale.described:Described"}
    assert {*ARCHITECTURES.values()} <= found
