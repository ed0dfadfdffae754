"""The choice of codec and pixel format for frames, and the encoder."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from regrow.errors import RegrowError, UsageError
from regrow.video.alpha import from_rgba, with_alpha
from regrow.video.options import GOP
from regrow.video.pixels import FULL, RGB, UNSPECIFIED, Pixels, from_rgb
from regrow.video.reader import library

if TYPE_CHECKING:
    from av import Packet

CONTAINERS = {".mkv": "matroska", ".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".webm": "webm", ".avi": "avi"}
"""Containers that can be written, by suffix."""

CODECS = {"ffv1": "ffv1", "h264": "libx264", "h264rgb": "libx264rgb", "hevc": "libx265", "vp9": "libvpx-vp9",
          "av1": "libsvtav1", "prores": "prores_ks"}  # fmt: skip
"""Short names of FFmpeg's encoders."""

_CRF = {"libx264": 16, "libx264rgb": 16, "libx265": 18, "libvpx-vp9": 24, "libsvtav1": 24}
"""Default quality: hard to tell from the frames that were encoded."""

_BESIDES = {"libx264": {"preset": "veryfast"}, "libx264rgb": {"preset": "veryfast"}, "libx265": {"preset": "fast"},
            "libvpx-vp9": {"b": "0", "row-mt": "1", "cpu-used": "4"}, "libsvtav1": {"preset": "8"}}  # fmt: skip
"""Default encoder presets: fast ones, because the cores are needed for nets; files are a little larger."""

_PACKED = {"libx264rgb": {"rgb24": "bgr24"}, "ffv1": {"rgb24": "bgr0", "rgba": "bgra"}, "libx265": {"rgb24": "gbrp"},
           "libvpx-vp9": {"rgb24": "gbrp", "rgba": "gbrap"}, "qtrle": {"rgba": "argb"},
           "png": {"rgb48le": "rgb48be", "rgba64le": "rgba64be", "gray16le": "gray16be", "ya16le": "ya16be"},
           "utvideo": {"rgb24": "gbrp", "rgba": "gbrap"}, "huffyuv": {"rgba": "bgra"},
           "ffvhuff": {"rgba": "bgra"}}  # fmt: skip
"""Pixel formats in which encoders take RGB and grey."""

_EVEN = ("libx264", "libx265", "prores_ks")
"""Encoders that require sizes that are multiples of the chroma subsampling."""


@dataclass(frozen=True)
class Encoding:
    """An encoder with its settings, for frames of a size."""

    codec: str
    """FFmpeg's name of the encoder."""
    pixels: Pixels
    """Pixels that the encoder is given, before RGB is packed for it."""
    options: dict[str, str] = field(default_factory=dict)

    @property
    def stored(self) -> str:
        """Pixel format in the file."""
        name = with_alpha(self.pixels.format) if self.pixels.alpha else self.pixels.format
        return _PACKED.get(self.codec, {}).get(name, name)


def for_small(
    suffix: str, colors: int, size: tuple[int, int], codec: str | None, crf: float | None, like: Pixels | None = None
) -> Encoding:
    """How small frames are stored: losslessly unless a codec or quality is asked for.

    Args:
        suffix: suffix of the file; FFV1 where the container supports it, else lossless RGB H.264.
        colors: 1 or 3.
        size: (width, height) of the frames.
        codec, crf: what the caller asks for.
        like: pixels of the clip, whose primaries, transfer and alpha channel small frames share.
    """
    kind, matrix = ("gray", UNSPECIFIED) if colors == 1 else ("rgb24", RGB)
    pixels = replace(like or Pixels(kind), format=kind, matrix=matrix, range=FULL)
    if codec is None:
        codec = "ffv1" if suffix in (".mkv", ".avi") else "libx264" if colors == 1 else "libx264rgb"
        if suffix == ".webm":
            codec = "libvpx-vp9"
        if crf is None:
            lossless = {"ffv1": {}, "libvpx-vp9": {"lossless": "1"}}.get(codec, {"qp": "0"})
            return _checked(suffix, codec, pixels, size, lossless)
    return _asked(suffix, CODECS.get(codec, codec), pixels, size, crf)


