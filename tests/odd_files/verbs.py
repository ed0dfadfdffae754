"""Which verbs an odd file goes through, and how large their results must be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

from odd_files.checks import Ran, faults, size_of
from odd_files.generate import OddFile

_PICTURES = (".png", ".png", ".png", ".jpg", ".webp", ".tif", ".avif")
_CLIPS = (".mkv", ".mkv", ".mp4", ".mov", ".avi", ".webm", "/%03d.png")
_SUREST = ((".mkv",), (".png", ".tif"))
"""What holds all that a small clip or picture came with."""
_WAYS = (("shrink", "grow"), ("shrink", "grow"), ("shrink", "grow"), ("upscale",), ("grow",))
_OPTIONS = {
    "shrink": ["--model", "tad-x2", "--device", "cpu"],
    "upscale": ["--model", "plain-x2", "--scale", "2", "--device", "cpu"],
    "grow": ["--device", "cpu"],
}

Run = Callable[[list[str], Path], Ran]
"""Runs the command with arguments, and looks at what is in a folder then."""
Size = tuple[int, int]


def tried(odd: OddFile, number: int, folder: Path, run: Run) -> tuple[str, list[str]]:
    """What became of a file ("refused", "shrunk", ...), and everything that was wrong with that."""
    rng = Random(number)
    source, results = folder / "in" / odd.name, folder / "out"
    source.parent.mkdir()
    results.mkdir()
    source.write_bytes(odd.data)
    found = [f"info: {fault}" for fault in faults(run(["info", str(source)], results))]
    verbs = ("grow",) if odd.seed.startswith("small") else rng.choice(_WAYS)
    outcome, size = "refused", None
    for verb in verbs:
        kinds = (_CLIPS, _PICTURES) if outcome == "refused" else _SUREST
        out = results / f"{verb}{rng.choice(kinds[0] if odd.is_clip else kinds[1])}"
        size = size or _wanted(verb, source)
        ran = run([verb, str(source), "-o", str(out), *_OPTIONS[verb]], results)
        result = out.parent if out.parent != results else out
        found += [f"{verb} to {out.name}: {fault}" for fault in faults(ran, result)]
        if outcome == "shrink" and ran.code:
            found.append(f"grow to {out.name}: what was shrunk is refused: {ran.err[:300]!r}")
        if ran.code:
            break
        found += [f"{verb} to {out.name}: {fault}" for fault in _wrong_size(verb, size, result)]
        outcome, source = verb, _moved(out, result, source.parent)
    return outcome, found


def _wanted(verb: str, source: Path) -> Size | None:
    """The size that growing back must give; of what is enlarged, the size that it has. None where it cannot be read."""
    import regrow
    from regrow.errors import RegrowError
    from regrow.runners.dispatch import header

    try:
        if verb == "grow":
            passport = regrow.info(source).passport
            return (passport.width, passport.height) if passport else None
        size = header(str(source)).size
        return size.width, size.height
    except RegrowError:
        return None


def _wrong_size(verb: str, size: Size | None, result: Path) -> list[str]:
    try:
        found = size_of(result)
    except Exception as error:
        return [f"result cannot be read: {type(error).__name__}: {error}"]
    if size is None:
        return ["makes a result of what has no size"]
    width, height = size
    wanted = {"shrink": (-(-width // 2), -(-height // 2)), "upscale": (2 * width, 2 * height), "grow": size}[verb]
    return [] if found in (wanted, wanted[::-1]) else [f"result has size {found} and not {wanted}"]


def _moved(out: Path, result: Path, folder: Path) -> Path:
    """A result, out of the folder of results, as the source of the next verb."""
    moved = result.rename(folder / result.name)
    return moved / out.name if result != out else moved
