"""Results as words or JSON, on stdout."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from regrow import zoo
from regrow.errors import printable
from regrow.size import Size, scale_text, small_size

if TYPE_CHECKING:
    from regrow.api.rescale import Info
    from regrow.io.passport import Passport
    from regrow.runners.check import Checked


def print_comparison(figures: dict[str, dict[str, dict[str, float]]], *, as_json: bool) -> None:
    """One pair of pictures a line, PSNR in dB and SSIM under each protocol, or JSON."""
    from regrow.metrics.fidelity import for_json

    shown = {printable(name): by_protocol for name, by_protocol in figures.items()}
    width = max(map(len, [*shown, "picture"]))
    lines = [f"{'picture':{width}} {'rgb dB':>8} {'SSIM':>7} {'y dB':>8} {'SSIM':>7}"]
    for name, by_protocol in shown.items():
        rgb, y = by_protocol["rgb"], by_protocol["y"]
        lines.append(f"{name:{width}} {rgb['psnr']:8.2f} {rgb['ssim']:7.4f} {y['psnr']:8.2f} {y['ssim']:7.4f}")
    _print(for_json(figures), lines, as_json=as_json)


def print_info(info: Info, *, as_json: bool) -> None:
    """The fields of a passport, how a picture was restored, and the scale of its mark, a line each, or JSON."""
    passport = info.passport
    said = {} if passport is None else {"version": passport.version, **asdict(passport)}
    fields = {k: _without_bytes(v) for k, v in said.items() if v is not None}
    if info.restored is not None:
        fields["restored"] = info.restored
    more = {"scale": _own_scale(passport)} if passport else {}
    lines = [f"{name:12} {value}{more.get(name, '')}" for name, value in fields.items()]
    if info.mark is not None:
        fields["mark"] = info.mark
        lost = "" if passport else " (a small picture by regrow that lost its passport: grow --codec-model auto)"
        lines.append(f"{'mark':12} {info.mark:g}{lost}")
    _print(fields, lines, as_json=as_json)


def _own_scale(passport: Passport) -> str:
    """What the scale of the model is not: by how much the picture became smaller, where that is something else."""
    full, small = (passport.width, passport.height), Size(passport.small_width, passport.small_height)
    if small_size(full, (passport.scale, passport.scale)) == small:
        return ""
    across, down = (round(n / m, 2) for n, m in zip(full, small, strict=True))
    return f", the model's; the picture became {scale_text((across, down))} times smaller"


def print_checked(found: list[Checked], *, as_json: bool) -> None:
    """What is in files, a block of lines each, or JSON."""
    lines = []
    for one in found:
        lines.append(f"{printable(one.name)}")
        lines += [f"  {name:16} {printable(words)}" for name, words in one.seen.items()]
        for verb, words in one.lost.items():
            lines += [f"  {verb:16} {printable(word)}" for word in words or ["nothing is lost"]]
    _print([asdict(one) for one in found], lines, as_json=as_json)


def _without_bytes(value: Any) -> Any:
    """How much it is, where a value is bytes, or comments or chunks of them."""
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, tuple) and isinstance(value[0], bytes | tuple):
        parts = [part for item in value for part in (item if isinstance(item, tuple) else (item,))]
        return f"{sum(map(len, parts))} bytes"
    return value


def print_models(names: list[str], *, as_json: bool) -> None:
    """One model a line and what it does, or JSON with its settings."""
    width = max(map(len, names))
    lines = [f"{name:{width}}  {zoo.summary(name)}" for name in names]
    _print({name: {"summary": zoo.summary(name), **zoo.config(name)} for name in names}, lines, as_json=as_json)


def print_facts(facts: dict[str, Any], *, as_json: bool) -> None:
    """What a graph's metadata say, a line each, or as JSON."""
    width = max(map(len, facts))
    words = {k: " ".join(map(str, v)) if isinstance(v, list) else str(v) for k, v in facts.items()}
    _print(facts, [f"{name:{width}}  {value}" for name, value in words.items()], as_json=as_json)


def _print(values: Any, lines: list[str], *, as_json: bool) -> None:
    print(json.dumps(values, indent=2) if as_json else "\n".join(lines))
