"""Pictures for tests: made, written, read and looked at."""

import io

import numpy as np
from PIL import Image, ImageCms, ImageOps

from regrow.io.reader import open_picture
from regrow.io.writer import PictureWriter

LOSSLESS = [".png", ".webp", ".tiff", ".avif"]
FORMATS = [*LOSSLESS, ".jpg"]
ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
GREY_ICC = ICC[:16] + b"GRAY" + ICC[20:]


def exif(orientation=1):
    block = Image.Exif()
    block[0x010F], block[0x0112] = "Camera Inc.", orientation
    return block.tobytes().removeprefix(b"Exif\0\0")


def write(path, array, **options):
    height, width, bands = array.shape
    given = {"colors": 1 if bands < 3 else 3, "alpha": bands in (2, 4), "depth": array.dtype.itemsize * 8, **options}
    with PictureWriter(path, width=width, height=height, **given) as writer:
        writer.write(array)
    return path


def written(format, metadata, colors=3, **options):
    """The bytes of a file with metadata, and what could not be written."""
    file = io.BytesIO()
    with PictureWriter(file, width=8, height=8, colors=colors, format=format, metadata=metadata, **options) as writer:
        writer.write(np.zeros((8, 8, colors), np.uint8))
    return file.getvalue(), writer.notes


def read(path):
    return np.concatenate(list(open_picture(path).rows()))


def size_of(path):
    with Image.open(path) as image:
        return image.size


def noise(height, width, bands=3, dtype=np.uint8, seed=0):
    """A picture nobody can guess."""
    top = np.iinfo(dtype).max
    return np.random.default_rng(seed).integers(0, top, (height, width, bands), dtype, endpoint=True)


def turned(pixels, orientation):
    """(H, W, bands) pixels of any type as viewers show them, by Pillow, one band at a time."""
    bands = [Image.fromarray(np.ascontiguousarray(band)) for band in np.moveaxis(pixels, -1, 0)]
    for band in bands:
        band.getexif()[0x0112] = orientation
    return np.stack([np.asarray(ImageOps.exif_transpose(band)) for band in bands], -1)
