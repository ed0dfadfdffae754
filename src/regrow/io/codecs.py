"""Lossy codecs: what is written at which quality, and what a net may be told of a coded file."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyvips

from regrow.io.chroma import smoothed
from regrow.io.jpeg_tables import CHROMA, LUMA, coarseness, flat, percent

QUALITIES = {"jpeg": (6, 95), "webp": (1, 96), "avif": (12, 90)}
"""The codecs, with the lowest and the highest quality of use to whoever wants few bytes."""

_FULL = 90
"""Quality of AVIF from which libvips does not subsample chroma, where nobody says."""
FLAT = 3, 92
"""Those of JPEG with flat tables."""


class Facts(NamedTuple):
    """What a net may be told of a coded file; all zero where nothing is known."""

    jpeg: float = 0.0
    """1 where the codec is JPEG; so the next two for theirs."""
    webp: float = 0.0
    avif: float = 0.0
    luma: float = 0.0
    """Coarseness of the steps of luma, from about -1 (nothing is lost) to 1.

    Of JPEG it is a quarter of the binary logarithm of how many times its steps are those of the standard's tables,
    which libjpeg's quality 50 uses; of others 1 - quality / 50.
    """
    chroma: float = 0.0
    """Coarseness of those of chroma."""
    full_chroma: float = 0.0
    """1 where chroma is not subsampled, of JPEG and tuned AVIF."""

    @property
    def codec(self) -> str | None:
        """The codec; None where nothing is known."""
        return next((name for name in QUALITIES if getattr(self, name)), None)

    @property
    def fine(self) -> bool:
        """Whether less was lost than at the highest quality of use to whoever wants few bytes."""
        return self.codec is not None and self.luma <= Codec(name=self.codec).facts(QUALITIES[self.codec][1] + 1).luma

    @property
    def in_use(self) -> Facts:
        """These, no finer and no coarser than steps of the qualities of use, which are all that nets are taught."""
        if self.codec is None:
            return self
        low, high = (Codec(name=self.codec).facts(quality).luma for quality in QUALITIES[self.codec])
        luma, chroma = (min(max(coarse, high), low) for coarse in (self.luma, self.chroma))
        return self._replace(luma=luma, chroma=chroma)


UNKNOWN = Facts()


@dataclass(frozen=True, kw_only=True)
class Codec:
    """One codec as libvips writes it: whole files without metadata.

    JPEG is optimised and progressive, WebP of method 6 (of 4 where there is transparency), AVIF libaom's.
    """

    name: str
    """jpeg, webp or avif."""
    effort: int = 4
    """Of AVIF, 0 to 9: libaom's speed is 9 less that."""
    full_chroma: bool | None = False
    """4:4:4, of JPEG and of AVIF that is tuned; else 4:2:0. WebP has no choice, and other AVIF that of libvips, as JPEG
    where this is None: 4:4:4 from quality 90 on."""
    tuned: bool = False
    """For fewer bytes at equal squared error: JPEG with flat tables, which lose less of fine detail, quantized by
    trellis, and with scans in the best order, where libjpeg can (mozjpeg); AVIF tuned for PSNR, not for SSIM; WebP with
    the same steps everywhere and no smoothing of edges between blocks, which a net does better (libwebp's preset for
    icons)."""

    @property
    def qualities(self) -> tuple[int, int]:
        """The lowest and the highest quality of use; flat tables are finer at the same quality."""
        return FLAT if self.name == "jpeg" and self.tuned else QUALITIES[self.name]

    def shown(self, pixels: np.ndarray, quality: int) -> np.ndarray:
        """What viewers show of a file of this quality that libvips has decoded: (H, W, bands) uint8."""
        subsampled = not self.full_chroma and (self.tuned or quality < _FULL)
        return smoothed(pixels) if self.name == "avif" and subsampled and pixels.shape[2] > 2 else pixels

    def options(self, quality: int, *, alpha: bool = False) -> dict[str, Any]:
        """What libvips' saver of the codec is told, for a quality from 1 to 100."""
        chroma = {"subsample_mode": {None: "auto", True: "off", False: "on"}[self.full_chroma]}
        if self.name == "jpeg":
            flat = {"quant_table": 1, "trellis_quant": True, "optimize_scans": True} if self.tuned else {}
            return {"Q": quality, "interlace": True, "optimize_coding": True, **chroma, **flat}
        if self.name == "webp":
            # At method 6, noisy transparency takes libwebp seconds for a few percent of its bytes.
            effort = 4 if alpha else 6
            return {"Q": quality, "effort": effort, **({"preset": "icon"} if self.tuned else {})}
        tuned = {"tune": "psnr", **chroma} if self.tuned else {}
        return {"Q": quality, "compression": "av1", "effort": self.effort, "bitdepth": 8, **tuned}

    def encode(self, pixels: np.ndarray, quality: int) -> bytes:
        """The file of an (H, W, 1 to 4) uint8 picture, the last of 2 or 4 bands being alpha, at a quality."""
        kind = "srgb" if pixels.shape[2] > 2 else "b-w"
        image = pyvips.Image.new_from_array(np.ascontiguousarray(pixels), interpretation=kind)
        save = getattr(image, f"{'heif' if self.name == 'avif' else self.name}save_buffer")
        data: bytes = save(keep="none", **self.options(quality, alpha=pixels.shape[2] in (2, 4)))
        return data

    def facts(self, quality: int) -> Facts:
        """What a net is told of a file of this quality; `regrow.io.coded.facts_of` reads it from files."""
        luma = chroma = 1 - quality / 50
        if self.name == "jpeg":
            luma = chroma = math.log2(max(percent(quality), 1) / 100) / 4
            if self.tuned:
                luma, chroma = (coarseness(flat(quality), usual) for usual in (LUMA, CHROMA))
        of = Facts(luma=luma, chroma=chroma, full_chroma=float(bool(self.full_chroma)))
        return of._replace(**{self.name: 1.0})
