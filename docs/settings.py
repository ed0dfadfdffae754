"""Writes the pages of settings, recipes.md and architectures.md, from the dataclasses that hold the settings.

python docs/settings.py --write
python docs/settings.py --check
"""

from __future__ import annotations

import argparse
import ast
import inspect
import json
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from typing import Any, get_origin, get_type_hints

from regrow.train.recipe import Recipe
from regrow.zoo.registry import ARCHITECTURES, RENAMED, architecture

FOLDER = Path(__file__).parent
NOTICE = (
    "<!-- Written by docs/settings.py from the docstrings in src/regrow. Change those, then run `make pages`. -->\n"
)

RECIPES = """# Recipe settings

A recipe is a TOML file that holds all settings of a training run. [Training](training.md) tells how to run one, and the
folder `recipes/` holds those of the models that ship.

```toml
[model]
architecture = "tad"
scale = 2
channels = 32

[data]
crop = 96

[run]
steps = 20000
```

A recipe names only what differs from the defaults below. An unknown setting or a value of the wrong type is an error,
and so is a setting that the kind of model makes no use of. `--set` changes one setting for one run:
`regrow train recipes/tad-x2.toml --data DIR --out runs/wide --set model.channels=64`.
"""

ARCHITECTURE_PAGE = """# Architecture settings

These are the settings of each architecture, in the table `[model]` of a [recipe](recipes.md) and in the `config.json`
beside a model's weights. `architecture` names the architecture.

```toml
[model]
architecture = "tad"
scale = 2
```

Some settings have been renamed. Their former names still work:
"""

KINDS = {
    "rescale": "Rescalers",
    "upscale": "Super-resolution and enhancement",
    "restore": "Restoration",
    "color": "Colorizers",
    "video": "Video",
    "prior": "Priors",
    "adversarial": "Discriminators",
}
"""Headings, by the folder of nets that an architecture is in."""

TYPES = {int: "integer", float: "number", bool: "boolean", str: "string", tuple: "list of strings", dict: "table"}

COMMON = {
    "atoms": "Number of atoms of the dictionary.",
    "batch_norm": "Use batch normalization.",
    "blocks": "Number of blocks.",
    "channels": "Number of feature channels.",
    "colors": "Channels of pictures: 3 (RGB) or 1 (luma or grey).",
    "dense": "Outputs of the hidden dense layer.",
    "depth": "Number of residual blocks.",
    "features": "Number of channels of the first features.",
    "flow_channels": "Number of feature channels of the optical flow net.",
    "flow_layers": "Number of convolutions in each block of the optical flow net.",
    "groups": "Number of groups of blocks.",
    "growth": "Channels that each layer of a dense block adds.",
    "height": "Factor of one application along the height, as `width` is along the width.",
    "kernel": "Side of the convolution kernels.",
    "layers": "Number of convolutions.",
    "levels": "Number of levels, each at half the size of the one before.",
    "mappings": "Number of mapping layers.",
    "narrow": "Channels of the narrow features.",
    "normalization": "Data set whose mean color is subtracted from the input: div2k or imagenet.",
    "outputs": "Channels of the result.",
    "recursions": "Number of times that the shared layers are applied.",
    "reduction": "Factor by which channel attention reduces the channels inside.",
    "residual_scaling": "Factor of each residual before it is added.",
    "stages": "Number of stages.",
    "units": "Number of units in each block.",
    "upsampler": "How features are enlarged: subpixel, transposed, nearest or bilinear.",
    "width": "Channels of the first block.",
}
"""What common settings of architectures mean, for those that have no docstring of their own."""


def pages() -> dict[Path, str]:
    """The text of each page by its path."""
    return {FOLDER / "recipes.md": recipe_page(), FOLDER / "architectures.md": architecture_page()}


