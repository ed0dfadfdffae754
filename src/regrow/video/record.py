"""The record of a small clip's original, beside the passport: times, pixel format, groups.

A JSON document in the container's metadata. It is untrusted input: everything is checked before it is used.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from dataclasses import asdict, dataclass
from fractions import Fraction
from itertools import accumulate, pairwise
from typing import Any

from regrow.errors import RegrowError
from regrow.video.light import Light
from regrow.video.pixels import Pixels, is_known

VERSION = 1
LIMIT = 2**26
"""Maximum size in bytes of an unpacked list."""
LARGEST = 2**53
"""Bound on whole numbers: times beyond it are of no clip, and overflow in containers."""
_FRACTION = re.compile(r"[0-9]{1,10}(/[0-9]{1,10})?")


@dataclass(frozen=True, kw_only=True)
class ClipRecord:
    """The record of a clip of n frames."""

    pixels: Pixels
    time_base: Fraction
    times: list[tuple[int, int]]
    """(n) time and duration of every frame, in time bases."""
    groups: list[int]
    """Number of frames of every group that was shrunk together; they sum to n."""
    starts: dict[str, tuple[int, Fraction]]
    """First time stamp and time base of every other track, by its number among those copied."""
    matrix: tuple[int, ...] | None = None
    aspect: Fraction | None = None
    light: Light | None = None
    fields: int = 0

    def to_json(self) -> str:
        """The record as JSON, for a file."""
        times, durations = ([pair[i] for pair in self.times] for i in (0, 1))
        return json.dumps(
            {
                "version": VERSION,
                "pixels": asdict(self.pixels),
                "time_base": str(self.time_base),
                "times": _packed([b - a for a, b in zip([0, *times], times, strict=False)]),
                "durations": _packed(durations),
                "groups": _packed(self.groups),
                "starts": {key: [start, str(base)] for key, (start, base) in self.starts.items()},
                "matrix": self.matrix,
                "aspect": self.aspect and str(self.aspect),
                "light": self.light and asdict(self.light),
                "fields": self.fields,
            }
        )

    @classmethod
    def from_json(cls, text: str, name: str) -> ClipRecord:
        """The inverse. RegrowError if the record is damaged or was written by a newer regrow."""
        try:
            table = json.loads(text)
            version = table["version"]
            if version != VERSION:
                if isinstance(version, int) and version > VERSION:
                    raise RegrowError(f"{name}: was written by a newer regrow; update regrow")
                raise ValueError(f"version {version!r}")
            times = list(accumulate(_unpacked(table["times"])))
            durations, groups = _unpacked(table["durations"]), _unpacked(table["groups"])
            kinds = {"format": str, "alpha": bool, "centred": bool}
            said = {key: _kind(value, kinds.get(key, int)) for key, value in table["pixels"].items()}
            pixels = Pixels(**said)
            if not is_known(pixels.format) or not all(0 <= n < 256 for n in said.values() if type(n) is int):
                raise ValueError("format")
            if not all(a < b for a, b in pairwise(times)) or len(times) != len(durations):
                raise ValueError("times")
            if min(groups, default=1) < 1 or max(groups, default=1) > 16 or sum(groups) != len(times):
                raise ValueError("groups")
            return cls(
                pixels=pixels, time_base=_positive(table["time_base"]), times=list(zip(times, durations, strict=True)),
                groups=groups, starts={str(k): (_kind(v[0], int), _positive(v[1])) for k, v in table["starts"].items()},
                matrix=table["matrix"] and _nine(table["matrix"]),
                aspect=table["aspect"] and _positive(table["aspect"]), light=Light.checked(table.get("light")),
                fields=_bounded(_kind(table.get("fields", 0), int), 255),
            )  # fmt: skip
        except (
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            zlib.error,
            RecursionError,
            ArithmeticError,
        ) as error:
            raise RegrowError(
                f"{name}: what it says of the clip it was shrunk from is damaged ({type(error).__name__}); "
                "get the file as regrow made it"
            ) from error


def _packed(numbers: list[int]) -> str:
    return base64.b64encode(zlib.compress(" ".join(map(str, numbers)).encode(), 9)).decode()


def _unpacked(text: str) -> list[int]:
    unpacker = zlib.decompressobj()
    data = unpacker.decompress(base64.b64decode(text, validate=True), LIMIT)
    if unpacker.unconsumed_tail:
        raise ValueError("too long")
    return [_bounded(int(n)) for n in data.split()]


def _bounded(number: Any, bound: int = LARGEST) -> int:
    if abs(number) > bound:
        raise ValueError("too large a number")
    return int(number)


def _nine(values: Any) -> tuple[int, ...]:
    numbers = tuple(_kind(v, int) for v in values)
    if len(numbers) != 9 or not all(-(2**31) <= n < 2**31 for n in numbers):
        raise ValueError("matrix")
    return numbers


def _kind(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise ValueError(f"{value!r}")
    return _bounded(value) if kind is int else value


def _positive(text: str) -> Fraction:
    if not _FRACTION.fullmatch(text):  # 1e999999999 would be computed for hours
        raise ValueError(text)
    value = Fraction(text)
    if not 0 < value < 2**31 or value.denominator > 2**31:
        raise ValueError(text)
    return value
