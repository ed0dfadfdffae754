"""Pictures in memory: numpy arrays, PIL images and tensors, and the way back to the same kind."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from regrow.errors import UsageError
from regrow.io.containers import Metadata
from regrow.io.exif import PREFIX, bare
from regrow.io.exif_passport import taken
from regrow.io.passport_text import is_passport
from regrow.io.pil_coding import NOTHING, Remembered, remembered
from regrow.io.reader import open_picture

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True)
class InMemory:
    """A picture as rows, and the conversion of rows to the caller's kind of picture."""

    name: str
    """Name of its kind, for messages."""
    pixels: np.ndarray
    """(H, W, bands) uint8, uint16 or float32 in [0, 1]; bands are 1 or 3 colours and perhaps alpha."""
    colors: int
    wrap: Callable[[np.ndarray, Metadata], Any]
    """Converts (h, w, bands), integers or float32, with metadata, to the caller's kind."""
    metadata: Metadata = field(default_factory=Metadata)
    """Metadata; only PIL images have any."""
    remembered: Remembered = NOTHING
    """What is known of the coding of the file that a PIL image came from."""

    @property
    def depth(self) -> int:
        """8 or 16 bits."""
        return 16 if self.pixels.dtype == np.uint16 else 8


def accept(picture: Any) -> InMemory:
    """Take a picture of any kind that lives in memory.

    Args:
        picture: numpy (H, W), (H, W, 1 to 4) uint8 or uint16; PIL image; tensor (1 or 3, H, W) float in [0, 1].

    Raises:
        UsageError: any other kind; the message names what was given and what is accepted.
    """
    if isinstance(picture, np.ndarray):
        return _accept_array(picture)
    name = type(picture).__module__.split(".")[0]
    if name == "torch":
        return _accept_tensor(picture)
    if name == "PIL":
        return _accept_pil(picture)
    raise UsageError(f"{type(picture).__name__} is not a picture; give a path, numpy array, PIL image or tensor")


def _accept_array(array: np.ndarray) -> InMemory:
    flat = array.ndim == 2
    pixels = array[..., None] if flat else array
    if (
        pixels.ndim != 3
        or not 1 <= pixels.shape[2] <= 4
        or 0 in pixels.shape
        or array.dtype not in (np.uint8, np.uint16)
    ):
        raise UsageError(
            f"array of shape {array.shape} and {array.dtype}: expected (H, W) or (H, W, 1..4), uint8 or uint16"
        )
    colors = 3 if pixels.shape[2] >= 3 else 1

    def wrap(result: np.ndarray, metadata: Metadata) -> np.ndarray:
        return result[..., 0] if flat and result.shape[2] == 1 else result

    return InMemory("ndarray", pixels, colors, wrap)


def _accept_tensor(tensor: Any) -> InMemory:
    import torch

    if tensor.ndim != 3 or tensor.shape[0] not in (1, 3) or 0 in tensor.shape or not tensor.is_floating_point():
        raise UsageError(
            f"tensor of shape {tuple(tensor.shape)} and {tensor.dtype}: expected (1 or 3, H, W), float in [0, 1]"
        )
    pixels = tensor.detach().float().cpu().permute(1, 2, 0).numpy()

    def wrap(result: np.ndarray, metadata: Metadata) -> Any:
        peak = np.iinfo(result.dtype).max if result.dtype.kind == "u" else 1
        floats = torch.from_numpy(result.astype(np.float32) / np.float32(peak)).permute(2, 0, 1).contiguous()
        return floats.to(tensor.device, tensor.dtype)

    return InMemory(type(tensor).__name__, pixels, tensor.shape[0], wrap)