def recipe_page() -> str:
    """The settings of a recipe: those outside any table, then each table."""
    tables = {field.name: kind for field, kind in typed(Recipe) if is_dataclass(kind)}
    parts = [RECIPES, "## Outside any table", table(Recipe, without=set(tables))]
    parts += [
        "## `[model]` and `[discriminator]`",
        "`architecture`, and [the settings of that architecture](architectures.md).",
    ]
    for name, kind in tables.items():
        parts += [f"## `[{name}]`", inspect.getdoc(kind) or "", table(kind)]
    return NOTICE + "\n".join(f"{part.strip()}\n" for part in parts)


def architecture_page() -> str:
    """The settings of each architecture, in groups by what they are for."""
    groups: dict[str, list[str]] = {}
    for name in sorted(ARCHITECTURES):
        net = architecture(name)
        module = sys.modules[net.__module__]
        groups.setdefault(net.__module__.split(".")[2], []).extend(
            (f"### `{name}`", summary(module), notes(net.Config), table(net.Config))
        )
    unknown = groups.keys() - KINDS.keys()
    assert not unknown, f"KINDS has no heading for {unknown}"
    renamed = [f"- `{former}` is now `{name}`" for former, name in RENAMED.items()]
    parts = [ARCHITECTURE_PAGE, "\n".join(renamed)]
    for kind, heading in KINDS.items():
        parts += [f"## {heading}", *groups[kind]] if kind in groups else []
    return NOTICE + "\n".join(f"{part.strip()}\n" for part in parts if part)


def table(kind: type[Any], without: set[str] = frozenset()) -> str:  # type: ignore[assignment]
    """The settings in a dataclass as a table in Markdown, but for those named."""
    words = docstrings(kind)
    rows = ["| setting | type | default | meaning |", "|---|---|---|---|"]
    for field, type_ in typed(kind):
        if field.name not in without:
            meaning = words.get(field.name) or COMMON.get(field.name)
            assert meaning, f"{kind.__name__}.{field.name} needs a docstring under it"
            cells = f"`{field.name}`", TYPES[get_origin(type_) or type_], default(field), meaning
            rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows)


def typed(kind: type[Any]) -> Iterator[tuple[Field[Any], type[Any]]]:
    """The fields of a dataclass with their types."""
    types = get_type_hints(kind)
    return ((field, types[field.name]) for field in fields(kind))


def default(field: Field[Any]) -> str:
    """The default as TOML has it; nothing where there is none."""
    if field.default is MISSING:
        return ""
    return f"`{json.dumps(field.default, ensure_ascii=False)}`"


def docstrings(kind: type[Any]) -> dict[str, str]:
    """The docstrings under the fields of a dataclass and of those it inherits from, each on one line."""
    found: dict[str, str] = {}
    for base in reversed([base for base in kind.__mro__ if is_dataclass(base)]):
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
        assert isinstance(tree, ast.ClassDef)
        for field, below in zip(tree.body, tree.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                match below:
                    case ast.Expr(value=ast.Constant(value=str(words))):
                        found[field.target.id] = " ".join(words.split())
    return found


def summary(module: Any) -> str:
    """The first paragraph of a module's docstring."""
    return (inspect.getdoc(module) or "").split("\n\n")[0]


def notes(config: type[Any]) -> str:
    """The docstring of an architecture's settings without the words that say they are settings."""
    words = inspect.getdoc(config) or ""
    first, _, rest = words.partition("\n")
    for opening in ("Settings; ", "Settings."):
        if first.startswith(opening):
            first = first.removeprefix(opening)
            return "\n".join((first[:1].upper() + first[1:], rest)).strip()
    return rest.strip() if first.startswith("Settings of") else words


def main() -> int:
    """Write the pages, or tell which are out of date."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--write", action="store_true", help="write the pages")
    group.add_argument("--check", action="store_true", help="exit with 1 where a page differs from the code")
    write = parser.parse_args().write
    stale = 0
    for path, text in pages().items():
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale += 1
        if write:
            path.write_text(text, encoding="utf-8")
        print(f"{path}: {'written' if write else 'out of date; run `make pages`'}")
    return int(bool(stale) and not write)


if __name__ == "__main__":
    sys.exit(main())
