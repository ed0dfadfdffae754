"""The driver, with a task of its own that needs no model."""

import csv
import json
from dataclasses import dataclass

import numpy as np
import pytest

from regrow.bench import driver, tasks
from regrow.bench.benchmark import Measured, PictureBenchmark, PictureItem, Stopwatch
from regrow.bench.driver import Run, bench, table
from regrow.bench.pictures import paths_in
from regrow.bench.table import MODEL, SET, Column
from regrow.errors import UsageError
from regrow.io.memory import read_rgb


@dataclass(frozen=True)
class Darker(PictureBenchmark[PictureItem, float]):
    """A model is a number by which pictures are multiplied; its error is measured in levels."""

    columns = SET, MODEL, Column("error", "{error:.1f}", 6)
    shown = 1

    def default_models(self):
        return ["1"]

    def items(self, folder, models):
        return (PictureItem(path, read_rgb(path)) for path in paths_in(folder))

    def load(self, models):
        return [float(model) for model in models]

    def settings(self, net):
        return {"factor": str(net)}

    def figures(self, picture, net, watch):
        made = watch("seconds", lambda: picture.original * net)
        return Measured({"rgb": 40.0, "error": float(np.abs(made - picture.original).mean())})

    def sheet_row(self, title, item, nets):
        return {f"{title}/{item.name}": item.original, **{k: (item.original * v).astype("u1") for k, v in nets.items()}}


@pytest.fixture
def sets(save, tmp_path):
    for name, level in (("a/1.png", 100), ("a/2.png", 200), ("b/3.png", 50)):
        save(name, np.full((100, 100, 3), level, np.uint8))
    return [tmp_path / "a", tmp_path / "b"]


def test_every_item_goes_through_every_model_in_order(sets):
    told = []
    results = bench(Darker(), sets, ["0.5", "1"], report=told.append)
    of = [("a", "1"), ("a", "2"), ("b", "3")]
    assert [(r["set"], r["picture"], r.model) for r in results] == [(*n, m) for n in of for m in ("0.5", "1")]
    assert [r["error"] for r in results] == [50, 0, 100, 0, 25, 0]
    assert [r["factor"] for r in results[:2]] == ["0.5", "1.0"]
    assert all(r["seconds"] >= 0 and r["peak_mib"] > 10 for r in results)
    assert [(p.set, p.picture, p.model, p.rgb) for p in told] == [(*n, m, 40.0) for n in of for m in ("0.5", "1")]


def test_the_table_has_the_columns_of_the_task(sets):
    lines = list(table(Darker(), bench(Darker(), sets, ["0.5"])))
    assert lines == [
        "set        model  error",
        "a          0.5     75.0",
        "b          0.5     25.0",
    ]


def test_folders_are_looked_at_before_models_are_loaded(sets, tmp_path, monkeypatch):
    monkeypatch.setattr(Darker, "load", lambda *_: pytest.fail("loaded"))
    with pytest.raises(UsageError, match="nowhere: no pictures there"):
        Run(Darker(), [*sets, tmp_path / "nowhere"], ["1"])


def test_models_and_folders_that_are_named_twice_count_once(sets):
    assert len(bench(Darker(), [sets[1], sets[1]], ["1", "1"])) == 1


def test_whoever_is_interrupted_has_the_results_until_then(sets):
    run, found = Run(Darker(), sets, ["0.5"]), []

    def interrupt(progress):
        if progress.set == "b":
            raise KeyboardInterrupt

    def keep():
        for result in run.results(interrupt):
            found.append(result)

    with pytest.raises(KeyboardInterrupt):
        keep()
    assert [r["picture"] for r in found] == ["1", "2", "3"]


def test_all_files_are_written(sets, tmp_path):
    run = Run(Darker(), sets, ["0.5", "1"])
    results = list(run.results())
    run.write(results, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["results.csv", "results.json", "sheet.png"]
    with (tmp_path / "out/results.csv").open(newline="") as file:
        assert [(row["picture"], float(row["error"])) for row in csv.DictReader(file)] == [
            (r["picture"], r["error"]) for r in results
        ]


def test_a_stopwatch_counts_seconds_a_megapixel(monkeypatch):
    clock = iter([10.0, 12.0, 20.0, 21.0])
    monkeypatch.setattr("regrow.bench.benchmark.time.perf_counter", lambda: next(clock))
    watch = Stopwatch((500, 1000, 3))
    assert watch("shrink_seconds", lambda a, b: a + b, 1, b=2) == 3
    watch("grow_seconds", list)
    figures = watch.figures()
    assert (figures["shrink_seconds"], figures["grow_seconds"]) == (4, 2)
    assert list(figures) == ["shrink_seconds", "grow_seconds", "peak_mib"]


def test_every_module_of_tasks_is_a_task():
    assert tasks.NAMES[0] == "rescale"
    assert {"rescale", "upscale", "colorize", "video"} <= set(tasks.NAMES)
    for name in tasks.NAMES:
        task = tasks.get(name)()
        assert len(task.default_models()) >= 2
        assert task.columns
        assert all(hasattr(task, member) for member in driver.Benchmark.__dict__ if not member.startswith("_"))


@pytest.mark.parametrize("task", tasks.NAMES)
def test_an_interrupted_command_prints_what_it_has(regrow, save, task, monkeypatch, tmp_path, astronaut):
    """Ctrl+C while the second picture is measured: the table of the first, and the exit code of an interrupt."""
    pytest.importorskip("skimage")
    for i in range(2):
        save(f"{i}/a.png", astronaut[100:164, 100 : 164 + i])
    real, seen = Run.results, []

    def results(run, report):
        for result in real(run, report):
            if seen:
                raise KeyboardInterrupt
            seen.append(result)
            yield result

    monkeypatch.setattr(Run, "results", results)
    model = {"colorize": "grey", "rate": "none"}.get(task, "bicubic")
    done = regrow("bench", tmp_path / "0", tmp_path / "1", "--task", task, "--model", model, "-o", tmp_path / "out")
    assert done.code == 130
    lines = done.out.splitlines()
    if task == "rate":  # whose table has what curves differ by, which takes two points
        assert lines[1].split()[:2] == ["0", "jpeg"]
    else:
        assert lines[1].split()[:2] == ["0", model]
        assert f"{seen[0]['rgb']:.2f}" in lines[1]
    assert not (tmp_path / "out").exists()


def test_the_command_writes_a_summary(regrow, save, astronaut, tmp_path):
    save("a/1.png", astronaut[:60, :60])
    save("a/2.png", astronaut[100:160, 100:164])
    file = tmp_path / "new" / "x2.json"
    done = regrow("bench", tmp_path / "a", "--model", "bicubic", "--summary", file)
    assert done.code == 0, done.err
    read = json.loads(file.read_text())
    assert read["command"] == f"regrow bench {tmp_path / 'a'} --model bicubic --summary {file}"
    (row,) = (dict(zip(read["columns"], row, strict=True)) for row in read["rows"])
    assert (row["set"], row["model"], row["count"], row["scale"]) == ("a", "bicubic", 2, "2")
    assert f"{row['rgb']:.2f}" in done.out
    figures = [r["rgb"] for r in bench(tasks.get("rescale")(), [tmp_path / "a"], ["bicubic"])]
    assert row["rgb"] == pytest.approx(np.mean(figures), abs=1e-4)
