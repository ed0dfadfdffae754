"""Codecs that pictures are compared with and that regrow writes no files of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from regrow.errors import RegrowError
from regrow.io.codecs import QUALITIES, Codec
from regrow.io.memory import read_rgb

JPEGXL = "jpegxl"
RIVALS = (JPEGXL, *QUALITIES)
"""Codecs that may be compared alone."""


@dataclass(frozen=True, kw_only=True)
class JPEGXLCodec(Codec):
    """JPEG XL as libjxl writes it: a bare codestream of the lossy mode, XYB.

    RegrowError, when it is used, where the package imagecodecs is not installed.
    """

    name: str = JPEGXL
    effort: int = 7
    """1 to 9, libjxl's own."""

    @property
    def qualities(self) -> tuple[int, int]:
        """The lowest and the highest quality of use."""
        return 1, 95

    def encode(self, pixels: np.ndarray, quality: int) -> bytes:
        """As `Codec.encode`, at the distance that libjxl makes of a quality: 1 of 90."""
        distance = 0.1 + 0.09 * (100 - quality) if quality >= 30 else 53 / 3000 * quality**2 - 1.15 * quality + 25
        encode = _imagecodecs().jpegxl_encode
        return bytes(encode(np.ascontiguousarray(pixels), distance=distance, effort=self.effort))

    def decode(self, data: bytes) -> np.ndarray:
        """A file that it has written -> (H, W, 3) uint8."""
        return np.asarray(_imagecodecs().jpegxl_decode(data))


def rival(name: str, effort: int) -> Codec:
    """One of `RIVALS`; the effort is AVIF's."""
    return JPEGXLCodec() if name == JPEGXL else Codec(name=name, effort=effort)


def decoded(data: bytes, codec: Codec) -> np.ndarray:
    """What a codec has left of a picture, (H, W, 3) uint8."""
    return codec.decode(data) if isinstance(codec, JPEGXLCodec) else read_rgb(data)


def _imagecodecs() -> Any:
    try:
        import imagecodecs
    except ImportError:
        raise RegrowError(f"rival {JPEGXL}: needs imagecodecs; install it with: pip install 'regrow[rate]'") from None
    return imagecodecs
