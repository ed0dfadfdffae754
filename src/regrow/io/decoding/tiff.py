"""TIFF: which of its pictures is read, what its samples mean, and the little of it that libtiff is trusted with.

libtiff and libvips leave much of TIFF's meaning to their callers or to chance. So they are shown one directory, with
only those tags that say how samples are stored, and give samples as they are. What samples mean is decided here, and
what is not known to be read rightly is refused. With no tags that it does not know, any warning of libtiff is an error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

import pyvips

from regrow.errors import RegrowError
from regrow.io.decoding.ifd import Directory, Tiff
from regrow.io.decoding.samples import Extra, inverted, lab_to_rgb, picked, ycbcr_to_rgb
from regrow.io.decoding.signatures import RawFile
from regrow.io.decoding.splice import Part

SUBFILE, OLD_SUBFILE, BITS, COMPRESSION, PHOTOMETRIC, PLANAR = 254, 255, 258, 259, 262, 284
SUB_DIRECTORIES, INK_SET, EXTRA_SAMPLES, SAMPLE_FORMAT, EXIF, DNG_VERSION = 330, 332, 338, 339, 0x8769, 50706
COEFFICIENTS, SUBSAMPLING, REFERENCE = 529, 530, 532
_KEPT = frozenset(
    (256, 257, 258, 259, 262, 266, 270, 273, 274, 277, 278, 279, 282, 283, 284, 292, 293, 296, 317, 320, 322, 323,
     324, 325, 332, 338, 339, 347, 529, 530, 532, 700, 33723, 34377, 34675)
)  # fmt: skip
"""How samples are stored and turned, the profile, XMP, IPTC and resolution."""

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _MASK, _SEPARATED, _YCBCR, _CIELAB, _ICCLAB = (*range(7), 8, 9)
_JPEG, _OLD_JPEG = 7, 6
_TOLERANT = (2, 3, 4, 5)
_CFA, _LINEAR_RAW = 32803, 34892
_MEANINGS = {
    _MASK: "a transparency mask", 10: "ITU L*a*b* colours", _CFA: "the colour filter array of a camera",
    32844: "LogL luminance", 32845: "LogLuv colours", _LINEAR_RAW: "linear raw samples of a camera",
    51177: "a depth map", 52527: "a semantic mask",
}  # fmt: skip
_COLORS = {_WHITE_IS_ZERO: 1, _BLACK_IS_ZERO: 1, _PALETTE: 1, _SEPARATED: 4}
_KINDS = {1: "whole numbers", 2: "signed whole numbers", 3: "floating-point numbers", 4: "numbers of an unknown kind",
          5: "complex whole numbers", 6: "complex numbers"}  # fmt: skip
_SUBSAMPLED = ((2, 1), (1, 2), (2, 2), (4, 1), (4, 2))
"""What libtiff converts rightly; it takes 4 by 4 and gets it wrong."""
_MOST_PIECES = 2**24
"""Strips or tiles that are looked at."""
_MOST_BANDS = 64
_SAVE = "save it as grey or RGB with 8 or 16 bits"


@dataclass(frozen=True)
class TiffPicture:
    """What the decoder is given, and what is to be done with the samples that it gives."""

    parts: tuple[Part, ...]
    change: Callable[[pyvips.Image], pyvips.Image]
    premultiplied: bool
    own_colors: bool
    """Whether colours are still those of the file's profile."""
    notes: tuple[str, ...]
    tolerant: bool
    """Whether libtiff may warn of what is no damage: old LZW, lines of faxes."""
    lacks: bool
    """Whether strips or tiles lie beyond the end of the file."""


def prepare(file: BinaryIO, name: str) -> TiffPicture:
    """Look at a TIFF.

    RawFile for that of a camera; RegrowError, in one line, for what is not one picture that is sure to be read rightly.
    """
    tiff = Tiff(file, name)
    directory, notes = _chosen(tiff)
    directory.check_whole()
    if 322 in directory.entries and directory.number(PLANAR, 1) == 2 and directory.number(277, 1) > 1:
        raise RegrowError(
            f"{name}: holds tiles in separate planes, which are not read; save it as plain TIFF or PNG first"
        )
    asked, meaning, words = _meaning(directory, name)
    extra = _extra(directory, name, notes)
    entries = {tag: entry for tag, entry in directory.entries.items() if tag in _KEPT}
    entries[PHOTOMETRIC] = tiff.shorts(asked)
    entries.pop(EXTRA_SAMPLES, None)
    if extra.count:  # called by no name, for libvips would divide by an associated alpha, and cut fractions off
        entries[EXTRA_SAMPLES] = tiff.shorts(*(0,) * extra.count)
    start, end = tiff.with_directory(entries)
    parts = (start, range(len(start), tiff.size), end)
    return TiffPicture(
        parts=parts, change=lambda image: picked(meaning(image), extra), premultiplied=extra.premultiplied,
        own_colors=directory.number(PHOTOMETRIC, -1) not in (_CIELAB, _ICCLAB), notes=(*notes, *words),
        tolerant=directory.number(COMPRESSION, 1) in _TOLERANT,
        lacks=_lacks(directory),
    )  # fmt: skip


