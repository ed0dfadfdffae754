import copy
from dataclasses import replace

import pytest
import skimage.data
import torch

pytest.importorskip("accelerate")

from regrow import zoo
from regrow.errors import RegrowError, UsageError
from regrow.nets.layers import quantize
from regrow.nets.ops.resample import bicubic
from regrow.nets.upscale.base import Restorer
from regrow.nets.upscale.dqe import DQE, DQEConfig
from regrow.nets.upscale.edsr import EDSR, EDSRConfig
from regrow.nets.upscale.vdsr import VDSR, VDSRConfig
from regrow.train import loop
from regrow.train.content import BLOCKS, VGG19, ContentLoss
from regrow.train.losses import l1
from regrow.train.recipe import Data, Loss
from regrow.train.tasks.restore import RestoreTask
from regrow.zoo import store


@pytest.mark.parametrize("architecture", ["edsr", "vdsr"])
@pytest.mark.parametrize("of", ["bicubic", "tiny"])
def test_nets_that_enlarge_are_trained_on_thumbnails(recipe, photographs, tmp_path, tiny_folder, architecture, of):
    settings = {"architecture": architecture, "channels": 16}
    run = replace(recipe.run, steps=4, validate_every=4, checkpoint_every=4)
    data = replace(recipe.data, grey=0.0, thumbnails=tiny_folder if of == "tiny" else "")
    folder = loop.train(
        replace(recipe, model=settings, data=data, run=run), photographs, tmp_path / "out", device="cpu"
    )
    assert zoo.load(str(folder)).settings().items() >= settings.items()


def test_the_thumbnails_are_those_of_the_rescaler(tiny, tiny_folder):
    x = torch.rand(1, 3, 16, 24)
    task = RestoreTask(VDSR(), Loss(), Data(thumbnails=tiny_folder))
    torch.testing.assert_close(task.given(x), quantize(tiny.shrink(x)), atol=2 / 255, rtol=0)
    # An untrained VDSR is bicubic.
    assert task(x)["loss"].item() == pytest.approx(l1(bicubic(task.given(x), (16, 24)), x).item(), rel=1e-5)
    assert torch.equal(RestoreTask(VDSR(), Loss(), Data()).given(x), quantize(bicubic(x, (8, 12))))
    with pytest.raises(UsageError, match="4 times smaller"):
        RestoreTask(VDSR(VDSRConfig(scale=4)), Loss(), Data(thumbnails=tiny_folder))


def test_thumbnails_of_one_channel_are_a_usage_error(grey_folder, hiding_x2_folder):
    for name in ("tad-grey-x2", grey_folder, hiding_x2_folder):
        with pytest.raises(UsageError, match=f"thumbnails {name}: .*colour"):
            RestoreTask(VDSR(), Loss(), Data(thumbnails=name))


@pytest.fixture(scope="module")
def enlarging(tmp_path_factory):
    """A net with random weights that enlarges by 2."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("models") / "x2"
    zoo.save(EDSR(EDSRConfig(channels=8, blocks=1)), folder)
    return str(folder)


def test_an_enhancer_is_trained_on_what_another_has_enlarged(recipe, photographs, tmp_path, enlarging):
    data = replace(recipe.data, grey=0.0, enlarged=enlarging)
    task = RestoreTask(DQE(DQEConfig(channels=16, blocks=1)), Loss(), data)
    x = torch.from_numpy(skimage.data.coffee()[60:220, 60:260].copy()).permute(2, 0, 1)[None] / 255
    expected = quantize(zoo.load(enlarging)(quantize(bicubic(x, (80, 100)))))
    assert torch.equal(task.given(x), expected)
    settings = {"architecture": "dqe", "channels": 16, "blocks": 1}
    run = replace(recipe.run, steps=60, validate_every=60, checkpoint_every=60)
    folder = loop.train(replace(recipe, model=settings, data=data, run=run), photographs, tmp_path, device="cpu")
    with torch.no_grad():
        assert l1(zoo.load(str(folder))(expected), x) < l1(expected, x)


def test_enhancers_and_no_others_need_something_that_enlarges(enlarging):
    for model, name, words in (
        (DQE(), "", "for a net that enhances"),
        (VDSR(), enlarging, "for a net that enhances"),
        (DQE(), "tad-x2", "no net that enlarges"),
    ):
        with pytest.raises(UsageError, match=words):
            RestoreTask(model, Loss(), Data(enlarged=name))


@pytest.fixture(scope="module")
def vgg(tmp_path_factory):
    """VGG19's weights as torchvision names them, at random."""
    state, inputs, index = {}, 3, 0
    for count, channels in BLOCKS:
        for _ in range(count):
            state[f"features.{index}.weight"] = torch.randn(channels, inputs, 3, 3) * (2 / (9 * inputs)) ** 0.5
            state[f"features.{index}.bias"] = torch.zeros(channels)
            inputs, index = channels, index + 2
        index += 1
    state["classifier.0.weight"] = torch.zeros(2, 2)
    path = tmp_path_factory.mktemp("vgg") / "vgg19.pth"
    torch.save(state, path)
    return str(path)


