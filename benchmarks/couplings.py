"""Four ways to couple what shrinks frames with a net that restores clips, SOF-VSR, in one table.

    python benchmarks/couplings.py CLIP... [--runs runs]

The nets are those that the recipes sofvsr-x4, sofvsr-tad-x4, tad-through-x4 and sofvsr-flow-x4 train, below `--runs` or
shipped. Each CLIP is a folder of frames. Given: mean PSNR of its frames, protocols `y` and `rgb`.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean

import torch
from torch import Tensor

from regrow import zoo
from regrow.bench.pictures import as_tensor, to_multiple
from regrow.inference.frames import windows_of
from regrow.io.memory import read_rgb
from regrow.metrics.fidelity import psnr_rgb, psnr_y
from regrow.nets.layers import quantize
from regrow.nets.ops.resample import bicubic

SCALE = 4

COUPLINGS = (
    ("SOF-VSR on bicubic frames", "bicubic", "sofvsr-x4", ""),
    ("the same net on task-aware frames", "tad-x4", "sofvsr-x4", ""),
    ("frames trained through the frozen net", "tad-through-x4", "sofvsr-x4", ""),
    ("net trained on task-aware frames, flows given", "tad-x4", "sofvsr-flow-x4", "sofvsr-x4"),
    ("net trained on task-aware frames", "tad-x4", "sofvsr-tad-x4", ""),
)
"""In words; what shrinks, what restores, and what finds its flows in the bicubic frames."""


@torch.inference_mode()
def restored(frames: list[Tensor], shrinker: str, restorer: str, guide: str) -> Iterator[Tensor]:
    """Each frame shrunk and restored, (1, 3, H, W) of 8 bits."""
    size = frames[0].shape[-2] // SCALE, frames[0].shape[-1] // SCALE
    net, finder = zoo.load(restorer), zoo.load(guide) if guide else None
    ordinary = [quantize(bicubic(frame, size)) for frame in frames]
    smalls = ordinary if shrinker == "bicubic" else [quantize(zoo.load(shrinker).shrink(frame)) for frame in frames]
    for small, plain in zip(windows_of(smalls, net.frames), windows_of(ordinary, net.frames), strict=True):
        flow = finder.flows(torch.cat(plain, 1))[-1] if finder else None
        yield quantize(net(torch.cat(small, 1), flow))


def frames_of(clip: Path) -> list[Tensor]:
    return [as_tensor(to_multiple(read_rgb(path), (SCALE, SCALE)))[None] for path in sorted(clip.iterdir())]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    given = parser.parse_args()

    def name(model: str) -> str:
        run = given.runs / model / "weights"  # "" and bicubic are none
        return str(run) if run.is_dir() else model

    clips = [frames_of(clip) for clip in given.clips]
    print("| coupling | " + " | ".join(clip.name for clip in given.clips) + " | mean `y` | mean `rgb` |")
    print("|---|" + "---|" * (len(clips) + 2))
    for words, *nets in COUPLINGS:
        y, rgb = [], []
        for frames in clips:
            pairs = list(zip(restored(frames, *map(name, nets)), frames, strict=True))
            y.append(fmean(psnr_y(a, b, SCALE) for a, b in pairs))
            rgb.append(fmean(psnr_rgb(a, b) for a, b in pairs))
        row = [f"{value:.2f}" for value in (*y, fmean(y), fmean(rgb))]
        print(f"| {words} | " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()
