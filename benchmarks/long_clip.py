"""Memory while a clip of ten minutes is shrunk and grown, and whether its times and its sound come back.

    python benchmarks/long_clip.py [--minutes 10]

The clip has 25 frames of 160x96 a second and sound. Peaks are those of the first minute and of the last.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

import regrow
from regrow.bench.memory import peak_memory, reset_peak
from regrow.cli.demo import PHOTOGRAPH
from regrow.io.memory import read_rgb

RATE, SIZE, SOUND = 25, (160, 96), 48000
MODEL = "tad-x2"


def make(path: Path, frames: int) -> None:
    """A window that wanders over a photograph, with noise to listen to."""
    photograph = read_rgb(PHOTOGRAPH)
    rng = np.random.default_rng(0)
    with av.open(str(path), "w") as out:
        video, sound = out.add_stream("libx264", rate=RATE, options={"crf": "20"}), out.add_stream("aac", rate=SOUND)
        video.width, video.height, video.pix_fmt = *SIZE, "yuv420p"
        heard = 0
        for i in range(frames):
            x, y = (int(150 + 140 * f(i / 90)) for f in (np.cos, np.sin))
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(photograph[y : y + SIZE[1], x : x + SIZE[0]]))
            frame.pts, frame.time_base = i, Fraction(1, RATE)
            out.mux(video.encode(frame))
            while heard < (i + 1) * SOUND // RATE:
                samples = av.AudioFrame.from_ndarray(
                    (0.1 * rng.standard_normal((1, 1024))).astype("f4"), "fltp", "mono"
                )
                samples.rate, samples.pts = SOUND, heard
                out.mux(sound.encode(samples))
                heard += 1024
        out.mux([*video.encode(), *sound.encode()])


def packets(path: Path, kind: str) -> Iterator[Fraction]:
    """Times of the frames, or of the packets of sound."""
    with av.open(str(path)) as container:
        if kind == "video":
            yield from (frame.pts * frame.time_base for frame in container.decode(video=0))
        else:
            yield from (p.pts * p.time_base for p in container.demux(audio=0) if p.size)


def measured(name: str, work: Callable[[Callable[[int, int], None]], object], minute: int) -> None:
    peaks = []

    def report(done: int, total: int) -> None:
        if done in (minute // 10, minute, total - minute) or done == total:
            peaks.append(peak_memory() / 2**20)
            reset_peak()

    reset_peak()
    start = time.perf_counter()
    work(report)
    seconds = time.perf_counter() - start
    _, first, *_, last = peaks
    print(f"{name:7} first minute {first:6.0f} MiB  last minute {last:6.0f} MiB  {last / first:5.2f}  {seconds:6.0f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    minutes = parser.parse_args().minutes
    minute = max(20, int(60 * RATE * min(1, minutes / 10)))
    with tempfile.TemporaryDirectory() as folder:
        clip, small, back = (Path(folder) / name for name in ("clip.mp4", "small.mkv", "back.mp4"))
        make(clip, int(minutes * 60 * RATE))
        measured("shrink", lambda report: regrow.shrink(clip, small, model=MODEL, report=report), minute)
        measured("grow", lambda report: regrow.grow(small, back, report=report), minute)
        before, after = (list(packets(path, "video")) for path in (clip, back))
        print(
            f"{len(before)} frames, {len(after)} come back, at {'the same times' if before == after else 'other times'}"
        )
        before, after = (list(packets(path, "audio")) for path in (clip, back))
        offset = max(map(abs, (a - b for a, b in zip(before, after, strict=True))))
        print(f"sound: {len(before)} packets, {len(after)} come back, largest offset {float(offset) * 1000:g} ms")


if __name__ == "__main__":
    main()
