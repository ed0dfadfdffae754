"""What regrow sees in a file, and what of it each verb would lose."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from regrow.errors import RegrowError
from regrow.io.metadata import in_words, without
from regrow.io.passport import mentioned
from regrow.io.reader import open_picture
from regrow.operations.grow import AUTO, Grow
from regrow.operations.restore import Restore
from regrow.operations.restorers import BICUBIC
from regrow.operations.shrink import Shrink
from regrow.runners.dispatch import runner
from regrow.video.source import open_clip

if TYPE_CHECKING:
    from regrow.operations.plan import Operation
    from regrow.runners.dispatch import Runner

KINDS = {"heif": "AVIF or HEIF", "webp": "WebP", "raw": "raw file"}
SHOWN = ("", "upright", "mirrored", "turned by 180 degrees", "mirrored, turned by 180 degrees",
         "mirrored, turned by 270 degrees", "turned by 90 degrees", "mirrored, turned by 90 degrees",
         "turned by 270 degrees")  # fmt: skip
"""How viewers show a picture, clockwise, by its EXIF orientation."""


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What is in a file.

    Args:
        name: of the file.
        seen: properties in words, by their names.
        lost: by verb and the suffix that its result gets in a folder, what that verb would lose or change; what fails
            has the reason.
    """

    name: str
    seen: dict[str, str]
    lost: dict[str, list[str]] = field(default_factory=dict)

    @property
    def safe(self) -> bool:
        """Whether no verb would lose anything."""
        return not any(self.lost.values())


def check(source: str | os.PathLike[str]) -> Checked:
    """What regrow sees in a picture or clip, and what would be lost of it by `shrink`, and by verbs that give ordinary
    pictures, such as `upscale`; by `grow` where there is a passport or a mark. Nothing is written.

    Args:
        source: path of a picture or clip.

    Raises:
        RegrowError: it is neither, or cannot be read.

    Example:
        >>> import regrow
        >>> regrow.check("photo.png").seen["size"]
        '128x96'
    """
    kind = runner(source)
    seen = _clip(source) if kind.UNIT == "frames" else _picture(source)
    verbs: list[Operation] = [Shrink(), Restore(verb="upscale", upscaler=BICUBIC, scale=2)]
    if seen.pop("passport", None):
        verbs.append(Grow())
    elif "mark" in seen:
        verbs.append(Grow(codec_model=AUTO))
    suffixes = [kind.suffix(str(source), operation, None) for operation in verbs]
    lost = {
        f"{operation.verb} to {suffix}": _losses(kind, operation, source, suffix)
        for operation, suffix in zip(verbs, suffixes, strict=True)
    }
    return Checked(name=str(source), seen=seen, lost=lost)


def _losses(kind: Runner, operation: Operation, source: str | os.PathLike[str], suffix: str) -> list[str]:
    with TemporaryDirectory(prefix="regrow-") as folder:
        out = Path(folder) / f"result{suffix}"
        try:
            notes = kind.losses(operation, source, str(out))
        except RegrowError as error:
            notes = [str(error)]
    prefixes = (f"{out}: ", f"{source}: ", f"{Path(source).name}: ")
    return [_bare(note, prefixes) for note in notes]


def _bare(note: str, prefixes: tuple[str, ...]) -> str:
    for prefix in prefixes:
        note = note.removeprefix(prefix)
    return note


def _picture(source: str | os.PathLike[str]) -> dict[str, str]:
    picture = open_picture(source)
    for _ in picture.rows():  # damage shows where pixels are decoded
        pass
    grey = "grey" if picture.colors == 1 else "RGB"
    profile = "ICC profile" if picture.icc else f"CICP {picture.metadata.cicp}" if picture.metadata.cicp else "sRGB"
    suggested = f"scale {picture.mark:g}, as of a small picture by regrow" if picture.mark else ""
    return {
        "kind": f"picture, {KINDS.get(picture.format, picture.format.upper())}",
        "size": f"{picture.width}x{picture.height}",
        "depth": f"{picture.depth} bits a sample",
        "colours": f"{grey}, {profile}",
        "alpha": "yes" if picture.alpha else "no",
        "orientation": f"{picture.orientation}: {SHOWN[picture.orientation]}",
        "metadata": ", ".join(in_words(without(picture.metadata, "passport"))) or "none",
        "on reading": "; ".join(picture.notes) or "nothing is changed",
        **({"mark": suggested} if suggested else {}),
        "passport": "yes" if mentioned(picture.metadata) else "",
    }


def _clip(source: str | os.PathLike[str]) -> dict[str, str]:
    from regrow.runners.clip import metadata_of

    clip = open_clip(source)
    pixels = clip.pixels.meant(clip.height)
    ranges = {1: "limited range", 2: "full range"}
    return {
        "kind": f"clip, about {clip.count} frames" if clip.count else "clip",
        "size": f"{clip.width}x{clip.height}",
        "rate": f"{float(clip.rate):g} frames a second",
        "colours": f"{pixels.format}, {ranges[pixels.range]}, matrix {pixels.matrix}, primaries {pixels.primaries}, "
        f"transfer {pixels.transfer}",
        "alpha": "yes" if pixels.alpha else "no",
        "orientation": "upright" if clip.matrix is None else "players turn or mirror it",
        "pixels": "square" if clip.aspect in (None, 1) else f"{clip.aspect} times as wide as high",
        "HDR": "mastering display or light level" if clip.light else "not stated",
        "metadata": ", ".join(sorted(clip.metadata)) or "none",
        "on reading": "; ".join(clip.notes) or "nothing is changed",
        "passport": "yes" if mentioned(metadata_of(clip)) else "",
    }
