"""Small sound pictures of every format that regrow reads, by name."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import numpy as np
import pyvips
from PIL import Image, ImageCms, PngImagePlugin

WIDTH, HEIGHT = 48, 32
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
SRGB = SRGB[:24] + bytes(12) + SRGB[36:84] + bytes(16) + SRGB[100:]  # without the date
XMP = (b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
       b'<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" dc:format="image/png" dc:title="odd"/>'
       b"</rdf:RDF></x:xmpmeta>")  # fmt: skip
IPTC = b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0\0\0\0\x0a\x1c\x02\x05\0\x05title"


def pixels(bands: int = 3, top: int = 255, seed: int = 0) -> np.ndarray:
    """(32, 48, bands): waves with some noise."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    waves = [np.sin(x / (3 + band) + seed) * np.cos(y / (5 - band)) for band in range(bands)]
    noise = np.random.default_rng(seed).uniform(-0.2, 0.2, (HEIGHT, WIDTH, bands))
    return np.clip((np.stack(waves, -1) + noise + 1) * top / 2, 0, top).astype(np.uint8 if top < 256 else np.uint16)


def exif() -> bytes:
    block = Image.Exif()
    block[271], block[274], block[306] = "Camera Inc.", 6, "2026:01:02 03:04:05"
    block.get_ifd(34665)[36867] = "2026:01:02 03:04:05"
    block.get_ifd(34853)[1] = "N"
    return block.tobytes()


def picture_seeds() -> dict[str, bytes]:
    """Files by name, whose suffix is the format's."""
    return {**_pngs(), **_jpegs(), **_webps(), **_tiffs(), **_heifs(), **_gifs(), **_thin(), **_small()}


def _pillow(format: str, image: Image.Image | np.ndarray, **options) -> bytes:
    file = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(file, format, **options)
    return file.getvalue()


def _vips(suffix: str, array: np.ndarray, **options) -> bytes:
    image = pyvips.Image.new_from_array(array)
    image = image.copy(interpretation={1: "b-w", 4: "srgb"}.get(image.bands, "srgb"))
    if array.dtype == np.uint16:
        image = image.copy(interpretation="rgb16" if image.bands > 2 else "grey16")
    return image.write_to_buffer(suffix, **options)


def _frames() -> dict:
    return {"save_all": True, "append_images": [Image.fromarray(pixels(seed=n)) for n in (1, 2)]}


def _pngs() -> dict[str, bytes]:
    said = PngImagePlugin.PngInfo()
    said.add_text("parameters", "steps: 20, seed: 1")
    said.add_text("Comment", "compressed", zip=True)
    said.add_itxt("XML:com.adobe.xmp", XMP.decode())
    said.add(b"cICP", b"\x0c\x0d\0\1")
    said.add(b"gAMA", b"\0\0\xb1\x8f")
    said.add(b"tIME", b"\x07\xea\1\2\3\4\5")
    palette = Image.fromarray(pixels()).quantize(16)
    return {
        "all.png": _pillow("PNG", pixels(), pnginfo=said, exif=exif(), icc_profile=SRGB, dpi=(300, 300)),
        "alpha.png": _pillow("PNG", pixels(4)),
        "deep.png": _vips(".png", pixels(3, 65535)),
        "interlaced.png": _vips(".png", pixels(4, 65535), interlace=True),
        "palette.png": _pillow("PNG", palette, transparency=3),
        "bits.png": _pillow("PNG", Image.fromarray(pixels(1)[..., 0]).convert("1")),
        "grey.png": _pillow("PNG", pixels(1)[..., 0], transparency=128),
        "animated.png": _pillow("PNG", pixels(), **_frames()),
    }


def _jpegs() -> dict[str, bytes]:
    picture = Image.fromarray(pixels())
    return {
        "all.jpg": _pillow("JPEG", picture, exif=exif(), icc_profile=SRGB * 30, xmp=XMP, comment=b"odd"),
        "iptc.jpg": _pillow("JPEG", picture, extra=b"\xff\xed" + (len(IPTC) + 2).to_bytes(2, "big") + IPTC),
        "progressive.jpg": _pillow("JPEG", picture, progressive=True, quality=90),
        "restarts.jpg": _pillow("JPEG", picture, restart_marker_blocks=2, subsampling=2),
        "cmyk.jpg": _pillow("JPEG", picture.convert("CMYK")),
        "grey.jpg": _pillow("JPEG", picture.convert("L")),
        "several.mpo": _pillow("MPO", picture, **_frames()),
    }


