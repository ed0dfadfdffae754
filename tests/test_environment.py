"""What the installation promises, whatever the code does."""

import importlib
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import regrow

ROOT = Path(__file__).parent.parent

HELP = """
import sys
from regrow.cli import main

sys.argv = ["regrow", "--help"]
try:
    main()
except SystemExit as stop:
    assert not stop.code, stop.code
print("heavy:", sorted({"torch", "accelerate", "matplotlib", "skimage"} & set(sys.modules)))
"""

RUNNING = """
import sys
import numpy as np
import regrow

picture = np.zeros((16, 16, 3), np.uint8)
regrow.grow(regrow.shrink(picture), scale=2)
regrow.upscale(picture)
regrow.colorize(picture)
for name in regrow.zoo.names():
    regrow.load(name)
print(sorted({"sympy", "torch._dynamo"} & set(sys.modules)))
"""

WITHOUT_EXTRAS = """
import sys

NAMES = "accelerate av hypothesis imagecodecs matplotlib PIL pytest skimage spandrel ssimulacra2"
for name in NAMES.split():
    sys.modules[name] = None
import regrow
import regrow.priors.deep_video
import regrow.operations.zero_shot

for name in regrow.__all__:
    getattr(regrow, name)
"""

VERBS = """
import sys
import regrow.cli.rescale, regrow.cli.restore, regrow.runners.file, regrow.runners.memory, regrow.runners.batch
import regrow.operations.shrink, regrow.operations.grow, regrow.operations.restore, regrow.operations.colorize
import regrow.inference.frames

print("torch" in sys.modules)
"""

METRICS = """
import sys
import torch
from regrow.metrics.fidelity import compare

compare(torch.rand(3, 12, 12), torch.rand(3, 12, 12))
print("torchvision" in sys.modules)
"""


def python(code, *options):
    """Run code in a fresh interpreter that finds regrow where this one does; return the completed process."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.run(
        [sys.executable, *options, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_torchvision_is_absent():
    """Nothing needs it, and one that does not match torch breaks whatever imports it."""
    assert importlib.util.find_spec("torchvision") is None


def test_torchvision_is_never_pinned_or_required():
    for name in ("pyproject.toml", "constraints.txt"):
        assert "torchvision" not in (ROOT / name).read_text(encoding="utf-8")


def test_measuring_warns_of_nothing():
    done = python(METRICS, "-W", "error")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["False"]
    assert done.stderr == ""


def test_help_imports_nothing_heavy():
    done = python(HELP)
    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout
    assert done.stdout.splitlines()[-1] == "heavy: []"


def test_verbs_import_no_tensors_before_a_net_is_needed():
    """Plans, dry runs and what is done already answer without the seconds that PyTorch takes to import."""
    done = python(VERBS)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["False"]


def test_running_a_net_imports_no_compiler():
    """Which would make every command half as slow again to start."""
    done = python(RUNNING)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["[]"]


def test_without_extras_every_verb_is_there():
    done = python(WITHOUT_EXTRAS, "-W", "error")
    assert done.returncode == 0, done.stderr


def toml(name):
    tomllib = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    return tomllib.loads((ROOT / name).read_text(encoding="utf-8"))


def test_one_version_everywhere():
    version = toml("pyproject.toml")["project"]["version"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert (regrow.__version__, citation["version"]) == (version, version)


def test_workflows_run_on_every_python_that_is_promised():
    workflow = yaml.safe_load((ROOT / ".github/workflows/tests.yml").read_text(encoding="utf-8"))
    tested = [job["python"] for job in workflow["jobs"]["tests"]["strategy"]["matrix"]["include"]]
    promised = [line.split(" :: ")[-1] for line in toml("pyproject.toml")["project"]["classifiers"] if " :: 3." in line]
    assert tested == promised


def test_workflows_pin_major_versions():
    """Of actions; the one that uploads releases has a branch for its major version instead."""
    for path in (ROOT / ".github/workflows").glob("*.yml"):
        for use in re.findall(r"uses: (\S+)", path.read_text(encoding="utf-8")):
            assert re.fullmatch(r"[\w/-]+@(v\d+|release/v\d+)", use), f"{path.name}: {use}"


def test_pre_commit_has_the_pinned_ruff():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    (rev,) = [repo["rev"] for repo in hooks if repo["repo"].endswith("ruff-pre-commit")]
    assert f"ruff=={rev.removeprefix('v')}" in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()


def test_the_contract_of_layers_names_every_room():
    """What import-linter checks as well, where it is installed."""
    (rooms,) = [c for c in toml("pyproject.toml")["tool"]["importlinter"]["contracts"] if c["id"] == "rooms"]
    named = {name.strip("() ") for layer in rooms["layers"] for name in layer.split("|")}
    source = ROOT / "src" / "regrow"
    modules = {path.parent.name for path in source.glob("*/__init__.py")} | {path.stem for path in source.glob("*.py")}
    assert modules - {"__init__"} <= named


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a clone")
def test_the_source_distribution_holds_all_that_git_holds():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    tops = {"/" + name.split("/")[0] for name in tracked.splitlines()}
    always = {"/.gitignore", "/LICENSE", "/README.md", "/pyproject.toml"}
    assert tops == always | set(toml("pyproject.toml")["tool"]["hatch"]["build"]["targets"]["sdist"]["include"])


def test_every_pin_is_exact():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line.partition(";")[0].strip() for line in lines if line and not line.startswith("#")]
    assert all(pin.count("==") == 1 and "*" not in pin and "/" not in pin for pin in pins)
    pinned = {pin.split("==")[0] for pin in pins}
    project = toml("pyproject.toml")["project"]
    extras = project["optional-dependencies"]
    del extras["spandrel"]  # which brings a torchvision along, so nothing here is tested with it
    needed = project["dependencies"] + [need for extra in extras.values() for need in extra]
    for need in needed:
        name = need.split(";")[0].split(">")[0].split("[")[0].strip()
        assert name in pinned, f"{name} is required but constraints.txt does not pin it"