def _chosen(tiff: Tiff) -> tuple[Directory, list[str]]:
    """The one picture that is neither a smaller copy nor a mask; refuses raw files and several pictures."""
    pages = tiff.directories
    subs = [sub for page in pages[:1] for sub in _sub_directories(tiff, page)]
    if any(DNG_VERSION in page.entries or _is_raw(page) for page in (*pages, *subs)):
        raise RawFile(tiff.name)
    whole = [page for page in pages if not _kind(page) & 5]
    if len(whole) > 1:
        raise RegrowError(f"{tiff.name}: holds {len(whole)} frames or pages; split it into single pictures first")
    if not whole:
        raise RegrowError(
            f"{tiff.name}: begins with a smaller copy or a mask; its picture is in a part that regrow does not read, "
            "so save that as plain TIFF or PNG first"
        )
    others = [page for page in pages if page is not whole[0]]
    notes = []
    if any(_kind(page) & 4 for page in others):
        notes.append("the TIFF's transparency mask is not kept")
    if any(not _kind(page) & 4 for page in others):
        notes.append("smaller copies of the picture in the TIFF are not kept")
    return whole[0], notes


def _kind(page: Directory) -> int:
    """NewSubfileType: 1 for a smaller copy, 4 for a mask."""
    old = page.number(OLD_SUBFILE, 0)
    photometric = page.number(PHOTOMETRIC, -1)
    return page.number(SUBFILE, 0) | (1 if old == 2 else 0) | (4 if photometric == _MASK else 0)


def _is_raw(page: Directory) -> bool:
    return page.number(PHOTOMETRIC, -1) in (_CFA, _LINEAR_RAW)


def _sub_directories(tiff: Tiff, page: Directory) -> list[Directory]:
    found = []
    for at in page.integers(SUB_DIRECTORIES)[:64]:
        try:
            found.append(tiff.directory(at))
        except RegrowError:
            continue  # nothing is read from it
    return found


def _meaning(page: Directory, name: str) -> tuple[int, Callable[[pyvips.Image], pyvips.Image], list[str]]:
    """The photometric interpretation that libtiff is told, how to make grey, RGB or CMYK of it, and words on that."""
    photometric, compression = page.number(PHOTOMETRIC, -1), page.number(COMPRESSION, 1)
    if compression == _OLD_JPEG:
        raise RegrowError(
            f"{name}: holds old-style JPEG (TIFF compression 6), which decoders get wrong; "
            "convert it to PNG with the program that wrote it"
        )
    if photometric == -1:
        raise RegrowError(f"{name}: does not say what its samples mean (no PhotometricInterpretation); {_SAVE}")
    if photometric in _MEANINGS:
        raise RegrowError(f"{name}: holds {_MEANINGS[photometric]}; {_SAVE}")
    bits = _check_samples(page, photometric, name)
    if photometric in (_WHITE_IS_ZERO, _BLACK_IS_ZERO):
        return _BLACK_IS_ZERO, inverted if photometric == _WHITE_IS_ZERO else _same, []
    if photometric in (_CIELAB, _ICCLAB) and compression != _JPEG and bits in (8, 16):
        signed = photometric == _CIELAB
        return _RGB, lambda image: lab_to_rgb(image, signed=signed), ["L*a*b* converted to sRGB"]
    if photometric == _YCBCR:
        return _ycbcr(page, bits, name)
    if photometric in (_RGB, _PALETTE):
        return photometric, _same, []
    if photometric == _SEPARATED and page.number(INK_SET, 1) == 1:
        return photometric, _same, []
    raise RegrowError(f"{name}: holds colours of an unusual kind (PhotometricInterpretation {photometric}); {_SAVE}")


def _same(image: pyvips.Image) -> pyvips.Image:
    return image


