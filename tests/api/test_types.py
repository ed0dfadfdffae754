"""What verbs give back has the type of what they are given: run by pytest, and checked by mypy in `make lint`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image

import regrow

if TYPE_CHECKING:
    from typing_extensions import assert_type
else:

    def assert_type(value, kind):
        """As mypy checks it, at run time."""
        assert isinstance(value, kind)
        return value


PIXELS = np.zeros((24, 32, 3), np.uint8)


def test_arrays_give_arrays(tiny_folder: str) -> None:
    small = regrow.shrink(PIXELS, model=tiny_folder)
    assert_type(small, np.ndarray)
    assert_type(regrow.grow(small, scale=2, model=tiny_folder), np.ndarray)
    assert_type(regrow.upscale(PIXELS, model="bicubic"), np.ndarray)
    assert_type(regrow.restore(PIXELS, colorizer="none", upscaler="bicubic"), np.ndarray)


def test_images_give_images(tiny_folder: str) -> None:
    image = Image.fromarray(PIXELS)
    small = regrow.shrink(image, model=tiny_folder)
    assert_type(small, Image.Image)
    assert_type(regrow.grow(small, model=tiny_folder), Image.Image)
    assert_type(regrow.upscale(image, model="bicubic"), Image.Image)


def test_tensors_give_tensors(tiny_folder: str) -> None:
    tensor = torch.zeros(3, 24, 32)
    small = regrow.shrink(tensor, model=tiny_folder)
    assert_type(small, torch.Tensor)
    assert_type(regrow.grow(small, scale=2, model=tiny_folder), torch.Tensor)
    assert_type(regrow.upscale(tensor, model="bicubic"), torch.Tensor)


def test_paths_give_paths(tiny_folder: str, tmp_path: Path) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    small = regrow.shrink(tmp_path / "a.png", tmp_path / "small.png", model=tiny_folder)
    assert_type(small, Path)
    assert_type(regrow.grow(small, str(tmp_path / "again.png"), model=tiny_folder), str)


def test_what_a_picture_says_is_typed(tiny_folder: str, tmp_path: Path) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    said = regrow.info(regrow.shrink(tmp_path / "a.png", tmp_path / "small.png", model=tiny_folder))
    assert_type(said, regrow.Info)
    assert said.passport is not None
    assert_type(said.passport, regrow.Passport)
    assert said.restored is None


@pytest.mark.parametrize(
    "name",
    ["Hint", "Info", "Passport", "Prior", "RegrowError", "Report", "Size", "UsageError", "Video", "colorize", "compare",
     "dejpeg", "denoise", "grow", "info", "inpaint", "load", "restore", "shrink", "stabilize", "upscale"],
)  # fmt: skip
def test_what_a_user_meets_is_exported(name: str) -> None:
    assert name in dir(regrow)
    assert getattr(regrow, name) is not None
