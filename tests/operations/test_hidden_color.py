from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from support.pictures import FORMATS, GREY_ICC, ICC, LOSSLESS, exif, noise, read, write

import regrow
from regrow.errors import RegrowError, UsageError
from regrow.io.reader import open_picture
from regrow.io.writer import PictureWriter

GREY_FORMATS = [".png", ".tiff", ".jpg"]


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("bands", [3, 4])
def test_color_hidden_in_grey_comes_back_with_all_else(tmp_path, hiding_folder, suffix, depth, bands):
    """The profile describes colours, so a grey file cannot hold it: it travels in the passport."""
    bands = 3 if suffix == ".jpg" else bands
    array = noise(19, 23, bands, np.uint8 if depth == 8 else np.uint16)
    if bands == 4:
        array[..., 3] = 2**depth - 1
    source = write(tmp_path / "a.png", array, icc=ICC, exif=exif())
    small = regrow.shrink(source, tmp_path / f"s{suffix}", grey=True, model=hiding_folder)
    opened, passport = open_picture(small), regrow.info(small).passport
    assert passport is not None
    assert (opened.width, opened.height, opened.depth, opened.alpha) == (23, 19, 8, bands == 4)
    if suffix in GREY_FORMATS:
        assert opened.colors == 1
        assert opened.icc is None
        assert passport.icc == ICC
    else:
        pixels = read(small)
        np.testing.assert_array_equal(pixels[..., 0], pixels[..., 2])
        assert opened.icc == ICC
        assert passport.icc is None
    assert (passport.scale, passport.colours, passport.depth) == (1, 3, depth)
    grown = open_picture(regrow.grow(small, tmp_path / "g.png", model=hiding_folder))
    assert (grown.width, grown.height, grown.image.bands, grown.depth) == (23, 19, bands, depth)
    assert grown.icc == ICC
    assert grown.exif == exif()
    assert grown.xmp is None
    if bands == 4:
        assert (read(tmp_path / "g.png")[..., 3] == 2**depth - 1).all()


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_hidden_color_in_files_equals_hidden_color_in_arrays(tmp_path, hiding_folder, suffix):
    array = noise(19, 23, 4)
    source = write(tmp_path / "a.png", array)
    small = regrow.shrink(source, tmp_path / f"s{suffix}", grey=True, model=hiding_folder)
    expected = regrow.shrink(array, grey=True, model=hiding_folder)
    assert expected.shape == (19, 23, 2)
    np.testing.assert_array_equal(read(small)[..., [0, -1]], expected)
    grown = read(regrow.grow(small, tmp_path / "g.png", model=hiding_folder))
    np.testing.assert_array_equal(grown, regrow.grow(expected, scale=1, model=hiding_folder))


@pytest.mark.parametrize("scale", [1, 1.5, (2, 1), 2], ids=str)
@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_color_is_hidden_at_any_scale_up_to_the_models(tmp_path, hiding_x2_folder, scale, suffix):
    source = write(tmp_path / "a.png", noise(19, 23))
    if scale == 1:
        with pytest.raises(UsageError, match="scale 1"):
            regrow.shrink(source, tmp_path / "s.png", scale=scale, grey=True, model=hiding_x2_folder)
        return
    small = regrow.shrink(source, tmp_path / f"s{suffix}", scale=scale, grey=True, model=hiding_x2_folder)
    grown = read(regrow.grow(small, tmp_path / "g.png", model=hiding_x2_folder))
    assert grown.shape == (19, 23, 3)
    assert np.ptp(grown.astype(int), axis=2).max() > 0


def test_more_than_the_scale_of_a_model_that_hides_color_is_a_usage_error(hiding_folder, hiding_x2_folder):
    for model, scale in ((hiding_folder, 2), (hiding_folder, (1, 1.1)), (hiding_x2_folder, 4), (hiding_x2_folder, 2.1)):
        with pytest.raises(UsageError, match="at most"):
            regrow.shrink(noise(9, 9), scale=scale, grey=True, model=model)
        with pytest.raises(UsageError, match="at most"):
            regrow.grow(noise(9, 9, 1), scale=scale, model=model)


def test_arrays_with_hidden_color_come_back_in_color(hiding_folder):
    """A flat grey picture cannot stay flat when it gets its colours back."""
    small = regrow.shrink(noise(9, 7), grey=True, model=hiding_folder)
    assert (small.shape, small.dtype) == ((9, 7, 1), np.uint8)
    grown = regrow.grow(small, scale=1, model=hiding_folder)
    assert (grown.shape, grown.dtype) == ((9, 7, 3), np.uint8)
    np.testing.assert_array_equal(regrow.grow(small[..., 0], scale=1, model=hiding_folder), grown)
    assert regrow.grow(
        regrow.shrink(noise(9, 7, 4), model=hiding_folder, grey=True), scale=1, model=hiding_folder
    ).shape == (9, 7, 4)


