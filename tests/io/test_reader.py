import io
import os
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
import pyvips
from PIL import Image, ImageCms, PngImagePlugin

from regrow.errors import RegrowError, UsageError
from regrow.io.containers import png_chunk
from regrow.io.exif import bare, orientation, with_orientation
from regrow.io.formats import FORMATS, get_format, icc_fits
from regrow.io.reader import Picture, open_picture
from regrow.io.writer import _OPTIONS, PictureWriter

EXIF = with_orientation(None, 6)[:8] + struct.pack(
    ">HHHII HHIHH I 12s", 2, 0x010F, 2, 12, 38, 0x0112, 3, 1, 6, 0, 0, b"Camera Inc.\x00"
)
XMP = (
    b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></x:xmpmeta><?xpacket end="w"?>'
)
ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def pixels(bands: int, depth: int, height: int = 37, width: int = 29) -> np.ndarray:
    """Noise with black, white and colours under full transparency."""
    top = 2**depth - 1
    made = np.random.default_rng(bands).integers(0, top + 1, (height, width, bands))
    made[0, 0], made[0, 1] = 0, top
    if bands in (2, 4):
        made[1:5, :, -1] = 0
    return made.astype(np.uint8 if depth == 8 else np.uint16)


def write(target, array: np.ndarray, **options) -> PictureWriter:
    height, width, bands = array.shape
    given = {"colors": 1 if bands < 3 else 3, "alpha": bands in (2, 4), "depth": array.dtype.itemsize * 8, **options}
    with PictureWriter(target, width=width, height=height, **given) as writer:
        for top in range(0, height, 10):
            writer.write(array[top : top + 10])
    return writer


def read(picture: Picture) -> np.ndarray:
    return np.concatenate(list(picture.rows()))


