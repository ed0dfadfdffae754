"""Model cards say what the models are; their measured figures are those of tests/benchmarks/test_tables.py."""

import re

import pytest
import torch

from regrow import zoo
from regrow.zoo import store


def said(name, of):
    """The first number of a row of the card's first table, None where there is no such row."""
    card = (store.SHIPPED / name / store.CARD).read_text(encoding="utf-8")
    found = re.search(rf"^\| {of} \| ([\d,]+)", card, re.MULTILINE)
    return int(found[1].replace(",", "")) if found else None


def built(name):
    with torch.device("meta"):
        return zoo.build(zoo.config(name))


@pytest.mark.parametrize("name", zoo.names())
def test_the_parameters_are_those_of_the_model(name):
    assert said(name, "parameters") == sum(p.numel() for p in built(name).parameters())


@pytest.mark.parametrize("name", [name for name in zoo.names() if said(name, "cost")])
def test_the_cost_is_that_of_the_model(name):
    card = (store.SHIPPED / name / store.CARD).read_text(encoding="utf-8")
    scale = re.search(r"^\| cost \|.* pixel at x([\d.]+)", card, re.MULTILINE)
    counted = built(name).multiply_adds(*(float(scale[1]),) if scale else ())
    counted = counted if isinstance(counted, tuple) else (counted,)
    assert set(map(round, counted)) == {said(name, "cost")}  # rescalers' cards say: as many to grow


def test_all_but_colorizers_say_what_they_cost():
    assert {name for name in zoo.names() if not said(name, "cost")} == {
        name for name in zoo.names() if name.startswith("colorize")
    }


@pytest.mark.parametrize("name", zoo.names())
def test_the_card_has_its_name_its_recipe_its_data_and_its_limits(name):
    card = (store.SHIPPED / name / store.CARD).read_text(encoding="utf-8")
    assert card.startswith(f"# {name}\n")
    for words in ("| trained by | `recipes/", "| trained on | ", "| licence | Apache-2.0 |", "\n## Limits\n"):
        assert words in card
