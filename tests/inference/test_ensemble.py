import numpy as np
import pytest
import torch
from PIL import Image
from support.pictures import noise

from regrow import upscale, zoo
from regrow.errors import UsageError
from regrow.inference.backends.pytorch import of_arrays
from regrow.inference.ensemble import self_ensemble
from regrow.inference.restore import restore_rows
from regrow.io.provenance import steps_of
from regrow.nets.upscale.edsr import EDSR, EDSRConfig
from regrow.size import Size


@pytest.fixture(scope="module")
def net():
    """One that depends on how the picture is turned."""
    torch.manual_seed(3)
    return EDSR(EDSRConfig(channels=8, blocks=1)).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def folder(net, tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "x2"
    zoo.save(net, path)
    return str(path)


def by_hand(net, picture):
    """(H, W, 3) in [0, 1] through the net as it is and mirrored, turned by 0, 90, 180 and 270 degrees, in numpy."""
    results = []
    for mirrored in (False, True):
        for turns in range(4):
            shown = np.rot90(picture[:, ::-1] if mirrored else picture, turns)
            x = torch.from_numpy(shown.copy()).permute(2, 0, 1)[None]
            y = np.rot90(net(x)[0].permute(1, 2, 0).numpy(), -turns)
            results.append(y[:, ::-1] if mirrored else y)
    return np.mean(results, 0)


def test_it_is_the_mean_over_turns_and_mirrors(net):
    picture = noise(9, 14).astype(np.float32) / 255
    once = of_arrays(net, net.device)
    found = self_ensemble(once)(picture)
    np.testing.assert_allclose(found, by_hand(net, picture), atol=1e-5)
    assert np.abs(found - once(picture)).max() > 0.01


def test_turned_pictures_give_turned_results(net):
    x, run = noise(6, 9).astype(np.float32) / 255, self_ensemble(of_arrays(net, net.device))
    np.testing.assert_allclose(run(np.rot90(x)), np.rot90(run(x)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("size", [(1, 9), (9, 1), (1, 1)])
def test_sides_of_one_pixel(net, size):
    picture = noise(*size).astype(np.float32) / 255
    np.testing.assert_allclose(self_ensemble(of_arrays(net, net.device))(picture), by_hand(net, picture), atol=1e-5)


def test_tiles_agree_with_the_whole(net):
    picture = noise(40, 33).astype(np.float32) / 255
    tiled = np.concatenate(list(restore_rows([picture], Size(33, 40), 3, net, np.float32, tile=16, ensemble=True)))
    np.testing.assert_allclose(tiled, np.clip(by_hand(net, picture), 0, 1), atol=1e-5)


def test_upscale_takes_it_and_says_so(regrow, net, folder, save, tmp_path):
    photo, out = save("a.png", noise(12, 10)), tmp_path / "out.png"
    for again in (False, True):
        done = regrow("upscale", photo, "-o", out, "--model", folder, "--ensemble")
        assert done.code == 0, done.err
        assert ("done already" in done.err) == again
    assert regrow("upscale", photo, "-o", out, "--model", folder).code == 1  # what lies there is something else
    with Image.open(out) as image:
        found = np.asarray(image)
        assert steps_of(image.info["xmp"]).endswith(" x2 ensemble")
    expected = by_hand(net, noise(12, 10).astype(np.float32) / 255).clip(0, 1) * 255
    assert np.abs(found - expected).max() < 0.6  # weights are kept in float16


def test_clips_go_the_same_way(folder, save, tmp_path):
    for i in range(2):
        save(f"in/{i:02}.png", noise(12, 16, seed=i))
    upscale(tmp_path / "in" / "%02d.png", tmp_path / "out" / "%02d.png", model=folder, ensemble=True)
    for i, path in enumerate(sorted((tmp_path / "out").iterdir())):
        with Image.open(path) as image:
            frame = upscale(noise(12, 16, seed=i), model=folder, ensemble=True)
            np.testing.assert_allclose(np.asarray(image, int), frame, atol=1)
    assert i == 1


def test_nothing_to_average_is_a_usage_error(regrow, save, tmp_path):
    with pytest.raises(UsageError, match="ensemble at scale 1"):
        upscale(noise(4, 4), scale=1, ensemble=True)
    done = regrow("upscale", save("a.png", noise(4, 4)), "-o", tmp_path / "o.png", "--scale", 1, "--ensemble")
    assert (done.code, done.err.count("\n")) == (2, 1)
