"""Architectures by name."""

import subprocess
import sys

import pytest

from regrow import zoo
from regrow.errors import UsageError
from regrow.zoo.registry import ARCHITECTURES, architecture

BUILT_ON = {
    "any-scale": {"tad"},
    "codec-shrinker": {"codec"},
    "dqe": {"edsr"},
    "frame-unet": {"unet"},
    "video-tad": {"tad"},
}
"""Nets whose modules take something from another's."""


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_name_is_that_of_the_class_it_stands_for(name):
    kind = architecture(name)
    assert vars(kind)["architecture"] == name  # its own, not one that it inherits
    assert "Config" in vars(kind)
    module, _, found = ARCHITECTURES[name].partition(":")
    assert (kind.__module__, kind.__name__) == (module, found)


def test_no_class_has_two_names_and_the_table_is_sorted():
    assert len({*ARCHITECTURES.values()}) == len(ARCHITECTURES) == 46
    assert len({architecture(name).Config for name in ARCHITECTURES}) == len(ARCHITECTURES)
    assert list(ARCHITECTURES) == sorted(ARCHITECTURES)


ALONE = """
import sys
from regrow.zoo import registry
homes = {name: path.partition(":")[0] for name, path in registry.ARCHITECTURES.items()}
assert not [name for name, home in homes.items() if home in sys.modules], "imported before it was asked for"
import torch
for name in homes:
    for module in [module for module in sys.modules if module.startswith("regrow.nets")]:
        del sys.modules[module]
    assert registry.architecture(name).architecture == name
    print(name, *(other for other, home in homes.items() if home in sys.modules and other != name))
"""


def test_asking_for_one_imports_no_other():
    done = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    found = {name: {*others} for name, *others in map(str.split, done.stdout.splitlines())}
    assert found == {name: BUILT_ON.get(name, set()) for name in ARCHITECTURES}


@pytest.mark.parametrize("name", ["resnet50", "TAD", "", None, 3, ["tad"], "spandrel"], ids=repr)
def test_an_unknown_name_is_a_usage_error_that_says_what_is_known(name):
    with pytest.raises(UsageError, match=r"architecture .* is not known; known are any-scale, .*, zssr"):
        architecture(name)
    with pytest.raises(UsageError, match="is not known"):
        zoo.build({"architecture": name})


@pytest.mark.parametrize("settings", [{"channels": 8.0}, {"channels": "8"}, {"blocks": True}, {"depth": 3}], ids=str)
def test_settings_are_those_of_the_class_and_of_their_types(settings):
    with pytest.raises(UsageError, match=f"architecture tad: setting {next(iter(settings))} = "):
        zoo.build({"architecture": "tad", **settings})


def test_settings_by_their_names_before_0_2_are_understood():
    old = {"architecture": "tad", "colours": 1, "small_colours": 1, "guided": False, "fold": 2, "channels": 4}
    model = zoo.build(old)
    new = {"colors": 1, "small_colors": 1, "residual": False, "unshuffle": 2, "channels": 4}
    assert {name: model.settings()[name] for name in new} == new
