import numpy as np
import pytest
import torch
import torch.nn.functional as F

from regrow import zoo
from regrow.errors import RegrowError, UsageError
from regrow.nets.color import histogram
from regrow.nets.color.bins import annealed_mean, class_counts, in_gamut, nearest, rebalancing, soft_encode
from regrow.nets.color.classification import ClassificationColorizer, ClassificationConfig
from regrow.nets.color.histogram import HistogramColorizer, HistogramConfig
from regrow.nets.color.regression import RegressionColorizer, RegressionConfig
from regrow.nets.ops.color import lab

BINS = torch.tensor(in_gamut())
NETS = [
    lambda: ClassificationColorizer(ClassificationConfig(width=2)),
    lambda: RegressionColorizer(RegressionConfig(width=2)),
    lambda: HistogramColorizer(HistogramConfig(width=2, hidden=8)),
]
IDS = ["classification", "regression", "histogram"]


def grey(*size):
    return 100 * torch.rand(*size)


def test_there_are_313_bins_as_published():
    """Zhang et al. 2016, section 2.1; their file of bins begins with (-90, 50), (-90, 60)."""
    assert len(in_gamut()) == 313
    assert in_gamut()[:2] == ((-90, 50), (-90, 60))
    assert list(in_gamut()) == sorted(in_gamut())


def test_no_color_of_the_gamut_is_far_from_its_bin():
    levels = torch.linspace(0, 1, 18)
    cube = torch.cartesian_prod(levels, levels, levels).T[:, None]
    ab = lab(cube)[1:, 0]
    distance = torch.cdist(ab.T, BINS)
    assert distance.amin(1).max() <= 50**0.5 + 1e-3
    found = nearest(ab)
    torch.testing.assert_close(distance.gather(1, found[:, None])[:, 0], distance.amin(1))


def test_soft_encoding_is_the_gaussian_of_the_nearest_five():
    ab = 40 * torch.randn(20, 2)
    index, weight = soft_encode(ab, BINS)
    for color, found, shares in zip(ab.numpy(), index, weight, strict=True):
        distance = np.linalg.norm(BINS.numpy() - color, axis=1)
        assert set(found.tolist()) == set(np.argsort(distance)[:5].tolist())
        expected = np.exp(-(distance[found] ** 2) / (2 * 5**2))
        np.testing.assert_allclose(shares, expected / expected.sum(), rtol=1e-3, atol=1e-6)


def test_rebalancing_weighs_what_is_seen_by_one_on_average():
    counts = torch.rand(313) ** 4
    for mix in (0.1, 0.5, 1.0):
        weights = rebalancing(counts, mix)
        share = counts / counts.sum()
        assert (share * weights).sum() == pytest.approx(1, abs=1e-4)
        expected = 1 / ((1 - mix) * share + mix / 313)
        torch.testing.assert_close(weights / weights[0], expected / expected[0])
    assert rebalancing(counts, 1).std() < 1e-5


def test_class_counts_are_those_of_the_pixels():
    red = np.broadcast_to(np.array([200, 30, 40], np.uint8), (10, 12, 3)).copy()
    counts = class_counts(torch.from_numpy(red), BINS)
    assert counts.sum() == pytest.approx(120, abs=1e-2)
    assert counts.argmax() == nearest(lab(torch.tensor([200, 30, 40])[:, None, None] / 255)[1:])[0, 0]


def test_the_annealed_mean_goes_from_the_mean_to_the_mode():
    logits = torch.randn(1, 313, 2, 3)
    mean = (torch.softmax(logits, 1)[0].permute(1, 2, 0) @ BINS).permute(2, 0, 1)[None]
    torch.testing.assert_close(annealed_mean(logits, BINS, 1.0), mean)
    mode = BINS[logits.argmax(1)].permute(0, 3, 1, 2)
    torch.testing.assert_close(annealed_mean(logits, BINS, 1e-3), mode, atol=1e-2, rtol=0)


def test_hue_and_chroma_there_and_back():
    """A histogram of one colour is decoded to that colour, as far as 32 bins tell."""
    angle = torch.linspace(0, 6.2, 30)
    ab = torch.stack((50 * angle.cos(), 50 * angle.sin()))[None, :, :, None]
    hues, chromas, strength = histogram.encode(ab)
    torch.testing.assert_close(hues.sum(1), torch.ones_like(hues[:, 0]))
    torch.testing.assert_close(chromas.sum(1), torch.ones_like(hues[:, 0]))
    torch.testing.assert_close(strength * histogram.CHROMA, ab.norm(dim=1))
    again = histogram.decode((hues + 1e-9).log(), (chromas + 1e-9).log())
    assert (again - ab).norm(dim=1).max() < 3


def test_hues_that_contradict_each_other_fade():
    even = torch.zeros(1, histogram.BINS, 1, 1)
    chroma = torch.full((1, histogram.BINS, 1, 1), -20.0)
    chroma[0, 20] = 20
    assert histogram.decode(even, chroma).norm() < 1e-3


@pytest.mark.parametrize("make", NETS, ids=IDS)
def test_the_result_is_ab_of_the_same_size(make):
    model = make().eval()
    ab = model(grey(2, 1, 32, 48))
    assert ab.shape == (2, 2, 32, 48)
    assert ab.abs().max() < 128
    assert model.features(grey(1, 1, 32, 48)).shape[-2:] == (4, 6)


