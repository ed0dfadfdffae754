import os
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from support.commands import files
from support.pictures import noise, read, size_of

from regrow import Prior, dejpeg, denoise, inpaint, upscale
from regrow.errors import UsageError
from regrow.io.provenance import steps_of
from regrow.io.reader import open_picture
from regrow.operations.prior import Fit
from regrow.priors import picture_fit, settings
from regrow.priors.deep_image import fit
from regrow.priors.picture_fit import Pieces
from regrow.runners.dispatch import apply

STEPS = 4
NET = {"architecture": "hourglass", "inputs": 4, "levels": 2, "channels": 8}


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    """Fits that end at once."""
    monkeypatch.setitem(settings.NETS, "fast", NET)
    for task, usual in settings.TASKS.items():
        monkeypatch.setitem(settings.TASKS, task, replace(usual, iterations=STEPS))


@pytest.fixture
def picture(camera):
    """(40, 48) uint8."""
    return camera[100:140, 200:248].copy()


@pytest.fixture
def mask():
    """(40, 48) uint8, white in the middle."""
    marks = np.zeros((40, 48), np.uint8)
    marks[10:20, 12:30] = 255
    return marks


def test_files_say_what_was_done_and_are_not_done_twice(regrow, picture, save, tmp_path, caplog):
    photo, out = save("a.png", picture), tmp_path / "out.png"
    done = regrow("denoise", photo, "-o", out)
    assert (done.code, done.out) == (0, f"{out}\n")
    assert "Ctrl-C gives the best so far" in caplog.text
    assert f"the result is that of iteration {STEPS} of {STEPS}" in caplog.text
    with Image.open(out) as image:
        assert (image.size, image.mode) == ((48, 40), "L")
        assert steps_of(image.info["xmp"]) == f"denoise prior fast steps {STEPS} seed 0"
        found = np.asarray(image)
    np.testing.assert_array_equal(found, denoise(picture))
    assert "is done already" in regrow("denoise", photo, "-o", out).err
    assert "exists and is something else" in regrow("denoise", photo, "-o", out, "--seed", 1).err
    assert regrow("denoise", photo, "-o", out, "--seed", 1, "--force").code == 0
    assert not np.array_equal(read(out)[..., 0], found)
    assert files(tmp_path) == ["a.png", "out.png"]
    assert "denoise prior" in regrow("info", out).out


@pytest.mark.parametrize(("bands", "dtype"), [(1, np.uint8), (2, np.uint16), (3, np.uint16), (4, np.uint8)])
def test_every_kind_of_picture(bands, dtype):
    picture = noise(33, 47, bands, dtype)
    for found in (denoise(picture), dejpeg(picture, prior=Prior())):
        assert (found.shape, found.dtype) == (picture.shape, dtype)
        if bands in (2, 4):
            np.testing.assert_array_equal(found[..., -1], picture[..., -1])
        assert not np.array_equal(found[..., 0], picture[..., 0])
    large = upscale(picture, scale=2.5, prior=Prior())
    assert (large.shape, large.dtype) == ((round(33 * 2.5), round(47 * 2.5), bands), dtype)


def test_pictures_in_memory_come_back_as_what_they_were(picture):
    image = denoise(Image.fromarray(picture))
    assert steps_of(image.info["xmp"]) == f"denoise prior fast steps {STEPS} seed 0"
    tensor = denoise(torch.from_numpy(picture)[None] / 255)
    assert tensor.shape == (1, 40, 48)
    np.testing.assert_array_equal(np.asarray(image), (tensor[0] * 255).round().byte().numpy())


@pytest.mark.parametrize("bands", [1, 4])
def test_what_is_known_stays(regrow, save, tmp_path, mask, bands):
    pixels = noise(40, 48, bands)
    photo, out = save("a.png", pixels.squeeze()), tmp_path / "out.png"
    assert regrow("inpaint", photo, "-o", out, "--mask", save("mask.png", mask)).code == 0
    found = read(out)
    np.testing.assert_array_equal(found[mask == 0], pixels[mask == 0])
    assert not np.array_equal(found[mask > 0], pixels[mask > 0])
    np.testing.assert_array_equal(found, inpaint(pixels, mask=mask))
    different = pixels.copy()
    different[mask > 0, 0] = 0
    np.testing.assert_array_equal(found[..., 0], inpaint(different, mask=mask)[..., 0])  # it was not looked at


