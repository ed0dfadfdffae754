"""What `regrow stabilize` gains: python benchmarks/stabilize.py REFERENCE PROCESSED STEADY... [--every N].

All are folders of frames, of one size. Printed for each: the warping error, that of its colours alone, with the same
luma everywhere, and PSNR (`rgb`) to PROCESSED. The warping error of the reference is what noise and errors of the
motion make of any clip with its luma. Of every N-th pair of frames; finding the motion takes longest.
"""

from __future__ import annotations

import argparse
from itertools import pairwise
from pathlib import Path

import numpy as np

from regrow.io.memory import read_rgb
from regrow.metrics.fidelity import psnr_rgb
from regrow.metrics.pictures import as_tensor
from regrow.metrics.temporal import motion, warping_error
from regrow.nets.ops.color import luma
from regrow.video.folder import listed


def colors_alone(frame: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 -> float64: the same at a luma of 128 levels."""
    grey = 255 * luma(as_tensor(frame))[0].numpy()
    return frame - grey[..., None].astype(np.float64) + 128


def main() -> None:
    """A line for each clip."""
    parser = argparse.ArgumentParser()
    parser.add_argument("clips", metavar="CLIP", nargs="+", type=Path)
    parser.add_argument("--every", type=int, default=1)
    arguments = parser.parse_args()
    frames = [[read_rgb(path) for path in listed(str(clip))] for clip in arguments.clips]
    pairs = list(pairwise(zip(*frames, strict=True)))[:: arguments.every]
    rows = []
    for before, now in pairs:
        moved = motion(before[0], now[0])
        rows.append([[warping_error(a, b, moved), warping_error(colors_alone(a), colors_alone(b), moved)]
                     for a, b in zip(before, now, strict=True)])  # fmt: skip
    print("clip                          error  colours  PSNR to processed")
    processed = frames[min(1, len(frames) - 1)]
    for clip, errors, own in zip(arguments.clips, np.mean(rows, 0).tolist(), frames, strict=True):
        psnr = np.mean([psnr_rgb(as_tensor(a), as_tensor(b)) for a, b in zip(own, processed, strict=True)])
        print(f"{str(clip)[-28:]:28} {errors[0]:6.3f}  {errors[1]:7.3f}  {psnr:17.2f}")


if __name__ == "__main__":
    main()
