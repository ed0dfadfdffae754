"""Which verbs an odd file goes through, and how large their results must be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

from odd_files.checks import Ran, faults, size_of
from odd_files.generate import OddFile, seeds

_PICTURES = (".png", ".png", ".png", ".jpg", ".webp", ".tif", ".avif")
_CLIPS = (".mkv", ".mkv", ".mp4", ".mov", ".avi", ".webm", "/%03d.png")
_SUREST = ((".mkv",), (".png", ".tif"))
"""What holds all that a small clip or picture came with."""
_WAYS = (("shrink", "grow"), ("shrink", "grow"), ("shrink", "grow"), ("upscale",), ("grow",))
_OPTIONS = {
    "shrink": (["--model", "tad-x2"], ["--model", "tad-x2"], ["--grey", "--scale", "2"]),
    "upscale": (["--model", "plain-x2"], ["--model", "bicubic"]),
    "grow": ([],),
}

Run = Callable[[list[str], Path], Ran]
"""Runs the command with arguments, and looks at what is in a folder then."""
Size = tuple[int, int]


def tried(odd: OddFile, number: int, folder: Path, run: Run) -> tuple[str, list[str]]:
    """What became of a file ("refused", "shrink", ...: the last verb), and everything that was wrong with that."""
    rng, results = Random(number), folder / "out"
    results.mkdir()
    source = _placed(odd, folder / "in", rng)
    asks = rng.choice(("info", "check"))
    found = [f"{asks}: {fault}" for fault in faults(run([asks, str(source)], results), silent=asks == "check")]
    verbs = ("grow",) if odd.seed.startswith("small") else rng.choice(_WAYS)
    outcome, size, is_clip = "refused", None, odd.is_clip or source.is_dir()
    partial = ["--partial"] if not is_clip and rng.randrange(3) == 0 else []
    for verb in verbs:
        kinds = (_CLIPS, _PICTURES) if outcome == "refused" else _SUREST
        out = results / f"{verb}{'.mkv' if source.is_dir() else rng.choice(kinds[0] if is_clip else kinds[1])}"
        size = size or _wanted(verb, source, out)
        options = ["--device", "cpu", "--max-pixels", "400000", *rng.choice(_OPTIONS[verb]), *partial]
        ran = run([verb, str(source), "-o", str(out), *options], results)
        result = out.parent if out.parent != results else out
        found += [f"{verb} to {out.name}: {fault}" for fault in faults(ran, result)]
        if outcome == "shrink" and ran.code and "take another container" not in ran.err:
            found.append(f"grow to {out.name}: what was shrunk is refused: {ran.err[:300]!r}")
        if ran.code:
            break
        wrong = _wrong_size(verb, size, result) if size or not partial else []
        found += [f"{verb} to {out.name}: {fault}" for fault in wrong]
        outcome, source = verb, _moved(out, result, folder / "in")
    return outcome, found


def _placed(odd: OddFile, folder: Path, rng: Random) -> Path:
    """The file where verbs find it; now and then a picture is one of the frames of a clip."""
    frames = not odd.is_clip and rng.randrange(12) == 0
    inside = folder / "frames" if frames else folder
    inside.mkdir(parents=True)
    path = inside / odd.name
    path.write_bytes(odd.data)
    for name in ("before", "with") if frames else ():
        path.with_stem(name).write_bytes(seeds("pictures")[odd.seed])
    return inside if frames else path


def _wanted(verb: str, source: Path, out: Path) -> Size | None:
    """The size that growing back must give; of what is enlarged, the size that it has. None where it cannot be read."""
    import regrow
    from regrow.errors import RegrowError
    from regrow.runners.dispatch import runner

    try:
        if verb == "grow":
            passport = regrow.info(source).passport
            return (passport.width, passport.height) if passport else None
        size = runner(str(source), str(out)).header(str(source)).size
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
