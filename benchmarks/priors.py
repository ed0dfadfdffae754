"""What the deep image prior gains: python benchmarks/priors.py TASK PICTURE...

Options: [--net paper] [--iterations N] [--side N].

Tasks: inpaint, half of the pixels missing at random; denoise, Gaussian noise of sigma 25 levels; upscale, x4 of what
bicubic has shrunk. Printed are PSNR (`rgb`) of what was given (for inpaint filled with the nearest known pixel), of
the result, and of the best iterate that anyone who knew the answer would have taken, with its iteration and how
many were done (`-` for large pictures, which are fitted in pieces), and seconds.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from math import isnan, nan
from typing import Any

import numpy as np
import torch
from torch import Tensor

from regrow.metrics.fidelity import psnr_rgb, round_8bit
from regrow.metrics.pictures import as_tensor
from regrow.nets.ops.resample import bicubic
from regrow.operations.prior import Fit
from regrow.priors import Progress
from regrow.priors.options import Prior
from regrow.runners.dispatch import apply

SCALE, SIGMA, SHARE = 4, 25, 0.5


def made_worse(task: str, original: Tensor, prior: Prior) -> tuple[Tensor, Tensor, Fit]:
    """What the task is given of an original (1, 3, H, W), a plain answer, and what is to do better."""
    height, width = original.shape[-2:]
    generator = torch.Generator().manual_seed(0)
    if task == "denoise":
        noisy = round_8bit(original + SIGMA / 255 * torch.randn(original.shape, generator=generator))
        return noisy, noisy, Fit(verb=task, prior=prior)
    if task == "upscale":
        small = round_8bit(bicubic(original, (height // SCALE, width // SCALE)))
        return small, bicubic(small, (height, width)), Fit(verb=task, prior=prior, scale=SCALE)
    missing = torch.rand(height, width, generator=generator) < SHARE
    given = torch.where(missing, 1, original)
    return given, nearest(original, missing), Fit(verb=task, prior=prior, missing=missing.numpy())


def nearest(picture: Tensor, missing: Tensor) -> Tensor:
    """Each missing pixel as the nearest known one."""
    from scipy.ndimage import distance_transform_edt

    rows, columns = distance_transform_edt(missing.numpy(), return_distances=False, return_indices=True)
    return picture[..., torch.from_numpy(np.array(rows)), torch.from_numpy(np.array(columns))]


def main() -> None:
    """A line for each picture, and the means."""
    parser = argparse.ArgumentParser()
    parser.add_argument("task", choices=("inpaint", "denoise", "upscale"))
    parser.add_argument("pictures", metavar="PICTURE", nargs="+")
    parser.add_argument("--net", default="fast")
    parser.add_argument("--iterations", type=int)
    parser.add_argument("--side", type=int, help="crop to the middle so many pixels each way")
    arguments = parser.parse_args()
    prior = Prior(net=arguments.net, iterations=arguments.iterations)
    print("picture                given  result    best    iter    done  seconds")
    figures = []
    for path in arguments.pictures:
        original = cropped(as_tensor(path)[None], arguments.side)
        given, plain, operation = made_worse(arguments.task, original, prior)
        found: list[float] = []
        start = time.perf_counter()

        def measured(picture: Tensor, original: Tensor = original, missing: Any = operation.missing) -> float:
            if missing is not None:
                picture = torch.where(torch.from_numpy(missing), picture, original)
            return psnr_rgb(round_8bit(picture), original)

        def watch(progress: Progress, found: list[float] = found, original: Tensor = original) -> None:
            if progress.picture.shape == original.shape:
                found.append(measured(progress.picture))

        result = apply(replace(operation, watch=watch), given[0])[None]
        figures.append([measured(plain), measured(result), max(found, default=nan)])
        iterations = (found.index(max(found)) + 1, len(found)) if found else ("-", "-")
        row = *map(decibels, figures[-1]), *iterations, f"{time.perf_counter() - start:.0f}"
        print(f"{path[-20:]:20}", *(f"{value:>7}" for value in row), flush=True)
    means = [decibels(sum(column) / len(column)) for column in zip(*figures, strict=True)]
    print(f"{'mean':20}", *(f"{value:>7}" for value in means))


def decibels(value: float) -> str:
    """With two places, or a dash."""
    return "-" if isnan(value) else f"{value:.2f}"


def cropped(picture: Tensor, side: int | None) -> Tensor:
    """The middle of a picture, whole multiples of the scale; all of it where no side is given."""
    height, width = (min(n, side or n) // SCALE * SCALE for n in picture.shape[-2:])
    top, left = (picture.shape[-2] - height) // 2, (picture.shape[-1] - width) // 2
    return picture[..., top : top + height, left : left + width]


if __name__ == "__main__":
    main()
