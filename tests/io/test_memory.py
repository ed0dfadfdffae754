import io

import numpy as np
import pytest
import torch
from PIL import Image, PngImagePlugin
from support.pictures import ICC, noise

from regrow.errors import UsageError
from regrow.io.containers import Metadata
from regrow.io.memory import accept, read_rgb

ARRAYS = [
    np.zeros(shape, dtype) for dtype in (np.uint8, np.uint16) for shape in [(3, 4), *((3, 4, n) for n in (1, 2, 3, 4))]
]
MODES = ["1", "L", "LA", "I;16", "P", "RGB", "RGBA", "CMYK"]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda a: f"{a.shape}-{a.dtype}")
def test_arrays_come_back_as_they_came(array):
    given = accept(array)
    assert given.pixels.ndim == 3
    again = given.wrap(given.pixels, given.metadata)
    assert again.shape == array.shape
    assert again.dtype == array.dtype


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((4, 4, 5), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((4, 4, 3), np.int16),
        np.zeros((4, 4, 3), bool),
        np.zeros(4, np.uint8),
        np.zeros((1, 4, 4, 3), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((4, 0), np.uint8),
        np.zeros((4, 4, 0), np.uint8),
        torch.zeros(2, 4, 4),
        torch.zeros(4, 4),
        torch.zeros(1, 3, 4, 4),
        torch.zeros(3, 0, 4),
        torch.zeros(3, 4, 4, dtype=torch.uint8),
        torch.zeros(3, 4, 4, dtype=torch.complex64),
        Image.new("F", (4, 4)),
        Image.new("YCbCr", (4, 4)),
        Image.new("RGB", (0, 4)),
        None,
        3,
        [[1, 2], [3, 4]],
    ],
    ids=lambda w: f"{type(w).__name__}-{getattr(w, 'shape', getattr(w, 'mode', w))}-{getattr(w, 'dtype', '')}",
)
def test_what_is_no_picture_is_a_usage_error_of_one_line(wrong):
    with pytest.raises(UsageError) as caught:
        accept(wrong)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("colors", [1, 3])
def test_tensors_come_back_as_they_came(dtype, colors):
    tensor = torch.rand(colors, 5, 4).to(dtype).requires_grad_()
    given = accept(tensor)
    assert given.pixels.shape == (5, 4, colors)
    again = given.wrap(given.pixels, given.metadata)
    assert again.dtype == dtype
    torch.testing.assert_close(again, tensor.detach())


def test_a_tensor_gets_levels_as_shares_of_one():
    wrap = accept(torch.rand(3, 2, 2)).wrap
    assert wrap(np.array([[[0, 51, 255]]], np.uint8), Metadata()).flatten().tolist() == pytest.approx([0, 0.2, 1])
    assert wrap(np.array([[[0, 13107, 65535]]], np.uint16), Metadata()).flatten().tolist() == pytest.approx([0, 0.2, 1])


@pytest.mark.parametrize("mode", MODES)
def test_pil_images_come_back_in_a_mode_that_holds_the_same(mode):
    image = Image.new("L", (5, 4), 100).convert("1") if mode == "1" else Image.new(mode, (5, 4))
    expected = {"1": "L", "P": "RGB", "CMYK": "RGB"}.get(mode, mode)
    given = accept(image)
    again = given.wrap(given.pixels, given.metadata)
    assert (again.mode, again.size) == (expected, (5, 4))


def test_a_palette_with_transparency_becomes_rgba():
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putdata([0, 1])
    image.info["transparency"] = 1
    assert accept(image).pixels.tolist() == [[[10, 20, 30, 255], [40, 50, 60, 0]]]


def test_what_a_pil_image_says_of_itself_comes_back():
    image = Image.new("RGB", (2, 2))
    image.info = {"icc_profile": b"icc", "exif": b"exif", "dpi": (300, 300), "loop": 1}
    given = accept(image)
    assert given.wrap(given.pixels, given.metadata).info == {"icc_profile": b"icc", "exif": b"exif", "dpi": (300, 300)}


def test_read_rgb_repeats_grey_leaves_alpha_out_and_rounds():
    grey = noise(3, 4, 2, np.uint16)
    expected = np.rint(grey[..., :1] / 65535 * 255).repeat(3, 2)
    np.testing.assert_array_equal(read_rgb(grey), expected)
    np.testing.assert_array_equal(read_rgb(torch.tensor([[[-0.5, 0.2, 2.0]]])), [[[0] * 3, [51] * 3, [255] * 3]])


def test_read_rgb_reads_what_pillow_reads(astronaut, save):
    path = save("a.png", astronaut)
    np.testing.assert_array_equal(read_rgb(path), np.asarray(Image.open(path)))
    np.testing.assert_array_equal(read_rgb(path.read_bytes()), astronaut)


def test_read_rgb_gives_pixels_of_its_own(astronaut):
    read = read_rgb(astronaut)
    read[:] = 0
    assert astronaut.any()


def test_texts_and_comments_of_pil_images_are_kept():
    for format, options in (("PNG", {"pnginfo": texts(parameters="a cat")}), ("JPEG", {"comment": b"hello"})):
        file = io.BytesIO()
        Image.fromarray(noise(8, 8)).save(file, format, **options)
        with Image.open(file) as image:
            given = accept(image)
        again = given.wrap(given.pixels, given.metadata)
        assert again.info.get("parameters", again.info.get("comment")) in ("a cat", b"hello")


def test_the_profile_of_inks_is_none_of_the_colors_they_become():
    image = Image.new("CMYK", (4, 4))
    image.info["icc_profile"] = ICC[:16] + b"CMYK" + ICC[20:]
    assert accept(image).metadata.icc is None


def texts(**said):
    info = PngImagePlugin.PngInfo()
    for key, text in said.items():
        info.add_text(key, text)
    return info
