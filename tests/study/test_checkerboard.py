import csv

import numpy as np
import pytest
import torch
from PIL import Image
from support.pictures import noise

from regrow import zoo
from regrow.errors import UsageError
from regrow.nets.upscale.edsr import EDSR, EDSRConfig
from regrow.study.checkerboard import LAYERS, checkerboard, grid, layer_net, smooth


def tiled(tile, side=150):
    """A pattern without end, (side, side, 3)."""
    n = side // len(tile) + 1
    return np.tile(tile, (n, n))[:side, :side, None].repeat(3, 2)


def waves(side=150):
    y, x = np.mgrid[:side, :side] / side
    return (100 + 60 * x - 30 * y + 20 * np.sin(9 * x + 5 * y))[..., None].repeat(3, 2)


def test_a_checkerboard_has_its_own_height():
    found = grid(100 + tiled([[3.0, -3.0], [-3.0, 3.0]]), 2)
    assert found.amplitude == pytest.approx(3)
    assert found.share == pytest.approx(9 / (100**2 + 9))


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
def test_any_pattern_has_its_standard_deviation_on_whatever_is_smooth(scale):
    tile = np.random.default_rng(scale).normal(size=(scale, scale))
    assert grid(tiled(tile), scale).amplitude == pytest.approx(tile.std())
    assert grid(waves() + tiled(tile), scale).amplitude == pytest.approx(tile.std(), rel=0.01)
    assert grid(waves(), scale).amplitude < 1e-3
    assert grid(np.full((150, 150, 1), 7.0), scale).amplitude < 1e-12
    assert grid(np.zeros((150, 150, 1)), scale) == (0, 0)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_it_is_the_energy_at_the_frequencies_of_the_grid(scale):
    """One window, by Fourier's transform of the whole."""
    side = 16 * scale
    picture = np.random.default_rng(0).normal(size=(side, side))
    hann = np.sin(np.pi * (np.arange(side) + 0.5) / side) ** 4
    window = np.outer(hann, hann) / hann.sum() ** 2
    spectrum = np.abs(np.fft.fft2(picture * window)[::16, ::16]) ** 2
    found = grid(picture[..., None], scale)
    assert found.amplitude**2 == pytest.approx(spectrum.sum() - spectrum[0, 0])
    assert found.share == pytest.approx(found.amplitude**2 / (picture**2 * window).sum())


def test_patterns_of_other_periods_do_not_count():
    tile = np.random.default_rng(0).normal(size=(3, 3))
    assert grid(tiled(tile), 2).amplitude < 0.01 * tile.std()


def test_a_pattern_that_comes_and_goes_is_seen():
    """Its mean over the picture is nothing."""
    y, _ = np.mgrid[:256, :256]
    pattern = 3 * tiled([[1.0, -1.0], [-1.0, 1.0]], 256) * np.sin(y / 40)[..., None]
    assert grid(pattern, 2).amplitude == pytest.approx(3 * np.sqrt(0.5), rel=0.1)


def test_pictures_without_a_window_are_refused():
    with pytest.raises(UsageError, match="40x31 pixels is too small to show a grid of 2: 32"):
        grid(np.zeros((31, 40, 3)), 2)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_layers_make_what_is_known_of_them(scale):
    rows = {row["name"]: row["percent"] for row in checkerboard([], scale=scale, seeds=3)}
    assert list(rows) == list(LAYERS)
    assert rows["subpixel"] > 20
    assert rows["transposed"] > 2
    assert all(rows[name] == 0 for name in ("subpixel, ICNR", "transposed, bilinear", "nearest", "bilinear"))


def test_nets_of_layers_enlarge_and_come_again():
    state = torch.get_rng_state()
    for layer in LAYERS:
        x = torch.rand(1, 3, 9, 7)
        y = layer_net(layer, 4, 5)(x)
        assert y.shape == (1, 3, 36, 28)
        torch.testing.assert_close(layer_net(layer, 4, 5)(x), y)
        assert not torch.equal(layer_net(layer, 4, 6)(x), y)
    torch.set_rng_state(state)
    picture = smooth(96)
    assert (picture.shape, picture.dtype) == ((3, 96, 96), torch.float32)
    assert 0.1 <= picture.min() < picture.max() <= 0.9


def test_models_are_measured_and_drawn(regrow, tmp_path):
    net = EDSR(EDSRConfig(channels=8, blocks=1))
    zoo.save(net, tmp_path / "rough")
    out = tmp_path / "out"
    models = ["--model", "bicubic", "--model", tmp_path / "rough"]
    done = regrow("study", "checkerboard", *models, "--seeds", 2, "-o", out)
    assert done.code == 0, done.err
    assert sorted(p.name for p in out.iterdir()) == ["checkerboard.csv", "checkerboard.png"]
    with (out / "checkerboard.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(r["kind"], r["name"], r["seeds"]) for r in rows] == [
        *(("layer", layer, "2") for layer in LAYERS), ("model", "bicubic", "1"), ("model", "rough", "1")
    ]  # fmt: skip
    assert len(done.out.splitlines()) == len(rows) + 1
    assert float(rows[-2]["levels"]) < 0.01
    with Image.open(out / "checkerboard.png") as image:
        assert image.width > 7 * 3 * 96
        assert image.height > 2 * 3 * 96


@pytest.mark.parametrize(
    "wrong", [["--scale", "2.5"], ["--scale", "16"], ["--seeds", "0"], ["--model", "nobody"]], ids=str
)
def test_bad_usage(regrow, tmp_path, wrong):
    done = regrow("study", "checkerboard", *wrong, "-o", tmp_path / "out")
    assert (done.code, done.out) == (2, "")
    assert not (tmp_path / "out").exists()


def test_a_picture_of_noise_has_little_of_it():
    assert grid(noise(200, 200).astype(float), 2).share < 0.01