def for_result(suffix: str, pixels: Pixels, size: tuple[int, int], codec: str | None, crf: float | None) -> Encoding:
    """How full-size frames are stored: in the clip's own pixel format where the encoder has it.

    Args:
        suffix: suffix of the file.
        pixels: pixels of the clip, or of the original of a small one.
        size: (width, height) of the frames.
        codec, crf: what the caller asks for; by default H.264, or the container's own codec, of high quality.
    """
    if pixels.colors == 1:
        pixels = replace(pixels, range=pixels.meant(0).range)  # what grey means is told too seldom
    if codec is None:
        deep = pixels.bits > (8 if pixels.is_rgb else 10)
        codec = "libx265" if deep else "libx264rgb" if pixels.is_rgb else "libx264"
        if pixels.alpha and suffix == ".mov" and crf is None:
            codec = "prores_ks"
        if pixels.alpha and suffix == ".mkv":
            codec = "libvpx-vp9" if pixels.bits == 8 or crf is not None else "ffv1"
        codec = {".webm": "libvpx-vp9", ".avi": "ffv1"}.get(suffix, codec)
    return _asked(suffix, CODECS.get(codec, codec), pixels, size, crf)


_ORDERS = {2: "tt", 3: "bb", 4: "tb", 5: "bt"}
"""Orders of fields: which is stored first, and which shown first, top or bottom."""


def interlaced(encoding: Encoding, fields: int) -> Encoding:
    """The same for frames of two fields in one of FFmpeg's orders; nothing changes for others."""
    if fields not in _ORDERS:
        return encoding
    options = {**encoding.options, "flags": "+ildct", "field_order": _ORDERS[fields]}
    if encoding.codec == "libx265":
        options["x265-params"] += ":interlace=" + ("tff" if fields in (2, 5) else "bff")
    return replace(encoding, options=options)


def _asked(suffix: str, codec: str, pixels: Pixels, size: tuple[int, int], crf: float | None) -> Encoding:
    options = {}
    if codec in _CRF:
        quality = _CRF[codec] if crf is None else crf
        options = {"crf": f"{quality:g}", **_BESIDES.get(codec, {})}
        if crf == 0 and codec in ("libx264", "libx264rgb"):
            options = {"qp": "0"}
        if crf == 0 and codec in ("libx265", "libvpx-vp9"):
            options = {"x265-params": "lossless=1"} if codec == "libx265" else {"lossless": "1"}
    elif crf is not None:
        raise UsageError(f"crf {crf:g}: the codec {codec} has none; leave it out")
    return _checked(suffix, codec, pixels, size, options)


def _checked(suffix: str, codec: str, pixels: Pixels, size: tuple[int, int], options: dict[str, str]) -> Encoding:
    """Choose a pixel format that the encoder has. UsageError where the container does not support the codec."""
    av = library()
    if suffix not in CONTAINERS:
        raise UsageError(f"{suffix or 'no suffix'}: no container of video that can be written; known are "
                         f"{' '.join(CONTAINERS)}")  # fmt: skip
    try:
        found = av.Codec(codec, "w")
    except ValueError:
        raise UsageError(f"codec {codec!r} is not here; known are {', '.join(CODECS)} and FFmpeg's names") from None
    if found.type != "video" or not found.video_formats:
        raise UsageError(f"codec {codec!r} encodes no frames; known are {', '.join(CODECS)}")
    # AVI knows but one time of a frame, from which players guess wrongly when H.264 is to be shown.
    if codec not in supported(CONTAINERS[suffix]) or (suffix == ".avi" and codec.startswith("libx264")):
        raise UsageError(f"codec {codec}: {suffix} cannot hold it; take another with --codec, or another container")
    if codec == "libx265":
        # Its rate control writes beyond its memory where frames are small, some 34 x 26.
        params = (options.get("x265-params"), "log-level=error", "cutree=0" if min(size) < 128 else None)
        options = {**options, "x265-params": ":".join(filter(None, params))}
    known = {form.name for form in found.video_formats}
    if codec == "libvpx-vp9":  # whose second stream, for alpha, has no other form, and no loss of none
        known = {name for name in known if name == "yuva420p" or "a" not in name}
        pixels = replace(pixels, alpha=pixels.alpha and "lossless" not in options)
    if codec == "libx265":
        known = {name for name in known if "yuva" not in name}  # a second layer, which few decoders know
    wanted = Encoding(codec, pixels, options)
    candidates = list(_nearest(pixels))
    for candidate in (*candidates, *(replace(c, alpha=False) for c in candidates if c.alpha)):
        jpeg = codec == "mjpeg" and not candidate.is_rgb  # it knows no other range
        candidate = replace(candidate, range=FULL if jpeg else candidate.range, centred=jpeg)
        encoding = replace(wanted, pixels=candidate)
        if codec == "libvpx" and candidate.alpha:
            encoding = replace(encoding, options={**options, "auto-alt-ref": "0"})  # it refuses both
        down, across = candidate.shrunk
        whole = codec not in _EVEN or (size[0] % across == 0 and size[1] % down == 0)
        if encoding.stored in known and whole:
            return encoding
    raise UsageError(f"codec {codec}: cannot hold frames of {pixels.format}; take another with --codec")


