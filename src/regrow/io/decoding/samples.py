"""From samples as a file stores them to grey, RGB or CMYK, row by row, nothing rounded twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyvips


@dataclass(frozen=True)
class Extra:
    """The samples of a pixel that stand behind its colours."""

    count: int
    alpha: int | None = None
    """Which of them is alpha."""
    premultiplied: bool = False


def picked(image: pyvips.Image, extra: Extra) -> pyvips.Image:
    """Colours, and alpha, without the other samples."""
    if extra.count == (extra.alpha is not None):
        return image
    colors = image[: image.bands - extra.count]
    alpha = None if extra.alpha is None else image[image.bands - extra.count + extra.alpha]
    return like(image, colors if alpha is None else colors.bandjoin(alpha))


def like(image: pyvips.Image, made: pyvips.Image) -> pyvips.Image:
    """Whole numbers of the kind that the image had, rounded and cut to its range."""
    return made.rint().cast(image.format).copy(interpretation=image.interpretation)


def straight(image: pyvips.Image) -> pyvips.Image:
    """Colours that were multiplied by alpha, divided by it. Where nothing is seen they are black."""
    top = 65535 if image.format == "ushort" else 255
    alpha = image[image.bands - 1]
    colors = image[: image.bands - 1].cast("double") * top / alpha
    return like(image, colors.bandjoin(alpha.cast("double")))


def inverted(image: pyvips.Image) -> pyvips.Image:
    """Grey that counts from white, counted from black; alpha stays."""
    grey = image[0].invert()
    return like(image, grey if image.bands == 1 else grey.bandjoin(image[1:]))


def ycbcr_to_rgb(image: pyvips.Image, coefficients: Sequence[float], reference: Sequence[float]) -> pyvips.Image:
    """TIFF 6.0, section 21: luma of the given coefficients, black and white of each channel as given."""
    depth = 16 if image.format == "ushort" else 8
    top, half = 2**depth - 1, 2 ** (depth - 1) - 1
    spans = [white - black or 1.0 for black, white in zip(reference[::2], reference[1::2], strict=True)]
    scale = [room / span for room, span in zip((top, half, half), spans, strict=True)]
    shift = [-black * by for black, by in zip(reference[::2], scale, strict=True)]
    red, green, blue = coefficients
    to_red, to_blue = 2 - 2 * red, 2 - 2 * blue
    matrix = [[1, 0, to_red], [1, -blue * to_blue / green, -red * to_red / green], [1, to_blue, 0]]
    return like(image, image.cast("double").linear(scale, shift).recomb(matrix))


def lab_to_rgb(image: pyvips.Image, *, signed: bool) -> pyvips.Image:
    """CIE L*a*b* under D50 to sRGB, by lcms. With `signed`, a and b are two's complement, else they have an offset."""
    deep = image.format == "ushort"
    unit = 256 if deep else 1
    top = 65535 if deep else 255
    if signed:
        middle = 128 * unit
        wrapped = (image[1:3] >= middle).ifthenelse(image[1:3].cast("double") - 2 * middle, image[1:3].cast("double"))
        lab = (image[0].cast("double") * (100 / top)).bandjoin(wrapped / unit)
    else:
        # ICC: 16-bit L ends at 0xFF00.
        lab = (image[0].cast("double") * (100 / (0xFF00 if deep else 255))).bandjoin(
            image[1:3].cast("double") / unit - 128
        )
    lab = lab.cast("float").copy(interpretation="lab")
    rgb = lab.icc_export(output_profile="srgb", depth=16 if deep else 8)
    return rgb if image.bands == 3 else rgb.bandjoin(image[3:]).copy(interpretation=rgb.interpretation)