def test_masks_that_say_nothing_are_refused(regrow, picture, save, tmp_path, mask):
    photo, out = save("a.png", picture), tmp_path / "out.png"
    for name, marks, words in (
        ("black.png", 0 * mask, "black.png: has no white"),
        ("small.png", mask[:20], "a.png: 48x40, but the mask 48x20; give one of its size"),
        ("white.png", 0 * mask + 255, "the mask covers all of the picture"),
    ):
        done = regrow("inpaint", photo, "-o", out, "--mask", save(name, marks))
        assert (done.code, done.out) == (2, "")
        assert words in done.err
        assert not out.exists()
    assert regrow("inpaint", photo, "-o", out).code == 2
    assert regrow("inpaint", photo, "-o", out, "--mask", tmp_path / "none.png").code == 2


def test_upscale_by_a_prior(regrow, picture, save, tmp_path):
    photo, out = save("a.png", picture), tmp_path / "out.png"
    done = regrow("upscale", photo, "-o", out, "--prior", "--scale", 4, "--steps", 3)
    assert done.code == 0
    assert size_of(out) == (192, 160)
    assert steps_of(open_picture(out).xmp) == "upscale x4 prior fast steps 3 seed 0"
    np.testing.assert_array_equal(read(out)[..., 0], upscale(picture, scale=4, prior=Prior(iterations=3)))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["denoise", "--net", "large"], "net 'large': is none of fast, paper, unet, resnet"),
        (["denoise", "--steps", "0"], ""),
        (["denoise", "--device", "toaster"], "toaster"),
        (["upscale", "--steps", "3"], "--iterations 3: is for --prior; say that too, or leave it out"),
        (["upscale", "--compile"], "--compile: is for --prior"),
        (["upscale", "--prior", "--model", "plain-x2"], "model plain-x2: is for models, not for a prior"),
        (["upscale", "--prior", "--ensemble"], "ensemble: is for models"),
        (["upscale", "--prior", "--scale", "1"], "scale 1: must be above 1 and at most 8"),
        (["upscale", "--prior", "--jobs", "2"], "--jobs 2: priors are fitted one after another"),
        (["upscale", "--prior", "--crf", "3"], "codec, crf and rate are for clips"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_usage_exits_with_2(regrow, picture, save, tmp_path, arguments, words):
    done = regrow(*arguments, save("a.png", picture), "-o", tmp_path / "out.png")
    assert (done.code, done.out) == (2, "")
    assert words in done.err
    assert files(tmp_path) == ["a.png"]


def test_clips_are_refused(regrow, save, tmp_path):
    for i in range(2):
        save(f"in/{i:02}.png", noise(32, 32, seed=i))
    done = regrow("denoise", tmp_path / "in" / "%02d.png", "-o", tmp_path / "out" / "%02d.png")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "a prior is fitted to one picture" in done.err


def test_an_interrupt_gives_the_best_so_far_and_it_goes_on(regrow, picture, save, tmp_path, monkeypatch, caplog):
    photo, out = save("a.png", picture), tmp_path / "out.png"

    def interrupted(*given, report, **options):
        def told(done, total):
            report(done, total)
            if done == 2:
                os.kill(os.getpid(), signal.SIGINT)

        return fit(*given, report=told, **options)

    with monkeypatch.context() as patch:
        patch.setattr(picture_fit, "fit", interrupted)
        done = regrow("denoise", photo, "-o", out)
    assert (done.code, done.out) == (130, "")
    assert "interrupted, so the result is the best so far; asked for again it goes on" in caplog.text
    assert steps_of(open_picture(out).xmp).endswith("; interrupted")
    np.testing.assert_array_equal(read(out)[..., 0], denoise(picture, prior=Prior(iterations=2)))
    assert [name for name in files(tmp_path) if name.endswith(".fit")]
    assert "exists and is something else" in regrow("denoise", photo, "-o", out, "--seed", 1).err
    assert "goes on from there" in regrow("denoise", photo, "-o", out, "--dry-run").out
    caplog.clear()
    assert regrow("denoise", photo, "-o", out).code == 0
    assert f"going on after iteration 2 of {STEPS}" in caplog.text
    np.testing.assert_array_equal(read(out)[..., 0], denoise(picture))
    assert files(tmp_path) == ["a.png", "out.png"]


def test_in_memory_an_interrupt_gives_the_best_so_far(picture, caplog):
    def told(done, total):
        if (done, total) == (2, STEPS):
            os.kill(os.getpid(), signal.SIGINT)

    found = denoise(picture, report=told)
    np.testing.assert_array_equal(found, denoise(picture, prior=Prior(iterations=2)))
    assert "so the result is the best so far\n" in caplog.text


def test_intermediate_pictures_are_written(picture, tmp_path):
    prior = Prior(snapshots=tmp_path / "steps", every=2, half=2)
    denoise(picture, prior=prior)
    assert files(tmp_path) == [f"steps/ndarray-{name}.png" for name in ("00002", "00004", "half-00002")]
    assert size_of(tmp_path / "steps" / "ndarray-00004.png") == (48, 40)
    assert size_of(tmp_path / "steps" / "ndarray-half-00002.png") == (24, 20)


@pytest.mark.parametrize("task", ["denoise", "inpaint", "upscale"])
def test_half_the_size_first(picture, mask, task):
    seen = []
    options = {"prior": Prior(half=3), "report": lambda *done: seen.append(done)}
    if task == "upscale":
        assert upscale(picture, scale=3, **options).shape == (120, 144)
    elif task == "inpaint":
        assert inpaint(picture, mask=mask, **options).shape == (40, 48)
    else:
        assert denoise(picture, **options).shape == (40, 48)
    assert seen[: 3 + STEPS] == [(i, 3) for i in (1, 2, 3)] + [(i, STEPS) for i in range(1, STEPS + 1)]


@pytest.mark.parametrize("task", ["inpaint", "upscale"])
def test_large_pictures_are_cut_into_pieces(picture, mask, task, caplog):
    """Only those that lack something are fitted when it is filled in."""
    small = {"pieces": Pieces(most=1600, filled_in=1600, overlap=4)}
    seen = []
    if task == "inpaint":
        mask[:, 20:] = 0
        operation = Fit(verb="inpaint", missing=mask > 0, **small)
        found = apply(operation, picture, report=lambda *done: seen.append(done))
        np.testing.assert_array_equal(found[mask == 0], picture[mask == 0])
        pieces, total = 1, 2
    else:
        operation = Fit(verb="upscale", scale=2, **small)
        found = apply(operation, picture, report=lambda *done: seen.append(done))
        assert found.shape == (80, 96)
        pieces = total = 9
    assert caplog.text.count(", piece ") == pieces
    assert seen[pieces * STEPS - 1][1] == total * STEPS
    with pytest.raises(UsageError, match=r"scale 1\.5: ndarray is too large for it; take a whole number"):
        apply(Fit(verb="upscale", scale=1.5, **small), picture)


def test_pieces_are_larger_around_large_holes(picture, mask, caplog):
    """Each must have something to go by; the smallest here would lie within the hole."""
    mask[:] = 0
    mask[5:30, 5:30] = 255
    found = apply(Fit(verb="inpaint", missing=mask > 0, pieces=Pieces(filled_in=144, overlap=2)), picture)
    np.testing.assert_array_equal(found[mask == 0], picture[mask == 0])
    assert "piece 1 of 6" in caplog.text


def test_pieces_that_look_the_same_are_kept_apart(tmp_path, caplog):
    """By what is missing of them, where that is all they differ in."""
    white, mask = np.full((40, 80, 3), 255, np.uint8), np.zeros((40, 80), np.uint8)
    mask[3:5, 3:9] = mask[3:5, 60:70] = 255
    pieces = Pieces(filled_in=1600, overlap=4)
    found = apply(Fit(verb="inpaint", missing=mask > 0, prior=Prior(checkpoints=tmp_path), pieces=pieces), white)
    assert "going on" not in caplog.text
    assert (found[mask == 0] == 255).all()


def test_an_interrupt_leaves_pieces_that_were_not_begun(picture):
    operation = Fit(verb="denoise", pieces=Pieces(most=1600, overlap=4))
    found = apply(operation, picture, report=lambda done, total: done == 1 and os.kill(os.getpid(), signal.SIGINT))
    np.testing.assert_array_equal(found[:, -20:], picture[:, -20:])
    assert not np.array_equal(found[:, :20], picture[:, :20])


def test_the_bar_says_how_near_it_is(picture):
    words = []

    class Bar:
        def __call__(self, done, total):
            pass

        def say(self, said):
            words.append(said)

    denoise(picture, report=Bar())
    assert len(words) == STEPS
    assert words[-1].startswith(f"iteration {STEPS}, best {STEPS}, ")
    assert words[-1].endswith(" dB")
