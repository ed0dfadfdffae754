"""The passport as one line of ASCII, for small files in which every byte counts; docs/passport.md specifies it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from regrow.size import Size, small_size

VERSION = 2
"""The newest version; version 1 has no such line."""
SHORT = 8
"""Digits of a digest in the line."""
MOST = 512
"""Bytes of a line: twice as many as all its fields can need."""
AVERAGED = "averaged"
"""What `alpha` says where no model shrank it."""

_BEGIN = re.compile(rb"regrow/([0-9]{1,7}) ")
_NUMBER = re.compile(r"[1-9][0-9]{0,6}")
_SIZE = re.compile(r"([1-9][0-9]{0,6})x([1-9][0-9]{0,6})")
_DIGEST = re.compile(f"[0-9a-f]{{{SHORT}}}")
_SIDE = re.compile(r"[0-9]{1,6}(\.[0-9]{1,11})?")
_FIELD = re.compile(r"([a-z_]{1,32})=([!-~]+)")
_WORDS = ("version", "model", "digest", "size")
_COUNTS = ("depth", "colours", "refined", "quality")


def is_passport(data: bytes) -> bool:
    """Whether a text begins as the line does, in any version.

    Examples:
        >>> from regrow.io.passport_text import is_passport
        >>> is_passport(b"regrow/2 tad-x2 1a2b3c4d 57x31"), is_passport(b"regrow is fine")
        (True, False)
    """
    return _BEGIN.match(data) is not None


def version_of(text: bytes) -> int:
    """The version that the line says. ValueError where it says none."""
    begin = _BEGIN.match(text)
    if begin is None:
        raise ValueError("version is missing")
    return number(begin[1].decode())


def number(text: str) -> int:
    """A whole number above 0, of at most seven digits. ValueError for anything else."""
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is not a number of the kind expected")
    return int(text)


def scale(text: str) -> float:
    """A scale: a whole number, or 1.5. ValueError for anything else."""
    return 1.5 if text == "1.5" else number(text)


def written(said: Mapping[str, Any]) -> bytes:
    """The line, from the fields of a passport by their names. What is usual is left out."""
    size, small = Size(said["width"], said["height"]), Size(said["small_width"], said["small_height"])
    by, alpha = said["scale"], AVERAGED if said["alpha"] else ""
    if said["alpha_model"]:
        alpha = f"{said['alpha_model']}:{said['alpha_digest'][:SHORT]}"
    fields = {
        "scale": "" if by == 2 else f"{by:g}",
        "small": "" if small == small_size(size, (by, by)) else small,
        "depth": "" if said["depth"] == 8 else said["depth"],
        "colours": "" if said["colours"] == 3 else said["colours"],
        "alpha": alpha,
        "refined": said["refined"] or "",
        "quality": said["quality"] or "",
        "asked": said["asked"] or "",
        "resolution": resolution_text(said["resolution"]),
    }
    words = [f"regrow/{VERSION}", said["model"], said["digest"][:SHORT], size]
    words += [f"{name}={value}" for name, value in fields.items() if value]
    return " ".join(map(str, words)).encode("ascii")


def resolution_text(sides: tuple[float, float] | None) -> str:
    """A resolution in pixels per millimetre, to seven digits; empty where there is none or it is too small."""
    texts = [f"{side:.7g}" for side in sides or ()]
    if not all(map(_SIDE.fullmatch, texts)):
        return ""
    return "x".join(texts[:1] if texts[:1] == texts[1:] else texts)


def _resolution(text: str) -> tuple[float, float]:
    texts = text.split("x")
    if len(texts) > 2 or not all(map(_SIDE.fullmatch, texts)) or not all(map(float, texts)):
        raise ValueError(f"{text[:40]!r} is no resolution")
    return float(texts[0]), float(texts[-1])


def read(text: bytes) -> dict[str, Any]:
    """The fields of a passport by their names. ValueError, naming the field, where the line does not say them."""
    if len(text) > MOST:
        raise ValueError(f"it has {len(text)} bytes")
    words = text.rstrip(b"\0\r\n ").decode("ascii").split(" ")
    if len(words) < len(_WORDS):
        raise ValueError(f"{_WORDS[len(words)]} is missing")
    _, model, digest, size = words[: len(_WORDS)]
    fields: dict[str, str] = {}
    for word in words[len(_WORDS) :]:
        field = _FIELD.fullmatch(word)
        if field is None:
            raise ValueError(f"{word[:40]!r} is no field")
        if field[1] in fields:
            raise ValueError(f"{field[1]} is said twice")
        fields[field[1]] = field[2]
    said: dict[str, Any] = {"model": model, "digest": _digest("digest", digest)}
    said["scale"] = named("scale", scale, fields.get("scale", "2"))
    said["width"], said["height"] = whole = _sides("size", size)
    usual = small_size(whole, (said["scale"], said["scale"]))
    said["small_width"], said["small_height"] = _sides("small", fields["small"]) if "small" in fields else usual
    said |= {"depth": 8, "colours": 3}
    said |= {name: named(name, number, fields[name]) for name in _COUNTS if name in fields}
    if "asked" in fields:
        said["asked"] = fields["asked"]
    if "resolution" in fields:
        said["resolution"] = named("resolution", _resolution, fields["resolution"])
    return said | _alpha(fields.get("alpha"))


def named(name: str, reader: Any, text: str) -> Any:
    """What a reader makes of a field's text. ValueError, naming the field, where it makes nothing of it."""
    try:
        return reader(text)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{name}: {error}") from error


def _alpha(text: str | None) -> dict[str, Any]:
    if text in (None, AVERAGED):
        return {"alpha": text is not None}
    model, colon, digest = (text or "").partition(":")
    if not colon:
        raise ValueError(f"alpha is {text!r}")
    return {"alpha": True, "alpha_model": model, "alpha_digest": _digest("alpha", digest)}


def _digest(name: str, text: str) -> str:
    if not _DIGEST.fullmatch(text):
        raise ValueError(f"{name} is {text[:80]!r}")
    return text


def _sides(name: str, text: str) -> tuple[int, int]:
    found = _SIZE.fullmatch(text)
    if found is None:
        raise ValueError(f"{name} is {text[:40]!r}")
    return int(found[1]), int(found[2])
