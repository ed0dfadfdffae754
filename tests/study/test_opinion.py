import csv
import json
import re

import numpy as np
import pytest
from PIL import Image
from scipy.stats import binomtest, sem, t
from support.pictures import noise

from regrow.errors import RegrowError, UsageError
from regrow.metrics.intervals import mean_interval, t_quantile, wilson
from regrow.study.answers import read_answers, read_key, scores
from regrow.study.opinion import make

METHODS = "net <b>", "bicubic"
NAMES = "one", "deep/two", "three &"


@pytest.fixture
def folders(tmp_path, save):
    """Two methods' pictures and the photographs."""
    for i, folder in enumerate((*METHODS, "photos")):
        for k, name in enumerate(NAMES):
            save(f"{folder}/{name}.png", noise(10 + k, 12, seed=10 * i + k))
    return [tmp_path / folder for folder in (*METHODS, "photos")]


def asked(out):
    """What the page holds."""
    html = (out / "page" / "index.html").read_text()
    return json.loads(re.search(r"^const data = (.*);$", html, re.M)[1]), html


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


def answer(path, answers):
    path.write_text("item,answer\n" + "".join(f"{item},{value}\n" for item, value in answers.items()))
    return path


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 5, 10, 29, 100, 999])
def test_quantiles_are_those_of_scipy(freedom):
    assert t_quantile(freedom) == pytest.approx(t.ppf(0.975, freedom))
    assert t_quantile(freedom, 0.5) == pytest.approx(t.ppf(0.75, freedom))


def test_intervals_are_those_of_scipy():
    values = [1, 5, 4, 4, 2, 3, 5]
    low, high = t.interval(0.95, len(values) - 1, np.mean(values), sem(values))
    assert mean_interval(values) == pytest.approx((np.mean(values), low, high))
    assert mean_interval([3, 3, 3]) == (3, 3, 3)
    assert mean_interval([2]) == pytest.approx((2, np.nan, np.nan), nan_ok=True)
    for hits, n in ((0, 1), (1, 1), (3, 10), (0, 30), (500, 1000)):
        expected = binomtest(hits, n).proportion_ci(method="wilson")
        assert wilson(hits, n) == pytest.approx((hits / n, *expected))


def test_a_set_is_blind_and_complete(folders, tmp_path):
    page = make(folders[:2], tmp_path / "set", seed=1)
    assert page == tmp_path / "set" / "page" / "index.html"
    data, html = asked(tmp_path / "set")
    assert data["question"] == "rate"
    key = read_key(tmp_path / "set" / "key.csv")
    assert {item["item"] for item in data["items"]} == set(key)
    assert {(i.method, i.picture) for i in key.values()} == {(m, n) for m in METHODS for n in NAMES}
    files = sorted(p.name for p in (page.parent / "pictures").iterdir())
    assert files == sorted(file for item in data["items"] for file in item["files"]) == sorted(f"{i}.png" for i in key)
    for item in key.values():
        found = pixels(page.parent / "pictures" / f"{item.item}.png")
        np.testing.assert_array_equal(found, pixels(tmp_path / item.method / f"{item.picture}.png"))
    for word in (*METHODS, *NAMES[1:], "<b>", "http", "//cdn", str(tmp_path)):
        assert word not in html


def test_pairs_have_the_photograph_on_the_side_that_the_key_says(folders, tmp_path):
    page = make(folders[:2], tmp_path / "set", real=folders[2], seed=2)
    data, _ = asked(tmp_path / "set")
    assert data["question"] == "pair"
    key = read_key(tmp_path / "set" / "key.csv")
    assert {item.real for item in key.values()} == {"left", "right"}
    for item in key.values():
        for side in ("left", "right"):
            folder = "photos" if side == item.real else item.method
            found = pixels(page.parent / "pictures" / f"{item.item}-{side}.png")
            np.testing.assert_array_equal(found, pixels(tmp_path / folder / f"{item.picture}.png"))


def test_a_seed_makes_the_same_set_again(folders, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2), ("d", None), ("e", None)):
        make(folders[:2], tmp_path / name, seed=seed)
    keys = {name: (tmp_path / name / "key.csv").read_bytes() for name in "abcde"}
    assert keys["a"] == keys["b"]
    assert len(set(keys.values())) == 4


