"""Write the figures of README.md, the pages of docs/ and benchmarks/, and the model cards from `benchmarks/results`.

    python benchmarks/tables.py --check     which pages differ from what would be written; exit code 1 if any
    python benchmarks/tables.py --write     write them

Tables stand between `<!-- figures: NAME -->` and `<!-- end -->` and are described in `benchmarks/tables.toml`; a figure
in a sentence stands between `<!-- figure: rgb results=x2 set=Set5 model=tad-x2 -->` and `<!-- end -->`, and says itself
which it is, in the words that `tables.toml` explains.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from regrow.bench.results import Summary

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
PAGES = "README.md", "benchmarks/README.md", "docs/*.md", "src/regrow/weights/*/README.md"

BLOCK = re.compile(r"(<!-- figures: ([^\n]+?) -->\n).*?(<!-- end -->)", re.DOTALL)
INLINE = re.compile(r"(<!-- figure: ([^\n]+?) -->)[^\n]*?(<!-- end -->)")
PLACEHOLDER = re.compile(r"\{([^{}]+)\}")

Row = Mapping[str, Any]


class TableError(Exception):
    """A table or placeholder that cannot be written: its words say which."""


class Figures:
    """Figures measured here, of `benchmarks/results`, and published ones, of `tables.toml`.

    Args:
        folder: with the summaries.
        published: tables by name: a `source`, and figures by name and then by set.
        digits: decimals of each figure.
    """

    def __init__(self, folder: Path, published: Mapping[str, Any], digits: Mapping[str, int]) -> None:
        self.summaries = {path.stem: Summary.read(path) for path in sorted(folder.glob("*.json"))}
        self.published, self.digits = published, digits
        self.used: set[str] = set()

    def text(self, placeholder: str, row: Row) -> str:
        """What stands for a placeholder; `row` gives what it does not say itself, and words by their names.

        Where the row has `sets`, the figures of all of them, with slashes between.
        """
        name, *words = placeholder.split()
        name = row.get("figure", name) if name == "figure" else name
        if not words and name in row:
            return str(row[name])
        said = {key: self._said(value, row) for key, _, value in (word.partition("=") for word in words) if value}
        shown = next((word for word in words if word.startswith(".")), f".{self.digits.get(name, 2)}f")
        divisor = next((float(word[1:]) for word in words if word.startswith("/")), 1.0)
        sets = said.pop("sets").split(",") if "sets" in said else row.get("sets")
        if sets and "set" not in said:
            texts = [self._number(name, {**row, **said, "set": one}, said, divisor, shown) for one in sets]
            return " / ".join(filter(None, texts))
        return self._number(name, {**row, **said}, said, divisor, shown)

    @staticmethod
    def _said(value: str, row: Row) -> str:
        """What is said of a key, by the row where it begins with @."""
        return str(row[value[1:]]) if value.startswith("@") else value

    def _number(self, name: str, where: Row, said: Row, divisor: float, shown: str) -> str:
        value = self.value(name, where, said)
        if value is None:
            return ""
        if "of" in said:
            value = 100 * value / self._there(said["of"], where, said)
        if "minus" in said:
            value -= self._there(name, {**where, "model": said["minus"]}, {**said, "model": said["minus"]})
        return format(value / divisor, "," + shown)

    def _there(self, name: str, where: Row, said: Row) -> float:
        value = self.value(name, where, said)
        if value is None:
            raise TableError(f"{name} of {where['results']} was not published for {where['set']}")
        return value

    def value(self, name: str, where: Row, said: Row) -> float | None:
        """One figure, or None where it was not published. TableError where there is none, or more than one.

        Of measured figures the row is taken that has the set or clip, the model, and what else is said.
        """
        results = where.get("results")
        if results in self.published:
            return self.published[results].get(name, {}).get(where["set"])
        if results not in self.summaries:
            raise TableError(f"{results}: no such file in benchmarks/results, and nothing published of that name")
        self.used.add(results)
        rows = self.summaries[results].rows
        keys = {key for key in ("set", "clip", "model", *said) if key in where and key in rows[0]}
        found = [row for row in rows if all(_same(row[key], where[key]) for key in keys)]
        if len(found) != 1 or name not in found[0]:
            asked = ", ".join(f"{key} {where[key]}" for key in sorted(keys))
            raise TableError(f"{name} in results/{results}.json with {asked}: {len(found)} rows are of that")
        return float(found[0][name])


def _same(value: Any, wanted: Any) -> bool:
    """Whether a value is the one that words ask for: 0.02 for "0.02"."""
    return float(value) == float(wanted) if isinstance(value, float) else str(value) == str(wanted)


class Tables:
    """The tables of `tables.toml` by name.

    Args:
        read: that file.
        figures: what they are made of.
    """

    def __init__(self, read: Mapping[str, Any], figures: Figures) -> None:
        self.layouts, self.figures = read["layouts"], figures
        self.tables = {name: {"rows": [{}], "model": name, **card} for name, card in read["cards"].items()}
        if twice := self.tables.keys() & read["tables"].keys():
            raise TableError(f"{', '.join(sorted(twice))}: in benchmarks/tables.toml as a card and as a table")
        self.tables |= read["tables"]

    def lines(self, name: str) -> list[str]:
        """A table in Markdown."""
        if name == "commands":
            return list(self._commands())
        if name not in self.tables:
            raise TableError(f"{name}: no such table in benchmarks/tables.toml")
        table = self.tables[name]
        layout = {**self.layouts.get(table.get("layout"), {}), **table}
        head = [str(column) for column in layout["columns"]]
        rows = [self._row(layout["cells"], row) for row in _expanded(table)]
        return [_line(head), "|" + "---|" * len(head), *map(_line, rows)]

    def _row(self, cells: Sequence[str], row: Row) -> list[str]:
        made = []
        for cell in row.get("cells", cells):
            text = PLACEHOLDER.sub(lambda match: self.figures.text(match[1], row), cell)
            bold = row.get("bold") and "{figure" in cell
            made.append(f"**{text}**" if bold else "" if text == "****" else text)
        return made

    def _commands(self) -> Iterator[str]:
        """What was measured when, and by which command."""
        yield from ("| results | measured | command |", "|---|---|---|")
        for name, summary in self.figures.summaries.items():
            command = summary.command.removesuffix(f" --summary benchmarks/results/{name}.json")
            yield f"| [`{name}`](results/{name}.json) | {summary.date} | `{command}` |"


def _expanded(table: Row) -> Iterator[Row]:
    """The rows of a table: each as often as it, or the table, has sets or clips to go over."""
    shared = {key: value for key, value in table.items() if key not in ("rows", "columns", "cells", "layout")}
    for outer in _each(shared):
        for row in table["rows"]:
            yield from _each({**outer, **row})


def _each(row: Row) -> Iterator[Row]:
    for name in ("set", "clip"):
        if f"each_{name}" in row:
            rest = {key: value for key, value in row.items() if key != f"each_{name}"}
            yield from ({**rest, name: one} for one in row[f"each_{name}"])
            return
    yield row


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def written(text: str, tables: Tables) -> str:
    """A page with its figures as the results have them. TableError where one cannot be had."""
    if len(re.findall(r"<!-- figures?:", text)) != len(BLOCK.findall(text)) + len(INLINE.findall(text)):
        raise TableError("a <!-- figure ... --> has no <!-- end --> where it should")
    if re.search(r"^ *<!-- figure:", text, re.MULTILINE):
        raise TableError("a figure stands at the start of a line, where Markdown takes the rest of it for HTML")
    text = BLOCK.sub(lambda m: "\n".join([m[1].rstrip("\n"), "", *tables.lines(m[2]), "", m[3]]), text)
    return INLINE.sub(lambda m: f"{m[1]}{tables.figures.text(m[2], {})}{m[3]}", text)


def load(root: Path = ROOT) -> Tables:
    """The tables of a repository."""
    read = tomllib.loads((root / "benchmarks" / "tables.toml").read_text(encoding="utf-8"))
    return Tables(read, Figures(root / "benchmarks" / "results", read["published"], read["digits"]))


def pages(root: Path = ROOT) -> list[Path]:
    """The pages that may hold figures."""
    return sorted(path for pattern in PAGES for path in root.glob(pattern))


def differing(root: Path = ROOT) -> dict[Path, str]:
    """The pages that differ from what would be written, and that. TableError where a page cannot be written."""
    tables, found = load(root), {}
    for path in pages(root):
        text = path.read_text(encoding="utf-8")
        try:
            new = written(text, tables)
        except TableError as error:
            raise TableError(f"{path.relative_to(root)}: {error}") from None
        if new != text:
            found[path] = new
    return found


def main() -> None:
    """Check or write; say which pages differ."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--check", action="store_true", help="exit code 1 where a page differs")
    group.add_argument("--write", action="store_true")
    given = parser.parse_args()
    try:
        found = differing()
    except TableError as error:
        sys.exit(str(error))
    for path, text in found.items():
        print(f"{'wrote' if given.write else 'differs:'} {path.relative_to(ROOT)}")
        if given.write:
            path.write_text(text, encoding="utf-8")
    if found and given.check:
        sys.exit(1)


if __name__ == "__main__":
    main()
