import hashlib
import json
import os
import pickle
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from regrow import zoo
from regrow.errors import RegrowError, UsageError
from regrow.io.passport_text import SHORT
from regrow.zoo import store

TINY = {"architecture": "tad", "scale": 2, "channels": 8, "blocks": 1}
ROOT = Path(__file__).parents[2]


@pytest.fixture
def model(tmp_path, tiny):
    """A model folder to damage."""
    zoo.save(tiny, tmp_path / "model")
    return tmp_path / "model"


def configure(folder, **changes):
    table = json.loads((folder / store.CONFIG).read_text())
    (folder / store.CONFIG).write_text(json.dumps({**table, **changes}))


@pytest.mark.skipif(os.name != "posix", reason="files have other permissions elsewhere")
def test_others_may_read_what_is_saved(model):
    plain = model / "plain"
    plain.touch()
    assert {path.stat().st_mode for path in model.iterdir()} == {plain.stat().st_mode}


def test_the_shipped_models():
    assert {"tad-x2", "tad-x4"} <= set(zoo.names())


@pytest.mark.parametrize("name", zoo.names())
def test_every_shipped_model_loads_and_fits_its_configuration(name):
    model = zoo.load(name)
    assert model.settings() == zoo.config(name)
    assert not model.training
    assert not any(p.requires_grad for p in model.parameters())
    assert all(torch.isfinite(p).all() for p in model.parameters())


@pytest.mark.parametrize("name", zoo.names())
def test_every_shipped_model_has_a_card_and_a_recipe(name):
    assert (store.SHIPPED / name / store.CARD).is_file()
    assert (ROOT / "recipes" / f"{name}.toml").is_file()


@pytest.mark.parametrize("name", zoo.names())
def test_shipped_names_fit_into_a_passport(name):
    assert re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,63}", name)


def test_saved_and_loaded_is_the_same_in_half_precision(model, tiny):
    again = zoo.load(str(model))
    assert again.config == tiny.config
    for name, value in tiny.state_dict().items():
        assert torch.equal(value.half().float(), again.state_dict()[name])


def test_other_settings_take_the_same_weights(model):
    assert zoo.load(str(model), settings={**TINY, "scale": 16}).scale == 16


@pytest.mark.parametrize(
    "name",
    ["tad-x3", "", "no/such/folder", "../weights/nothing", "a\0b", "x" * 5000],
    ids=lambda n: repr(n[:20]),
)
def test_unknown_names_are_usage_errors_that_name_what_there_is(name):
    with pytest.raises(UsageError, match="tad-x2") as caught:
        zoo.load(name)
    assert "\n" not in str(caught.value)


def test_the_digest_is_that_of_the_weights_file(model):
    assert zoo.digest(str(model)) == hashlib.sha256((model / store.WEIGHTS).read_bytes()).hexdigest()


def test_the_digest_follows_the_file(model, tiny):
    """Weights trained anew into the same folder are other weights."""
    zoo.digest(str(model))
    changed = {k: (v + 1).contiguous() for k, v in tiny.state_dict().items()}
    save_file(changed, model / store.WEIGHTS)
    assert zoo.digest(str(model)) == hashlib.sha256((model / store.WEIGHTS).read_bytes()).hexdigest()


def test_weights_are_known_by_the_first_digits_of_their_digest(model):
    digest = zoo.digest(str(model))
    assert zoo.has_digest(str(model), digest)
    assert zoo.has_digest(str(model), digest[:8])
    assert not zoo.has_digest(str(model), digest[:7] + ("0" if digest[7] != "0" else "1"))
    assert not zoo.has_digest(str(model), digest[:-1] + ("0" if digest[-1] != "0" else "1"))


def test_no_two_shipped_models_have_digests_that_begin_alike():
    short = [zoo.digest(name)[:SHORT] for name in zoo.names()]
    assert len(set(short)) == len(short)


def test_shipped_models_whose_digests_begin_alike_are_refused(tmp_path, model, monkeypatch):
    for name in ("a", "b"):
        shutil.copytree(model, tmp_path / "shipped" / name)
    monkeypatch.setattr(store, "SHIPPED", tmp_path / "shipped")
    digest = zoo.digest("a")
    assert zoo.has_digest("a", digest), "the whole digest is that of the weights, whatever their name"
    assert not zoo.has_digest("a", "0" * 8)
    with pytest.raises(RegrowError, match=r"^a: .*those of b .*--model"):
        zoo.has_digest("a", digest[:8])
    assert zoo.has_digest(str(model), digest[:8]), "a folder is what was asked for"


