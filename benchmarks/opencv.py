"""Enlarging beside OpenCV's dnn_superres: time at 480x270, and accuracy on sets of pictures, in one run.

    python benchmarks/opencv.py FSRCNN_x4.pb DATA/Set5

The graph comes from those listed in the documentation of dnn_superres, its scale from its name; OpenCV must have the
contributed modules (pip install opencv-contrib-python-headless). Both enlarge arrays of 8 bits, in turn, and the best
of several tries counts, as other load only ever slows them down. `--model` measures another model than the default.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

import regrow
from regrow.bench.models import Pair
from regrow.bench.pictures import as_rgb, originals
from regrow.cli.allocator import hold_freed
from regrow.metrics.fidelity import psnr_y
from regrow.operations.restorers import BICUBIC, default_upscaler

WIDTH, HEIGHT, TRIES, PAUSE = 480, 270, 9, 0.5

Enlarge = Callable[[np.ndarray], np.ndarray]


def opencv(graph: Path) -> tuple[str, int, Enlarge]:
    """Its name, scale and map of (h, w, 3) RGB."""
    try:
        import cv2

        net = cv2.dnn_superres.DnnSuperResImpl_create()
    except (ImportError, AttributeError):
        sys.exit("OpenCV with dnn_superres is not there: pip install opencv-contrib-python-headless")
    match = re.fullmatch(r"([A-Za-z]+)_x(\d)", graph.stem)
    if not match:
        sys.exit(f"{graph}: expected a name such as FSRCNN_x4.pb")
    net.readModel(str(graph))
    net.setModel(match[1].lower(), int(match[2]))
    return f"OpenCV {match[1]}", int(match[2]), lambda x: _turned(net.upsample(_turned(x)))


def _turned(picture: np.ndarray) -> np.ndarray:
    """RGB as the BGR that OpenCV works with, or back."""
    return np.ascontiguousarray(picture[..., ::-1])


def seconds(enlarge: Enlarge, picture: np.ndarray) -> float:
    time.sleep(PAUSE)  # threads of the one wait for work a while, at full speed, and would slow down the other
    start = time.perf_counter()
    enlarge(picture)
    return time.perf_counter() - start


def accuracy(enlarge: Enlarge, folder: Path, scale: int) -> float:
    """Mean PSNR `y` in dB."""
    bicubic = Pair(BICUBIC, scale)
    pictures = [picture for _, picture in originals(folder, (scale, scale), [])]
    found = [psnr_y(as_rgb(enlarge(bicubic.shrink(picture))), as_rgb(picture), scale) for picture in pictures]
    return float(np.mean(found))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("graph", type=Path)
    parser.add_argument("folders", type=Path, nargs="*")
    parser.add_argument("--model")
    given = parser.parse_args()
    hold_freed()  # as the command line does, for both
    name, scale, theirs = opencv(given.graph)
    model = given.model or default_upscaler(scale)
    enlargers: dict[str, Enlarge] = {
        name: theirs,
        f"regrow {model}": lambda x: np.asarray(regrow.upscale(x, scale=scale, model=model)),
    }
    picture = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    for enlarge in enlargers.values():  # the first call sets things up
        enlarge(picture)
    tries = [[seconds(enlarge, picture) for enlarge in enlargers.values()] for _ in range(TRIES)]
    best = [min(times) for times in zip(*tries, strict=True)]
    print(f"{WIDTH}x{HEIGHT} x{scale} on {torch.get_num_threads()} threads, best of {TRIES}; PSNR y in dB")
    for (label, enlarge), time_taken in zip(enlargers.items(), best, strict=True):
        figures = ", ".join(f"{folder.name} {accuracy(enlarge, folder, scale):.2f}" for folder in given.folders)
        print(f"{label:30} {1e3 * time_taken:7.1f} ms  {figures}".rstrip())
    print(f"time of OpenCV over ours {best[0] / best[1]:.2f}")


if __name__ == "__main__":
    main()
