import numpy as np
import pytest
import pyvips
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from support.models import randomized
from support.pictures import FORMATS, GREY_ICC, LOSSLESS, exif, noise, read, size_of, write

import regrow
from regrow import size as sizes
from regrow import zoo
from regrow.errors import UsageError
from regrow.io.reader import open_picture
from regrow.nets.ops.resample import bicubic as resampled
from regrow.nets.rescale.tad import TADConfig
from regrow.operations.rescalers import default_model

SCALES = [1.5, 3, 2.7, (2, 1), (1, 2)]


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("scale", SCALES, ids=str)
def test_files_of_every_format_come_back_from_any_scale_by_their_passport(tmp_path, tiny_folder, suffix, scale):
    source = write(tmp_path / "a.png", noise(35, 53))
    small = regrow.shrink(source, tmp_path / f"s{suffix}", scale=scale, model=tiny_folder)
    across, down = scale if isinstance(scale, tuple) else (scale, scale)
    assert size_of(small) == (-(-53 // across), -(-35 // down))
    assert size_of(regrow.grow(small, tmp_path / "g.png", model=tiny_folder)) == (53, 35)


@pytest.mark.parametrize("scale", [1.1, 2, 2.7, (1, 2), (3, 1.2), 8], ids=str)
@pytest.mark.parametrize("refine", [0, 2])
def test_a_model_for_any_scale_brings_files_back(tmp_path, any_folder, scale, refine, astronaut):
    source = write(tmp_path / "a.png", astronaut[90:161, 200:283])
    small = regrow.shrink(source, tmp_path / "s.png", scale=scale, model=any_folder, refine=refine)
    again = read(regrow.grow(small, tmp_path / "g.png", model=any_folder))
    assert again.shape == (71, 83, 3)
    array = regrow.shrink(read(source), scale=scale, model=any_folder, refine=refine)
    np.testing.assert_array_equal(read(small), array)
    np.testing.assert_array_equal(again, regrow.grow(array, scale=scale, size=(83, 71), model=any_folder))


@pytest.mark.parametrize("suffix", LOSSLESS)
@pytest.mark.parametrize("scale", [2.7, (1, 2)], ids=str)
def test_files_equal_arrays_at_any_scale(tmp_path, tiny_folder, suffix, scale):
    array = noise(35, 53)
    small = regrow.shrink(write(tmp_path / "a.png", array), tmp_path / f"s{suffix}", scale=scale, model=tiny_folder)
    np.testing.assert_array_equal(read(small), regrow.shrink(array, scale=scale, model=tiny_folder))
    grown = read(regrow.grow(small, tmp_path / "g.png", model=tiny_folder))
    np.testing.assert_array_equal(grown, regrow.grow(read(small), scale=scale, size=(53, 35), model=tiny_folder))


@settings(max_examples=40)
@given(
    width=st.integers(1, 80),
    height=st.integers(1, 80),
    tenths=st.tuples(st.integers(10, 80), st.integers(10, 80)).filter(
        lambda pair: pair != (10, 10) and max(pair) <= 4 * min(pair)
    ),
    bands=st.integers(1, 4),
    which=st.sampled_from(["tiny_folder", "uneven_folder", "any_folder"]),
)
def test_any_scale_brings_any_file_back(
    tmp_path_factory, tiny_folder, uneven_folder, any_folder, width, height, tenths, bands, which
):
    models = {"tiny_folder": tiny_folder, "uneven_folder": uneven_folder, "any_folder": any_folder}
    folder, model = tmp_path_factory.mktemp("any"), models[which]
    source = write(folder / "a.png", noise(height, width, bands))
    small = regrow.shrink(source, folder / "s.png", scale=(tenths[0] / 10, tenths[1] / 10), model=model)
    assert size_of(small) == (-(-width * 10 // tenths[0]), -(-height * 10 // tenths[1]))
    assert read(regrow.grow(small, folder / "g.png", model=model)).shape == (height, width, bands)


@pytest.mark.parametrize("scale", [1.1, 1.5, 2.7, 3, 7.3, (2.7, 1), (1, 4), (127.9, 32)], ids=str)
@pytest.mark.parametrize("small", [(1, 1), (3, 5), (8, 2), (11, 7)])
def test_a_small_picture_without_passport_grows_at_any_scale_without_a_size(tiny_folder, scale, small):
    """To the largest size that shrinks to it."""
    width, height = small
    grown = regrow.grow(noise(height, width), scale=scale, model=tiny_folder)
    scales = scale if isinstance(scale, tuple) else (scale, scale)
    size = grown.shape[1], grown.shape[0]
    assert sizes.small_size(size, scales) == small
    larger = sizes.small_size((size[0] + 1, size[1] + 1), scales)
    assert larger[0] > width
    assert larger[1] > height


@settings(max_examples=200)
@given(sides=st.tuples(st.integers(1, 10**6), st.integers(1, 10**6)), millionths=st.integers(10**6, 128 * 10**6))
def test_small_sizes_are_exact_whatever_the_scale(sides, millionths):
    scale = float(f"{millionths // 10**6}.{millionths % 10**6:06}")
    expected = tuple(-(-side * 10**6 // millionths) for side in sides)
    assert sizes.small_size(sides, (scale, scale)) == expected
    grown = sizes.grown_size(sides, (scale, scale))
    assert grown == tuple(side * millionths // 10**6 for side in sides)
    assert sizes.small_size(grown, (scale, scale)) == sides


@pytest.mark.parametrize("scale", [1.5, 2.7, (2, 1)], ids=str)
def test_arrays_images_and_tensors_of_any_scale_come_back_as_their_kind(tiny_folder, scale):
    array = noise(20, 31)
    tensor = torch.from_numpy(array).permute(2, 0, 1) / 255
    small = regrow.shrink(array, scale=scale, model=tiny_folder)
    options = {"scale": scale, "size": (31, 20), "model": tiny_folder}
    grown = regrow.grow(small, **options)
    assert isinstance(grown, np.ndarray)
    assert grown.shape == (20, 31, 3)
    image = regrow.shrink(Image.fromarray(array), scale=scale, model=tiny_folder)
    np.testing.assert_array_equal(np.asarray(image), small)
    np.testing.assert_array_equal(np.asarray(regrow.grow(image, model=tiny_folder)), grown)
    floats = regrow.shrink(tensor, scale=scale, model=tiny_folder)
    np.testing.assert_array_equal((floats.permute(1, 2, 0) * 255).round().byte().numpy(), small)
    np.testing.assert_allclose(regrow.grow(floats, **options).permute(1, 2, 0) * 255, grown, atol=0.5 + 1e-3)


def test_the_passport_of_an_uneven_fractional_scale_says_how(tmp_path, tiny_folder):
    source = write(tmp_path / "a.png", noise(31, 53))
    passport = regrow.info(regrow.shrink(source, tmp_path / "s.png", scale=(2.7, 1.5), model=tiny_folder)).passport
    assert passport is not None
    assert (passport.scale, passport.width, passport.height) == (4, 53, 31)
    assert (passport.small_width, passport.small_height) == (20, 21)


def test_a_passport_may_be_confirmed_with_the_scale_that_was_asked_for(tmp_path, tiny_folder):
    source = write(tmp_path / "a.png", noise(31, 53))
    small = regrow.shrink(source, tmp_path / "s.png", scale=2.7, model=tiny_folder)
    regrow.grow(small, tmp_path / "g.png", scale=2.7, model=tiny_folder)
    with pytest.raises(UsageError, match="passport says 53x31, shrunk to 20x12"):
        regrow.grow(small, tmp_path / "h.png", scale=3, model=tiny_folder)


@pytest.mark.parametrize("scale", [0.99, 128.1, (1, 0.5), (16, 1), (1, 8.1), (128, 15), (2, float("nan"))], ids=str)
def test_scales_too_large_too_small_or_too_uneven_are_usage_errors(tiny_folder, scale):
    with pytest.raises(UsageError, match="scale"):
        regrow.shrink(noise(4, 4), scale=scale, model=tiny_folder)
    with pytest.raises(UsageError, match="scale"):
        regrow.grow(noise(4, 4), scale=scale, model=tiny_folder)


def test_a_model_that_changes_only_the_size_takes_no_scale_1(tiny_folder):
    with pytest.raises(UsageError, match="scale 1"):
        regrow.shrink(noise(4, 4), grey=True, model=tiny_folder)


@pytest.mark.parametrize("bands", [1, 2])
@pytest.mark.parametrize("suffix", LOSSLESS)
@pytest.mark.parametrize("scale", [2, 2.7, 4])
def test_grey_pictures_go_there_and_back_with_a_model_of_grey(tmp_path, grey_folder, bands, suffix, scale):
    source = write(tmp_path / "a.png", noise(19, 23, bands, np.uint16), icc=GREY_ICC)
    small = regrow.shrink(source, tmp_path / f"s{suffix}", scale=scale, model=grey_folder)
    grown = open_picture(regrow.grow(small, tmp_path / "g.png", model=grey_folder))
    assert (grown.width, grown.height, grown.image.bands, grown.depth) == (23, 19, bands, 16)
    assert grown.icc == GREY_ICC


@pytest.mark.parametrize("bands", [3, 4])
def test_colors_are_refused_by_a_model_of_grey(tmp_path, grey_folder, bands):
    source = write(tmp_path / "a.png", noise(9, 7, bands))
    with pytest.raises(UsageError, match=r"a\.png.*grey"):
        regrow.shrink(source, tmp_path / "s.png", model=grey_folder)
    assert not (tmp_path / "s.png").exists()
    for picture in (noise(9, 7, bands), Image.fromarray(noise(9, 7, bands)), torch.rand(3, 9, 7)):
        with pytest.raises(UsageError, match="grey"):
            regrow.shrink(picture, model=grey_folder)


def test_a_model_that_leaves_one_side_alone_shrinks_the_other(uneven_folder):
    picture = noise(20, 32)
    assert regrow.shrink(picture, scale=(2, 1), model=uneven_folder).shape == (20, 16, 3)
    assert regrow.shrink(picture, scale=(4, 1), model=uneven_folder).shape == (20, 8, 3)
    bicubic_down = resampled(torch.from_numpy(picture).permute(2, 0, 1) / 255, (10, 32))
    both = regrow.shrink(picture, scale=2, model=uneven_folder)
    assert both.shape == (10, 16, 3)
    expected = regrow.shrink(bicubic_down.clamp(0, 1), scale=(2, 1), model=uneven_folder).permute(1, 2, 0) * 255
    assert np.abs(both - expected.numpy()).mean() < 2  # but for what overshoots before it is shrunk


@pytest.mark.parametrize("scale", [(4.1, 16.4), (17, 4.25), 4.1, 63], ids=str)
def test_a_model_that_shrinks_by_4_at_once_serves_every_scale_up_to_64(tmp_path, scale):
    zoo.save(randomized(TADConfig(scale=4, height=4, width=4, channels=8, blocks=1)), tmp_path / "x4")
    model, source = str(tmp_path / "x4"), write(tmp_path / "a.png", noise(130, 130))
    small = regrow.shrink(source, tmp_path / "s.png", scale=scale, model=model)
    assert size_of(regrow.grow(small, tmp_path / "g.png", model=model)) == (130, 130)
    with pytest.raises(UsageError, match=r"scale 65: .* at most 64 times"):
        regrow.shrink(source, tmp_path / "t.png", scale=65, model=model)


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (127, 300)])
def test_too_small_a_picture_is_warned_of_and_works(tmp_path, tiny_folder, caplog, size):
    source = write(tmp_path / "a.png", noise(size[1], size[0]))
    small = regrow.shrink(source, tmp_path / "s.png", scale=128, model=tiny_folder)
    assert f"a.png: {size[0]}x{size[1]} is too small to be shrunk by 128" in caplog.text
    assert size_of(regrow.grow(small, tmp_path / "g.png", model=tiny_folder)) == size


def test_pictures_large_enough_are_not_warned_of(tmp_path, tiny_folder, caplog):
    regrow.shrink(write(tmp_path / "a.png", noise(2, 8)), tmp_path / "s.png", scale=(8, 2), model=tiny_folder)
    assert not caplog.text
    regrow.shrink(write(tmp_path / "a.png", noise(1, 8)), tmp_path / "s.png", scale=(8, 2), model=tiny_folder)
    assert "8x1 is too small to be shrunk by 8x2" in caplog.text


@pytest.mark.parametrize("scale", [2.7, (2, 1), (1, 2)], ids=str)
@pytest.mark.parametrize("suffix", [".png", ".avif"])
@pytest.mark.parametrize("orientation", [3, 6])
def test_turned_photographs_come_back_at_any_scale(tmp_path, tiny_folder, scale, suffix, orientation):
    source = write(tmp_path / "a.png", noise(20, 41), exif=exif(orientation))
    small = regrow.shrink(source, tmp_path / f"s{suffix}", scale=scale, model=tiny_folder)
    grown = regrow.grow(small, tmp_path / "g.png", model=tiny_folder)
    shown = [pyvips.Image.new_from_file(str(path)).autorot() for path in (source, grown)]
    assert (shown[0].width, shown[0].height) == (shown[1].width, shown[1].height)


def test_every_model_that_may_be_chosen_ships():
    names = {
        default_model((across, down), colors, grey=grey)
        for across in (1, 1.5, 2, 3, 4, 16, 128)
        for down in (1, 1.5, 2, 4)
        for colors in (1, 3)
        for grey in (False, True)
        if max(across, down) > 1 or (grey and colors == 3)
    }
    assert names <= set(zoo.names())


@pytest.mark.parametrize(
    ("scales", "name"),
    [
        ((1.1, 1.1), "tad-any"), ((1.5, 1), "tad-any"), ((1.9, 1.9), "tad-any"), ((2, 1.5), "tad-any"),
        ((2, 2), "tad-x2"), ((2, 1), "tad-2x1"), ((1, 2), "tad-1x2"), ((4, 1), "tad-2x1"), ((2.1, 2), "tad-any-x4"),
        ((3, 3), "tad-any-x4"), ((4, 2), "tad-any-x4"), ((4, 4), "tad-x4"),
        ((4.1, 4.1), "tad-x16"), ((1, 8), "tad-x16"), ((128, 128), "tad-x16"),
    ],
    ids=str,
)  # fmt: skip
def test_every_scale_has_its_model(scales, name):
    assert default_model(scales) == name
