"""How much longer growing a clip takes than its net alone: reading, converting, encoding and writing beside it.

    python benchmarks/clip_speed.py

Frames become 1920x1080, x2. All are measured in turn in one run, and the best of several tries counts.
"""

import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import torch

import regrow
from regrow import zoo
from regrow.cli.demo import PHOTOGRAPH
from regrow.inference.parallel import mapped
from regrow.io.memory import read_rgb

SIZE, FRAMES, TRIES = (1920, 1080), 16, 2


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def main() -> None:
    width, height = SIZE
    photograph = np.tile(read_rgb(PHOTOGRAPH), (-(-height // 512), -(-width // 512) + 1, 1))
    model = zoo.load("tad-x2")
    with tempfile.TemporaryDirectory() as folder:
        clip, small, back = (Path(folder) / name for name in ("clip.mp4", "small.mkv", "back.mp4"))
        with av.open(str(clip), "w") as out:
            stream = out.add_stream("libx264", rate=25, options={"crf": "18"})
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            for i in range(FRAMES):
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(photograph[:height, 4 * i : 4 * i + width]))
                frame.pts, frame.time_base = i, Fraction(1, 25)
                out.mux(stream.encode(frame))
            out.mux(stream.encode())
        regrow.shrink(clip, small)
        x = torch.rand(1, 3, height // 2, width // 2).contiguous(memory_format=torch.channels_last)

        @torch.inference_mode()
        def one(_: int) -> None:
            model.grow(x)

        def net() -> None:
            for i in range(FRAMES):
                one(i)

        def at_once() -> None:
            list(mapped(one, range(FRAMES), width * height, "cpu"))

        def whole() -> None:
            back.unlink(missing_ok=True)
            regrow.grow(small, back)

        tries = [(seconds(net), seconds(at_once), seconds(whole)) for _ in range(TRIES)]
    alone, several, together = (min(times) / FRAMES for times in zip(*tries, strict=True))
    print(f"threads                {torch.get_num_threads()}")
    print(f"the net alone          {alone:6.2f} s a frame")
    print(f"of several frames      {several:6.2f} s a frame")
    print(f"from file to file      {together:6.2f} s a frame")
    print(f"overhead               {100 * (together / several - 1):6.1f} % of the net on several frames at a time")
    print(f"                       {100 * (together / alone - 1):6.1f} % of the net on one frame after the other")


if __name__ == "__main__":
    main()
