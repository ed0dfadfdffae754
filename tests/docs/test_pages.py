"""The pages under docs/ are up to date, are in the navigation, and name what exists."""

import ast
import importlib.util
import inspect
import re
from importlib import import_module
from pathlib import Path

import pytest
import yaml

import regrow

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
REFERENCE = sorted((DOCS / "reference").glob("*.md"))
MODULES = sorted((ROOT / "src").rglob("*.py"))


def described():
    return [name for path in REFERENCE for name in re.findall(r"^::: (\S+)", path.read_text(encoding="utf-8"), re.M)]


@pytest.mark.parametrize("script", ["settings", "metadata"])
def test_pages_made_from_the_code_are_up_to_date(script):
    spec = importlib.util.spec_from_file_location(f"{script}_pages", DOCS / f"{script}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for path, text in module.pages().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} differs from the code: run `make pages`"


def test_every_page_is_in_the_navigation():
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]

    def pages(items):
        for item in items:
            (value,) = item.values()
            yield from pages(value) if isinstance(value, list) else [value]

    listed = list(pages(nav))
    assert sorted(listed) == sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))


@pytest.mark.parametrize("name", regrow.__all__)
def test_the_reference_describes_every_export(name):
    assert f"regrow.{name}" in described()


@pytest.mark.parametrize("name", described())
def test_the_reference_describes_what_exists(name):
    home, _, member = name.rpartition(".")
    assert hasattr(import_module(home), member) or importlib.util.find_spec(name)


def test_docstrings_name_arguments_that_exist():
    """Arguments of one kind share a line in docstrings, which mkdocstrings cannot check."""
    wrong = []
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and (takes := arguments(node)):
                unknown = set(named(ast.get_docstring(node) or "")) - takes
                wrong += [f"{path}: {node.name} has no argument {name}" for name in sorted(unknown)]
    assert not wrong, "\n".join(wrong)


def arguments(node):
    """The names of what a function, or the constructor of a class, takes; None where that is inherited."""
    if isinstance(node, ast.ClassDef):
        fields = {n.target.id for n in node.body if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)}
        made = [n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"]
        return arguments(made[0]) | fields if made else fields or None
    every = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg)
    return {a.arg for a in every if a}


def named(docstring):
    """The names in the section Args of a docstring."""
    section = re.search(r"^Args:\n((?: .*\n|\n)*)", inspect.cleandoc(docstring) + "\n", re.M)
    for line in section[1].splitlines() if section else ():
        found = re.match(r" {4}(\**\w+(?:, \**\w+)*):", line)
        yield from (name.strip(" *") for name in found[1].split(",")) if found else ()
