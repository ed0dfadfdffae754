"""Small clips for tests, made with PyAV alone."""

from fractions import Fraction

import av
import numpy as np
from skimage import data

RATE = Fraction(30000, 1001)


def moving(count, size=(96, 64), step=2):
    """(H, W, 3) uint8 frames of a photograph that slides by."""
    picture = data.astronaut()
    return [np.ascontiguousarray(picture[100 : 100 + size[1], 100 + step * i : 100 + step * i + size[0]])
            for i in range(count)]  # fmt: skip


def make_clip(
    path, frames, *, format="yuv420p", codec="libx264", matrix=1, levels=1, rate=RATE, times=None, audio=True,
    rotation=0, options=None, metadata=None, subtitles=(), chapters=(), aspect=None,
):  # fmt: skip
    """Write frames with what else a file may hold: sound, subtitles (seconds, words), chapters, rotation."""
    height, width = frames[0].shape[:2]
    with av.open(str(path), "w", options={"movflags": "use_metadata_tags"}) as out:
        out.metadata.update(metadata or {})
        stream = out.add_stream(codec, rate=rate, options=options or {"crf": "1"})
        stream.width, stream.height, stream.pix_fmt = width, height, format
        stream.codec_context.colorspace, stream.codec_context.color_range = matrix, levels
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        if rotation:
            stream.set_display_rotation(rotation)
        sound = out.add_stream("aac", rate=48000) if audio else None
        words = out.add_mux_stream("mov_text" if path.suffix == ".mp4" else "subrip") if subtitles else None
        if chapters:
            out.set_chapters(chapters)
        for i, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            if format != "rgb24":
                frame = frame.reformat(format=format, dst_colorspace=matrix or None, dst_color_range=levels)
            frame.pts, frame.time_base = i if times is None else times[i], 1 / rate
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
        for start, text in subtitles:
            raw = text.encode()
            packet = av.Packet(len(raw).to_bytes(2, "big") + raw if path.suffix == ".mp4" else raw)
            packet.time_base, packet.pts, packet.dts = Fraction(1, 1000), int(1000 * start), int(1000 * start)
            packet.duration, packet.stream = 200, words
            out.mux(packet)
        rng = np.random.default_rng(0)
        for i in _numbers(len(frames) / rate) if sound else ():
            samples = (0.1 * rng.standard_normal((2, 1024))).astype(np.float32)
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
            frame.rate, frame.pts = 48000, 1024 * i
            out.mux(sound.encode(frame))
        if sound:
            out.mux(sound.encode())
    return path


def _numbers(seconds):
    """Numbers of audio frames that last about as long."""
    return range(max(1, round(seconds * 48000 / 1024)))


def times_of(path):
    """When frames are shown, in seconds."""
    with av.open(str(path)) as container:
        return [f.pts * f.time_base for f in container.decode(video=0)]


def sound_of(path):
    """Time stamp, duration and bytes of every packet of sound."""
    with av.open(str(path)) as container:
        packets = list(container.demux(audio=0)) if container.streams.audio else []
        return [(p.pts * p.time_base, bytes(p)) for p in packets if p.size]


def words_of(path):
    """Time and text of every subtitle, whichever way it is kept."""
    with av.open(str(path)) as container:
        found = []
        for packet in container.demux(subtitles=0):
            if packet.size:
                raw = bytes(packet)
                kind = packet.stream.codec_context.name
                found.append((float(packet.pts * packet.time_base), (raw[2:] if kind == "mov_text" else raw).decode()))
        return found


def pixels_of(path):
    """(n, H, W, 3) uint8 as FFmpeg converts them."""
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])
