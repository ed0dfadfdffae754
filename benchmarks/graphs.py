"""How far the graphs of `regrow export` are from the nets, in levels of 255, and how their times compare.

    python benchmarks/graphs.py FOLDER [MODEL...]

For each model that ships, or each that is named, and each half of it: the largest difference over 10 crops of the
pictures in a folder, of odd sizes, in float32 and float16, the share of samples that round to another level, and how
many times as long PyTorch takes as ONNX Runtime, in float32, in turn, with as many threads.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime
import torch

from regrow import zoo
from regrow.bench.pictures import paths_in
from regrow.io.memory import read_rgb
from regrow.nets.rescale.any_scale import AnyScale
from regrow.nets.rescale.base import Rescaler
from regrow.zoo.export import export
from regrow.zoo.graph import HALVES, graph_of

CROPS, SIDE = 10, 97


def parts(name: str) -> Iterator[dict]:
    """The options of `export` for all that a model consists of."""
    model = zoo.load(name)
    if not isinstance(model, Rescaler):
        yield {}
        return
    for half in HALVES:
        if isinstance(model, AnyScale) and len(model.pairs) > 1:
            yield from ({"half": half, "application": number + 1} for number in range(len(model.pairs)))
        else:
            yield {"half": half}


def crops(folder: Path) -> Iterator[np.ndarray]:
    """(3, h, w) in [0, 1], of odd sizes; again from the first picture where there are too few."""
    files = paths_in(folder)
    for i in range(CROPS):
        pixels = read_rgb(files[i % len(files)])
        height, width = (min(n, SIDE + 2 * i) for n in pixels.shape[:2])
        yield np.ascontiguousarray(pixels[:height, :width].transpose(2, 0, 1), np.float32) / 255


def inputs(graph, facts: dict, crop: np.ndarray) -> dict[str, np.ndarray]:
    """What a graph takes, made of a picture."""
    picture = crop[None]
    if facts["channels"][0] == 1:
        picture = picture.mean(1, keepdims=True)
    picture = np.tile(picture, (1, facts["frames"], 1, 1))
    if "lightness" in graph.inputs:
        picture = 100 * picture
    height, width = (n // by * by for n, by in zip(picture.shape[2:], facts["multiple"], strict=True))
    given = {next(iter(graph.inputs)): picture[:, :, :height, :width]}
    if "facts" in graph.inputs:
        given["facts"] = np.full((1, facts["facts"]), 0.3, np.float32)
    if "rows" in graph.inputs:
        by = 2 / 3 if facts["half"] == "shrink" else 3 / 2
        after = round(height * by), round(width * by)
        given |= {"rows": np.arange(after[0]), "columns": np.arange(after[1]), "first": np.zeros(2, np.int64),
                  "before": np.array([height, width]), "after": np.array(after)}  # fmt: skip
    return {name: np.ascontiguousarray(value) for name, value in given.items()}


def main() -> None:
    """A line for each graph."""
    folder, *names = sys.argv[1:]
    print(f"{'graph':26} {'fp32':>9} {'fp16':>9} {'rounded otherwise':>18} {'PyTorch / ONNX Runtime':>24}")
    for name in names or zoo.names():
        for options in parts(name):
            print(line(name, options, list(crops(Path(folder)))), flush=True)


def line(name: str, options: dict, pictures: list[np.ndarray]) -> str:
    """The figures of a graph."""
    model = zoo.load(name).eval()
    graph = graph_of(model, name, **options)
    sessions = {}
    with tempfile.TemporaryDirectory() as temporary:
        for precision in ("fp32", "fp16"):
            path = Path(temporary) / f"{precision}.onnx"
            facts = export(name, path, precision=precision, **options)
            threads = onnxruntime.SessionOptions()
            threads.intra_op_num_threads = torch.get_num_threads()
            sessions[precision] = onnxruntime.InferenceSession(path, threads, providers=["CPUExecutionProvider"])
    unit = 255 if facts["channels"][1] != 2 else 1  # of colorizers: a and b as they are
    worst, other, total, ratios = {"fp32": 0.0, "fp16": 0.0}, 0, 0, []
    for crop in pictures:
        given = inputs(graph, facts, crop)
        tensors = [torch.from_numpy(value) for value in given.values()]
        start = time.perf_counter()
        with torch.inference_mode():
            expected = graph.run(*tensors).numpy()
        middle = time.perf_counter()
        found = {"fp32": sessions["fp32"].run(None, given)[0]}
        ratios.append((middle - start) / (time.perf_counter() - middle))
        found["fp16"] = sessions["fp16"].run(None, given)[0]
        for precision, result in found.items():
            worst[precision] = max(worst[precision], unit * float(np.abs(result - expected).max()))
        levels = [np.rint(unit * value.clip(0, 1)) for value in (found["fp32"], expected)]
        other, total = other + int((levels[0] != levels[1]).sum()), total + expected.size
    label = " ".join([name, *map(str, options.values())])
    share = f"{100 * other / total:.4f} %"
    return f"{label:26} {worst['fp32']:9.4f} {worst['fp16']:9.4f} {share:>18} {np.median(ratios):24.2f}"


if __name__ == "__main__":
    main()
