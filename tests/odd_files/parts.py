"""Files as trees of parts, whatever the format calls them: chunks, segments, boxes, elements, packets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

NUMBERS = (0, 1, 2, 3, 7, 8, 16, 127, 128, 255, 256, 4096, 32767, 32768, 65535, 65536, 10**6, 2**24,
           2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1)  # fmt: skip
"""What a field is never expected to say."""


@dataclass
class Part:
    """A piece of a file. What it holds are bytes and, after them, parts."""

    kind: bytes
    body: bytes = b""
    parts: list[Part] = field(default_factory=list)
    length: int | None = None
    """A lie about its length."""
    checksum: int | None = None
    """A lie about its checksum, where the format has one."""
    width: int = 8
    """Bytes that its length takes, where the format leaves the choice."""

    def copy(self) -> Part:
        return Part(self.kind, self.body, [part.copy() for part in self.parts], self.length, self.checksum, self.width)


def families(parts: list[Part]) -> Iterator[list[Part]]:
    """Every list of parts that there is in a tree."""
    yield parts
    for part in parts:
        if part.parts:
            yield from families(part.parts)


def odd_number(rng: Random, was: int, size: int) -> int:
    """A number of `size` bytes in place of one that was there."""
    near = (was + 1, was - 1, 2 * was, was // 2, was ^ (1 << rng.randrange(8 * size)), rng.getrandbits(8 * size))
    return rng.choice((*near, *NUMBERS)) % 256**size


def number_changed(rng: Random, data: bytes) -> bytes:
    """Bytes with another number somewhere, more often near the start, where headers are."""
    size = rng.choice((1, 2, 4, 4, 8))
    last = len(data) - size
    if last < 0:
        return data
    at = rng.randint(0, rng.choice((min(last, 16), min(last, 64), last)))
    order = rng.choice(("big", "little"))
    number = odd_number(rng, int.from_bytes(data[at : at + size], order), size)  # type: ignore[arg-type]
    return data[:at] + number.to_bytes(size, order) + data[at + size :]  # type: ignore[arg-type]


def flipped(rng: Random, data: bytes) -> bytes:
    damaged = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8)) if data else 0):
        damaged[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def span_changed(rng: Random, data: bytes) -> bytes:
    """Bytes of which a span is gone, there twice, zero, or noise."""
    start = rng.randint(0, len(data))
    end = min(len(data), start + rng.choice((1, 2, 4, 16, 100, len(data))))
    span = data[start:end]
    put = rng.choice((b"", span * 2, bytes(len(span)), rng.randbytes(len(span)), b"\xff" * len(span)))
    return data[:start] + put + data[end:]


def resized(rng: Random, data: bytes) -> bytes:
    cut = data[: rng.choice((0, 1, rng.randint(0, len(data)), max(0, len(data) - 1)))]
    return rng.choice((cut, cut, data + rng.randbytes(rng.choice((1, 3, 1000))), data + bytes(2**16)))


def parts_changed(rng: Random, parts: list[Part], others: list[Part]) -> str:
    """Change a tree in one place, and say how. `others` are parts of another file of the format.

    IndexError where there are no parts.
    """
    places: dict[bytes, list[tuple[list[Part], int]]] = {}
    for family in families(parts):
        for at, part in enumerate(family):
            places.setdefault(part.kind, []).append((family, at))
    # Kinds are drawn before parts, for frames are many and headers few.
    family, at = rng.choice(places[rng.choice(sorted(places))])
    part, change = family[at], rng.choice(_CHANGES)
    change(rng, family, at, others)
    return f"{change.__name__.strip('_')} {part.kind!r}"


def _drop(rng: Random, family: list[Part], at: int, others: list[Part]) -> None:
    del family[at]


def _double(rng: Random, family: list[Part], at: int, others: list[Part]) -> None:
    family[at:at] = [family[at].copy() for _ in range(rng.choice((1, 1, 2, 300)))]


def _move(rng: Random, family: list[Part], at: int, others: list[Part]) -> None:
    family.insert(rng.randint(0, len(family)), family.pop(at))


def _shuffle(rng: Random, family: list[Part], at: int, others: list[Part]) -> None:
    rng.shuffle(family)


def _foreign(rng: Random, family: list[Part], at: int, others: list[Part]) -> None:
    stranger = rng.choice(rng.choice(list(families(others))) or [Part(b"????")]).copy()
    family[at : at + rng.randint(0, 1)] = [stranger]


def _nest(rng: Random, family: list[Part], at: int, others: list[Part]) -> None:
    inner = family[at].copy()
    for _ in range(rng.choice((1, 5, 300))):
        inner = Part(inner.kind, family[at].body[:64], [inner])
    family[at] = inner


def _rename(rng: Random, family: list[Part], at: int, others: list[Part]) -> None:
    known = [part.kind for some in families(others) for part in some]
    family[at].kind = rng.choice((flipped(rng, family[at].kind), rng.choice(known or [b"abcd"])))


def _lie(rng: Random, family: list[Part], at: int, others: list[Part]) -> None:
    if rng.randrange(4):
        family[at].length = odd_number(rng, len(family[at].body), rng.choice((1, 2, 4, 8)))
    else:
        family[at].checksum = rng.getrandbits(32)


def _number(rng: Random, family: list[Part], at: int, others: list[Part]) -> None:
    family[at].body = number_changed(rng, family[at].body)


def _flip(rng: Random, family: list[Part], at: int, others: list[Part]) -> None:
    family[at].body = flipped(rng, family[at].body)


def _span(rng: Random, family: list[Part], at: int, others: list[Part]) -> None:
    family[at].body = span_changed(rng, family[at].body)


def _resize(rng: Random, family: list[Part], at: int, others: list[Part]) -> None:
    family[at].body = resized(rng, family[at].body)


_CHANGES = (_drop, _double, _move, _shuffle, _foreign, _nest, _rename, _lie, _number, _number, _number, _number,
            _flip, _span, _resize)  # fmt: skip