def test_tensors_with_hidden_color_come_back_in_color(hiding_folder):
    tensor = torch.rand(3, 9, 7)
    small = regrow.shrink(tensor, grey=True, model=hiding_folder)
    assert tuple(small.shape) == (1, 9, 7)
    grown = regrow.grow(small, scale=1, model=hiding_folder)
    assert (tuple(grown.shape), grown.dtype) == ((3, 9, 7), torch.float32)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "CMYK", "L", "LA", "I;16"])
def test_pil_images_with_hidden_color_come_back_in_color(hiding_folder, mode):
    image = Image.new("RGB", (7, 9), (90, 120, 30)).convert(mode) if mode == "P" else Image.new(mode, (7, 9))
    small = regrow.shrink(image, grey=True, model=hiding_folder)
    assert small.mode == ("LA" if mode in ("RGBA", "LA") else "L")
    grown = regrow.grow(small, model=hiding_folder)
    assert grown.size == (7, 9)
    assert grown.mode == {"P": "RGB", "CMYK": "RGB"}.get(mode, mode)


def test_a_pil_image_with_hidden_color_saved_to_a_grey_file_keeps_its_profile(tmp_path, hiding_folder):
    image = Image.fromarray(noise(9, 7))
    image.info["icc_profile"] = ICC
    small = regrow.shrink(image, grey=True, model=hiding_folder)
    assert "icc_profile" not in small.info
    assert regrow.grow(small, model=hiding_folder).info["icc_profile"] == ICC
    small.save(tmp_path / "s.tiff", tiffinfo={700: small.info["xmp"]})
    grown = open_picture(regrow.grow(tmp_path / "s.tiff", tmp_path / "g.png", model=hiding_folder))
    assert (grown.colors, grown.icc) == (3, ICC)


@pytest.mark.parametrize("bands", [1, 2])
@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_grey_pictures_pass_a_model_that_hides_color_and_stay_grey(tmp_path, hiding_folder, bands, suffix):
    source = write(tmp_path / "a.png", noise(9, 7, bands), icc=GREY_ICC)
    small = regrow.shrink(source, tmp_path / f"s{suffix}", grey=True, model=hiding_folder)
    grown = open_picture(regrow.grow(small, tmp_path / "g.png", model=hiding_folder))
    assert (grown.image.bands, grown.icc) == (bands, GREY_ICC)


@pytest.mark.parametrize("alpha", [0, 1])
@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_hidden_color_without_passport_grows_with_the_model(tmp_path, hiding_folder, suffix, alpha):
    small = regrow.shrink(noise(9, 7, 3 + alpha), grey=True, model=hiding_folder)
    write(tmp_path / f"s{suffix}", small)
    with pytest.raises(RegrowError, match="no passport"):
        regrow.grow(tmp_path / f"s{suffix}", tmp_path / "g.png", model=hiding_folder)
    grown = regrow.grow(tmp_path / f"s{suffix}", tmp_path / "g.png", scale=1, model=hiding_folder)
    np.testing.assert_array_equal(read(grown), regrow.grow(small, scale=1, model=hiding_folder))


def test_colors_in_the_small_picture_of_a_grey_model_are_averaged(grey_folder):
    small = noise(8, 9, 3)
    mean = small.mean(-1, keepdims=True)
    alike = np.broadcast_to(np.rint(mean).astype(np.uint8), small.shape)
    apart = regrow.grow(alike, scale=2, model=grey_folder).astype(int) - regrow.grow(small, scale=2, model=grey_folder)
    assert np.abs(apart).mean() < 2


def test_a_passport_that_says_colors_of_a_grey_model_is_refused(tmp_path, grey_folder):
    small = regrow.shrink(write(tmp_path / "a.png", noise(8, 8, 1)), tmp_path / "s.png", model=grey_folder)
    bad = tmp_path / "bad.png"
    passport = replace(regrow.info(small).passport, colours=3)
    with PictureWriter(bad, width=4, height=4, colors=1, xmp=passport.to_xmp(None)) as writer:
        writer.write(read(small))
    with pytest.raises(RegrowError, match="passport says it had colours"):
        regrow.grow(bad, tmp_path / "g.png", model=grey_folder)


def test_hiding_colors_is_not_silently_left_out(tiny_folder, hiding_folder):
    with pytest.raises(UsageError, match="does not hide colours"):
        regrow.shrink(noise(8, 8), grey=True, scale=2, model=tiny_folder)
    with pytest.raises(UsageError, match="grey already"):
        regrow.shrink(noise(8, 8, 1), grey=True)
    with pytest.raises(UsageError, match="--grey to hide"):
        regrow.shrink(noise(8, 8), scale=1)
