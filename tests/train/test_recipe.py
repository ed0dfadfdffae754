import json
import re
from pathlib import Path

import pytest
from support.recipes import TOML

pytest.importorskip("accelerate")

from regrow import zoo
from regrow.errors import UsageError
from regrow.train import loop
from regrow.train.recipe import Data, Loss, Optimizer, Recipe, Run
from regrow.train.tasks.select import task_for

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("architecture", "setting"),
    [
        ("vdsr", "[data]\ngrey = 0.05"),
        ("vdsr", '[loss]\nguidance = "l2"'),
        ("edsr", "[loss]\nguidance_weight = 0.0"),
        ("vdsr", "[loss]\nradius = 1.0"),
        ("vdsr", "[loss]\nnoise = 0.1"),
        ("edsr", "[data]\nzoom = 1.5"),
        ("edsr", "[loss]\nrebalance = 0.9"),
        ("tad", '[data]\nthumbnails = "tad-x2"'),
        ("tad", "[data]\ntone = 0.5"),
        ("classification", "[loss]\nnoise = 0.1"),
        ("classification", '[loss]\ntask = "l2"'),
        ("histogram", '[loss]\ntask = "l2"'),
        ("regression", "[loss]\nrebalance = 0.9"),
    ],
)
def test_settings_without_a_use_are_usage_errors_that_name_them(photographs, tmp_path, architecture, setting):
    rest = f'[model]\narchitecture = "{architecture}"\n[run]\nprecision = "fp32"'
    (tmp_path / "r.toml").write_text(f"{setting}\n{rest}")
    table, name = setting.split()[:2]
    with pytest.raises(UsageError, match=re.escape(f"{table}: {name} is ")):
        loop.train(Recipe.read(tmp_path / "r.toml"), photographs, tmp_path / "out", device="cpu")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("path", sorted((ROOT / "recipes").glob("*.toml")), ids=lambda p: p.stem)
def test_every_recipe_in_the_repository_can_be_read_and_built(path, tmp_path, monkeypatch):
    recipe = Recipe.read(path)
    assert recipe.name == path.stem
    monkeypatch.chdir(tmp_path)
    for name in (recipe.data.flow, recipe.data.shrinker, recipe.loss.through, recipe.loss.grower):
        if name.startswith("runs/"):  # what another recipe gives, before it is trained
            run = Path(name).parent.name
            zoo.save(zoo.build(Recipe.read(ROOT / "recipes" / f"{run}.toml").model), Path("runs", run, "weights"))
    task = task_for(zoo.build(recipe.model), recipe)
    assert recipe.data.crop % task.multiple == 0


def test_a_recipe_survives_the_way_through_json(recipe):
    table = json.loads(json.dumps(recipe.to_dict()))
    assert Recipe.from_dict(table) == recipe


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("channels = 16", "chanels = 16"), "chanels"),
        (("channels = 16", "channels = 16.5"), "channels"),
        (('architecture = "tad"', ""), "architecture"),
        (('architecture = "tad"', 'architecture = "nobody"'), "nobody"),
        (("crop = 24", 'crop = "24"'), "crop"),
        (("crop = 24", "crop = 25"), "crop"),
        (("crop = 24", "crop = 0"), "crop"),
        (("batch = 2", "batch = 0"), "batch"),
        (("batch = 2", "batches = 2"), "batches"),
        (("validation = 1", "validation = -1"), "validation"),
        (("[optimizer]", '[optimizer]\nname = "sgd"'), "sgd"),
        (("[run]", "[runs]"), "runs"),
        (("[run]", '[loss]\ntask = "l3"\n[run]'), "l3"),
        (('"fp32"', '"fp8"'), "fp8"),
        (("steps = 12", "steps = 12.0"), "steps"),
        (("steps = 12", "steps = "), "TOML"),
        (("[model]", "init = 3\n[model]"), "init"),
        (("[model]", "blend = 0.5\n[model]"), "no init"),
        (("[model]", 'init = "tad-x2"\nblend = 1.5\n[model]'), "blend"),
        (("[model]", "name = 3\n[model]"), "name"),
        (("[model]", "loss = 3\n[model]"), "loss"),
        (("[data]", "[data]\nfolders = [3]"), "folders"),
        ((TOML, "model = 3"), "model"),
    ],
    ids=lambda value: value[-1].strip() if isinstance(value, tuple) else "",
)
def test_recipes_that_cannot_be_followed_are_usage_errors_that_name_the_setting(photographs, tmp_path, change, words):
    (tmp_path / "r.toml").write_text(TOML.replace(*change, 1))
    with pytest.raises(UsageError, match=words):
        loop.train(Recipe.read(tmp_path / "r.toml"), photographs, tmp_path / "out", device="cpu")
    assert not (tmp_path / "out").exists()


def test_defaults_are_those_of_the_settings():
    assert Recipe.from_dict({"name": "x", "model": {"architecture": "tad"}}) == Recipe(
        name="x", model={"architecture": "tad"}, data=Data(), loss=Loss(), optimizer=Optimizer(), run=Run()
    )


def test_settings_may_have_the_names_that_they_had_before():
    former = {"model": {"architecture": "tad", "fold": 2, "guided": False}, "loss": {"steady": 1.0}}
    present = {"model": {"architecture": "tad", "unshuffle": 2, "residual": False}, "loss": {"flicker": 1.0}}
    assert Recipe.from_dict(former) == Recipe.from_dict(present)


def test_a_recipe_may_be_changed_without_touching_its_file(tmp_path):
    path = tmp_path / "r.toml"
    path.write_text('init = "tad-x2"\n[model]\narchitecture = "tad"\nblocks = 3\n')
    changes = ["model.blocks=2", "loss.task=l2", "loss.radius = 1.5", 'data.folders=["a", "b"]', "init="]
    changed = Recipe.read(path, changes)
    assert changed.model == {"architecture": "tad", "blocks": 2}
    assert (changed.loss.task, changed.loss.radius, changed.data.folders, changed.init) == ("l2", 1.5, ("a", "b"), "")
    assert Recipe.read(path).model["blocks"] == 3


@pytest.mark.parametrize("change", ["blocks", "model.", "a.b.c=1", "init.x=1"])
def test_changes_that_say_nothing_are_usage_errors(tmp_path, change):
    path = tmp_path / "r.toml"
    path.write_text('init = "tad-x2"\n[model]\narchitecture = "tad"\n')
    with pytest.raises(UsageError, match=rf"--set {re.escape(change)}: expected section\.name=value"):
        Recipe.read(path, [change])
    with pytest.raises(UsageError, match=r"r\.toml.*stepps"):
        Recipe.read(path, ["run.stepps=1"])