def test_vgg19_is_that_of_torchvision(vgg):
    """The last convolution of its fifth block is features.34; four poolings lie before it."""
    assert f"features.{sum(count for count, _ in BLOCKS) * 2 + len(BLOCKS) - 3}.weight" == "features.34.weight"
    assert VGG19(vgg)(torch.rand(1, 3, 32, 48)).shape == (1, 512, 2, 3)


def test_content_loss_sees_through_a_file_of_weights(vgg, tmp_path):
    loss = Loss(content=0.5, vgg=vgg)
    task = RestoreTask(VDSR(VDSRConfig(layers=3, channels=4)), loss, Data())
    x = torch.rand(1, 3, 32, 32)
    found = task(x)
    content = ContentLoss(vgg)
    given = bicubic(task.given(x), (32, 32))
    assert content(x, x) == 0
    assert found["content"].item() == pytest.approx(content(given, x).item(), rel=1e-4)
    assert found["loss"].item() == pytest.approx(l1(given, x).item() + 0.5 * found["content"].item(), rel=1e-4)
    found["loss"].backward()
    assert all(p.grad is None for p in task.content.parameters())
    torch.save({"features.0.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(RegrowError, match="is not VGG19"):
        ContentLoss(str(tmp_path / "other.pth"))
    with pytest.raises(UsageError, match="go together"):
        Loss(content=0.5)


class Scales(Restorer):
    """A net of three scales: one layer for all, and a gain for each."""

    scales = (2, 3, 4)

    def __init__(self):
        super().__init__()
        self.scale = 2
        self.layer = torch.nn.Conv2d(3, 3, 1)
        self.gains = torch.nn.ParameterDict({str(s): torch.nn.Parameter(torch.ones(())) for s in self.scales})

    def at(self, scale):
        twin = copy.copy(self)
        twin.scale = scale
        return twin

    def forward(self, y):
        return self.layer(bicubic(y, tuple(n * self.scale for n in y.shape[-2:]))) * self.gains[str(self.scale)]

    def multiply_adds(self):
        return 9.0

    def settings(self):
        return {"architecture": "scales"}


def test_a_net_of_several_scales_is_trained_at_one_of_them_in_each_batch():
    model = Scales()
    task, x = RestoreTask(model, Loss(), Data()), torch.rand(2, 3, 24, 24)
    assert task.multiple == 12
    assert {name for name, _ in task.named_parameters()} == {f"model.{name}" for name, _ in model.named_parameters()}
    drawn = [task.draw(x)["scale"] for _ in range(300)]
    assert all(70 < drawn.count(scale) < 130 for scale in (2, 3, 4))
    for scale in (2, 3, 4):
        model.zero_grad()
        found = task(x, scale=scale)["loss"]
        assert found.item() == pytest.approx(l1(model.at(scale)(task.given(x, scale)), x).item())
        found.backward()
        assert [s for s, gain in model.gains.items() if gain.grad is not None] == [str(scale)]
    picture = torch.from_numpy(skimage.data.coffee()[:100, :100].copy())
    figures = task.validate(model, [picture], 48)
    assert set(figures) == {"rgb_x2", "rgb_x3", "rgb_x4"}
    assert RestoreTask(VDSR(), Loss(), Data()).draw(x) == {}


def test_a_net_of_several_scales_takes_no_thumbnails_of_one(tiny_folder):
    with pytest.raises(UsageError, match=r"have one scale, .* \[2, 3, 4\]"):
        RestoreTask(Scales(), Loss(), Data(thumbnails=tiny_folder))


def test_training_at_several_scales_goes_on_to_the_same_weights(recipe, photographs, tmp_path, monkeypatch):
    monkeypatch.setattr(zoo, "build", lambda settings: Scales())
    settings = replace(recipe, data=replace(recipe.data, grey=0.0))
    real = loop.schedule

    def crash(step, *arguments):
        if step == 8:
            raise MemoryError
        return real(step, *arguments)

    loop.train(settings, photographs, tmp_path / "a", device="cpu")
    with monkeypatch.context() as patched:
        patched.setattr(loop, "schedule", crash)
        with pytest.raises(MemoryError):
            loop.train(settings, photographs, tmp_path / "b", device="cpu")
    loop.train(settings, photographs, tmp_path / "b", device="cpu", resume=True)
    a, b = ((tmp_path / run / "weights" / store.WEIGHTS).read_bytes() for run in "ab")
    assert a == b
