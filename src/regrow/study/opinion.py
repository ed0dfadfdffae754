"""What people think of pictures: a blind set for them to rate, made of folders with a method's pictures each."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Callable
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np

from regrow.bench.pictures import labels
from regrow.errors import UsageError
from regrow.io.memory import read_rgb
from regrow.io.paths import atomic
from regrow.io.reader import open_picture
from regrow.io.search import find_pictures
from regrow.io.writer import PictureWriter

RATE, PAIR = "rate", "pair"
"""The questions: how good is a picture, and which of two is the photograph."""
SIDES = "left", "right"
KEY, PAGE = "key.csv", "page"

_TEMPLATE = Path(__file__).parent / "opinion.html"


@dataclass(frozen=True)
class Item:
    """What is asked once: a line of the key."""

    item: str
    """A name that says nothing."""
    question: str
    method: str
    picture: str
    real: str
    """On which side the photograph is; empty of what is rated."""

    @property
    def files(self) -> list[str]:
        """Of its pictures, from left to right."""
        return [f"{self.item}.png"] if self.question == RATE else [f"{self.item}-{side}.png" for side in SIDES]


def make(
    folders: list[Path],
    out: Path,
    *,
    real: Path | None = None,
    seed: int | None = None,
    report: Callable[[str], None] = lambda words: None,
) -> Path:
    """Make a page that asks people for their opinion, and a key that says what they saw.

    Pictures are copied as PNG under names that say nothing, upright, with their colour profile and no other metadata.

    Args:
        folders: one for each method, pictures of the same names but for the suffix, and of the same sizes.
        out: receives `page/index.html` with its pictures, to be handed to people, and `key.csv`, which is not.
        real: a folder with the photographs, of the same names: each method's picture is then shown beside the
            photograph, on a side that is drawn, and people say which is the photograph. Else they rate, from 1 to 5.
        seed: of what is drawn, to make the same set again.
        report: told what is being worked on.

    Returns:
        The page.

    Raises:
        UsageError: there is something in `out`, or the folders do not fit each other. RegrowError: a picture cannot be
            read.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out}: exists already, and a key is never overwritten; name a new folder")
    methods = labels([str(folder) for folder in folders])
    if len(methods) < len(folders):
        raise UsageError(f"{', '.join(map(str, folders))}: a folder is named twice; name each once")
    pictures = _matched([*folders, *([real] if real else [])])
    draw = random.Random(seed)
    items = []
    for name in pictures[0]:
        for folder, found in zip(folders, pictures, strict=False):
            token, side = f"{draw.getrandbits(48):012x}", draw.choice(SIDES) if real else ""
            question = PAIR if real else RATE
            items.append(
                (Item(token, question, methods[str(folder)], str(name), side), found[name], pictures[-1][name])
            )
    draw.shuffle(items)
    page = out / PAGE
    for item, made, photograph in items:
        report(f"{item.picture} {item.method}")
        sides = {"": [made], SIDES[0]: [photograph, made], SIDES[1]: [made, photograph]}[item.real]
        for source, file in zip(sides, item.files, strict=True):
            _copy(source, page / "pictures" / file)
    with atomic(out / KEY) as part, part.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(field.name for field in fields(Item))
        writer.writerows(astuple(item) for item, _, _ in items)
    asked = [{"item": item.item, "files": item.files} for item, _, _ in items]
    data = {"set": f"regrow-{draw.getrandbits(48):012x}", "question": items[0][0].question, "items": asked}
    with atomic(page / "index.html") as part:
        text = _TEMPLATE.read_text(encoding="utf-8").replace("__DATA__", json.dumps(data).replace("<", "\\u003c"))
        part.write_text(text, encoding="utf-8")
    return page / "index.html"


def _matched(folders: list[Path]) -> list[dict[Path, Path]]:
    """The pictures of every folder by name. UsageError where they differ in names or sizes."""
    found: list[dict[Path, Path]] = []
    for folder in folders:
        paths = list(find_pictures(folder)) if folder.is_dir() else []
        if not paths:
            raise UsageError(f"{folder}: no pictures there to ask about")
        named = {path.relative_to(folder).with_suffix(""): path for path in paths}
        if len(named) < len(paths):
            raise UsageError(f"{folder}: pictures differ by nothing but their suffix; keep one of each name")
        found.append(named)
        if named.keys() != found[0].keys():
            alone = sorted(map(str, named.keys() ^ found[0].keys()))
            what = f"{', '.join(alone[:5])}{' ...' if len(alone) > 5 else ''}"
            raise UsageError(f"{folders[0]} and {folder}: only one has {what}")
    for name, first in found[0].items():
        for other in found[1:]:
            if _size(other[name]) != _size(first):
                size, wanted = ("x".join(map(str, _size(path))) for path in (other[name], first))
                raise UsageError(f"{other[name]}: has {size} pixels and {first} {wanted}; make them alike")
    return found


def _size(path: Path) -> tuple[int, int]:
    opened = open_picture(path).upright()
    return opened.width, opened.height


def _copy(source: Path, target: Path) -> None:
    opened = open_picture(source).upright()
    pixels = read_rgb(np.concatenate(list(opened.rows())))
    icc = opened.icc if opened.colors == 3 else None  # a profile of grey is none of colours
    target.parent.mkdir(parents=True, exist_ok=True)
    with PictureWriter(target, width=pixels.shape[1], height=pixels.shape[0], colors=3, icc=icc) as writer:
        writer.write(pixels)
