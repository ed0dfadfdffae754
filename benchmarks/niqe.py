"""Fit the measure without a reference to good photographs: python benchmarks/niqe.py DIR... -o FILE.

The parameters that come with regrow are those of the training sets cid22 and photo_crops; FILE is then
`src/regrow/metrics/niqe.safetensors`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from regrow.io.search import find_pictures
from regrow.metrics import niqe
from regrow.metrics.pictures import as_tensor


def main() -> None:
    """Read the photographs, write the parameters, and print how many there were."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folders", metavar="DIR", nargs="+", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    arguments = parser.parse_args()
    paths = [path for folder in arguments.folders for path in find_pictures(folder)]
    niqe.save(niqe.fit(map(as_tensor, paths)), arguments.out)
    print(f"{arguments.out}: fitted to {len(paths)} photographs")


if __name__ == "__main__":
    main()
