"""What the deep image prior gains: python benchmarks/priors.py TASK PICTURE... [--net paper] [--steps N] [--side N].

Tasks: inpaint, half of the pixels missing at random; denoise, Gaussian noise of sigma 25 levels; upscale, x4 of what
bicubic has shrunk. Printed are PSNR (`rgb`) of what was given (for inpaint filled with the nearest known pixel), of
the result, and of the best iterate that anyone who knew the answer would have taken; the steps of the latter two, how
many were done, and seconds.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
from torch import Tensor

from regrow.measure.compare import as_tensor
from regrow.measure.metrics import psnr_rgb, round_8bit
from regrow.priors import Progress, fit
from regrow.priors.options import Prior
from regrow.priors.problems import Problem, denoising, enlarging, inpainting
from regrow.resample import bicubic

SCALE, SIGMA, SHARE = 4, 25, 0.5


def problem_of(task: str, original: Tensor) -> tuple[Problem, Tensor, Tensor]:
    """The problem, a plain answer to it, and (H, W) bool, which pixels are to be taken from the fit."""
    height, width = original.shape[-2:]
    generator = torch.Generator().manual_seed(0)
    everywhere = torch.ones(height, width, dtype=torch.bool)
    if task == "denoise":
        noisy = round_8bit(original + SIGMA / 255 * torch.randn(original.shape, generator=generator))
        return denoising(noisy), noisy, everywhere
    if task == "upscale":
        small = round_8bit(bicubic(original, (height // SCALE, width // SCALE)))
        return enlarging(small, (height, width)), bicubic(small, (height, width)), everywhere
    missing = torch.rand(height, width, generator=generator) < SHARE
    return inpainting(original, missing), nearest(original, missing), missing


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
    parser.add_argument("--steps", type=int)
    parser.add_argument("--side", type=int, help="crop to the middle so many pixels each way")
    arguments = parser.parse_args()
    settings = Prior(net=arguments.net, steps=arguments.steps).settings(arguments.task)
    print("picture                given  result    best    step    best    done  seconds")
    figures = []
    for path in arguments.pictures:
        original = cropped(as_tensor(path)[None], arguments.side)
        problem, plain, taken = problem_of(arguments.task, original)
        found, start = [], time.perf_counter()

        def measured(picture: Tensor, original: Tensor = original, taken: Tensor = taken) -> float:
            picture = picture.expand_as(original).cpu()
            return psnr_rgb(round_8bit(torch.where(taken, picture, original)), original)

        def watch(progress: Progress, found: list[float] = found) -> None:
            found.append(measured(progress.picture))

        result = fit(problem, settings, watch=watch)
        row = [measured(plain), measured(result.picture), max(found)]
        steps = result.step, found.index(max(found)) + 1, result.steps
        figures.append(row)
        seconds = time.perf_counter() - start
        print(f"{path[-20:]:20}", *(f"{value:7.2f}" for value in row), *(f"{n:7}" for n in steps), f"{seconds:8.0f}")
    print(f"{'mean':20}", *(f"{sum(column) / len(column):7.2f}" for column in zip(*figures, strict=True)))


def cropped(picture: Tensor, side: int | None) -> Tensor:
    """The middle of a picture, whole multiples of the scale; all of it where no side is given."""
    height, width = (min(n, side or n) // SCALE * SCALE for n in picture.shape[-2:])
    top, left = (picture.shape[-2] - height) // 2, (picture.shape[-1] - width) // 2
    return picture[..., top : top + height, left : left + width]


if __name__ == "__main__":
    main()
