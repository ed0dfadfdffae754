"""Colours of video frames, and their conversion to RGB and back: matrix, range, chroma, bits."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from av import VideoFrame

UNSPECIFIED, RGB, BT709, BT601, BT2020 = 2, 0, 1, 6, 9
"""Matrices, as ISO/IEC 23091-2 numbers them."""
USUAL = (UNSPECIFIED, 0, 1, 5, 6, 7)
"""Primaries and transfers that look as players expect where none are stated, or nearly so."""
LIMITED, FULL = 1, 2
"""Ranges, as FFmpeg numbers them; 0 where the file does not state one."""

_WEIGHTS = {1: (0.2126, 0.0722), 4: (0.30, 0.11), 5: (0.299, 0.114), 6: (0.299, 0.114), 7: (0.212, 0.087),
            9: (0.2627, 0.0593), 10: (0.2627, 0.0593)}  # fmt: skip
"""Weights of red and blue in luma, by matrix."""

_SHRUNK = {"444": (1, 1), "422": (1, 2), "420": (2, 2), "440": (2, 1), "411": (1, 4), "410": (4, 4)}
"""How many times smaller chroma is, (down, across)."""


@dataclass(frozen=True)
class Pixels:
    """The pixel format of a clip, and the meaning of its colours.

    Args:
        format: FFmpeg's name of a planar format: yuv420p, yuv444p10le, gray, gbrp, rgb24 ...
        matrix: matrix from RGB to YUV; `UNSPECIFIED` where the file does not state it.
        range: `LIMITED`, `FULL` or 0.
        primaries, transfer: numbers of the same standard, copied.
        alpha: whether there is an alpha channel beside the format's own.
        centred: whether samples of chroma lie between columns, as in JPEG and MPEG-1, and not on every second one.
    """

    format: str
    matrix: int = UNSPECIFIED
    range: int = 0
    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED
    alpha: bool = False
    centred: bool = False

    @property
    def colors(self) -> int:
        """1 (grey) or 3."""
        return 1 if self.format.startswith("gray") else 3

    @property
    def is_rgb(self) -> bool:
        """Whether the format is RGB or grey, which needs no matrix."""
        return self.format.startswith(("gbrp", "rgb"))

    @property
    def bits(self) -> int:
        """Bits of a sample: 8 to 16."""
        found = re.search(r"(?:p|gray|rgb)(\d+)(?:le|be)?$", self.format)
        number = int(found[1]) if found else 8
        return {24: 8, 48: 16}.get(number, number)

    @property
    def shrunk(self) -> tuple[int, int]:
        """How many times smaller chroma is, (down, across)."""
        found = re.match(r"yuvj?(\d{3})p", self.format)
        return _SHRUNK[found[1]] if found else (1, 1)

    def meant(self, height: int) -> Pixels:
        """With the defaults of players where the file is silent: BT.709 from 720 lines on, else BT.601; the limited
        range, but for grey.
        """
        full = self.is_rgb or self.format.startswith(("yuvj", "gray"))
        return replace(
            self,
            matrix=self.matrix if self.matrix in _WEIGHTS else BT709 if height >= 720 else BT601,
            range=self.range or (FULL if full else LIMITED),
        )

    def at_height(self, before: int, after: int) -> Pixels:
        """For a result of another height: state the assumption where players would now assume something else."""
        meant = self.meant(before)
        return self if self.is_rgb or self.meant(after).matrix == meant.matrix else replace(self, matrix=meant.matrix)


def is_known(name: str) -> bool:
    """Whether `to_rgb` and `from_rgb` accept a format directly."""
    kinds = "yuvj?(?:444|422|420|440|411|410)p|gbrp|gray"
    return name in ("rgb24", "rgb48le") or bool(re.fullmatch(f"(?:{kinds})(?:(?:9|10|12|14|16)le)?", name))


def planar(bits: int, shrunk: tuple[int, int], *, rgb: bool, colors: int) -> str:
    """The planar format that stores all samples of a packed, semi-planar or paletted one, except alpha."""
    depth = next(n for n in (8, 9, 10, 12, 14, 16) if n >= bits)
    suffix = "" if depth == 8 else f"{depth}le"
    if colors == 1:
        return f"gray{suffix}"
    if rgb:
        return {8: "rgb24", 16: "rgb48le"}.get(depth, f"gbrp{suffix}")
    return f"yuv{next((k for k, v in _SHRUNK.items() if v == shrunk), '444')}p{suffix}"


def to_rgb(frame: VideoFrame, pixels: Pixels) -> np.ndarray:
    """A frame as (H, W, 3 or 1): uint8 for RGB of 8 bits, else float32.

    Black is 0 and white 1; YUV can store values beyond, and colours outside RGB: they are not clamped.
    """
    peak = 2**pixels.bits - 1
    meant = pixels.meant(frame.height)
    if pixels.format.startswith("rgb"):
        packed = plane_of(frame.planes[0], 8 if pixels.format == "rgb24" else 16, frame.height, frame.width * 3)
        packed = packed.reshape(frame.height, frame.width, 3)
        return packed.copy() if pixels.format == "rgb24" else packed.astype(np.float32) / np.float32(peak)
    planes = [plane_of(plane, pixels.bits, plane.height, plane.width) for plane in frame.planes[: pixels.colors]]
    if pixels.is_rgb:
        stacked = np.stack([planes[2], planes[0], planes[1]], -1)
        return stacked if peak == 255 else stacked.astype(np.float32) / np.float32(peak)
    scale, offset = _span(meant.range, pixels.bits)
    luma = (planes[0].astype(np.float32) - offset) / scale
    if pixels.colors == 1:
        return luma[..., None]
    cb, cr = (_enlarged(plane, pixels.shrunk, luma.shape, pixels.centred) for plane in planes[1:])
    return _mixed(luma, cb, cr, meant, pixels.bits)


def from_rgb(array: np.ndarray, pixels: Pixels) -> VideoFrame:
    """A frame of (H, W, 3 or 1), uint8 or float32 in [0, 1]; the inverse of `to_rgb`."""
    import av

    height, width = array.shape[:2]
    frame = av.VideoFrame(width, height, pixels.format)
    if array.shape[2] != pixels.colors:
        array = np.repeat(array, 3, 2) if pixels.colors == 3 else _grey(array)
    if array.dtype == np.uint8 and (pixels.bits > 8 or not pixels.is_rgb):
        array = array.astype(np.float32) / np.float32(255)
    peak = 2**pixels.bits - 1
    if pixels.is_rgb:
        whole = array if array.dtype == np.uint8 else rounded(array * np.float32(peak), peak)
        if pixels.format.startswith("rgb"):
            fill_plane(frame.planes[0], whole.reshape(height, width * 3), 8 if peak == 255 else 16)
        else:
            for plane, channel in zip(frame.planes, (1, 2, 0), strict=True):
                fill_plane(plane, whole[..., channel], pixels.bits)
    else:
        for plane, values in zip(frame.planes, _planes(array, pixels), strict=True):
            fill_plane(plane, rounded(values, peak), pixels.bits)
    frame.colorspace = RGB if pixels.is_rgb else pixels.matrix
    frame.color_range, frame.color_primaries, frame.color_trc = pixels.range, pixels.primaries, pixels.transfer
    return frame


def _planes(array: np.ndarray, pixels: Pixels) -> list[np.ndarray]:
    """Luma and chroma of (H, W, C) float32, not yet rounded."""
    meant = pixels.meant(array.shape[0])
    scale, offset = _span(meant.range, pixels.bits)
    if pixels.colors == 1:
        return [array[..., 0] * scale + offset]
    span, middle = _chroma(meant.range, pixels.bits)
    steps = np.array([scale, span, span], np.float32)
    luma, *chroma = np.moveaxis(array @ (_to_yuv(meant.matrix) * steps[:, None]).T, -1, 0)
    return [luma + offset, *(_fewer(c, pixels.shrunk, pixels.centred) + middle for c in chroma)]


def _mixed(luma: np.ndarray, cb: np.ndarray, cr: np.ndarray, meant: Pixels, bits: int) -> np.ndarray:
    span, middle = _chroma(meant.range, bits)
    yuv = np.stack([luma, (cb - middle) / span, (cr - middle) / span], -1)
    return yuv @ np.linalg.inv(_to_yuv(meant.matrix).astype(np.float64)).astype(np.float32).T


def _to_yuv(matrix: int) -> np.ndarray:
    """(3, 3): Y in [0, 1], Cb and Cr in [-1/2, 1/2] of RGB (ITU-R BT.709-6, 3.2 and 3.3, and its kin)."""
    red, blue = _WEIGHTS[matrix]
    luma = np.array([red, 1 - red - blue, blue])
    cb, cr = (np.eye(3)[2] - luma) / (2 - 2 * blue), (np.eye(3)[0] - luma) / (2 - 2 * red)
    return np.stack([luma, cb, cr]).astype(np.float32)


def _span(range: int, bits: int) -> tuple[np.float32, np.float32]:
    """Levels from black to white, and the value of black (ITU-R BT.709-6, 4.6; more bits shift them)."""
    return (np.float32(2**bits - 1), np.float32(0)) if range == FULL else _f32(219 << bits - 8, 16 << bits - 8)


def _chroma(range: int, bits: int) -> tuple[np.float32, np.float32]:
    """Levels from one end of chroma to the other, and the value of neutral chroma."""
    return _f32(2**bits - 1 if range == FULL else 224 << bits - 8, 1 << bits - 1)


def _f32(a: int, b: int) -> tuple[np.float32, np.float32]:
    return np.float32(a), np.float32(b)


def _grey(array: np.ndarray) -> np.ndarray:
    """Average three channels to one: nets of three channels give nearly equal ones for grey frames."""
    mean = array.mean(2, keepdims=True, dtype=np.float32)
    return np.rint(mean).astype(np.uint8) if array.dtype == np.uint8 else mean


def plane_of(plane: Any, bits: int, height: int, width: int) -> np.ndarray:
    """The samples of a plane, (height, width), without the padding of its rows."""
    dtype = np.dtype(np.uint8 if bits == 8 else "<u2")
    return np.frombuffer(plane, dtype).reshape(height, plane.line_size // dtype.itemsize)[:, :width]


def fill_plane(plane: Any, values: np.ndarray, bits: int) -> None:
    """Write samples (height, width) into a plane."""
    dtype = np.dtype(np.uint8 if bits == 8 else "<u2")
    rows = np.zeros((plane.height, plane.line_size // dtype.itemsize), dtype)
    rows[:, : values.shape[1]] = values
    plane.update(rows)


def rounded(values: np.ndarray, peak: int) -> np.ndarray:
    """To integers from 0 to a peak."""
    return np.rint(values).clip(0, peak).astype(np.uint16 if peak > 255 else np.uint8)


@lru_cache(maxsize=16)
def _taps(small: int, factor: int, size: int, *, centred: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which two samples of `small` chroma each of `size` pixels lies between, and how near to the second."""
    place = (np.arange(size) + (0.5 if centred else 0.0)) / factor - (0.5 if centred else 0.0)
    place = place.clip(0, small - 1)
    first = place.astype(np.int64)
    return first, np.minimum(first + 1, small - 1), (place - first).astype(np.float32)


