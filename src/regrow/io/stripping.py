"""Leaving out what pictures carry beside their pixels, but never what they need to look the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pyvips

from regrow.io.exif import bare, orientation, with_orientation
from regrow.io.metadata import COLORS, NOTHING, SRGB, Metadata, in_words, without

_INTENTS = ("relative", "perceptual")
"""Between which viewers choose."""
_LEVELS = np.linspace(0, 255, 18).round().astype(np.uint8)


@dataclass(frozen=True, kw_only=True)
class Stripping:
    """What is left out of metadata: nothing, a profile that is sRGB in effect, or all that pixels do not need."""

    everything: bool = False
    srgb: bool = False

    def split(self, meta: Metadata) -> tuple[Metadata, Metadata]:
        """What is kept, and what is left out."""
        return stripped(meta, everything=self.everything) if self.everything or self.srgb else (meta, NOTHING)

    def notes(self, kept: Metadata, left: Metadata) -> Iterator[str]:
        """What was left out, and what was not, in words."""
        if left.said:
            yield f"left out {told(left)}"
        if self.everything and kept.icc:
            yield "its ICC profile is kept, since colours would change without it"


NOTHING_STRIPPED = Stripping()


def stripped(meta: Metadata, *, everything: bool) -> tuple[Metadata, Metadata]:
    """What is kept of the metadata of a picture, and what is left out.

    Args:
        meta: of the picture.
        everything: leave out all but how viewers must turn the picture, and profiles and descriptions of colours that
            are not sRGB; else only a profile that is sRGB in effect, which says what none says, too.
    """
    codes_are_srgb = meta.cicp is None or (meta.cicp[:2] == SRGB and bool(meta.cicp[3]))
    # Which of a profile and other codes is followed depends on the format.
    needless = {"icc"} if meta.icc and codes_are_srgb and is_srgb(meta.icc) else set()
    if not everything:
        return without(meta, *needless), Metadata(icc=meta.icc if needless else None)
    if codes_are_srgb:
        needless.add("cicp")
    kept = Metadata(
        exif=with_orientation(None, orientation(bare(meta.exif))),
        chunks=tuple(chunk for chunk in meta.chunks if chunk[0] in COLORS),
        **{name: getattr(meta, name) for name in ("icc", "cicp") if name not in needless},
    )
    left = {name: value for name, value in meta.said.items() if value != getattr(kept, name)}
    if "chunks" in left:
        left["chunks"] = tuple(chunk for chunk in meta.chunks if chunk[0] not in COLORS)
    return kept, Metadata(**left)


def told(left: Metadata) -> str:
    """What was left out in words, and how much it was, such as "the EXIF block, the comments: 310 bytes in all"."""
    words = [*in_words(left), *(["the sRGB profile"] if left.icc else [])]
    size = f"{sum(map(_size, left.said.values())):,} bytes"
    # Of several, the sum is not that of the last.
    return f"{', '.join(words)}: {size} in all" if len(words) > 1 else f"{''.join(words) or 'the resolution'} ({size})"


def _size(value: Any) -> int:
    if isinstance(value, tuple):
        return sum(map(_size, value))
    return len(value) if isinstance(value, bytes) else 4


@lru_cache(maxsize=64)
def is_srgb(profile: bytes) -> bool:
    """Whether a profile is sRGB in effect: on their way to sRGB no colours, or greys, change by more than 1 of 255."""
    grey = profile[16:20] == b"GRAY"
    samples = np.arange(256, dtype=np.uint8)[:, None] if grey else np.stack(np.meshgrid(*[_LEVELS] * 3), -1)
    samples = np.ascontiguousarray(samples.reshape(-1, 1, 1 if grey else 3))
    image = pyvips.Image.new_from_array(samples, interpretation="b-w" if grey else "srgb").copy()
    image.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
    try:
        return all(_changes(image, profile, intent) <= 1 for intent in _INTENTS)
    except pyvips.Error:
        return False


def _changes(image: pyvips.Image, profile: bytes, intent: str) -> int:
    """By how many levels samples change most; 256 where libvips takes another profile, this one being damaged."""
    found = image.icc_import(embedded=True, intent=intent)
    if bytes(found.get("icc-profile-data")) != profile:
        return 256
    found = found.icc_export(output_profile="srgb", intent=intent, depth=8).numpy()
    return int(np.abs(found.astype(int) - image.numpy().reshape(found.shape[0], 1, -1)).max())
