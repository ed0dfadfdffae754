"""Recipes: all settings of a training run, read from a TOML file."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from regrow.errors import UsageError
from regrow.io.codecs import QUALITIES
from regrow.optim.settings import Optimizer
from regrow.zoo.registry import RENAMED

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


SPACE = 2.25
"""Side of the piece of a picture that a clip looks around in, in sides of a frame."""


@dataclass(frozen=True, kw_only=True)
class Data:
    """What is trained on: random crops of the pictures in the folder given with `--data`."""

    folders: tuple[str, ...] = ()
    """Sub-folders of `--data` to use. All when empty."""
    crop: int = 64
    """Side of a crop in pixels. A multiple of the model's scale."""
    batch: int = 8
    """Crops or clips in a batch. At least 1."""
    frames: int = 1
    """Frames of a training clip, for video models. Clips are made from still pictures by moving a camera over them."""
    side: int = 0
    """Pictures are downscaled as they are read until their shorter side has this many pixels. 0 keeps their size."""
    upright: bool = False
    """Crops are flipped horizontally only, never vertically or by a quarter turn."""
    zoom: float = 1.0
    """Largest factor by which the center of a crop is enlarged, drawn uniformly for each crop. From 1 to 2; colorizers
    only."""
    tone: float = 0.0
    """Grey pictures get a gamma between 2^-tone and 2^tone, drawn uniformly on a log scale for each crop. From 0 to 2;
    colorizers only."""
    thumbnails: str = ""
    """Rescaler that makes the low-resolution input of a restorer: its name or folder. Bicubic when empty."""
    enlarged: str = ""
    """Restorer that enlarges the input of an enhancer first: its name or folder. Needed where the model's scale is 1,
    refused elsewhere."""
    flow: str = ""
    """Video restorer whose optical flow, estimated on bicubic small frames, replaces the model's own: its name or
    folder."""
    grey: float = 0.0
    """Fraction of crops that are turned grey, with a grey small picture, so that a color rescaler learns grey pictures
    too. From 0 to 1; rescalers only."""
    least: float = 1.08
    """Least scale that is drawn, where the model has one for any scale: that of the side that shrinks most. From 1 to
    `largest`."""
    largest: float = 4.1
    """Largest scale that is drawn, where the model has one for any scale. From 1.2 to 8."""
    codecs: tuple[str, ...] = ()
    """Codecs whose pictures a net of the architecture `codec` restores: jpeg, webp, avif, in equal shares."""
    versions: int = 2
    """Versions of each picture for each codec, with qualities spread over those of use, each turned another way. At
    least 1; with `codecs` only, like the next four."""
    full_chroma: float = 0.2
    """Fraction of the JPEGs, and of the tuned AVIFs, whose chroma is not subsampled (4:4:4). From 0 to 1."""
    tuned: float = 0.0
    """Fraction of the coded pictures that are coded for few bytes, as `regrow shrink` does. From 0 to 1."""
    shrinker: str = ""
    """Net that shrinks pictures before they are coded: its name or folder. Bicubic when empty."""
    effort: int = 3
    """Effort of AVIF, from 0 to 9. The default of libvips, 4, takes five times as long."""
    blind: float = 0.1
    """Fraction of the crops for which the net is told nothing of the file. From 0 to 1."""
    validation: int = 16
    """Number of pictures held out for validation, evenly spaced in the sorted list. 0 for none."""
    held_out: str = ""
    """Sub-folder that the validation pictures are taken from, where other sub-folders show the same scenes. Any when
    empty."""
    validation_crop: int = 192
    """Side of the center crop of a validation picture that is measured, in pixels."""

    @property
    def piece(self) -> int:
        """Side of the piece of a picture that a crop, or a clip, is made of."""
        return self.crop if self.frames == 1 else round(SPACE * self.crop)

    def __post_init__(self) -> None:
        for name in ("crop", "batch", "frames", "versions", "validation_crop", "validation", "side"):
            least = 0 if name in ("validation", "side") else 1
            if getattr(self, name) < least:
                raise UsageError(f"{name} is {getattr(self, name)}, but must be at least {least}")
        if not 1 <= self.zoom <= 2:
            raise UsageError(f"zoom is {self.zoom}, but must be from 1 to 2")
        if not 1.2 <= self.largest <= 8:
            raise UsageError(f"largest is {self.largest}, but must be from 1.2 to 8")
        if not 1 <= self.least < self.largest:
            raise UsageError(f"least is {self.least}, but must be at least 1 and less than largest, {self.largest:g}")
        for name in ("full_chroma", "tuned", "blind"):
            if not 0 <= getattr(self, name) <= 1:
                raise UsageError(f"{name} is {getattr(self, name)}, but must be from 0 to 1")
        if not 0 <= self.effort <= 9:
            raise UsageError(f"effort is {self.effort}, but must be from 0 to 9")
        if any(name not in QUALITIES for name in self.codecs):
            raise UsageError(f"codecs is {list(self.codecs)}, but known are {', '.join(QUALITIES)}")
        if not 0 <= self.tone <= 2:
            raise UsageError(f"tone is {self.tone}, but must be from 0 to 2")
        if not all(isinstance(folder, str) for folder in self.folders):
            raise UsageError(f"folders is {self.folders!r}, but must be a list of names")