def _enlarged(plane: np.ndarray, shrunk: tuple[int, int], shape: tuple[int, ...], across: bool) -> np.ndarray:
    """Chroma at the size of luma, bilinear; its samples lie on every n-th column and between rows, as MPEG-2 and all
    since have them, or between columns too.
    """
    x = plane.astype(np.float32)
    for axis, (factor, centred) in enumerate(zip(shrunk, (True, across), strict=True)):
        if factor > 1:
            first, second, share = _taps(x.shape[axis], factor, shape[axis], centred=centred)
            share = share[:, None] if axis == 0 else share
            x = x.take(first, axis) * (1 - share) + x.take(second, axis) * share
    return x


_HALVING: tuple[tuple[tuple[float, ...], int], ...] = (
    ((-1 / 4, 3 / 4, 3 / 4, -1 / 4), 1),
    ((-1 / 8, 1 / 4, 3 / 4, 1 / 4, -1 / 8), 2),
)
"""Weights of what is around a sample of chroma, down and across, and how many of them lie before it."""


def _fewer(x: np.ndarray, shrunk: tuple[int, int], centred: bool = False) -> np.ndarray:
    """Chroma made smaller: low-passed and sampled where `_enlarged` takes its samples to lie.

    By 2 with filters that bring back exactly what `_enlarged` enlarged, so that the chroma of a clip does not soften
    each time it is worked on: across, the low-pass of the 5/3 wavelet (Le Gall and Tabatabai, 1988); down, the one of
    even length for samples between rows.
    """
    for axis, factor in enumerate(shrunk):
        if factor == 1:
            continue
        if factor == 2:
            taps, before = _HALVING[0 if centred else axis]
        else:
            taps = tuple(min(i + 1, 2 * factor - 1 - i) / factor**2 for i in range(2 * factor - 1))
            before = factor - 1
        count = -(-x.shape[axis] // factor)
        around = [(0, 0), (0, 0)]
        around[axis] = (before, len(taps) + factor)
        padded = np.moveaxis(np.pad(x, around, "edge"), axis, 0)
        kept = (padded[i : i + count * factor : factor] * np.float32(tap) for i, tap in enumerate(taps))
        x = np.moveaxis(sum(kept), 0, axis)  # type: ignore[arg-type]
    return x