@pytest.mark.parametrize("make", NETS, ids=IDS)
def test_the_zoo_keeps_them(make, tmp_path):
    model = make().train()
    for _ in range(3):
        model(grey(4, 1, 32, 32))  # gives the normalisation something to remember
    model.eval()
    zoo.save(model, tmp_path)
    again = zoo.load(str(tmp_path))
    assert again.settings() == model.settings()
    x = grey(1, 1, 32, 32)
    torch.testing.assert_close(again(x), model(x), atol=0.5, rtol=0.02)


def test_dropout_is_for_training_alone():
    torch.manual_seed(0)
    model = ClassificationColorizer(ClassificationConfig(width=4, dropout=0.5))
    x = grey(4, 1, 32, 32)
    assert not torch.equal(model.train().logits(x), model.logits(x))
    assert torch.equal(model.eval().logits(x), model.logits(x))
    assert model.state_dict().keys() == ClassificationColorizer(ClassificationConfig(width=4)).state_dict().keys()


def test_a_colorizer_starts_from_the_trunk_of_another():
    first, second, third = (make() for make in NETS)
    third.start_from(first)
    assert all(torch.equal(a, b) for a, b in zip(first.trunk.parameters(), third.trunk.parameters(), strict=True))
    with pytest.raises(ValueError, match="trunks differ"):
        RegressionColorizer(RegressionConfig(width=3)).start_from(first)
    with pytest.raises(ValueError, match="layouts differ"):
        RegressionColorizer(RegressionConfig(width=3)).start_from(second)


def published():
    """Tensors as Zhang's port for PyTorch names them, with random values of a fitting size."""
    state = {}

    def conv(name, *shape):
        state[f"{name}.weight"] = torch.randn(*shape) * (2 / np.prod(shape[1:])) ** 0.5
        state[f"{name}.bias"] = 0.1 * torch.randn(shape[1] if name == "model8.0" else shape[0])

    def norm(name, n):
        state[f"{name}.weight"], state[f"{name}.bias"] = 0.5 + torch.rand(n), torch.randn(n)
        state[f"{name}.running_mean"], state[f"{name}.running_var"] = torch.randn(n), 0.5 + torch.rand(n)
        state[f"{name}.num_batches_tracked"] = torch.tensor(7)

    inputs = 1
    for block, (count, outputs) in enumerate([(2, 64), (2, 128), (3, 256), *[(3, 512)] * 4], 1):
        for i in range(count):
            conv(f"model{block}.{2 * i}", outputs, inputs, 3, 3)
            inputs = outputs
        norm(f"model{block}.{2 * count}", outputs)
    conv("model8.0", 512, 256, 4, 4)
    conv("model8.2", 256, 256, 3, 3)
    conv("model8.4", 256, 256, 3, 3)
    conv("model8.6", 313, 256, 1, 1)
    state["model_out.weight"] = (BINS.T / 110)[:, torch.randperm(313), None, None]
    return state


def port(state, lightness):
    """The forward pass of that port, written out."""
    x = (lightness - 50) / 100
    for block, count in enumerate([2, 2, 3, 3, 3, 3, 3], 1):
        for i in range(count):
            name, dilation = f"model{block}.{2 * i}", 2 if block in (5, 6) else 1
            stride = 2 if block <= 3 and i == count - 1 else 1
            x = F.conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"], stride, dilation, dilation).relu()
        name = f"model{block}.{2 * count}"
        kept = [state[f"{name}.{key}"] for key in ("running_mean", "running_var", "weight", "bias")]
        x = F.batch_norm(x, *kept)
    x = F.conv_transpose2d(x, state["model8.0.weight"], state["model8.0.bias"], 2, 1).relu()
    for name in ("model8.2", "model8.4"):
        x = F.conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"], padding=1).relu()
    x = F.conv2d(x, state["model8.6.weight"], state["model8.6.bias"])
    x = F.conv2d(torch.softmax(x, 1), state["model_out.weight"])
    return 110 * F.interpolate(x, scale_factor=4, mode="bilinear")


def test_published_weights_give_what_their_port_gives(tmp_path):
    state = published()
    torch.save(state, tmp_path / "eccv16.pth")
    model = zoo.load(str(tmp_path / "eccv16.pth"))
    x = grey(1, 1, 32, 40)
    expected = port(state, x)
    assert expected.std() > 1
    torch.testing.assert_close(model(x), expected, atol=1e-2, rtol=1e-3)
    assert len(zoo.digest(str(tmp_path / "eccv16.pth"))) == 64


def test_files_of_weights_that_are_not_known_are_refused(tmp_path):
    for name, state, words in (
        ("other.pth", {"a": torch.zeros(2)}, "no net that is known"),
        ("cut.pth", {k: v for k, v in published().items() if "model4" not in k}, "not those of the published net"),
    ):
        torch.save(state, tmp_path / name)
        with pytest.raises(RegrowError, match=words):
            zoo.load(str(tmp_path / name))


@pytest.mark.parametrize(
    "settings",
    [
        {"architecture": "classification", "width": 0},
        {"architecture": "classification", "temperature": 0.0},
        {"architecture": "regression", "width": 10**6},
        {"architecture": "regression", "dropout": 1.0},
        {"architecture": "histogram", "hidden": 0},
    ],
)
def test_settings_that_make_no_sense_are_refused(settings):
    name = next(key for key in settings if key != "architecture")
    with pytest.raises(UsageError, match=name):
        zoo.build(settings)
