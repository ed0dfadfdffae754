import os
import signal

import numpy as np
import pytest
import torch
from PIL import Image
from support.pictures import noise

from regrow import restore, upscale
from regrow.bench.driver import bench
from regrow.bench.models import Upscaler
from regrow.bench.tasks.upscale import Task
from regrow.errors import RegrowError, UsageError
from regrow.inference.restore import restore_rows
from regrow.io.provenance import steps_of
from regrow.io.reader import open_picture
from regrow.nets.ops.resample import bicubic
from regrow.operations import zero_shot
from regrow.operations.zero_shot import SMALLEST, ZeroShot, fitted
from regrow.size import Size


@pytest.fixture
def short(monkeypatch):
    """Fitting that ends at once."""
    monkeypatch.setattr(zero_shot, "STEPS", 3)
    monkeypatch.setattr(fitted, "__kwdefaults__", {**fitted.__kwdefaults__, "steps": 3})


@pytest.fixture(scope="module")
def text(request):
    """(64, 96) uint8, of few shapes that come again and again."""
    import skimage.data

    return skimage.data.text()[30:94, 100:196].copy()


def as_tensor(pixels):
    """(H, W[, 3]) uint8 -> (1, 3, H, W) in [0, 1]."""
    return (
        torch.from_numpy(np.broadcast_to(pixels.reshape(*pixels.shape[:2], -1), (*pixels.shape[:2], 3)).copy()).permute(
            2, 0, 1
        )[None]
        / 255
    )


def psnr(a, b):
    return -10 * (a.clamp(0, 1) - b)[..., 4:-4, 4:-4].square().mean().log10()


def fit(pixels, **options):
    height, width = pixels.shape[:2]
    held = 1 if pixels.ndim == 2 else min(3, pixels.shape[2])
    return fitted([pixels.reshape(height, width, -1)], (width, height), held, "it", **{"scale": 2, **options})


def test_it_beats_bicubic_on_a_photograph_it_never_saw_large(camera):
    original = as_tensor(camera[80:240, 160:320])
    small = (bicubic(original, (80, 80)).clamp(0, 1) * 255).round() / 255
    net = fit((small[0].permute(1, 2, 0) * 255).byte().numpy(), steps=60)
    with torch.no_grad():
        assert psnr(net(small), original) > psnr(bicubic(small, (160, 160)), original) + 0.8


def test_steps_lower_what_is_lost_of_the_picture(text):
    """The father from its son, which is what is learned."""
    father = as_tensor(text)
    son = bicubic(father, (32, 48))
    with torch.no_grad():
        errors = [(fit(text, steps=steps).net(son) - father).abs().mean() for steps in (0, 40)]
    assert errors[0] == pytest.approx((bicubic(son, (64, 96)) - father).abs().mean())
    assert errors[1] < 0.95 * errors[0]


