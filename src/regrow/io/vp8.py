"""The first bits of a lossy WebP, VP8 (RFC 6386), as far as they say how coarse its steps are."""

from __future__ import annotations

SHAPED = 1 + 0.9 * 0.5 * 127 / 128
"""How libwebp, at its default spatial noise shaping of 50, raises the strength of its first segment."""


class Bits:
    """Bits of equal odds from the boolean decoder (RFC 6386, section 7). IndexError at the end of the data."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 2
        self._value, self._range, self._shifted = int.from_bytes(data[:2], "big"), 255, 0

    def bit(self) -> int:
        """The next bit."""
        split = 1 + (self._range - 1) // 2
        found = int(self._value >= split << 8)
        if found:
            self._value -= split << 8
            self._range -= split
        else:
            self._range = split
        while self._range < 128:
            self._value, self._range, self._shifted = self._value << 1, self._range << 1, self._shifted + 1
            if self._shifted == 8:
                self._value |= self._data[self._at]
                self._at, self._shifted = self._at + 1, 0
        return found

    def number(self, bits: int) -> int:
        """The next number of so many bits."""
        value = 0
        for _ in range(bits):
            value = 2 * value + self.bit()
        return value

    def skip_optional(self, count: int, bits: int) -> None:
        """Read past so many numbers, each of which may be left out."""
        for _ in range(count):
            if self.bit():
                self.number(bits)


def first_index(frame: bytes) -> tuple[int, bool]:
    """The index of the first segment's steps, 0 to 127, and whether there are other segments.

    `frame` is a key frame: the content of a WebP's chunk "VP8 ". IndexError where it is cut short.
    """
    bits = Bits(frame[10:])  # past frame tag, start code, width and height
    bits.number(2)  # colour space and clamping
    segments = bool(bits.bit())
    if segments:  # section 9.3
        has_map = bits.bit()
        if bits.bit():
            bits.bit()
            bits.skip_optional(4, 7 + 1)  # steps, with signs
            bits.skip_optional(4, 6 + 1)  # loop filters
        if has_map:
            bits.skip_optional(3, 8)
    bits.number(1 + 6 + 3)  # the loop filter, section 9.6
    if bits.bit() and bits.bit():
        bits.skip_optional(8, 6 + 1)
    bits.number(2)  # partitions of the coefficients
    return bits.number(7), segments


def quality(frame: bytes) -> float:
    """The quality, 0 to 100, that libwebp was given for a key frame. IndexError where it is cut short.

    The inverse of libwebp's `QualityToCompression` and `VP8SetSegmentParams`.
    """
    index, segments = first_index(frame)
    compression = (1 - index / 127) ** (3 / (SHAPED if segments else 1))
    return 100 * (1.5 * compression if compression < 0.5 else (1 + compression) / 2)
