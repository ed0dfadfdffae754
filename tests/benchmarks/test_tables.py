"""Every figure on a page that comes from benchmarks/results is the one that is there."""

import importlib.util
import json
import re
import shutil
import sys
from pathlib import Path

import pytest

from regrow import zoo
from regrow.bench.results import Summary

ROOT = Path(__file__).parents[2]

spec = importlib.util.spec_from_file_location("benchmark_tables", ROOT / "benchmarks" / "tables.py")
tables = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tables)

PAGES = [str(path.relative_to(ROOT)) for path in tables.pages()]


@pytest.fixture(scope="module")
def written():
    """The tables of the repository."""
    return tables.load()


@pytest.mark.parametrize("page", PAGES)
def test_a_page_says_what_the_results_say(written, page):
    """`python benchmarks/tables.py --write` puts it right."""
    text = (ROOT / page).read_text(encoding="utf-8")
    assert tables.written(text, written) == text


def test_all_results_are_on_a_page_and_so_are_all_tables(written):
    texts = "".join((ROOT / page).read_text(encoding="utf-8") for page in PAGES)
    shown = {match[2] for match in tables.BLOCK.finditer(texts)}
    assert set(written.tables) | {"commands"} == shown
    for name in shown:
        written.lines(name)
    for match in tables.INLINE.finditer(texts):
        written.figures.text(match[2], {})
    assert written.figures.used == set(written.figures.summaries)


@pytest.mark.parametrize("name", [name for name in zoo.names() if not name.startswith("sofvsr")])
def test_the_figures_of_a_card_are_written(name):
    """Those of SOF-VSR come from benchmarks/couplings.py, which keeps no results."""
    card = (ROOT / "src/regrow/weights" / name / "README.md").read_text(encoding="utf-8")
    assert f"<!-- figures: {name} -->\n" in card


@pytest.mark.parametrize("path", sorted((ROOT / "benchmarks/results").glob("*.json")), ids=lambda path: path.stem)
def test_results_are_a_command_and_means(path):
    summary = Summary.read(path)
    assert re.match(r"(regrow (bench|study) |python benchmarks/)", summary.command)
    assert summary.command.endswith(f"--summary benchmarks/results/{path.name}")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", summary.date)
    assert not any("picture" in row for row in summary.rows)
    studied = "sigma", "scale", "lambda"  # numbers by which rows are told apart, too
    names = [
        tuple(str(value) for key, value in row.items() if key in studied or not isinstance(value, float))
        for row in summary.rows
    ]
    assert len(set(names)) == len(names)
    assert not any("our" in name for name in summary.rows[0])  # names are in American spelling


@pytest.fixture
def copy(tmp_path):
    """The pages, their tables and their results, elsewhere."""
    for page in PAGES:
        (tmp_path / page).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / page, tmp_path / page)
    shutil.copytree(ROOT / "benchmarks/results", tmp_path / "benchmarks/results")
    shutil.copy(ROOT / "benchmarks/tables.toml", tmp_path / "benchmarks")
    return tmp_path


@pytest.mark.parametrize(
    ("page", "figure"),
    [("README.md", "**38.99**"), ("src/regrow/weights/tad-x2/README.md", "| 40.36 |"), ("docs/upscaling.md", "37.15")],
)
def test_a_digit_that_was_changed_is_found_and_put_right(copy, page, figure):
    before = (copy / page).read_text(encoding="utf-8")
    assert tables.differing(copy) == {}
    changed = figure.replace(re.search(r"\d", figure)[0], "7", 1)
    (copy / page).write_text(before.replace(figure, changed, 1), encoding="utf-8")
    assert tables.differing(copy) == {copy / page: before}


def test_results_that_were_measured_again_are_found(copy):
    path = copy / "benchmarks/results/x2.json"
    path.write_text(path.read_text().replace("38.9883", "39.9883"))
    found = tables.differing(copy)
    assert {str(page.relative_to(copy)) for page in found} == {
        "README.md", "benchmarks/README.md", "src/regrow/weights/tad-x2/README.md"
    }  # fmt: skip
    assert all("39.99" in text for text in found.values())


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (("<!-- end -->", ""), "has no <!-- end -->"),
        (("<!-- figures: tad-x2 -->", "<!-- figures: tad-x9 -->"), "tad-x9: no such table"),
        (("results=formats", "results=nowhere"), "nowhere: no such file"),
        (("format=jpg", "format=gif"), "format gif, set Set5: 0 rows"),
        (("As JPEG of quality 100 they regrow at <", "\n<"), "start of a line"),
        (("rgb results=formats", "psnr results=formats"), "psnr in results/formats.json"),
    ],
)
def test_a_page_that_cannot_be_written_is_named(copy, damage, words):
    page = copy / "src/regrow/weights/tad-x2/README.md"
    text = page.read_text(encoding="utf-8")
    assert damage[0] in text
    page.write_text(text.replace(*damage), encoding="utf-8")
    with pytest.raises(tables.TableError, match=f"tad-x2/README.md: .*{words}"):
        tables.differing(copy)


