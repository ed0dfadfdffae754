"""Texts inside files, changed as texts: XMP packets with passports, JSON, PNG texts, date and time."""

from __future__ import annotations

import re
from random import Random

ODD_TEXTS = (b"", b"-1", b"0", b"1e999", b"NaN", b"99999999999999999999", b"1000000", b"65537", b"True", b"null", b"[]",
             b"../../etc/passwd", b"%s%n", b"\x00", b"\xff\xfe", b"\xed\xa0\x80", b"a\nb\rc", b"\x1b[31m", b"&#0;",
             b"&lt;", b"A" * 70000, b"\xe2\x80\xae", b"{" * 2000, b"<a>" * 2000)  # fmt: skip
_BOMB = b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
_VALUE = re.compile(rb'(?<=[">:=])[^"<>:=,{}\[\]]+(?=["<,}])')
_PIECE = re.compile(rb'<[^>]*>|[\w:]+="[^"]*"|"[^"]*": *[^,}]*,?')


def text_changed(rng: Random, data: bytes) -> bytes:
    """Another value, a piece gone or there twice, another encoding, a declaration that grows."""
    return rng.choice((_value, _value, _value, _digit, _digit, _piece, _encoding, _declared, _cut))(rng, data)


def is_text(data: bytes) -> bool:
    """Whether bytes hold a text worth changing as one."""
    return any(mark in data for mark in (b"x:xmpmeta", b"regrow", b'{"', b"rdf:RDF"))


def _replaced(rng: Random, data: bytes, pattern: re.Pattern[bytes], by: list[bytes]) -> bytes:
    found = list(pattern.finditer(data))
    if not found:
        return data + rng.choice(ODD_TEXTS)
    one = rng.choice(found)
    return data[: one.start()] + rng.choice([*by, one[0] * 2]) + data[one.end() :]


def _value(rng: Random, data: bytes) -> bytes:
    return _replaced(rng, data, _VALUE, list(ODD_TEXTS))


def _digit(rng: Random, data: bytes) -> bytes:
    return _replaced(rng, data, re.compile(rb"\d+"), [str(rng.choice((0, 1, 7, 48, 1000, 2**31, 2**64))).encode()])


def _piece(rng: Random, data: bytes) -> bytes:
    return _replaced(rng, data, _PIECE, [b""])


def _encoding(rng: Random, data: bytes) -> bytes:
    text = data.decode("latin-1")
    return rng.choice(
        (text.encode("utf-16"), text.encode("utf-32-be"), b"\xef\xbb\xbf" + data, data.replace(b'"', b"'"))
    )


def _declared(rng: Random, data: bytes) -> bytes:
    at = max(0, data.find(b"<x:xmpmeta"))
    return data[:at] + _BOMB + data[at:].replace(b'="', b'="&b;', 1)


def _cut(rng: Random, data: bytes) -> bytes:
    return data[: rng.randint(0, len(data))]
