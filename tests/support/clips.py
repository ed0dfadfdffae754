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


WAYS = {
    1: (1, 0, 0, 1), 2: (-1, 0, 0, 1), 3: (-1, 0, 0, -1), 4: (1, 0, 0, -1),
    5: (0, 1, 1, 0), 6: (0, 1, -1, 0), 7: (0, -1, -1, 0), 8: (0, -1, 1, 0),
}  # fmt: skip
"""a, b, c, d of the display matrix of all eight orientations, numbered as EXIF does."""


def matrix_of(orientation):
    """FFmpeg's display matrix of an EXIF orientation."""
    a, b, c, d = (65536 * n for n in WAYS[orientation])
    return (a, b, 0, c, d, 0, 0, 0, 1 << 30)


def write_plain(path, frames, codec="ffv1", format="bgr0", *, source="rgb24", rate=25, options=None, matrix=None,
                container=None, metadata=None, start=0, **fields):  # fmt: skip
    """Frames alone, each an array of `source`; `fields` are set on the encoder."""
    with av.open(str(path), "w", format=container) as out:
        out.metadata.update(metadata or {})
        stream = out.add_stream(codec, rate=rate, options=options or {})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = format
        for name, value in fields.items():
            setattr(stream.codec_context, name, value)
        if matrix:
            stream.set_display_matrix(matrix)
        for i, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format=source)
            if format != source:
                frame = frame.reformat(format=format)
            frame.pts, frame.time_base = i + start * rate, Fraction(1, rate)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


def broadcast(path, start, seconds=1):
    """A transport stream with sound, whose clock shows `start` seconds at its beginning."""
    with av.open(str(path), "w", format="mpegts") as out:
        video = out.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        sound = out.add_stream("aac", rate=48000)
        for i, pixels in enumerate(moving(25 * seconds, (64, 48))):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = i + 25 * start, Fraction(1, 25)
            out.mux(video.encode(frame))
        out.mux(video.encode())
        for i in range(47 * seconds):
            frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), format="fltp", layout="stereo")
            frame.rate, frame.pts = 48000, 1024 * i + 48000 * start
            out.mux(sound.encode(frame))
        out.mux(sound.encode())
    return path


def aspect_of(path):
    """Pixel aspect ratio that the container states; None where it states none."""
    with av.open(str(path)) as container:
        return container.streams.video[0].sample_aspect_ratio


def side_data_of(path):
    """Side data of the first frame: bytes by name."""
    with av.open(str(path)) as container:
        return {data.type.name: bytes(data) for data in next(container.decode(video=0)).side_data}
