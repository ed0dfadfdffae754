"""What TIFF's samples mean, against numpy by the letter of TIFF 6.0, Pillow and lcms."""

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from regrow.errors import RegrowError
from regrow.io.reader import Picture, open_picture

tifffile = pytest.importorskip("tifffile")

RGB = np.random.default_rng(1).integers(0, 256, (40, 52, 3), np.uint8)
GREY = RGB[..., 0].copy()
ALPHA = np.random.default_rng(2).integers(1, 256, (40, 52, 1), np.uint8)
DEEP = RGB.astype(np.uint16) * 257 ^ 77


def tiff(array: np.ndarray, **options) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, array, metadata=None, **options)
    return file.getvalue()


def pixels(data: bytes) -> np.ndarray:
    return np.concatenate(list(open_picture(data, name="a.tif").rows()))


def refusal(data: bytes, name: str = "a.tif") -> str:
    with pytest.raises(RegrowError) as caught:
        list(open_picture(data, name=name).rows())
    message = str(caught.value)
    assert message.isprintable()
    assert len(message) < 300
    return message


def close(got: np.ndarray, expected: np.ndarray, within: float) -> None:
    assert got.shape == expected.shape
    assert np.abs(got.astype(float) - expected).max() <= within


LAYOUTS = {
    "strips": {"rowsperstrip": 7},
    "one strip": {},
    "tiles": {"tile": (16, 16)},
    "planes": {"planarconfig": "separate"},
    "deflated": {"compression": "zlib", "rowsperstrip": 9},
    "big, of the other byte order": {"bigtiff": True, "byteorder": ">"},
}


@pytest.mark.parametrize("layout", list(LAYOUTS))
@pytest.mark.parametrize("array", [RGB, DEEP], ids=["8", "16"])
def test_layouts_change_nothing(array, layout):
    options = LAYOUTS[layout]
    stored = np.moveaxis(array, 2, 0).copy() if "planarconfig" in options else array
    np.testing.assert_array_equal(pixels(tiff(stored, photometric="rgb", **options)), array, strict=True)


def test_tiles_in_planes_are_refused():
    data = tiff(np.moveaxis(RGB, 2, 0).copy(), photometric="rgb", planarconfig="separate", tile=(16, 32))
    assert "separate planes" in refusal(data)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_compression_changes_nothing(compression):
    file = io.BytesIO()
    Image.fromarray(RGB).save(file, "TIFF", compression=compression)
    np.testing.assert_array_equal(pixels(file.getvalue()), RGB)


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_lzw"])
def test_bilevel_pictures_of_fax_machines(compression):
    image = Image.fromarray(SMOOTH).convert("1")
    file = io.BytesIO()
    image.save(file, "TIFF", compression=compression)
    np.testing.assert_array_equal(pixels(file.getvalue())[..., 0], np.asarray(image) * np.uint8(255))


@pytest.mark.parametrize("array", [GREY, DEEP[..., 0].copy()], ids=["8", "16"])
def test_grey_counts_from_black_or_from_white(array):
    top = np.iinfo(array.dtype).max
    np.testing.assert_array_equal(pixels(tiff(array, photometric="minisblack"))[..., 0], array)
    np.testing.assert_array_equal(pixels(tiff(array, photometric="miniswhite"))[..., 0], top - array)
    with_alpha = np.dstack([array, ALPHA[..., 0].astype(array.dtype)])
    data = tiff(with_alpha, photometric="miniswhite", extrasamples=["unassalpha"], planarconfig="contig")
    np.testing.assert_array_equal(pixels(data), np.dstack([top - array, with_alpha[..., 1]]))


