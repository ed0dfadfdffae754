"""How much of the machine growing uses: its multiply-adds a second beside those of a float32 matrix product.

    python benchmarks/speed.py

Both are measured in turn in one run, and the best of several tries counts, as other load only ever slows them down.
"""

import time
from collections.abc import Callable

import numpy as np
import torch

from regrow import zoo
from regrow.inference.rescale import grow_rows
from regrow.size import Size

WIDTH, HEIGHT, SIDE, TRIES = 1920, 1080, 2048, 7


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def main() -> None:
    model = zoo.load("tad-x2")
    small = np.random.default_rng(0).integers(0, 256, (HEIGHT // 2, WIDTH // 2, 3), np.uint8)
    a, b = torch.randn(2, SIDE, SIDE)

    def grow() -> None:
        list(grow_rows([small], Size(WIDTH // 2, HEIGHT // 2), Size(WIDTH, HEIGHT), 3, 3, model))

    tries = [(seconds(lambda: a @ b), seconds(grow)) for _ in range(TRIES)]
    product, grown = (min(times) for times in zip(*tries, strict=True))
    product_rate = SIDE**3 / product / 1e9
    grow_rate = model.multiply_adds()[1] * WIDTH * HEIGHT / grown / 1e9
    print(f"threads                          {torch.get_num_threads()}")
    print(f"matrix product {SIDE}x{SIDE}         {product_rate:8.1f} G multiply-adds/s")
    print(f"grow to {WIDTH}x{HEIGHT} in {grown:6.2f} s    {grow_rate:8.1f} G multiply-adds/s")
    print(f"ratio                            {grow_rate / product_rate:8.2f}")


if __name__ == "__main__":
    main()