def _accept_pil(image: Image.Image) -> InMemory:
    from PIL import Image

    of_file = remembered(image)
    # Of a PNG, but for the packet that `xmp` says as well.
    texts = {key: text for key, text in getattr(image, "text", {}).items() if key != "XML:com.adobe.xmp"}
    inks = image.mode == "CMYK"
    if image.mode == "P":
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    elif image.mode in ("1", "CMYK"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    if image.mode not in ("L", "LA", "RGB", "RGBA", "I;16"):
        raise UsageError(f"PIL image of mode {image.mode}: expected 1, L, LA, I;16, P, RGB, RGBA or CMYK")
    if 0 in image.size:
        raise UsageError(f"PIL image of {image.width}x{image.height}: has no pixels")
    pixels = np.asarray(image)
    info = image.info
    comment = info.get("comment")
    exif, passport = _without_passport(image, info.get("exif"))
    passport = passport or of_file.passport
    texts.pop("regrow", None)
    if isinstance(comment, bytes) and is_passport(comment):
        comment = None
    own = Metadata(
        icc=None if inks else info.get("icc_profile"), exif=exif, xmp=info.get("xmp"), passport=passport,
        comments=(comment,) if isinstance(comment, bytes) and comment else (),
    )  # fmt: skip

    def wrap(result: np.ndarray, metadata: Metadata) -> Any:
        if result.dtype == np.uint16 and result.shape[2] > 1:  # PIL has 16 bits for plain grey only
            result = np.rint(result / 257).astype(np.uint8)
        made = Image.fromarray(result[..., 0] if result.shape[2] == 1 else result)
        exif = metadata.exif
        if exif and exif != own.exif:  # that of a passport, without the prefix that PIL has
            exif = b"Exif\0\0" + exif
        carried = {"icc_profile": metadata.icc, "exif": exif, "xmp": metadata.xmp, "dpi": info.get("dpi")}
        carried["comment"] = b"\n".join(metadata.comments) or comment
        carried["regrow"] = metadata.passport and metadata.passport.decode("latin-1")
        made.info.update({key: value for key, value in {**texts, **carried}.items() if value})
        return made

    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    return InMemory(type(image).__name__, pixels, 3 if pixels.shape[2] >= 3 else 1, wrap, own, of_file)


def _without_passport(image: Image.Image, exif: bytes | None) -> tuple[bytes | None, bytes | None]:
    """The EXIF block of a PIL image without a passport, and the passport, wherever the file had it."""
    text, segments = image.info.get("regrow"), getattr(image, "applist", ())
    lines = [text.encode("latin-1", "replace")] if isinstance(text, str) else []
    lines += [data for kind, data in segments if kind == "COM"]
    found = next(filter(is_passport, lines), None)
    own, said = taken(bare(exif) or b"")
    if said is not None:
        exif = own and PREFIX + own
    return exif, found or said


def read_pixels(picture: Any) -> np.ndarray:
    """Read the whole picture as (H, W, bands), with its own bands; the pixels of a file are turned upright.

    Args:
        picture: path, bytes of a file, or what `accept` takes.

    Raises:
        RegrowError: the file cannot be read. UsageError: not a picture.
    """
    if isinstance(picture, (str, os.PathLike, bytes)):
        return np.concatenate(list(open_picture(picture).upright().rows()))
    return accept(picture).pixels


def read_rgb(picture: Any) -> np.ndarray:
    """Read the whole picture as writable RGB, (H, W, 3) uint8, for measuring and training.

    Grey is repeated in all three colours, alpha is left out, more than 8 bits are rounded to 8.

    Args:
        picture: path, bytes of a file, or what `accept` takes.

    Raises:
        RegrowError: the file cannot be read. UsageError: not a picture.
    """
    if isinstance(picture, (str, os.PathLike, bytes)):
        opened = open_picture(picture)
        pixels, colors = np.concatenate(list(opened.rows())), opened.colors
    else:
        given = accept(picture)
        pixels, colors = given.pixels, given.colors
    pixels = pixels[..., :colors]
    if pixels.dtype != np.uint8:
        peak = 65535 if pixels.dtype == np.uint16 else 1
        pixels = np.rint(np.clip(pixels * (255 / peak), 0, 255)).astype(np.uint8)
    return np.broadcast_to(pixels, (*pixels.shape[:2], 3)).copy()