@dataclass(frozen=True, kw_only=True)
class Loss:
    """What is minimized: task + guidance_weight * guidance (Kim et al. 2018, equation 5), and the terms below."""

    task: str = "l1"
    """Loss between the original and the result, or a weighted sum such as "l1 + 0.1 ssim". Terms: l1, l2 (root mean
    square error of each crop), charbonnier, ssim, ms-ssim, ms-ssim-l1 (Zhao et al. 2017), tv (total variation)."""
    guidance: str = "l1"
    """Loss between the small picture and the bicubic one: l1 or l2. Rescalers only."""
    guidance_weight: float = 0.1
    """Weight of the guidance loss: lambda in the paper. Rescalers only."""
    radius: float = 0.0
    """Mean absolute difference from the bicubic picture, in 8-bit levels, below which the guidance loss is zero
    (epsilon in Schaefer 2019). Rescalers only."""
    content: float = 0.0
    """Weight of the content loss: mean absolute difference of VGG19 features. Restorers only; needs `vgg`."""
    vgg: str = ""
    """File of the VGG19 weights for the content loss, with the names that torchvision gives them."""
    adversarial: float = 0.0
    """Weight of the adversarial loss. Restorers only; needs the table [discriminator]."""
    relativistic: bool = False
    """The discriminator compares real and generated pictures (Wang et al. 2018) instead of judging each on its own
    (Ledig et al. 2017)."""
    flicker: float = 0.0
    """Weight of the temporal loss: how much the error changes from one frame of a group to the next. Video rescalers
    only."""
    warping: float = 0.01
    """Weight of the optical flow loss: the error of frames warped by the flow, and the flow's roughness (Wang et al.
    2018). Video restorers only."""
    through: str = ""
    """Frozen video restorer that grows the small frames in place of the rescaler's own decoder: its name or folder."""
    grower: str = ""
    """Frozen net that enlarges what a codec leaves of small pictures: its name or folder. Shrinkers for codecs only."""
    rate: float = 1.0
    """What a bit counts, 1 being what the codec itself trades for it at the quality that is drawn. Shrinkers for codecs
    only."""
    rebalance: float = 0.5
    """How evenly rare and frequent color classes count (lambda in Zhang et al. 2016): 1 weights all classes equally.
    Above 0, at most 1; colorizers with classes only."""
    noise: float = 0.0
    """Largest standard deviation of the Gaussian noise added to small pictures before they are grown, where pixels are
    in [0, 1]. Drawn uniformly from 0 for each crop. Rescalers of single pictures only."""

    def __post_init__(self) -> None:
        for name in ("guidance_weight", "radius", "noise", "content", "adversarial", "warping", "flicker", "rate"):
            if getattr(self, name) < 0:
                raise UsageError(f"{name} is {getattr(self, name)}, but must not be negative")
        if bool(self.content) != bool(self.vgg):
            raise UsageError("content, a weight, and vgg, the file of the net that sees it, go together")
        if self.relativistic and not self.adversarial:
            raise UsageError("relativistic is a kind of adversarial loss; give the weight of that, adversarial, too")
        if not 0 < self.rebalance <= 1:
            raise UsageError(f"rebalance is {self.rebalance}, but must be above 0 and at most 1")


