"""Colours as numbers."""

from __future__ import annotations

import torch
from torch import Tensor

# sRGB (IEC 61966-2-1) to CIE XYZ, each row divided by its part of the white D65, so that white is (1, 1, 1).
_TO_XYZ = (
    (0.4124564 / 0.95047, 0.3575761 / 0.95047, 0.1804375 / 0.95047),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339 / 1.08883, 0.1191920 / 1.08883, 0.9503041 / 1.08883),
)
_KNEE = 6 / 29  # below it the curves of Lab are straight


def luma(x: Tensor) -> Tensor:
    """(..., 3, H, W) RGB -> (..., 1, H, W), full-range BT.601 luma, as JPEG and greyscale files hold it.

    The limited-range luma that super-resolution tables measure is `regrow.metrics.fidelity.luma`.
    """
    red, green, blue = x.unbind(-3)
    return (0.299 * red + 0.587 * green + 0.114 * blue).unsqueeze(-3)


def lab(x: Tensor) -> Tensor:
    """(..., 3, H, W) sRGB in [0, 1] -> (..., 3, H, W) CIE L*a*b* under D65: L from 0 to 100, a and b about +-110.

    Source: IEC 61966-2-1 and CIE 15, as `skimage.color.rgb2lab`.
    """
    light = torch.where(x > 0.04045, ((x.clamp(min=0) + 0.055) / 1.055) ** 2.4, x / 12.92)
    t = _mixed(light, torch.tensor(_TO_XYZ, dtype=x.dtype, device=x.device))
    fx, fy, fz = torch.where(t > _KNEE**3, t.clamp(min=1e-9) ** (1 / 3), t / (3 * _KNEE**2) + 4 / 29).unbind(-3)
    return torch.stack((116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)), -3)


def rgb(x: Tensor) -> Tensor:
    """The inverse of `lab`: (..., 3, H, W) CIE L*a*b* -> sRGB, beyond [0, 1] where the colour is out of gamut."""
    level, a, b = x.unbind(-3)
    fy = (level + 16) / 116
    f = torch.stack((fy + a / 500, fy, fy - b / 200), -3)
    t = torch.where(f > _KNEE, f**3, 3 * _KNEE**2 * (f - 4 / 29))
    light = _mixed(t, torch.linalg.inv(torch.tensor(_TO_XYZ, dtype=torch.float64)).to(x))
    return torch.where(light > 0.0031308, 1.055 * light.clamp(min=1e-9) ** (1 / 2.4) - 0.055, 12.92 * light)


def lightness(grey: Tensor) -> Tensor:
    """(..., 1, H, W) grey, sRGB-encoded, in [0, 1] -> (..., 1, H, W) L of CIE L*a*b*, 0 to 100."""
    return lab(grey.expand(*grey.shape[:-3], 3, *grey.shape[-2:]))[..., :1, :, :]


def colored(grey: Tensor, ab: Tensor) -> Tensor:
    """Give a grey picture colour and leave its luma as it is.

    Only what differs from grey is taken from the colour, and no more of it than the gamut has room for: rounded to 8
    bits, the luma stays within one level.

    Args:
        grey: (..., 1, H, W) luma in [0, 1].
        ab: (..., 2, H, W) a and b of CIE L*a*b*.

    Returns:
        (..., 3, H, W) sRGB in [0, 1] whose `luma` is `grey`.
    """
    found = rgb(torch.cat((lightness(grey), ab), -3))
    away = found - luma(found)
    room = torch.where(away > 0, 1 - grey, grey) / away.abs().clamp(min=1e-6)
    return (grey + away * room.amin(-3, keepdim=True).clamp(max=1)).clamp(0, 1)


def _mixed(x: Tensor, matrix: Tensor) -> Tensor:
    return torch.einsum("ij,...jhw->...ihw", matrix, x)