@pytest.mark.parametrize("bits", [1, 2, 4])
@pytest.mark.parametrize("white", [False, True])
def test_few_bits_fill_the_range(bits, white):
    levels = (GREY[:, :48] >> (8 - bits)).astype(np.uint8)
    packed = sum(levels[:, at :: 8 // bits] << (8 - bits * (at + 1)) for at in range(8 // bits)).astype(np.uint8)
    data = by_hand(packed.tobytes(), width=48, height=40, bits=(bits,), photometric=0 if white else 1)
    top = 2**bits - 1
    expected = (top - levels if white else levels) * (255 // top)
    np.testing.assert_array_equal(pixels(data)[..., 0], expected)


@pytest.mark.parametrize("bits", [8, 16])
def test_palettes_are_looked_up(bits):
    table = np.random.default_rng(3).integers(0, 65536, (3, 2**bits)).astype(np.uint16)
    index = GREY if bits == 8 else DEEP[..., 0]
    got = pixels(tiff(index.copy(), photometric="palette", colormap=table))
    expected = table[:, index].transpose(1, 2, 0)
    np.testing.assert_array_equal(got, expected >> 8 if bits == 8 else expected)


@pytest.mark.parametrize("array", [RGB, DEEP], ids=["8", "16"])
@pytest.mark.parametrize("grey", [False, True])
def test_associated_alpha_is_divided_out_and_rounded(array, grey):
    top = np.iinfo(array.dtype).max
    alpha = ALPHA.astype(array.dtype) * (top // 255)
    alpha[:5] = 0
    alpha[5:10] = top
    colors = array[..., :1] if grey else array
    stored = np.concatenate([np.rint(colors * (alpha / top)).astype(array.dtype), alpha], 2)
    photometric = "minisblack" if grey else "rgb"
    for options in ({}, {"tile": (16, 16)}):
        data = tiff(stored, photometric=photometric, extrasamples=["assocalpha"], planarconfig="contig", **options)
        got = pixels(data)
        with np.errstate(divide="ignore", invalid="ignore"):
            straight = np.rint(np.minimum(stored[..., :-1].astype(float) * top / alpha, top))
        np.testing.assert_array_equal(got[..., :-1], np.where(alpha == 0, 0, straight))
        np.testing.assert_array_equal(got[..., -1:], alpha)
    assert "premultiplied" in open_picture(data).notes[-1]


def test_unassociated_alpha_is_left_as_it_is():
    stored = np.concatenate([RGB, ALPHA], 2)
    np.testing.assert_array_equal(pixels(tiff(stored, photometric="rgb", extrasamples=["unassalpha"])), stored)


def test_a_sample_that_is_not_called_alpha_is_none_and_that_is_said():
    picture = open_picture(tiff(np.concatenate([RGB, ALPHA], 2), photometric="rgb", extrasamples=["unspecified"]))
    assert not picture.alpha
    assert "is not kept" in picture.notes[0]
    np.testing.assert_array_equal(np.concatenate(list(picture.rows())), RGB)
    both = np.concatenate([RGB, GREY[..., None], ALPHA], 2)
    data = tiff(both, photometric="rgb", extrasamples=["unspecified", "unassalpha"])
    np.testing.assert_array_equal(pixels(data), both[..., [0, 1, 2, 4]])
    assert "7 bands" in refusal(tiff(np.concatenate([RGB, RGB, ALPHA], 2), photometric="rgb"))


def ycbcr_of(rgb: np.ndarray, coefficients=(0.299, 0.587, 0.114), reference=(0, 255, 128, 255, 128, 255)) -> np.ndarray:
    """TIFF 6.0, section 21, from R, G, B to code values."""
    red, green, blue = (rgb[..., n].astype(float) for n in range(3))
    y = coefficients[0] * red + coefficients[1] * green + coefficients[2] * blue
    cb, cr = (blue - y) / (2 - 2 * coefficients[2]), (red - y) / (2 - 2 * coefficients[0])
    codes = [
        full * (white - black) / room + black
        for full, room, black, white in zip((y, cb, cr), (255, 127, 127), reference[::2], reference[1::2], strict=True)
    ]
    return np.rint(np.stack(codes, -1)).clip(0, 255).astype(np.uint8)


SMOOTH = np.asarray(Image.fromarray(RGB[:5, :6]).resize((52, 40), Image.Resampling.BICUBIC))
REC709 = (0.2126, 0.7152, 0.0722)
VIDEO = (16, 235, 128, 240, 128, 240)


@pytest.mark.parametrize("coefficients", [(0.299, 0.587, 0.114), REC709])
@pytest.mark.parametrize("reference", [(0, 255, 128, 255, 128, 255), VIDEO])
@pytest.mark.parametrize("planar", [False, True])
def test_ycbcr_becomes_rgb(coefficients, reference, planar):
    codes = ycbcr_of(SMOOTH, coefficients, reference)
    tags = {529: rationals(*coefficients), 530: (3, 2, struct.pack("<2H", 1, 1)), 532: rationals(*reference)}
    stored = (codes.transpose(2, 0, 1) if planar else codes).tobytes()
    data = by_hand(stored, width=52, height=40, bits=(8, 8, 8), photometric=6, planar=planar, more=tags)
    close(pixels(data), SMOOTH, 3)


def test_ycbcr_of_other_programs():
    file = io.BytesIO()
    Image.fromarray(SMOOTH).convert("YCbCr").save(file, "TIFF")
    close(pixels(file.getvalue()), SMOOTH, 3)
    for size in ((52, 40), (51, 37)):
        file = io.BytesIO()
        Image.fromarray(SMOOTH).crop((0, 0, *size)).save(file, "TIFF", compression="jpeg", quality=95)
        close(pixels(file.getvalue()), SMOOTH[: size[1], : size[0]], 12)


@pytest.mark.parametrize("size", [(52, 40), (51, 37), (9, 5)])
@pytest.mark.parametrize("reference", [(0, 255, 128, 255, 128, 255), VIDEO])
@pytest.mark.parametrize(("across", "down"), [(2, 1), (1, 2), (2, 2), (4, 1), (4, 2)])
def test_subsampled_ycbcr_becomes_rgb(across, down, size, reference):
    width, height = size
    blocks = SMOOTH[::4, ::4].repeat(4, 0).repeat(4, 1)
    picture = open_picture(subsampled(ycbcr_of(blocks, reference=reference), across, down, size, reference))
    assert not picture.alpha
    close(np.concatenate(list(picture.rows())), blocks[:height, :width], 5)


@pytest.mark.parametrize(("across", "down"), [(4, 4), (2, 4), (3, 1)])
def test_subsampling_that_libtiff_gets_wrong_is_refused(across, down):
    assert "unusual" in refusal(subsampled(ycbcr_of(RGB), across, down, (48, 40), VIDEO))


def subsampled(codes: np.ndarray, across: int, down: int, size: tuple[int, int], reference) -> bytes:
    """Clumps of `down` by `across` lumas and two chromas, up to the next whole clump."""
    width, height = size
    rows, columns = -(-height // down), -(-width // across)
    codes = codes[: rows * down, : columns * across]
    lumas = codes[..., 0].reshape(rows, down, columns, across).transpose(0, 2, 1, 3).reshape(rows, columns, -1)
    clumps = np.concatenate([lumas, codes[::down, ::across, 1:]], 2)
    tags = {
        529: rationals(0.299, 0.587, 0.114), 530: (3, 2, struct.pack("<2H", across, down)), 532: rationals(*reference)
    }  # fmt: skip
    return by_hand(clumps.tobytes(), width=width, height=height, bits=(8, 8, 8), photometric=6, more=tags)


def rationals(*values: float) -> tuple[int, int, bytes]:
    return 5, len(values), b"".join(struct.pack("<2I", round(value * 10000), 10000) for value in values)


def by_hand(
    data: bytes, *, width: int, height: int, bits: tuple[int, ...], photometric: int, planar: bool = False, more=None,
    order: str = "<",
) -> bytes:  # fmt: skip
    """A TIFF of one strip, or of one for each plane."""
    planes = len(bits) if planar else 1
    tags = {
        256: (4, 1, struct.pack(order + "I", width)), 257: (4, 1, struct.pack(order + "I", height)),
        258: (3, len(bits), struct.pack(f"{order}{len(bits)}H", *bits)), 259: (3, 1, struct.pack(order + "H", 1)),
        262: (3, 1, struct.pack(order + "H", photometric)),
        273: (4, planes, struct.pack(f"{order}{planes}I", *(8 + n * (len(data) // planes) for n in range(planes)))),
        277: (3, 1, struct.pack(order + "H", len(bits))), 278: (4, 1, struct.pack(order + "I", height)),
        279: (4, planes, struct.pack(order + "I", len(data) // planes) * planes),
        284: (3, 1, struct.pack(order + "H", 2 if planar else 1)), **(more or {}),
    }  # fmt: skip
    at = 8 + len(data) + len(data) % 2
    behind, entries = b"", struct.pack(order + "H", len(tags))
    for tag, (kind, count, value) in sorted(tags.items()):
        field = value.ljust(4, b"\0")
        if len(value) > 4:
            field = struct.pack(order + "I", at + 2 + 12 * len(tags) + 4 + len(behind))
            behind += value + b"\0" * (len(value) % 2)
        entries += struct.pack(order + "HHI", tag, kind, count) + field
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", at)
    return head + data.ljust(at - 8, b"\0") + entries + b"\0\0\0\0" + behind


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("offset", [False, True], ids=["CIELab", "ICCLab"])
def test_lab_becomes_srgb(deep, offset):
    inside = (SMOOTH.astype(int) * 3 // 5 + 50).astype(np.uint8)
    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    lab = np.asarray(ImageCms.applyTransform(Image.fromarray(inside), to_lab))  # a and b in two's complement
    lab = lab.copy() if lab[..., 1:].dtype == np.uint8 else lab
    signed = lab[..., 1:].view(np.int8).astype(int)
    if deep:
        stored = np.empty(lab.shape, np.uint16)
        stored[..., 0] = np.rint(lab[..., 0] / 255 * (0xFF00 if offset else 65535))
        stored[..., 1:] = (signed * 256 + (0x8000 if offset else 0)) % 65536
    else:
        stored = lab.copy()
        stored[..., 1:] = (signed + (128 if offset else 0)) % 256
    bits = (16,) * 3 if deep else (8,) * 3
    data = by_hand(stored.tobytes(), width=52, height=40, bits=bits, photometric=9 if offset else 8)
    got = pixels(data) / (257 if deep else 1)
    close(got, inside, 4)
    assert "converted to sRGB" in open_picture(data).notes[0]


def test_cmyk_becomes_rgb_and_other_inks_are_refused():
    inks = np.zeros((16, 20, 4), np.uint8)
    assert pixels(tiff(inks, photometric="separated")).min() >= 254
    inks[..., 3] = 255
    assert pixels(tiff(inks, photometric="separated")).max() < 60
    inks[..., 3], inks[..., 1] = 0, 255
    red, green, blue = pixels(tiff(inks, photometric="separated"))[0, 0]
    assert red > 200 > 160 > max(green, blue)
    other = tiff(inks, photometric="separated", extratags=[(332, "H", 1, 2, True)])
    assert "PhotometricInterpretation 5" in refusal(other)


@pytest.mark.parametrize(
    ("photometric", "says"),
    [
        (4, "a transparency mask"), (10, "ITU"), (32803, "raw file"), (34892, "raw file"), (32844, "LogL"),
        (32845, "LogLuv"), (51177, "depth map"), (52527, "mask"), (7, "unusual kind"), (12345, "unusual kind"),
    ],
)  # fmt: skip
def test_what_samples_mean_is_known_or_refused(photometric, says):
    bands = 1 if photometric in (4, 32803, 32844, 51177, 52527) else 3
    data = by_hand(bytes(16 * 16 * bands), width=16, height=16, bits=(8,) * bands, photometric=photometric)
    assert says in refusal(data) or (photometric == 4 and "mask" in refusal(data))


KINDS = [("int8", "8-bit signed"), ("int16", "16-bit signed"), ("int32", "32-bit signed"),
         ("uint32", "32-bit whole"), ("uint64", "64-bit whole"), ("float16", "16-bit floating"),
         ("float32", "32-bit floating"), ("float64", "64-bit floating"), ("complex64", "64-bit complex"),
         ("complex128", "128-bit complex")]  # fmt: skip


@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite", "rgb"])
@pytest.mark.parametrize(("kind", "says"), KINDS)
def test_samples_of_other_kinds_are_refused_by_name(kind, says, photometric):
    array = (RGB if photometric == "rgb" else GREY).astype(kind)
    assert says in refusal(tiff(array, photometric=photometric))


@pytest.mark.parametrize("bits", [(10,), (12,), (24,), (4, 4, 4), (5, 6, 5), (12, 12, 12), (1, 1, 1)])
def test_samples_of_odd_sizes_are_refused(bits):
    data = by_hand(bytes(4096), width=16, height=16, bits=bits, photometric=1 if len(bits) == 1 else 2)
    assert "bit" in refusal(data)


def test_a_smaller_copy_is_not_taken_for_the_picture():
    def both(first: int, second: int, *, sub: bool = False) -> bytes:
        file = io.BytesIO()
        with tifffile.TiffWriter(file) as writer:
            options = {"photometric": "rgb", "metadata": None}
            writer.write(RGB[::4, ::4].copy() if first else RGB, subfiletype=first, subifds=int(sub), **options)
            writer.write(RGB if first else RGB[::4, ::4].copy(), subfiletype=second, **options)
        return file.getvalue()

    for data in (both(1, 0), both(0, 1), both(0, 1, sub=True)):
        np.testing.assert_array_equal(pixels(data), RGB)
    assert "smaller copies" in open_picture(both(1, 0)).notes[0]
    assert "smaller copy" in refusal(both(1, 0, sub=True))
    assert "holds 2 frames or pages" in refusal(both(0, 0))


def test_a_mask_of_its_own_is_missed_aloud():
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write(RGB, photometric="rgb", metadata=None)
        writer.write(GREY > 99, photometric=4, subfiletype=4, metadata=None)
    assert open_picture(file.getvalue()).notes == ("the TIFF's transparency mask is not kept",)
    np.testing.assert_array_equal(pixels(file.getvalue()), RGB)


@pytest.mark.parametrize("tiled", [False, True])
def test_old_style_jpeg_is_refused(tiled):
    data = tiff(RGB[:32, :32].copy(), photometric="rgb", **({"tile": (16, 16)} if tiled else {}))
    page = tifffile.TiffFile(io.BytesIO(data)).pages[0]
    at = page.tags[259].valueoffset
    data = data[:at] + struct.pack("<H", 6) + data[at + 2 :]
    assert "old-style JPEG" in refusal(data)


@pytest.mark.parametrize("tiled", [False, True])
@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "jpeg"])
def test_damage_in_the_last_piece_is_an_error(tiled, compression):
    """libvips goes on with blank pixels unless even warnings are errors."""
    import pyvips

    names = {"tiff_lzw": "lzw", "tiff_adobe_deflate": "deflate", "jpeg": "jpeg"}
    image = pyvips.Image.new_from_array(np.tile(RGB, (2, 2, 1)))
    data = image.tiffsave_buffer(compression=names[compression], tile=tiled, tile_width=32, tile_height=32)
    page = tifffile.TiffFile(io.BytesIO(data)).pages[0]
    at, count = page.dataoffsets[-1], page.databytecounts[-1]
    broken = data[: at + count // 2] + bytes(count - count // 2) + data[at + count :]
    assert len(broken) == len(data)
    assert "damaged" in refusal(broken)


def test_what_libtiff_warns_of_without_need_is_read():
    """LZW as programs wrote it before TIFF 6.0: codes from the lowest bit on."""
    codes = [code for at, value in enumerate(RGB.tobytes()) for code in ([256, value] if at % 200 == 0 else [value])]
    bits = "".join(f"{code:09b}"[::-1] for code in [*codes, 257])
    packed = bytes(int(bits[at : at + 8][::-1], 2) for at in range(0, len(bits), 8))
    more = {259: (3, 1, struct.pack("<H", 5))}
    data = by_hand(packed, width=52, height=40, bits=(8, 8, 8), photometric=2, more=more)
    np.testing.assert_array_equal(pixels(data), RGB)


def test_unknown_tags_do_no_harm():
    data = tiff(RGB, photometric="rgb", extratags=[(65001, "I", 2, (1, 2), True), (50000, "s", 0, "text", True)])
    np.testing.assert_array_equal(pixels(data), RGB)


def test_a_picture_is_a_picture(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(tiff(RGB, photometric="rgb", tile=(16, 16)))
    picture = open_picture(path)
    assert isinstance(picture, Picture)
    for _ in range(2):
        np.testing.assert_array_equal(np.concatenate(list(picture.rows())), RGB)
