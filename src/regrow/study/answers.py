"""What people have answered to the questions of `regrow.study.opinion`, as scores of the methods."""

from __future__ import annotations

import csv
from dataclasses import fields
from pathlib import Path
from typing import Any

from regrow.errors import RegrowError, UsageError
from regrow.metrics.intervals import mean_interval, wilson
from regrow.study.opinion import PAIR, RATE, SIDES, Item

ANSWERS = {RATE: ("1", "2", "3", "4", "5"), PAIR: SIDES}
COLUMNS = ["item", "answer"]


def scores(key: Path, files: list[Path]) -> list[dict[str, Any]]:
    """The mean opinion score of every method, or how often it was taken for the photograph.

    Args:
        key: as `opinion.make` has written it.
        files: the answers of one person each; not all questions need be answered.

    Returns:
        A row for each method and question, best first: who was asked, how many answers there are, and, with their
        intervals of 95 % confidence, `score`, the mean of the ratings from 1 to 5, or of pairs `fooled_percent`, the
        share of wrong answers, which is 50 where people cannot tell. Answers count as independent of each other.

    Raises:
        UsageError: no file, or one twice. RegrowError: a file cannot be read or is not what it should be.
    """
    if not files or len({path.resolve() for path in files}) < len(files):
        raise UsageError(f"answers {', '.join(map(str, files)) or 'are missing'}: give the file of each person once")
    items = read_key(key)
    given: dict[tuple[str, str], list[float]] = {}
    people: dict[tuple[str, str], int] = {}
    for path in files:
        seen = set()
        for name, answer in read_answers(path, items).items():
            item = items[name]
            value = float(answer) if item.question == RATE else float(answer != item.real)
            group = item.question, item.method
            given.setdefault(group, []).append(value)
            seen.add(group)
        for group in seen:
            people[group] = people.get(group, 0) + 1
    if not given:
        raise RegrowError(f"{', '.join(map(str, files))}: nobody has answered anything")
    rows = []
    for (question, method), values in given.items():
        if question == RATE:
            score, low, high = mean_interval(values)
        else:
            score, low, high = (100 * share for share in wilson(int(sum(values)), len(values)))
        rows.append({"question": question, "method": method, "people": people[question, method],
                     "answers": len(values), _MEANT[question]: score, "low": low, "high": high})  # fmt: skip
    return sorted(rows, key=lambda row: -row[_MEANT[row["question"]]])


_MEANT = {RATE: "score", PAIR: "fooled_percent"}


def read_key(path: Path) -> dict[str, Item]:
    """The items of a key by name. RegrowError where it is none."""
    items: dict[str, Item] = {}
    for line, row in _rows(path, [field.name for field in fields(Item)]):
        item = Item(*row)
        if item.item in items:
            raise RegrowError(f"{path}, line {line}: item {item.item[:40]!r} is there twice")
        if item.question not in ANSWERS or item.real not in (("",) if item.question == RATE else SIDES):
            raise RegrowError(f"{path}, line {line}: is not of a key; expected what `study opinion make` has written")
        items[item.item] = item
    if len({item.question for item in items.values()}) != 1:
        raise RegrowError(f"{path}: is no key; expected items of one question, as `study opinion make` writes them")
    return items


def read_answers(path: Path, items: dict[str, Item]) -> dict[str, str]:
    """The answers of a file by item. RegrowError where one cannot be."""
    answers: dict[str, str] = {}
    for line, (item, answer) in _rows(path, COLUMNS):
        where = f"{path}, line {line}"
        if item not in items:
            raise RegrowError(f"{where}: item {item[:40]!r} is not in the key; is the file of another set?")
        if item in answers:
            raise RegrowError(f"{where}: item {item} is answered twice; keep one of the answers")
        allowed = ANSWERS[items[item].question]
        if answer not in allowed:
            raise RegrowError(f"{where}: answer {answer[:40]!r} to {item} is none of {', '.join(allowed)}")
        answers[item] = answer
    return answers


def _rows(path: Path, columns: list[str]) -> list[tuple[int, list[str]]]:
    """The rows of a CSV file with their lines, after the one that names the columns."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:  # editors of tables put a mark at the start
            reader = csv.reader(stream, strict=True)
            rows = [(reader.line_num, row) for row in reader if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        what = getattr(error, "strerror", None) or error
        raise RegrowError(f"{path}: not a readable CSV file: {what}") from None
    if not rows or rows[0][1] != columns:
        found = ",".join(rows[0][1])[:80] if rows else "nothing"
        raise RegrowError(f"{path}: has the columns {found!r}; expected {','.join(columns)}")
    for line, row in rows:
        if len(row) != len(columns):
            raise RegrowError(f"{path}, line {line}: has {len(row)} values; expected {','.join(columns)}")
    return rows[1:]