def test_a_digest_without_weights_is_an_error_of_ours(model):
    (model / store.WEIGHTS).unlink()
    with pytest.raises(RegrowError, match=store.WEIGHTS):
        zoo.digest(str(model))


def damaged(model):
    with pytest.raises(RegrowError, match=str(model)) as caught:
        zoo.load(str(model))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("keep", [0, 3, 8, 100, -1])
def test_truncated_weights(model, keep):
    data = (model / store.WEIGHTS).read_bytes()
    (model / store.WEIGHTS).write_bytes(data[:keep])
    damaged(model)


def test_missing_weights(model):
    (model / store.WEIGHTS).unlink()
    damaged(model)


class Trap:
    def __reduce__(self):
        return os.mkdir, (os.environ["REGROW_TRAP"],)


@pytest.mark.parametrize("how", ["pickle", "torch"])
def test_pickles_are_never_unpacked(model, tmp_path, monkeypatch, how):
    monkeypatch.setenv("REGROW_TRAP", str(tmp_path / "sprung"))
    if how == "pickle":
        (model / store.WEIGHTS).write_bytes(pickle.dumps(Trap()))
    else:
        torch.save({"a": Trap()}, model / store.WEIGHTS)
    damaged(model)
    assert not (tmp_path / "sprung").exists()


def test_weights_of_wrong_shapes_or_names(model):
    tensors = load_file(model / store.WEIGHTS)
    first = next(iter(tensors))
    for wrong in (
        {**tensors, first: tensors[first][..., :1].contiguous()},
        {k: v for k, v in tensors.items() if k != first},
        {**tensors, "more": torch.zeros(1)},
        {},
    ):
        save_file(wrong, model / store.WEIGHTS)
        damaged(model)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers(model, value):
    tensors = load_file(model / store.WEIGHTS)
    tensors["decoders.0.tail.bias"][0] = value
    save_file(tensors, model / store.WEIGHTS)
    damaged(model)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_of_other_precisions_are_taken_as_float32(model, tiny, dtype):
    save_file({k: v.to(dtype).contiguous() for k, v in tiny.state_dict().items()}, model / store.WEIGHTS)
    loaded = zoo.load(str(model)).state_dict()
    for name, value in tiny.state_dict().items():
        torch.testing.assert_close(loaded[name], value.to(dtype).float(), atol=0, rtol=0)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", "null", "\udcff", '{"architecture": "tad"' + "[" * 10**5, "[" * 10**5], ids=str.__len__
)
def test_configurations_that_are_no_json_object(model, text):
    (model / store.CONFIG).write_bytes(text.encode(errors="surrogateescape"))
    damaged(model)


@pytest.mark.parametrize(
    "changes",
    [
        {"architecture": "edsr"},
        {"architecture": None},
        {"architecture": []},
        {"architecture": {}},
        {"scale": 3},
        {"scale": 2.0},
        {"scale": True},
        {"channels": 0},
        {"channels": -1},
        {"channels": "8"},
        {"channels": 16},
        {"blocks": 2},
        {"blocks": [1]},
        {"trunk_conv": 1},
        {"trunk_conv": True},
        {"exec": "import os"},
        {"__class__": 1},
    ],
    ids=str,
)
def test_configurations_that_do_not_fit(model, changes):
    configure(model, **changes)
    with pytest.raises(RegrowError) as caught:
        zoo.load(str(model))
    assert "\n" not in str(caught.value)


HOSTILE = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (6 * 2**30, 6 * 2**30))
resource.setrlimit(resource.RLIMIT_CPU, (40, 40))
from regrow import zoo
from regrow.errors import RegrowError
import torch, safetensors.torch
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
import json, pathlib
path = pathlib.Path(sys.argv[1]) / "config.json"
table = json.loads(path.read_text())
for hostile in ({"channels": 10**9}, {"channels": 10**18}, {"channels": 10**400}, {"channels": 8000}, {"blocks": 10**9},
                {"blocks": 10**5}, {"scale": 2**1000}, {"channels": 2000, "blocks": 500},
                {"channels": 1024, "blocks": 256}, {"channels": 512, "blocks": 256}):
    path.write_text(json.dumps({**table, **hostile}))
    try:
        zoo.load(sys.argv[1])
    except RegrowError as error:
        assert len(str(error)) < 2000, hostile
    else:
        raise SystemExit(f"{list(hostile)} accepted")
    print(str(hostile)[:30], flush=True)
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
assert grown < 300 * 1024, f"{grown // 1024} MiB"
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited as on Linux")
def test_a_hostile_configuration_exhausts_neither_memory_nor_time(model):
    done = subprocess.run(
        [sys.executable, "-c", HOSTILE, model], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr[-500:]