def _check_samples(page: Directory, photometric: int, name: str) -> int:
    """Bits of a sample. RegrowError for all but whole numbers of 8 or 16 bits, or fewer in one plane."""
    bits, kinds = set(page.integers(BITS) or (1,)), set(page.integers(SAMPLE_FORMAT) or (1,))
    if len(bits) > 1 or len(kinds) > 1:
        some = ", ".join(str(depth) for depth in sorted(bits)[:4])
        raise RegrowError(f"{name}: its samples are of different kinds ({some} bits); {_SAVE}")
    depth, kind = bits.pop(), kinds.pop()
    few = photometric in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _PALETTE) and page.number(277, 1) == 1
    if kind not in (1, 4) or depth not in ((1, 2, 4, 8, 16) if few else (8, 16)):
        raise RegrowError(
            f"{name}: its samples are {depth}-bit {_KINDS.get(kind, 'numbers of an unknown kind')}; {_SAVE}"
        )
    return depth


def _ycbcr(page: Directory, bits: int, name: str) -> tuple[int, Callable[[pyvips.Image], pyvips.Image], list[str]]:
    coefficients = page.values(COEFFICIENTS) or (0.299, 0.587, 0.114)
    middle = 2 ** (bits - 1)
    full = (0, 2 * middle - 1, middle, 2 * middle - 1, middle, 2 * middle - 1)
    reference = page.values(REFERENCE) or full
    subsampling = (page.integers(SUBSAMPLING) or (2, 2))[:2]
    subsampled = subsampling != (1, 1)
    usual = len(coefficients) == 3 and abs(coefficients[0] - 0.299) + abs(coefficients[2] - 0.114) < 0.002
    by_jpeg = page.number(COMPRESSION, 1) == _JPEG
    odd = page.number(277, 3) != 3 or len(coefficients) != 3 or not coefficients[1] or len(reference) != 6
    by_libtiff = subsampled and not by_jpeg
    if (
        odd
        or (by_jpeg and not (usual and reference == full))
        or (by_libtiff and (subsampling not in _SUBSAMPLED or bits != 8))
    ):
        raise RegrowError(f"{name}: holds YCbCr colours of an unusual kind; {_SAVE}")
    if page.number(PLANAR, 1) != 1 and (by_jpeg or subsampled):
        raise RegrowError(f"{name}: holds YCbCr colours in separate planes; {_SAVE}")
    words = ["YCbCr converted to RGB"]
    if by_jpeg:  # libjpeg converts
        return _YCBCR, _same, []
    if subsampled:  # libtiff converts, and gives an alpha that the file does not have
        return _YCBCR, lambda image: image[:3].copy(interpretation="srgb"), words
    return _RGB, lambda image: ycbcr_to_rgb(image, coefficients, reference), words


def _extra(page: Directory, name: str, notes: list[str]) -> Extra:
    """What the samples beyond the colours are."""
    photometric = page.number(PHOTOMETRIC, -1)
    colors = _COLORS.get(photometric, 3)
    count = page.number(277, 1) - colors
    if count < 0:
        raise RegrowError(f"{name}: has {count + colors} samples a pixel, fewer than its colours need; {_SAVE}")
    if count > _MOST_BANDS:
        raise RegrowError(f"{name}: has {count + colors} bands; {_SAVE}")
    kinds = (*page.integers(EXTRA_SAMPLES), *(0,) * count)[:count]
    alpha = next((number for number, kind in enumerate(kinds) if kind in (1, 2)), None)
    premultiplied = alpha is not None and kinds[alpha] == 1
    if premultiplied and photometric not in (_BLACK_IS_ZERO, _RGB):
        raise RegrowError(f"{name}: holds premultiplied colours of an unusual kind; {_SAVE}")
    if count and photometric == _PALETTE:
        raise RegrowError(f"{name}: has a palette and {count} more samples a pixel; {_SAVE}")
    left = count - (alpha is not None)
    if left > 1:
        raise RegrowError(f"{name}: has {count + colors} bands, {left} of them neither colours nor alpha; {_SAVE}")
    if left:
        notes.append("one more sample a pixel, which the TIFF does not call alpha, is not kept")
    return Extra(count, None if alpha is None else alpha, premultiplied)


def _lacks(page: Directory) -> bool:
    """Whether a strip or tile lies beyond the end of the file, or is a JPEG without an end, which libvips takes."""
    strips, tiles = (
        list(zip(page.integers(offsets, _MOST_PIECES), page.integers(counts, _MOST_PIECES), strict=False))
        for offsets, counts in ((273, 279), (324, 325))
    )
    if any(at + count > page.tiff.size for at, count in strips + tiles):
        return True
    return page.number(COMPRESSION, 1) == _JPEG and not all(
        _ends(page.tiff.file, at, count) for at, count in tiles if count
    )


def _ends(file: BinaryIO, at: int, count: int) -> bool:
    file.seek(at + max(count - 256, 0))  # some are padded
    return b"\xff\xd9" in file.read(min(count, 256))