def test_the_same_seed_gives_the_same_and_leaves_torch_alone(text):
    before = torch.random.get_rng_state()
    x = as_tensor(text)
    with torch.no_grad():
        first, again, other = (fit(text, steps=4, seed=seed)(x) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_shrunk_again_it_is_the_picture(text):
    """Back-projection: far nearer than without, and the nearer the oftener."""
    x, net = as_tensor(text), fit(text, steps=5)
    far = []
    for net.corrections in (0, 1, 2):
        with torch.no_grad():
            far.append((bicubic(net(x), (64, 96)) - x).abs().mean())
    assert far[0] > 2 * far[1] > 3 * far[2]


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_tiles_agree_with_the_whole(scale):
    net = ZeroShot(scale)
    torch.nn.init.normal_(net.net.layers[-1].weight, std=0.05)
    net = net.eval().requires_grad_(False)
    net.takes_bfloat16 = False
    picture = noise(70, 60).astype(np.float32) / 255
    tiled, whole = (
        np.concatenate(list(restore_rows([picture], Size(60, 70), 3, net, np.float32, tile=tile)))
        for tile in (16 * scale, 1024)
    )
    np.testing.assert_allclose(tiled, whole, atol=1e-5)


def test_of_a_large_picture_pieces_are_held(camera):
    blocks = [camera[top : top + 16, :, None] for top in range(0, 512, 16)]
    pieces = zero_shot._pieces(iter(blocks), (512, 512), 1, torch.Generator().manual_seed(0), 32)
    assert [piece.shape for piece in pieces] == [(1, 3, 32, 32)] * zero_shot.PIECES
    views = np.lib.stride_tricks.sliding_window_view(camera, (32, 32))
    for piece in pieces:
        first = (piece[0, 0] * 255).round().byte().numpy()
        assert (views[views[..., 0, 0] == first[0, 0]] == first).all((-2, -1)).any()
    assert fitted(blocks, (512, 512), 1, "it", scale=2, steps=1).scale == 2


@pytest.mark.usefixtures("short")
def test_files_say_what_was_done_and_are_not_done_twice(regrow, camera, save, tmp_path, caplog):
    photo, out = save("a.png", camera[:40, :56].copy()), tmp_path / "out.png"
    done = regrow("upscale", photo, "-o", out, "--model", "zssr")
    assert done.code == 0
    assert "a net is fitted to this picture first, which can take minutes" in caplog.text
    with Image.open(out) as image:
        assert (image.size, image.mode) == ((112, 80), "L")
        assert steps_of(image.info["xmp"]) == "upscale zssr steps 3 seed 0 x2 ensemble"
        found = np.asarray(image)
    np.testing.assert_array_equal(found, upscale(camera[:40, :56].copy(), model="zssr"))
    assert "is done already" in regrow("upscale", photo, "-o", out, "--model", "zssr").err


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize(
    ("bands", "dtype", "scale", "size"),
    [
        (4, np.uint8, 2, (48, 36)),
        (3, np.uint16, 3, (72, 75)),
        (2, np.uint16, 2.5, (75, 60)),
        (1, np.uint8, 4, (128, 132)),
    ],
)
def test_every_kind_of_picture(bands, dtype, scale, size):
    """The smallest of them, too; what the net adds so early is little."""
    height, width = (round(n / scale) for n in size)
    picture = np.array(
        Image.fromarray(noise(6, 6, bands * 2)[..., 0]).resize((width, height), Image.Resampling.BICUBIC)
    )
    picture = np.repeat(picture[..., None], bands, 2).astype(dtype) * (257 if dtype == np.uint16 else 1)
    steps = []
    found = upscale(picture, scale=scale, model="zssr", report=lambda *done: steps.append(done))
    assert (found.shape, found.dtype) == ((*size, bands), dtype)
    assert steps[:3] == [(1, 3), (2, 3), (3, 3)]
    assert steps[-1] == (size[0], size[0])
    x = torch.from_numpy(picture.astype(np.float32)).permute(2, 0, 1)
    expected = bicubic(x, size).permute(1, 2, 0).numpy()
    assert np.abs(found.astype(float) - expected)[4:-4, 4:-4].mean() < 0.03 * np.iinfo(dtype).max


def test_what_is_too_small_is_told(tmp_path, save):
    side = SMALLEST * 2
    with pytest.raises(RegrowError, match="15x16 is too small to learn from; at scale 2 zssr needs 16 pixels each way"):
        upscale(noise(side, side - 1), model="zssr")
    photo = save("a.png", noise(side - 1, side))
    with pytest.raises(RegrowError, match=r"a\.png: 16x15"):
        upscale(photo, tmp_path / "out.png", model="zssr")
    assert not (tmp_path / "out.png").exists()


@pytest.mark.usefixtures("short")
def test_restore_colors_first(regrow, camera, save, tmp_path):
    out = tmp_path / "out.png"
    restore(
        save("a.png", camera[:32, :40].copy()), out, colorizer="colorize-histogram", upscaler="zssr", enhancer="dqe-x2"
    )
    picture = open_picture(out)
    assert (picture.width, picture.height, picture.colors) == (80, 64, 3)
    assert [words.split()[:2] for words in steps_of(picture.xmp).split("; ")] == [
        ["colorize", "colorize-histogram"],
        ["upscale", "zssr"],
        ["enhance", "dqe-x2"],
    ]


def test_clips_and_enhancing_are_refused(regrow, save, tmp_path):
    for i in range(2):
        save(f"in/{i:02}.png", noise(32, 32, seed=i))
    done = regrow("upscale", tmp_path / "in" / "%02d.png", "-o", tmp_path / "out" / "%02d.png", "--model", "zssr")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "is fitted to one picture" in done.err
    assert not (tmp_path / "out").exists()
    with pytest.raises(UsageError, match="no enhancer"):
        restore(noise(32, 32), colorizer="none", enhancer="zssr")
    with pytest.raises(UsageError, match="toaster"):
        upscale(noise(32, 32), model="zssr", device="toaster")


def test_an_interrupt_leaves_nothing(regrow, camera, save, tmp_path, monkeypatch):
    photo, out = save("a.png", camera[:64, :64].copy()), tmp_path / "out" / "b.png"
    out.parent.mkdir()
    crop, steps = zero_shot._crop, []

    def third(*arguments):
        steps.append(arguments)
        if len(steps) == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return crop(*arguments)

    monkeypatch.setattr(zero_shot, "_crop", third)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # jobs in the background may ignore it
    try:
        done = regrow("upscale", photo, "-o", out, "--model", "zssr")
    finally:
        signal.signal(signal.SIGINT, before)
    assert (done.code, len(steps)) == (130, 3)
    assert not list(out.parent.iterdir())


@pytest.mark.usefixtures("short")
def test_it_is_measured_as_it_is_used(camera, save):
    original = camera[:64, :80].copy()
    folder = save("set/a.png", original).parent
    (result,) = bench(Task(), [folder], ["zssr"])
    assert (result.model, result["ensemble"], result["parameters"]) == ("zssr", True, 127_347)
    assert result["multiply_adds"] == 8 * (3 * 48 * 2 + 6 * 48**2) * 9
    upscaler = Upscaler("zssr", 2)
    small, grown = upscaler(np.repeat(original[..., None], 3, 2))
    np.testing.assert_array_equal(grown, upscale(small, model="zssr"))
    with pytest.raises(UsageError, match="no such model"):
        Upscaler("zssr+dqe-x2", 2)