def test_pictures_are_shown_upright_and_say_nothing_of_themselves(tmp_path, save):
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "made by a net"
    turned = save("a/x.jpg", np.tile(np.arange(0, 240, 10, np.uint8)[:, None, None], (1, 40, 3)), exif=exif)
    save("b/x.png", noise(40, 24))
    page = make([turned.parent, tmp_path / "b"], tmp_path / "set")
    for path in (page.parent / "pictures").iterdir():
        with Image.open(path) as image:
            assert (image.size, dict(image.info), len(image.getexif())) == ((24, 40), {}, 0)


def test_folders_that_do_not_fit_are_refused(folders, tmp_path, save):
    (tmp_path / "empty").mkdir()
    save("other/one.png", noise(10, 12))
    for name in NAMES:
        save(f"large/{name}.png", noise(30, 30))
    save("twins/a.png", noise(4, 4))
    save("twins/a.jpg", noise(4, 4))
    for wrong, words in (
        ([folders[0], tmp_path / "empty"], "no pictures"),
        ([folders[0], tmp_path / "other"], "only one has deep/two, three &"),
        ([folders[0], tmp_path / "large"], r"has 30x30 pixels and .* 12x11"),
        ([folders[0], folders[0]], "twice"),
        ([tmp_path / "twins"], "suffix"),
    ):
        with pytest.raises(UsageError, match=words):
            make(wrong, tmp_path / "set")
        assert not (tmp_path / "set").exists()
    save("set/mine.png", noise(4, 4))
    with pytest.raises(UsageError, match="never overwritten"):
        make(folders, tmp_path / "set")


def test_scores_are_means_of_what_people_said(folders, tmp_path):
    make(folders[:2], tmp_path / "set", seed=1)
    key = read_key(tmp_path / "set" / "key.csv")
    rng = np.random.default_rng(0)
    given, files = {method: [] for method in METHODS}, []
    for person in range(3):
        answers = {name: int(rng.integers(1, 4)) + 2 * (item.method == METHODS[0]) for name, item in key.items()}
        answers = dict(list(answers.items())[: 6 - person])  # some stop early
        for name, value in answers.items():
            given[key[name].method].append(value)
        files.append(answer(tmp_path / f"{person}.csv", answers))
    best, other = scores(tmp_path / "set" / "key.csv", files)
    for row, method in ((best, METHODS[0]), (other, METHODS[1])):
        values = given[method]
        low, high = t.interval(0.95, len(values) - 1, np.mean(values), sem(values))
        assert (row["question"], row["method"], row["people"], row["answers"]) == ("rate", method, 3, len(values))
        assert (row["score"], row["low"], row["high"]) == pytest.approx((np.mean(values), low, high))


