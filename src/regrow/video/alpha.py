"""The alpha channel of video frames, which goes beside their colours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from regrow.video.pixels import Pixels, fill_plane, from_rgb, plane_of, rounded

if TYPE_CHECKING:
    from av import VideoFrame


def to_alpha(frame: VideoFrame, bits: int) -> np.ndarray:
    """The alpha channel of a frame, (H, W, 1): uint8 where it has 8 bits, else float32. It knows no limited range."""
    own = next((c.bits for c in frame.format.components if c.is_alpha), 0)
    if not own:  # as in a stream whose later frames have none
        peak = 255 if bits == 8 else 1
        return np.full((frame.height, frame.width, 1), peak, np.uint8 if bits == 8 else np.float32)
    if frame.format.name.startswith(("yuva", "gbrap")) and not frame.format.is_big_endian:
        plane = plane_of(frame.planes[3], own, frame.height, frame.width)
    else:
        packed = frame.reformat(format="rgba" if own == 8 else "rgba64le", interpolation="POINT")
        own = 8 if own == 8 else 16
        plane = plane_of(packed.planes[0], own, frame.height, frame.width * 4)[:, 3::4]
    return plane[..., None].copy() if own == 8 else plane[..., None].astype(np.float32) / np.float32(2**own - 1)


def with_alpha(name: str) -> str:
    """The format that holds alpha beside the samples of a format that `from_rgb` accepts; "" where there is none."""
    packed = {"rgb24": "rgba", "rgb48le": "rgba64le", "gray": "ya8", "gray16le": "ya16le"}
    if name.startswith("gray"):
        return packed.get(name, "")
    return packed.get(name) or name.replace("yuvj", "yuv").replace("yuv", "yuva").replace("gbrp", "gbrap")


def from_rgba(array: np.ndarray, alpha: np.ndarray, pixels: Pixels) -> VideoFrame:
    """A frame of `from_rgb` with an alpha channel (H, W, 1), uint8 or float32 in [0, 1]."""
    import av

    plain, name = from_rgb(array, pixels), with_alpha(pixels.format)
    frame = av.VideoFrame(plain.width, plain.height, name)
    bits, peak = pixels.bits, 2**pixels.bits - 1
    fraction = alpha.astype(np.float32) / np.float32(255) if alpha.dtype == np.uint8 else alpha
    values = (
        alpha[..., 0] if alpha.dtype == np.uint8 and bits == 8 else rounded(fraction[..., 0] * np.float32(peak), peak)
    )
    if len(frame.planes) > 1:
        for ours, theirs in zip(frame.planes, plain.planes, strict=False):
            fill_plane(ours, plane_of(theirs, bits, theirs.height, theirs.width), bits)
        fill_plane(frame.planes[3], values, bits)
    else:
        colors, width = pixels.colors, plain.width
        samples = plane_of(plain.planes[0], bits, plain.height, width * colors).reshape(plain.height, width, colors)
        both = np.concatenate([samples, values[..., None].astype(samples.dtype)], 2)
        fill_plane(frame.planes[0], both.reshape(plain.height, width * (colors + 1)), bits)
    frame.colorspace, frame.color_range = plain.colorspace, plain.color_range
    frame.color_primaries, frame.color_trc = plain.color_primaries, plain.color_trc
    return frame
