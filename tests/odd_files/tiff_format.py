"""TIFF, and the EXIF blocks that are TIFF as well, changed in place so that offsets stay what they were."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from random import Random

from odd_files.parts import odd_number

TAGS = (254, 256, 257, 258, 259, 262, 266, 270, 273, 274, 277, 278, 279, 282, 284, 296, 301, 305, 317, 320, 322, 323,
        324, 325, 330, 338, 339, 347, 513, 514, 529, 530, 531, 532, 700, 33723, 34377, 34665, 34675, 37724, 50706,
        65000)  # fmt: skip


def tiff_changed(rng: Random, data: bytes) -> tuple[bytes, str]:
    """A TIFF with one thing changed in its directories, and how. IndexError where there are none."""
    order, at, count = rng.choice(list(_directories(data)))
    change = rng.choice((_field, _field, _field, _field, _tag, _next, _swap, _double, _count, _order))
    changed = bytearray(data)
    change(rng, changed, order, at, count)
    return bytes(changed[: len(data)]), f"{change.__name__.strip('_')} of an IFD"


def _directories(data: bytes) -> Iterator[tuple[str, int, int]]:
    """Byte order, place and number of entries of the directories of a classic TIFF, those of EXIF included."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    todo, seen = [struct.unpack_from(f"{order}I", data, 4)[0]] if order and len(data) >= 8 else [], set()
    while todo:
        at = todo.pop()
        if at in seen or not 8 <= at <= len(data) - 6:
            continue
        seen.add(at)
        count = min(struct.unpack_from(f"{order}H", data, at)[0], (len(data) - at - 6) // 12)
        if count:
            yield str(order), at, count
        for n in range(count):
            tag, _, _, value = struct.unpack_from(f"{order}HHII", data, at + 2 + 12 * n)
            todo += [value] if tag in (330, 34665, 34853) else []
        todo.append(struct.unpack_from(f"{order}I", data, at + 2 + 12 * count)[0])


def _field(rng: Random, data: bytearray, order: str, at: int, count: int) -> None:
    """Another type, count or value."""
    entry = at + 2 + 12 * rng.randrange(count)
    code, where = rng.choice((("H", 2), ("I", 4), ("I", 8), ("H", 8), ("H", 10)))
    was = struct.unpack_from(order + code, data, entry + where)[0]
    number = rng.randrange(20) if where == 2 else odd_number(rng, was, struct.calcsize(code))
    number = rng.choice((number, number, rng.randrange(12)))
    struct.pack_into(order + code, data, entry + where, number)


def _tag(rng: Random, data: bytearray, order: str, at: int, count: int) -> None:
    struct.pack_into(f"{order}H", data, at + 2 + 12 * rng.randrange(count), rng.choice(TAGS))


def _next(rng: Random, data: bytearray, order: str, at: int, count: int) -> None:
    """The directory that follows: itself, the first, nowhere."""
    where = rng.choice((at, 8, len(data) - 2, 2**32 - 1, 2, rng.randrange(len(data))))
    struct.pack_into(f"{order}I", data, at + 2 + 12 * count, where)


def _swap(rng: Random, data: bytearray, order: str, at: int, count: int) -> None:
    a, b = (at + 2 + 12 * rng.randrange(count) for _ in range(2))
    data[a : a + 12], data[b : b + 12] = data[b : b + 12], data[a : a + 12]


def _double(rng: Random, data: bytearray, order: str, at: int, count: int) -> None:
    """One entry in place of another."""
    a, b = (at + 2 + 12 * rng.randrange(count) for _ in range(2))
    data[a : a + 12] = data[b : b + 12]


def _count(rng: Random, data: bytearray, order: str, at: int, count: int) -> None:
    struct.pack_into(f"{order}H", data, at, odd_number(rng, count, 2))


def _order(rng: Random, data: bytearray, order: str, at: int, count: int) -> None:
    data[:4] = rng.choice((b"MM\0*", b"II*\0", b"II+\0", b"MM\0+", b"IIRO", b"II\xbc\1"))
