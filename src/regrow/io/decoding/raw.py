"""Raw files of cameras, developed by LibRaw through rawpy, where that is installed: the extra `raw`."""

from __future__ import annotations

import io
import os
from importlib.util import find_spec

import pyvips

from regrow.errors import RegrowError
from regrow.io.decoding.signatures import BY_OTHERS

NOTES = ("raw file, developed with the white balance of the camera; its metadata is not kept",)
_GAMMA = (2.4, 12.92)
"""Of sRGB."""


def available() -> bool:
    """Whether raw files can be developed here."""
    spec = find_spec("rawpy")
    return spec is not None and spec.origin is not None  # else a folder of that name


def developed(source: str | os.PathLike[str] | bytes, name: str) -> pyvips.Image:
    """The photograph in sRGB, 16 bits, turned upright. RegrowError where LibRaw does not know such files."""
    import rawpy

    try:
        with rawpy.imread(io.BytesIO(source) if isinstance(source, bytes) else os.fspath(source)) as raw:
            pixels = raw.postprocess(use_camera_wb=True, output_bps=16, gamma=_GAMMA)
    except rawpy.LibRawError as error:
        said = error.args[0] if error.args else error
        reason = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
        raise RegrowError(
            f"{name}: is a raw file of a camera that LibRaw cannot read ({reason}); {BY_OTHERS}"
        ) from error
    height, width, bands = pixels.shape
    image = pyvips.Image.new_from_memory(pixels.tobytes(), width, height, bands, "ushort")
    return image.copy(interpretation="rgb16" if bands == 3 else "grey16")
