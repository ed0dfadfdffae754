import csv
import json
import math

import pytest

from regrow.bench.results import Result, Summary, means, summary, summary_rows, write
from regrow.bench.table import Column, lines
from regrow.errors import RegrowError


def picture(name, model="m", folder="a", refine=0, peak=1.0, **figures):
    return Result(
        {"set": folder, "picture": name},
        model,
        {"refine": refine},
        {**figures, "peak_mib": peak},
        {"curve": (1.0, 2.0)},
    )


def test_means_are_those_of_a_set_a_model_and_a_setting():
    results = [
        picture("1", rgb=30.0), picture("1", "n", rgb=10.0), picture("2", rgb=33.0, peak=5.0), picture("3", rgb=36.0),
        picture("1", refine=5, rgb=40.0), picture("1", folder="b", rgb=50.0),
    ]  # fmt: skip
    merged = means(results)
    assert [(r["set"], r["picture"], r.model, r["refine"], r["rgb"], r.count) for r in merged] == [
        ("a", "mean", "m", 0, 33.0, 3),
        ("a", "mean", "n", 0, 10.0, 1),
        ("a", "mean", "m", 5, 40.0, 1),
        ("b", "mean", "m", 0, 50.0, 1),
    ]
    assert merged[0]["peak_mib"] == 5  # the largest


def test_curves_are_averaged_as_far_as_the_shortest_goes():
    results = [Result({"clip": str(i)}, "m", {}, {}, {"y": tuple(range(i, i + 2 + i))}) for i in range(2)]
    (mean,) = means(results)
    assert mean.curves["y"] == (0.5, 1.5)
    assert mean["clip"] == "mean"


@pytest.mark.parametrize("value", [math.inf, -math.inf])
def test_infinite_figures_make_infinite_means(value):
    (mean,) = means([picture("1", small=value), picture("2", small=40.0)])
    assert mean["small"] == value


def test_users_files_hold_every_picture(tmp_path):
    results = [picture("1", rgb=30.12345678, small=math.inf), picture("2", rgb=40.0, small=math.nan)]
    write(results, tmp_path)
    with (tmp_path / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(r["set"], r["picture"], r["model"], r["rgb"]) for r in rows] == [
        ("a", "1", "m", "30.1235"),
        ("a", "2", "m", "40.0"),
    ]
    read = json.loads((tmp_path / "results.json").read_text(), parse_constant=pytest.fail)
    assert [row["picture"] for row in read["pictures"]] == ["1", "2"]
    assert [row["picture"] for row in read["means"]] == ["mean"]
    assert "curve" not in read["pictures"][0]


def test_a_summary_keeps_means_and_how_many_pictures_they_are_of(tmp_path):
    results = [picture(str(i), rgb=30.00004 + i, small=math.inf) for i in range(3)]
    made = summary(summary_rows(results), "regrow bench a")
    made.write(tmp_path / "a.json")
    again = Summary.read(tmp_path / "a.json")
    assert again.command == "regrow bench a"
    assert again.date == made.date
    assert dict(again.versions) == dict(made.versions)
    assert again.rows == [
        {"set": "a", "model": "m", "count": 3, "refine": 0, "rgb": 31.0, "small": math.inf, "peak_mib": 1.0}
    ]


def test_a_summary_is_a_line_for_each_row(tmp_path):
    rows = summary_rows([picture("1", folder=folder, rgb=30.0) for folder in "abc"])
    summary(rows, "c").write(tmp_path / "s.json")
    text = (tmp_path / "s.json").read_text()
    json.loads(text, parse_constant=pytest.fail)
    assert [line for line in text.splitlines() if line.startswith("  [")] == [
        f'  ["{folder}", "m", 1, 0, 30.0, 1.0]{comma}' for folder, comma in zip("abc", (",", ",", ""), strict=True)
    ]
    assert (
        sum('"columns": ["set", "model", "count", "refine", "rgb", "peak_mib"]' in line for line in text.splitlines())
        == 1
    )


def test_a_summary_of_clips_has_each_and_the_mean():
    results = [
        Result({"clip": name}, "m", {}, {"y": y}, count=n) for name, y, n in (("one", 30.0, 5), ("two", 40.0, 3))
    ]
    assert summary_rows(results) == [
        {"clip": "one", "model": "m", "count": 5, "y": 30.0},
        {"clip": "two", "model": "m", "count": 3, "y": 40.0},
        {"clip": "mean", "model": "m", "count": 8, "y": 35.0},
    ]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"columns": ["a"], "rows": [[1, 2]], "command": "", "date": ""}'])
def test_what_is_no_summary_is_an_error_that_names_it(tmp_path, content):
    (tmp_path / "s.json").write_text(content)
    with pytest.raises(RegrowError, match=r"s\.json: is no summary"):
        Summary.read(tmp_path / "s.json")


def test_columns_are_aligned_and_as_wide_as_names_need():
    columns = Column("set", "{set}", 4, left=True), Column("dB", "{rgb:.1f}", 5), Column("scale", "x{scale}", 5)
    rows = [{"set": "a", "rgb": 9.96, "scale": "2"}, {"set": "longer", "rgb": math.inf, "scale": "2.7x1"}]
    assert list(lines(columns, rows)) == [
        "set       dB scale",
        "a       10.0    x2",
        "longer   inf x2.7x1",
    ]