def _webps() -> dict[str, bytes]:
    return {
        "all.webp": _pillow("WEBP", pixels(4), exif=exif(), icc_profile=SRGB, xmp=XMP),
        "lossless.webp": _pillow("WEBP", pixels(), lossless=True),
        "lossy.webp": _pillow("WEBP", pixels(), quality=50),
        "animated.webp": _pillow("WEBP", pixels(), **_frames()),
    }


def _tiffs() -> dict[str, bytes]:
    picture = Image.fromarray(pixels())
    packed = {f"{name}.tif": _pillow("TIFF", picture, compression=name)
              for name in ("raw", "tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits")}  # fmt: skip
    tiled = {f"tiled-{name}.tif": _vips(".tif", pixels(), tile=True, tile_width=16, tile_height=16, compression=name)
             for name in ("none", "jpeg", "deflate", "webp")}  # fmt: skip
    modes = {f"{mode}.tif": _pillow("TIFF", picture.convert(mode)) for mode in ("CMYK", "P", "L", "1", "YCbCr", "F")}
    return packed | tiled | modes | {
        "all.tif": _pillow("TIFF", picture, icc_profile=SRGB, tiffinfo={700: XMP, 270: "odd", 274: 6, 33723: IPTC}),
        "alpha.tif": _vips(".tif", pixels(4, 65535)),
        "big.tif": _vips(".tif", pixels(), bigtiff=True),
        "fax.tif": _pillow("TIFF", picture.convert("1"), compression="group4"),
        "lab.tif": pyvips.Image.new_from_array(pixels()).colourspace("lab").write_to_buffer(".tif"),
        "pages.tif": _pillow("TIFF", picture, **_frames()),
        "pyramid.tif": _vips(".tif", pixels(), pyramid=True, subifd=True, tile=True, tile_width=16, tile_height=16),
    }  # fmt: skip


def _heifs() -> dict[str, bytes]:
    return {
        "all.avif": _pillow("AVIF", pixels(4), exif=exif(), icc_profile=SRGB, xmp=XMP, speed=10),
        "plain.avif": _pillow("AVIF", pixels(), speed=10, quality=60),
        "frames.avif": _dateless(_pillow("AVIF", pixels(), speed=10, **_frames())),
        "deep.avif": _vips(".avif", pixels(3, 65535), bitdepth=10, effort=0),
    }


def _dateless(data: bytes) -> bytes:
    """ISO media without the dates of their tracks, so that they are the same tomorrow."""
    for box in (b"mvhd\1", b"tkhd\1", b"mdhd\1"):
        before, found, after = data.partition(box)
        data = before + found + after[:3] + bytes(16) + after[19:] if found else data
    return data


def _gifs() -> dict[str, bytes]:
    return {
        "plain.gif": _pillow("GIF", pixels()),
        "clear.gif": _pillow("GIF", Image.fromarray(pixels()).quantize(16), transparency=3, comment=b"odd"),
        "animated.gif": _pillow("GIF", pixels(), **_frames()),
    }


def _thin() -> dict[str, bytes]:
    """Pictures of one pixel, one row, one column."""
    sizes = {"dot": pixels()[:1, :1], "row": pixels()[:1], "column": pixels(4)[:, :1]}
    forms = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP", "tif": "TIFF", "gif": "GIF", "avif": "AVIF"}
    return {
        f"{name}.{suffix}": _pillow(form, array[..., :3] if form == "JPEG" else array)
        for name, array in sizes.items()
        for suffix, form in forms.items()
    }


def _small() -> dict[str, bytes]:
    """Pictures that regrow shrank, with their passports."""
    import regrow

    seeds = {}
    with tempfile.TemporaryDirectory() as name:
        source = Path(name) / "source.png"
        source.write_bytes(_pillow("PNG", pixels(), exif=exif(), icc_profile=SRGB))
        for suffix in ("png", "jpg", "webp", "tif", "avif"):
            target = Path(name) / f"small.{suffix}"
            regrow.shrink(source, target, model="tad-x2", device="cpu")
            seeds[target.name] = target.read_bytes()
    return seeds
