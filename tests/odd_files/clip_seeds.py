"""Small sound clips in every container that regrow reads, by name."""

from __future__ import annotations

import tempfile
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from odd_files.picture_seeds import pixels

FRAMES = 3
_CLIPS = {
    "h264.mp4": ("libx264", "yuv420p", "aac"),
    "turned.mp4": ("libx264", "yuv420p", None),
    "fragments.mp4": ("libx264", "yuv420p", "aac"),
    "hevc.mp4": ("libx265", "yuv420p10le", None),
    "prores.mov": ("prores_ks", "yuv422p10le", "pcm_s16le"),
    "mjpeg.mov": ("mjpeg", "yuvj420p", None),
    "animation.mov": ("qtrle", "argb", None),
    "ffv1.mkv": ("ffv1", "yuv444p", "flac"),
    "alpha.mkv": ("ffv1", "bgra", None),
    "h264.mkv": ("libx264", "yuv420p", "aac"),
    "vp9.webm": ("libvpx-vp9", "yuv420p", "libopus"),
    "mpeg4.avi": ("mpeg4", "yuv420p", "mp3"),
    "ffv1.avi": ("ffv1", "bgr0", None),
    "mpeg2.ts": ("mpeg2video", "yuv420p", "mp2"),
    "h264.ts": ("libx264", "yuv420p", "aac"),
    "mpeg2.mpg": ("mpeg2video", "yuv420p", "mp2"),
    "wmv2.wmv": ("wmv2", "yuv420p", "wmav2"),
    "flash.flv": ("flv1", "yuv420p", None),
    "theora.ogv": ("libtheora", "yuv420p", None),
    "plain.y4m": ("rawvideo", "yuv420p", None),
    "dot.mkv": ("ffv1", "bgr0", None),
    "row.mkv": ("ffv1", "bgr0", None),
}
_SIZES = {"dot.mkv": (1, 1), "row.mkv": (47, 1)}
_FORMATS = {".y4m": "yuv4mpegpipe", ".mkv": "matroska", ".ts": "mpegts", ".wmv": "asf", ".ogv": "ogg", ".mpg": "mpeg"}
_X265 = "log-level=none:cutree=0"  # it crashes on tiny frames otherwise


def clip_seeds() -> dict[str, bytes]:
    """Files by name. A codec that this FFmpeg does not write is left out."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for clip, (video, format, audio) in _CLIPS.items():
            if _written(video) and (audio is None or _written(audio)):
                _write(folder / clip, video, format, audio)
        _write_sound_only(folder / "sound.mp4")
        _shrink(folder)
        return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def _written(codec: str) -> bool:
    try:
        av.Codec(codec, "w")
    except av.codec.codec.UnknownCodecError:
        return False
    return True


def _options(suffix: str, flags: str) -> dict[str, str]:
    return {"fflags": "+bitexact"} | ({"movflags": flags} if suffix in (".mp4", ".mov") else {})


def _write(path: Path, codec: str, format: str, audio: str | None) -> None:
    flags = "frag_keyframe+empty_moov" if path.stem == "fragments" else "use_metadata_tags"
    options = _options(path.suffix, flags)
    with av.open(str(path), "w", format=_FORMATS.get(path.suffix), options=options) as out:
        out.metadata.update({"title": "odd", "creation_time": "2026-01-02T03:04:05Z"})
        picture = out.add_stream(codec, rate=25, options={"x265-params": _X265} if codec == "libx265" else {})
        picture.width, picture.height = _SIZES.get(path.name, (48, 32))
        picture.pix_fmt = format
        picture.codec_context.thread_count = 1
        if path.stem == "turned":
            picture.set_display_rotation(90)
        sound = out.add_stream(audio, rate=48000, layout="stereo") if audio else None
        if sound:
            sound.bit_rate = 128_000
        for n in range(FRAMES):
            shown = np.ascontiguousarray(pixels(3, seed=n)[: picture.height, : picture.width])
            frame = av.VideoFrame.from_ndarray(shown, format="rgb24").reformat(format=format)
            frame.pts, frame.time_base = n, Fraction(1, 25)
            out.mux(picture.encode(frame))
        out.mux(picture.encode())
        if sound:
            _write_sound(out, sound)


def _write_sound(out, stream) -> None:
    resampler = av.AudioResampler(stream.format, stream.layout, stream.rate, frame_size=stream.frame_size or 1024)
    wave = np.sin(np.arange(2 * 5760) / 20).astype(np.float32)
    frame = av.AudioFrame.from_ndarray(wave.reshape(1, -1), format="flt", layout="stereo")
    frame.rate, frame.pts, frame.time_base = 48000, 0, Fraction(1, 48000)
    for piece in (*resampler.resample(frame), *resampler.resample(None)):
        out.mux(stream.encode(piece))
    out.mux(stream.encode())


def _write_sound_only(path: Path) -> None:
    with av.open(str(path), "w", options=_options(path.suffix, "faststart")) as out:
        _write_sound(out, out.add_stream("aac", rate=48000, layout="stereo"))


def _shrink(folder: Path) -> None:
    """Clips that regrow shrank, with their passports and records."""
    import regrow

    for source, name in (("h264.mp4", "small.mkv"), ("turned.mp4", "small.mp4"), ("mpeg4.avi", "small.avi")):
        if (folder / source).exists():
            regrow.shrink(folder / source, folder / f"random-{name}", model="tad-x2", device="cpu")
            _copy(folder / f"random-{name}", folder / name)
            (folder / f"random-{name}").unlink()


def _copy(source: Path, target: Path) -> None:
    """The same clip without the numbers that muxers draw by chance."""
    options = _options(target.suffix, "use_metadata_tags")
    with av.open(str(source)) as clip, av.open(str(target), "w", options=options) as out:
        out.metadata.update(clip.metadata)
        streams = {stream.index: out.add_stream_from_template(stream) for stream in clip.streams}
        for packet in clip.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                out.mux(packet)
