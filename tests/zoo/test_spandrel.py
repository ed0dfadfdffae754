"""Files that only spandrel knows, which need not be installed here: a stand-in takes its place."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from regrow import upscale, zoo
from regrow.bench.models import Upscaler
from regrow.errors import RegrowError
from regrow.inference.restore import restore_rows
from regrow.nets.upscale.base import Restorer
from regrow.size import Size

MULTIPLE = 8


class Net(nn.Module):
    """Enlarges by 2, wants sides that are multiples, and spoils its input."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(3, 12, 3, padding=1)
        self.half = torch.tensor(0.5)  # neither a weight nor a buffer

    def forward(self, x):
        assert not x.shape[-1] % MULTIPLE
        assert not x.shape[-2] % MULTIPLE
        x *= 2
        return F.pixel_shuffle(self.layer(x * self.half), 2)


class Descriptor:
    """As spandrel's ImageModelDescriptor is for whoever calls it."""

    scale = 2
    purpose = "SR"
    input_channels = output_channels = 3
    architecture = SimpleNamespace(name="Stand-in")
    size_requirements = SimpleNamespace(multiple_of=MULTIPLE)

    def __init__(self, state):
        self.model = Net()
        self.model.load_state_dict(state)

    @torch.inference_mode()
    def __call__(self, image):
        h, w = image.shape[-2:]
        padded = F.pad(image, (0, -w % MULTIPLE, 0, -h % MULTIPLE), "replicate")
        return self.model(padded).clamp_(0, 1)[..., : 2 * h, : 2 * w]


class UnsupportedModelError(Exception):
    pass


class ModelLoader:
    descriptor = Descriptor

    def load_from_state_dict(self, state):
        if "layer.weight" not in state:
            raise UnsupportedModelError
        return self.descriptor(state)


@pytest.fixture
def spandrel(monkeypatch):
    module = ModuleType("spandrel")
    module.ModelLoader, module.UnsupportedModelError = ModelLoader, UnsupportedModelError
    monkeypatch.setitem(sys.modules, "spandrel", module)
    return module


@pytest.fixture
def state():
    return Net().state_dict()


@pytest.fixture
def path(state, tmp_path):
    torch.save({"params": state}, tmp_path / "net.pth")
    return str(tmp_path / "net.pth")


def expected(state, y):
    return F.pixel_shuffle(F.conv2d(y, state["layer.weight"], state["layer.bias"], padding=1), 2)


def test_what_spandrel_knows_enlarges(spandrel, state, path):
    model = zoo.load(path)
    assert isinstance(model, Restorer)
    assert (model.scale, model.halo % model.grid, model.grid % MULTIPLE) == (2, 0, 0)
    assert model.settings() == {"architecture": "spandrel", "net": "Stand-in", "scale": 2}
    assert (model.frames, model.tile, model.scales) == (1, 256, (2,))
    y = torch.rand(2, 3, 16, 24)
    kept = y.clone()
    torch.testing.assert_close(model(y), expected(state, y).clamp(0, 1))
    assert torch.equal(y, kept)
    assert model(torch.rand(1, 3, 5, 7)).shape == (1, 3, 10, 14)


def test_tiles_of_it_begin_where_its_windows_do(spandrel, state, path):
    picture = np.random.default_rng(0).integers(0, 256, (100, 131, 3), np.uint8)
    model = zoo.load(path)
    whole, tiled = (
        np.concatenate(list(restore_rows([picture], Size(131, 100), 3, model, tile=tile))).astype(int)
        for tile in (512, 40)
    )
    assert np.abs(whole - tiled).max() <= 1
    y = torch.from_numpy(picture).permute(2, 0, 1)[None] / 255
    inside = (expected(state, y)[0].clamp(0, 1) * 255).round().permute(1, 2, 0).numpy()[:-2, :-2]
    assert np.abs(whole[:-2, :-2] - inside).max() <= 1


def test_verbs_and_benchmarks_take_it(spandrel, state, path):
    picture = np.random.default_rng(0).integers(0, 256, (9, 11, 3), np.uint8)
    assert upscale(picture, scale=2, model=path).shape == (18, 22, 3)
    upscaler = Upscaler(path, 2)
    assert upscaler.parameters == sum(value.numel() for value in state.values())
    assert upscaler.multiply_adds == 12 * 3 * 9 / 4


@pytest.mark.parametrize("error", [ImportError("No module named 'spandrel'"), RuntimeError("operator nms is\nmissing")])
def test_without_spandrel_its_files_are_refused_with_what_to_do(error, path, monkeypatch):
    def refuse(name, *rest):
        if name == "spandrel":
            raise error
        return imported(name, *rest)

    imported = __import__
    monkeypatch.delitem(sys.modules, "spandrel", raising=False)
    monkeypatch.setattr("builtins.__import__", refuse)
    words = r"known are [^\n]*EDSR[^\n]*pip install 'regrow\[spandrel\]' \((No module|operator nms is missing)"
    with pytest.raises(RegrowError, match=words):
        zoo.load(path)


def test_what_spandrel_does_not_know_is_refused(spandrel, tmp_path):
    torch.save({"other": torch.zeros(2)}, tmp_path / "other.pth")
    with pytest.raises(RegrowError, match=r"other\.pth: .*no net that is known.*spandrel does not know it either"):
        zoo.load(str(tmp_path / "other.pth"))


@pytest.mark.parametrize(
    "damage", [{"layer.weight": torch.zeros(12, 3, 5, 5)}, {"layer.bias": torch.full((12,), torch.nan)}]
)
def test_damaged_files_are_refused_in_one_line(damage, spandrel, state, tmp_path):
    torch.save(state | damage, tmp_path / "bad.pth")
    with pytest.raises(RegrowError, match=r"^[^\n]*bad\.pth: [^\n]*(cannot load|damaged)[^\n]*\Z"):
        zoo.load(str(tmp_path / "bad.pth"))


@pytest.mark.parametrize("kind", [{"purpose": "Inpainting"}, {"purpose": "FaceSR"}, {"input_channels": 1}])
def test_nets_for_something_else_are_refused(kind, spandrel, path, monkeypatch):
    for name, value in kind.items():
        monkeypatch.setattr(Descriptor, name, value)
    with pytest.raises(RegrowError, match="only nets that enlarge or enhance"):
        zoo.load(path)
