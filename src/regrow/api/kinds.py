"""What verbs take and give back, as types."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image
    from torch import Tensor

File = str | os.PathLike[str] | bytes | BinaryIO
"""Path or bytes of a file, or a binary stream of a clip."""

Out = TypeVar("Out", bound="str | os.PathLike[str] | BinaryIO")
"""Where the result of a file goes."""

PictureT = TypeVar("PictureT", "np.ndarray", "Image.Image", "Tensor")
"""Array (H, W[, 1..4]) uint8 or uint16, PIL image, or tensor (1 or 3, H, W) float in [0, 1]."""