def test_who_is_fooled_is_counted(folders, tmp_path):
    make(folders[:2], tmp_path / "set", real=folders[2], seed=1)
    key = read_key(tmp_path / "set" / "key.csv")
    fooling = [name for name, item in key.items() if item.method == METHODS[0]][:2]
    other = {"left": "right", "right": "left"}
    answers = {name: other[item.real] if name in fooling else item.real for name, item in key.items()}
    best, none = scores(tmp_path / "set" / "key.csv", [answer(tmp_path / "a.csv", answers)])
    assert (best["method"], best["answers"], none["fooled_percent"]) == (METHODS[0], 3, 0)
    assert (best["fooled_percent"], best["low"], best["high"]) == pytest.approx([100 * x for x in wilson(2, 3)])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "columns 'nothing'"),
        (b"item,score\n", "expected item,answer"),
        (b"item;answer\nITEM;3\n", "columns 'item;answer'"),
        (b"item,answer\nITEM,3,4\n", "line 2: has 3 values"),
        (b"item,answer\nITEM\n", "line 2: has 1 values"),
        (b"item,answer\nITEM,0\n", "line 2: answer '0' to ITEM is none of 1, 2, 3, 4, 5"),
        (b"item,answer\nITEM,6\n", "none of 1"),
        (b"item,answer\nITEM,3.5\n", "none of 1"),
        (b"item,answer\nITEM,nan\n", "none of 1"),
        (b"item,answer\nITEM,left\n", "none of 1"),
        ("item,answer\nITEM,٣\n".encode(), "none of 1"),
        (b"item,answer\nITEM,\n", "none of 1"),
        (b"item,answer\nsomebody,3\n", "line 2: item 'somebody' is not in the key"),
        (b"item,answer\n" + b"x" * 1000 + b",3\n", "is not in the key"),
        (b"item,answer\nITEM,3\n\nITEM,3\n", "line 4: item ITEM is answered twice"),
        (b"item,answer\nITEM,\"3\n", "not a readable CSV"),
        (b"item,answer\nITEM,\xff\n", "not a readable CSV"),
        (b"item,answer\n" + b"x" * 200_000 + b",3\n", "not a readable CSV"),
        (b"\x00\x01\x02", "expected item,answer|not a readable"),
        (b"item,answer\n", "nobody has answered"),
    ],
    ids=lambda x: repr(x[:30]),
)  # fmt: skip
def test_hostile_answers_are_errors_of_one_line(regrow, folders, tmp_path, content, words):
    make(folders[:2], tmp_path / "set", seed=1)
    item = next(iter(read_key(tmp_path / "set" / "key.csv")))
    (tmp_path / "a.csv").write_bytes(content.replace(b"ITEM", item.encode()))
    done = regrow("study", "opinion", "score", tmp_path / "set" / "key.csv", tmp_path / "a.csv", "-o", tmp_path / "out")
    assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
    assert re.search(words.replace("ITEM", item), done.err)
    assert "a.csv" in done.err
    assert len(done.err) < 500
    assert not (tmp_path / "out").exists()


HEAD = "item,question,method,picture,real\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("item,answer\na,3\n", "expected item,question"),
        (HEAD, "is no key"),
        (HEAD + "a,rate,m,p,left\n", "line 2: is not of a key"),
        (HEAD + "a,pair,m,p,\n", "line 2: is not of a key"),
        (HEAD + "a,guess,m,p,\n", "line 2: is not of a key"),
        (HEAD + "a,rate,m,p,\na,rate,m,p,\n", "line 3: item 'a' is there twice"),
        (HEAD + "a,rate,m,p,\nb,pair,m,p,left\n", "is no key"),
    ],
    ids=lambda x: repr(x[-30:]),
)  # fmt: skip
def test_hostile_keys_are_errors(tmp_path, content, words):
    (tmp_path / "key.csv").write_text(content)
    with pytest.raises(RegrowError, match=words):
        read_key(tmp_path / "key.csv")
    with pytest.raises(RegrowError, match="No such file"):
        read_key(tmp_path / "none.csv")


def test_answers_that_a_table_editor_saved_are_taken(tmp_path):
    (tmp_path / "key.csv").write_text(HEAD + "a,rate,m,p,\n")
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbfitem,answer\r\na,5\r\n")
    assert read_answers(tmp_path / "a.csv", read_key(tmp_path / "key.csv")) == {"a": "5"}


def test_the_commands_make_a_set_and_score_it(regrow, folders, tmp_path):
    done = regrow("study", "opinion", "make", *folders[:2], "-o", tmp_path / "set", "--seed", 3)
    assert (done.code, done.out) == (0, f"{tmp_path / 'set' / 'page' / 'index.html'}\n")
    key = tmp_path / "set" / "key.csv"
    files = [answer(tmp_path / f"{i}.csv", dict.fromkeys(read_key(key), 3 + i)) for i in range(2)]
    done = regrow("study", "opinion", "score", key, *files, "-o", tmp_path / "out")
    assert done.code == 0, done.err
    assert done.out.splitlines()[0].split() == ["question", "method", "people", "answers", "score", "low", "high"]
    with (tmp_path / "out" / "opinion.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {(row["method"], row["people"], row["answers"], row["score"]) for row in rows} == {
        (method, "2", "6", "3.5") for method in METHODS
    }
    done = regrow("study", "opinion", "score", key, files[0], files[0], "-o", tmp_path / "out")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert regrow("study", "opinion", "make", *folders, "-o", tmp_path / "set").code == 2