def saved(image: Image.Image, format: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


LOSSLESS = [
    (form.name, bands, depth)
    for form in FORMATS.values()
    if form.lossless
    for depth in form.depths
    for bands in range(1, 5)
]


@pytest.mark.parametrize(("format", "bands", "depth"), LOSSLESS)
def test_lossless_formats_are_bit_exact(tmp_path, format, bands, depth):
    array = pixels(bands, depth)
    path = tmp_path / f"picture.{format}"
    write(path, array)
    picture = open_picture(path)
    if not get_format(format).grey and bands < 3:
        array = np.concatenate([array[..., :1]] * 3 + [array[..., 1:]], axis=2)
    np.testing.assert_array_equal(read(picture), array, strict=True)
    assert (picture.width, picture.height, picture.depth) == (29, 37, depth)
    assert picture.colors + picture.alpha == array.shape[2]
    assert (picture.icc, picture.exif, picture.xmp, picture.resolution, picture.notes) == (None, None, None, None, ())
    assert picture.orientation == 1
    if depth == 8:
        mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[array.shape[2]]
        with Image.open(path) as other:
            np.testing.assert_array_equal(np.asarray(other.convert(mode)).reshape(array.shape), array)
    elif format == "tiff":
        tifffile = pytest.importorskip("tifffile")
        np.testing.assert_array_equal(tifffile.imread(path).reshape(array.shape), array)
    else:
        np.testing.assert_array_equal(_unfiltered_png(path.read_bytes(), bands), array)


def _unfiltered_png(data: bytes, bands: int) -> np.ndarray:
    """An independent decoder of 16-bit PNG, slow and plain: Pillow would read down to 8 bits."""
    at, packed = 8, b""
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"IHDR":
            width, height = struct.unpack_from(">II", data, at + 8)
        packed += data[at + 8 : at + 8 + length] if kind == b"IDAT" else b""
        at += length + 12
    lines = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(height, -1).astype(int)
    step, above, rows = 2 * bands, np.zeros(width * 2 * bands, int), []
    for kind, *line in lines.tolist():
        for i in range(len(line)):
            a, b, c = (line[i - step] if i >= step else 0), above[i], (above[i - step] if i >= step else 0)
            p = a + b - c
            paeth = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
            line[i] = (line[i] + (0, a, b, (a + b) // 2, paeth)[kind]) % 256
        above = line
        rows.append(line)
    return np.array(rows, np.uint8).view(">u2").astype(np.uint16).reshape(height, width, bands)


@pytest.mark.parametrize("colors", [1, 3])
def test_jpeg_is_close_and_unsubsampled(tmp_path, colors):
    array = pixels(colors, 8)
    write(tmp_path / "a.jpg", array)
    assert np.abs(read(open_picture(tmp_path / "a.jpg")).astype(int) - array).max() <= 4
    with Image.open(tmp_path / "a.jpg") as other:
        assert colors == 1 or [layer[1:3] for layer in other.layer] == [(1, 1)] * 3
    assert not get_format("jpg").lossless


@pytest.mark.parametrize("format", ["png", "jpeg", "webp", "avif"])
@pytest.mark.parametrize("alpha", [False, True])
def test_metadata_is_byte_identical(tmp_path, format, alpha):
    if alpha and not get_format(format).alpha:
        return
    path = tmp_path / f"a.{format}"
    exif = EXIF if format != "avif" else with_orientation(EXIF, 1)
    write(path, pixels(3 + alpha, 8), icc=ICC, exif=exif, xmp=XMP, resolution=(11.811, 11.811))
    picture = open_picture(path)
    assert (picture.icc, picture.exif, picture.xmp) == (ICC, exif, XMP)
    with Image.open(path) as other:
        assert bare(other.info["exif"]) == exif
        assert other.getexif()[0x010F] == "Camera Inc."
        assert other.info["icc_profile"] == ICC
        assert other.info.get("xmp") == XMP or other.info.get("XML:com.adobe.xmp") == XMP.decode()
        if format in ("png", "jpeg"):
            assert other.info["dpi"] == pytest.approx((300, 300), abs=0.1)
            assert picture.resolution == pytest.approx((11.811, 11.811), abs=0.001)
    again = tmp_path / f"b.{format}"
    write(again, read(picture), icc=picture.icc, exif=picture.exif, xmp=picture.xmp, resolution=picture.resolution)
    twice = open_picture(again)
    assert (twice.icc, twice.exif, twice.xmp) == (ICC, exif, XMP)


def test_tiff_keeps_exif_as_tags(tmp_path):
    writer = write(tmp_path / "a.tif", pixels(3, 16), icc=ICC, exif=EXIF, xmp=XMP, resolution=(11.811, 11.811))
    picture = open_picture(tmp_path / "a.tif")
    assert (picture.icc, picture.xmp, picture.orientation) == (ICC, XMP, 6)
    with Image.open(tmp_path / "a.tif") as other:
        assert (other.tag_v2[0x010F], other.tag_v2[0x0112]) == ("Camera Inc.", 6)
    assert orientation(picture.exif) == 6
    assert b"Camera Inc." in picture.exif
    assert picture.resolution == pytest.approx((11.811, 11.811), abs=0.001)
    assert writer.notes == []
    assert [f for f in FORMATS if not get_format(f).exif_limit] == ["tiff"]


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_metadata_of_other_programs_files(format):
    image = Image.fromarray(pixels(3, 8))
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", XMP.decode(), zip=True)
    options = {
        "PNG": {"exif": EXIF, "pnginfo": info},
        "JPEG": {"exif": b"Exif\0\0" + EXIF, "xmp": XMP},
        "WEBP": {"exif": EXIF, "xmp": XMP},
        "TIFF": {"tiffinfo": {700: XMP, 274: 6}},
    }[format]
    picture = open_picture(saved(image, format, icc_profile=ICC, **options))
    assert (picture.icc, picture.xmp) == (ICC, XMP)
    assert picture.exif == (None if format == "TIFF" else EXIF)
    assert picture.orientation == 6


@pytest.mark.parametrize("value", range(1, 9))
def test_upright_turns_as_other_programs_do(tmp_path, value):
    from PIL import ImageOps

    array, exif = pixels(3, 8), with_orientation(EXIF, value)
    expected = np.asarray(
        ImageOps.exif_transpose(Image.open(io.BytesIO(saved(Image.fromarray(array), "PNG", exif=exif))))
    )
    write(tmp_path / "a.png", array, exif=exif)
    picture = open_picture(tmp_path / "a.png")
    assert picture.orientation == value
    np.testing.assert_array_equal(read(picture), array)
    np.testing.assert_array_equal(read(picture.upright()), expected)
    assert (picture.upright().height, picture.upright().orientation) == (len(expected), 1)
    assert orientation(picture.upright().exif) == 1
    # AVIF viewers ignore the EXIF orientation: the writer turns the pixels instead.
    write(tmp_path / "a.avif", array, exif=exif)
    avif = open_picture(tmp_path / "a.avif")
    np.testing.assert_array_equal(read(avif), expected)
    assert avif.exif == with_orientation(EXIF, 1)
    # An orientation that comes without EXIF, as TIFF's tag does, gets a block of its own.
    write(tmp_path / "b.tif", array, orientation=value)
    assert open_picture(tmp_path / "b.tif").orientation == value
    write(tmp_path / "b.webp", array, orientation=value)
    assert open_picture(tmp_path / "b.webp").orientation == value


def test_unusual_pictures_come_in_with_a_note(tmp_path):
    array = pixels(3, 8)
    image = Image.fromarray(array)
    cmyk = open_picture(saved(image.convert("CMYK"), "JPEG"))
    assert (cmyk.colors, cmyk.icc) == (3, None)
    assert "CMYK" in cmyk.notes[0]
    assert read(cmyk).shape == array.shape
    palette = open_picture(saved(image.quantize(16), "PNG"))
    np.testing.assert_array_equal(read(palette), np.asarray(image.quantize(16).convert("RGB")))
    assert palette.notes == ("palette expanded",)
    for format in ("PNG", "TIFF"):
        bilevel = open_picture(saved(image.convert("1"), format))
        np.testing.assert_array_equal(read(bilevel)[..., 0], np.asarray(image.convert("1")) * np.uint8(255))
        assert "1-bit" in bilevel.notes[0]
    keyed = open_picture(saved(image, "PNG", transparency=tuple(array[3, 3].tolist())))
    assert keyed.alpha
    assert read(keyed)[3, 3, 3] == 0
    gif = open_picture(saved(image, "GIF"))
    assert read(gif).shape == array.shape
    apng = open_picture(saved(image, "PNG", save_all=True, append_images=[image.rotate(90)]))
    assert "animated" in apng.notes[0]


@pytest.mark.parametrize("bits", [10, 12])
def test_deep_avif_fills_the_range(bits):
    values = np.linspace(0, 65535, 64).astype(np.uint16).repeat(3).reshape(8, 8, 3)
    image = pyvips.Image.new_from_memory(values.tobytes(), 8, 8, 3, "ushort").copy(interpretation="rgb16")
    picture = open_picture(image.heifsave_buffer(compression="av1", lossless=True, bitdepth=bits))
    got = read(picture)
    assert (picture.depth, got.min(), got.max()) == (16, 0, 65535)
    exact = np.round((values >> (16 - bits)) * (65535 / (2**bits - 1)))
    assert np.abs(got - exact).max() <= 1


@pytest.mark.parametrize(
    ("format", "options", "says"),
    [
        ("jpeg", {"alpha": True}, "transparency; use PNG, WEBP, TIFF or AVIF"),
        ("jpeg", {"depth": 16}, "16 bits; use PNG or TIFF"),
        ("webp", {"depth": 16}, "16 bits; use PNG or TIFF"),
        ("avif", {"depth": 16}, "16 bits; use PNG or TIFF"),
        ("webp", {"width": 16384}, "16383"),
        ("jpeg", {"height": 65501}, "65500"),
        ("avif", {"height": 16385}, "16384"),
        ("jpeg", {"exif": b"MM\0*" + b"\0" * 65530}, "EXIF"),
        ("jpeg", {"lossless": True}, "lossless"),
        ("png", {"lossless": False}, "lossless"),
        ("webp", {"quality": 0}, "quality"),
        ("gif", {}, "not a format"),
    ],
)
def test_what_a_format_cannot_hold_is_refused_at_once(tmp_path, format, options, says):
    given = {"width": 8, "height": 8, "colors": 3, **options}
    with pytest.raises(UsageError, match=says):
        PictureWriter(tmp_path / "a", format=format, **given)
    assert not list(tmp_path.iterdir())


def test_jpeg_holds_the_largest_blocks_it_says_it_holds(tmp_path):
    form = get_format("jpeg")
    exif, xmp = b"MM\0*\0\0\0\x08" + b"\0" * (form.exif_limit - 8), b"<x/>".ljust(form.xmp_limit)
    icc = ICC.ljust(200_000, b"\0")
    write(tmp_path / "a.jpg", pixels(3, 8), exif=exif, xmp=xmp, icc=icc)
    picture = open_picture(tmp_path / "a.jpg")
    assert (picture.exif, picture.xmp, picture.icc) == (exif, xmp, icc)


def test_lossy_coding_is_smaller(tmp_path):
    for format in ("webp", "avif"):
        write(tmp_path / f"a.{format}", pixels(3, 8, 64, 64))
        write(tmp_path / f"b.{format}", pixels(3, 8, 64, 64), lossless=False, quality=50)
        assert (tmp_path / f"b.{format}").stat().st_size < (tmp_path / f"a.{format}").stat().st_size


def test_a_profile_for_other_pixels_is_left_out(tmp_path):
    assert icc_fits(ICC, colors=3, format="png")
    assert not icc_fits(ICC, colors=1, format="png")
    writer = write(tmp_path / "a.png", pixels(1, 8), icc=ICC)
    assert "ICC" in writer.notes[0]
    assert open_picture(tmp_path / "a.png").icc is None


@pytest.mark.parametrize("format", list(FORMATS))
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_interrupted_file_never_appears(tmp_path, format, error):
    path = tmp_path / "new" / f"a.{format}"

    def interrupted() -> None:
        with PictureWriter(path, width=29, height=37, colors=3) as writer:
            writer.write(pixels(3, 8)[:20])
            raise error

    with pytest.raises(error):
        interrupted()
    assert not list(tmp_path.iterdir())
    old = tmp_path / f"old.{format}"
    old.write_bytes(b"as it was")
    with pytest.raises(ValueError, match="20 rows"), PictureWriter(old, width=29, height=37, colors=3) as writer:
        writer.write(pixels(3, 8)[:20])
    assert old.read_bytes() == b"as it was"
    assert list(tmp_path.iterdir()) == [old]


def test_a_failing_encoder_is_reported(tmp_path, monkeypatch):
    monkeypatch.setitem(_OPTIONS, "png", lambda lossless, quality: {"nonsense": True})
    with pytest.raises(RegrowError, match="could not be written"):
        write(tmp_path / "a.png", pixels(3, 8, 3000, 1000))
    assert not list(tmp_path.iterdir())


def test_rows_that_were_not_announced_are_refused(tmp_path):
    for rows in (pixels(4, 8), pixels(3, 16), pixels(3, 8, 38), pixels(3, 8, width=30)):
        with (
            pytest.raises(ValueError, match="rows"),
            PictureWriter(tmp_path / "a.png", width=29, height=37, colors=3) as w,
        ):
            w.write(rows)


def test_streams_and_special_targets(tmp_path):
    out = io.BytesIO()
    write(out, pixels(3, 8), format="png")
    np.testing.assert_array_equal(read(open_picture(out.getvalue())), pixels(3, 8))
    with pytest.raises(UsageError, match="format"):
        write(io.BytesIO(), pixels(3, 8))
    with pytest.raises(UsageError, match="end it with"):
        write(tmp_path / "a.xyz", pixels(3, 8))
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(RegrowError, match="folder"):
        write(tmp_path / "folder.png", pixels(3, 8))
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(RegrowError, match="cannot write"):
        write(tmp_path / "file" / "a.png", pixels(3, 8))
    write(tmp_path / "real.png", pixels(3, 8))
    os.symlink(tmp_path / "real.png", tmp_path / "link.png")
    write(tmp_path / "link.png", pixels(1, 8))
    assert open_picture(tmp_path / "real.png").colors == 1
    assert (tmp_path / "link.png").is_symlink()


def test_rows_can_be_read_in_any_pieces_and_more_than_once(tmp_path):
    write(tmp_path / "a.png", pixels(3, 8))
    picture = open_picture(str(tmp_path / "a.png"))
    rows = picture.rows()
    assert [len(rows.read(n)) for n in (1, 5, 0, 30, 9, 9)] == [1, 5, 0, 30, 1, 0]
    np.testing.assert_array_equal(read(picture), pixels(3, 8))
    np.testing.assert_array_equal(read(picture), pixels(3, 8))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the peak is read from /proc")
@pytest.mark.parametrize("format", ["png", "tiff", "jpeg"])
def test_large_pictures_stream(tmp_path, format):
    """50 Mpixel (150 MB) pass through a process that never holds 100 MB more than it did at its start."""
    program = f"""
import numpy as np
from regrow.io.reader import open_picture
from regrow.io.writer import PictureWriter

def peak():
    return int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) // 1024

before = peak()
block = np.tile(np.arange(2000, dtype=np.uint8)[None, :, None], (1000, 1, 3))
for name, source in (("a", None), ("b", "a")):
    path = {str(tmp_path)!r} + "/" + name
    with PictureWriter(path, width=2000, height=25000, colors=3, format={format!r}) as writer:
        for rows in open_picture({str(tmp_path)!r} + "/a").rows() if source else [block] * 25:
            writer.write(rows)
print(peak() - before)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 100
    assert done.stderr == ""
    assert (tmp_path / "b").stat().st_size == pytest.approx((tmp_path / "a").stat().st_size, rel=0.05)


def test_png_has_nothing_that_was_not_asked_for(tmp_path):
    write(tmp_path / "a.png", pixels(3, 8))
    data, kinds, at = (tmp_path / "a.png").read_bytes(), [], 8
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        kinds.append(kind)
        assert png_chunk(kind, data[at + 8 : at + 8 + length]) == data[at : at + 12 + length]
        at += 12 + length
    assert set(kinds) == {b"IHDR", b"IDAT", b"IEND"}


def test_tiffs_of_both_kinds_and_byte_orders():
    tifffile = pytest.importorskip("tifffile")
    for order in "<>":
        for big in (False, True):
            for depth in (8, 16):
                file = io.BytesIO()
                tifffile.imwrite(file, pixels(3, depth), byteorder=order, bigtiff=big, photometric="rgb", metadata=None)
                np.testing.assert_array_equal(read(open_picture(file.getvalue())), pixels(3, depth), strict=True)


def test_unknown_tags_of_a_tiff_are_missed_aloud():
    plain = saved(Image.fromarray(pixels(3, 8)), "TIFF", tiffinfo={65000: 8})
    assert open_picture(plain).notes == ("TIFF tags 65000 are not kept",)


def test_a_full_disk_is_reported_and_leaves_nothing(tmp_path):
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        for format in FORMATS:
            with pytest.raises(RegrowError, match="could not be written"):
                write(tmp_path / f"a.{format}", pixels(3, 8, 300, 300))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.iterdir())