def test_the_command_says_whether_pages_differ(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["tables.py", "--check"])
    tables.main()
    assert capsys.readouterr() == ("", "")
    page = next(iter(tables.pages()))
    monkeypatch.setattr(tables, "differing", lambda: {page: ""})
    with pytest.raises(SystemExit) as stop:
        tables.main()
    assert (stop.value.code, capsys.readouterr().out) == (1, f"differs: {page.relative_to(ROOT)}\n")


@pytest.fixture
def figures(tmp_path):
    rows = [
        ["a", "m", 3, "2", 0.0, 1234.56, 0.5, "inf"],
        ["a", "n", 3, "2", 0.0, 1000.0, 0.25, 2.0],
        ["a", "s", 3, "2", 0.1, 7.0, 0.25, 2.0],
        ["a", "s", 3, "2", 0.02, 8.0, 0.25, 2.0],
        ["b", "m", 1, "2", 0.0, 1.0, 0.75, 2.0],
    ]
    columns = ["set", "model", "count", "scale", "sigma", "rgb", "ssim", "small"]
    content = {"command": "c", "date": "d", "columns": columns, "rows": rows}
    (tmp_path / "r.json").write_text(json.dumps(content))
    return tables.Figures(tmp_path, {"theirs": {"source": "s", "rgb": {"a": 9.0}}}, {"ssim": 4})


@pytest.mark.parametrize(
    ("placeholder", "text"),
    [
        ("rgb", "1,234.56"),
        ("rgb .0f", "1,235"),
        ("rgb /1000 .1f", "1.2"),
        ("rgb model=n", "1,000.00"),
        ("rgb set=b", "1.00"),
        ("rgb minus=n", "234.56"),
        ("ssim of=rgb set=b .0f", "75"),
        ("ssim", "0.5000"),
        ("small", "inf"),
        ("rgb model=s sigma=0.1", "7.00"),
        ("rgb model=s sigma=.02", "8.00"),
        ("rgb sets=a,b", "1,234.56 / 1.00"),
        ("rgb model=@other", "1,000.00"),
        ("rgb results=theirs", "9.00"),
        ("rgb results=theirs set=b", ""),
        ("rgb results=theirs sets=a,b", "9.00"),
        ("label", "in words"),
        ("figure", "0.5000"),
    ],
)
def test_placeholders(figures, placeholder, text):
    row = {"results": "r", "set": "a", "model": "m", "label": "in words", "other": "n", "figure": "ssim"}
    assert figures.text(placeholder, row) == text


@pytest.mark.parametrize("placeholder", ["rgb model=s", "rgb model=x", "psnr", "rgb results=x", "rgb set=c"])
def test_a_figure_that_is_not_there_once_is_an_error(figures, placeholder):
    with pytest.raises(tables.TableError):
        figures.text(placeholder, {"results": "r", "set": "a", "model": "m"})


def test_rows_go_over_sets(figures):
    table = {
        "results": "r", "columns": ["set", "PSNR"], "cells": ["{set}", "**{rgb}**"], "each_set": ["a", "b"],
        "rows": [{"model": "m"}],
    }  # fmt: skip
    made = tables.Tables({"layouts": {}, "cards": {}, "tables": {"t": table}}, figures)
    assert made.lines("t") == ["| set | PSNR |", "|---|---|", "| a | **1,234.56** |", "| b | **1.00** |"]


def test_a_card_is_the_table_of_its_model(figures):
    read = {"layouts": {"l": {"columns": ["s"], "cells": ["{rgb}"]}}, "tables": {}}
    cards = {
        "m": {"layout": "l", "results": "r", "each_set": ["b"]},
        "x": {"layout": "l", "results": "r", "model": "n", "set": "a"},
    }
    made = tables.Tables({**read, "cards": cards}, figures)
    assert (made.lines("m")[2:], made.lines("x")[2:]) == (["| 1.00 |"], ["| 1,000.00 |"])
    with pytest.raises(tables.TableError, match=r"m: in benchmarks/tables\.toml as a card and as a table"):
        tables.Tables({**read, "cards": cards, "tables": {"m": {}}}, figures)