@dataclass(frozen=True, kw_only=True)
class Run:
    """How long training takes, and what it writes on the way."""

    steps: int = 10_000
    """Number of training steps, each with one batch."""
    seed: int = 0
    """Seed of the initial weights, the crops and all noise."""
    precision: str = "bf16"
    """bf16 (bfloat16 autocast, where the device computes with it) or fp32."""
    compile: bool = True
    """Compile the loss with `torch.compile`. Skipped, with a message, where there is no C++ compiler."""
    log_every: int = 50
    """Steps between rows of `log.csv`."""
    validate_every: int = 1000
    """Steps between validations, which also draw `training.png`."""
    checkpoint_every: int = 1000
    """Steps between checkpoints."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One training run. `Recipe.read` makes one from a file and refuses what it does not know."""

    name: str
    """Name of the run in messages and plots. The name of the file, without `.toml`, when left out."""
    model: dict[str, Any]
    """Table [model]: `architecture` and its settings."""
    init: str = ""
    """Model whose weights training starts from: a shipped name or a folder, or "A+B", where B's replace those of A that
    it has. Random weights when empty."""
    blend: float = 1.0
    """Fraction of the trained weights in the saved ones, the rest being those of `init`: network interpolation (Wang et
    al. 2018, section 3.4), which takes back part of what adversarial training makes up. Above 0, at most 1. The figures
    of the log are those before blending."""
    discriminator: dict[str, Any] = field(default_factory=dict)
    """Table [discriminator]: `architecture` and its settings, for adversarial training. Trained beside the model, with
    the same [optimizer]."""
    data: Data = field(default_factory=Data)
    """Table [data]."""
    loss: Loss = field(default_factory=Loss)
    """Table [loss]."""
    optimizer: Optimizer = field(default_factory=Optimizer)
    """Table [optimizer]."""
    run: Run = field(default_factory=Run)
    """Table [run]."""

    def __post_init__(self) -> None:
        if bool(self.loss.adversarial) != bool(self.discriminator):
            raise UsageError("loss.adversarial, a weight, and [discriminator], the net it is against, go together")
        if not 0 < self.blend <= 1:
            raise UsageError(f"blend is {self.blend}, but must be above 0 and at most 1")
        if self.blend < 1 and not self.init:
            raise UsageError(f"blend is {self.blend}, but there is no init whose weights could be the rest")

    @classmethod
    def read(cls, path: Path, changes: Sequence[str] = ()) -> Recipe:
        """Read a recipe, with changes such as "model.blocks=2". UsageError names the file and the wrong setting."""
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise UsageError(f"{path}: no such recipe; see the folder recipes/ for some") from None
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise UsageError(f"{path}: not a readable TOML file: {error}") from None
        for change in changes:
            _change(table, change)
        return cls.from_dict(table, where=str(path))

    @classmethod
    def from_dict(cls, table: dict[str, Any], where: str = "recipe") -> Recipe:
        """Make a recipe from tables such as those of a file; the inverse of `to_dict`.

        Examples:
            >>> from regrow.train.recipe import Recipe
            >>> recipe = Recipe.from_dict({"model": {"architecture": "tad"}, "run": {"steps": 500}})
            >>> recipe.run.steps, recipe.data.crop
            (500, 64)
        """
        table = dict(table)
        table.setdefault("name", Path(where).stem)
        for name in ("model", "discriminator", "data", "loss", "optimizer", "run"):
            if not isinstance(table.get(name, {}), dict):
                raise UsageError(f"{where}: {name} must be a table, [{name}]")
        table["model"] = _renamed(table.get("model", {}), RENAMED)
        table["loss"] = _renamed(table.get("loss", {}), {"steady": "flicker"})
        if not isinstance(table["name"], str):
            raise UsageError(f"{where}: name is {table['name']!r}, but must be a str")
        if "architecture" not in table.get("model", {}):
            raise UsageError(f"{where}: the table [model] must name an architecture")
        if table.get("discriminator") and "architecture" not in table["discriminator"]:
            raise UsageError(f"{where}: the table [discriminator] must name an architecture")
        for name, kind in (("data", Data), ("loss", Loss), ("optimizer", Optimizer), ("run", Run)):
            table[name] = _build(kind, table.get(name, {}), f"{where}: [{name}]")
        return _build(cls, table, where)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as written beside a checkpoint."""
        return asdict(self)


def _change(table: dict[str, Any], change: str) -> None:
    """Set what "section.name=value" says; the value is TOML, or text where it is none."""
    key, equals, value = change.partition("=")
    *section, name = key.strip().split(".")
    inner = table.setdefault(section[0], {}) if len(section) == 1 else table
    if not equals or not name or len(section) > 1 or not isinstance(inner, dict):
        raise UsageError(f"--set {change}: expected section.name=value, such as model.blocks=2")
    try:
        inner[name] = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        inner[name] = value


def _renamed(table: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """A table with the present names of settings that were renamed."""
    return {names.get(name, name): value for name, value in table.items()}


T = TypeVar("T")


def _build(kind: type[T], table: dict[str, Any], where: str) -> T:
    """A settings object from a table; unknown names and wrong types are errors, not guesses."""
    defaults = {f.name: f.default for f in fields(kind)}  # type: ignore[arg-type]
    values = {}
    for name, value in table.items():
        if name not in defaults:
            raise UsageError(f"{where}: unknown setting {name!r}; known are {', '.join(defaults)}")
        default = defaults[name]
        if isinstance(default, tuple) and isinstance(value, list):
            value = tuple(value)
        elif isinstance(default, float) and type(value) is int:
            value = float(value)
        if isinstance(default, (bool, int, float, str, tuple)) and type(value) is not type(default):
            raise UsageError(f"{where}: {name} is {value!r}, but must be a {type(default).__name__}")
        values[name] = value
    try:
        return kind(**values)
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None