@lru_cache
def supported(container: str) -> frozenset[str]:
    """FFmpeg's names of the encoders whose codecs a container can hold."""
    with library().open(io.BytesIO(), "w", format=container) as out:
        return frozenset(out.supported_codecs)


def _nearest(pixels: Pixels) -> Iterator[Pixels]:
    """The format itself; then more bits, fuller chroma, and at last fewer bits."""
    yield pixels
    form = pixels.format.replace("yuvj", "yuv")
    pixels = replace(pixels, format=form, range=pixels.meant(0).range)
    yield pixels
    if pixels.colors == 1:
        for suffix in ("", "10le", "12le", "16le"):
            yield replace(pixels, format=f"gray{suffix}")
        for kind in ("yuv420p", "yuv420p10le", "yuv422p10le", "yuv444p10le"):
            yield replace(pixels, format=kind)
        return
    deeper = [b for b in (8, 9, 10, 12, 14, 16) if b >= pixels.bits] + [12, 10, 8]
    kinds = ["gbrp"] if pixels.is_rgb else [form[:7], "yuv444p", "yuv422p", "yuv420p"]
    for kind in kinds:
        for bits in deeper:
            yield replace(pixels, format=kind if bits == 8 else f"{kind}{bits}le")
    if pixels.is_rgb:
        yield replace(pixels, format="rgb48le" if pixels.bits > 8 else "rgb24")
        yield replace(pixels, format="rgb24")
        for kind in ("yuv444p12le", "yuv444p10le", "yuv444p", "yuv422p10le", "yuv420p10le", "yuv420p"):
            yield Pixels(kind, 1, 1, pixels.primaries, pixels.transfer, pixels.alpha)
        return
    for kind in ("rgb48le", "rgb24") if pixels.bits > 8 else ("rgb24", "rgb48le"):
        yield replace(pixels, format=kind, matrix=RGB, range=FULL)


class Encoder:
    """Frames in, packets out; packets' times count frames."""

    LATEST = 64
    """Number of frames by which a frame may be shown later than it is decoded."""
    RATE = Fraction(25)
    """Default number of frames a second."""

    def __init__(
        self,
        container: Any,
        encoding: Encoding,
        width: int,
        height: int,
        *,
        aspect: Fraction | None = None,
        rate: Fraction = RATE,
    ) -> None:
        self.encoding, self.rate, self.count, self.sent = encoding, rate, 0, 0
        self.stream = container.add_stream(encoding.codec, rate=rate, options=encoding.options)
        self.stream.width, self.stream.height = width, height
        if aspect:
            self.stream.codec_context.sample_aspect_ratio = aspect
        self.stream.pix_fmt = encoding.stored
        context, pixels = self.stream.codec_context, encoding.pixels
        context.gop_size = GOP
        context.colorspace = RGB if pixels.is_rgb else pixels.matrix
        context.color_range = pixels.range
        context.color_primaries, context.color_trc = pixels.primaries, pixels.transfer
        context.thread_type = "AUTO"
        os.environ.setdefault("SVT_LOG", "1")  # else this encoder writes twenty lines on standard error

    def encode(self, array: np.ndarray, alpha: np.ndarray | None = None) -> list[Packet]:
        """Packets that are ready once (H, W, C), uint8 or float32, and its alpha (H, W, 1) are in."""
        pixels = self.encoding.pixels
        if pixels.alpha and alpha is None:
            alpha = np.full((*array.shape[:2], 1), 255, np.uint8)
        frame = from_rgba(array, alpha, pixels) if pixels.alpha and alpha is not None else from_rgb(array, pixels)
        if frame.format.name != self.encoding.stored:
            frame = frame.reformat(format=self.encoding.stored, interpolation="POINT")
        frame.pts, frame.time_base = self.count, 1 / self.rate
        self.count += 1
        return self._explained(frame)

    def flush(self) -> list[Packet]:
        """The packets that are left."""
        return self._explained(None)

    def _explained(self, frame: Any) -> list[Packet]:
        import av

        try:
            packets: list[Packet] = list(self.stream.encode(frame))
        except av.FFmpegError as error:
            size = f"{self.stream.width}x{self.stream.height}"
            raise RegrowError(
                f"the encoder {self.encoding.codec} does not take frames of {size} in {self.encoding.stored} "
                f"({error.strerror}); take another with --codec"
            ) from error
        for packet in packets:
            if self.encoding.codec == "libx265":
                packet.dts = (
                    self.sent - self.LATEST
                )  # what it gives for the first few of a short clip is memory of before
            self.sent += 1
        return packets
