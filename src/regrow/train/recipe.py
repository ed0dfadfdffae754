"""Recipes: everything that decides what a training run gives, read from a TOML file."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from regrow.errors import UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


SPACE = 2.25
"""Side of the piece of a picture that a clip looks around in, in sides of a frame."""


@dataclass(frozen=True, kw_only=True)
class Data:
    """What is trained on: random crops of the pictures below the folder given with `--data`."""

    folders: tuple[str, ...] = ()
    """Sub-folders to use; all when empty."""
    crop: int = 64
    """Side of a crop in pixels, a multiple of the model's scale."""
    batch: int = 8
    frames: int = 1
    """Frames of a clip, for nets that look at several; clips are made of pictures by moving over them."""
    side: int = 0
    """Pictures are shrunk as they are read until their shorter side has so many pixels; 0 leaves them."""
    upright: bool = False
    """Crops are mirrored left to right only, for nets that know up from down."""
    zoom: float = 1.0
    """The inside of a crop is enlarged by up to this, drawn evenly for each crop."""
    tone: float = 0.0
    """Grey pictures get a gamma from 2^-tone to 2^tone, drawn evenly in its logarithm, as films and ages differ."""
    thumbnails: str = ""
    """What shrinks pictures or frames for a net that enlarges them: a rescaler's name or folder; bicubic when empty."""
    enlarged: str = ""
    """What enlarges them first for a net that enhances: a restorer's name or folder."""
    flow: str = ""
    """What finds the flows for a net that restores clips, in bicubic small frames, in place of its own: another such
    net's name or folder."""
    grey: float = 0.0
    """Share of crops made grey, whose small picture is made grey too, for pictures that have no colour."""
    stretch: float = 1.0
    """Crops are resampled to up to this many times their size before they are shrunk, evenly drawn for each batch, as
    pictures are whose scale lies between two powers of 2."""
    validation: int = 16
    """Pictures held out, evenly spaced in the sorted list."""
    held_out: str = ""
    """Sub-folder that they are held out of, where others show the same scenes; any when empty."""
    validation_crop: int = 192
    """Side of the centre of a held-out picture that is measured, in pixels."""

    @property
    def piece(self) -> int:
        """Side of the piece of a picture that a crop, or a clip, is made of."""
        return self.crop if self.frames == 1 else round(SPACE * self.crop)

    def __post_init__(self) -> None:
        for name in ("crop", "batch", "frames", "validation_crop", "validation", "side"):
            least = 0 if name in ("validation", "side") else 1
            if getattr(self, name) < least:
                raise UsageError(f"{name} is {getattr(self, name)}, but must be at least {least}")
        for name in ("stretch", "zoom"):
            if not 1 <= getattr(self, name) <= 2:
                raise UsageError(f"{name} is {getattr(self, name)}, but must be from 1 to 2")
        if not 0 <= self.tone <= 2:
            raise UsageError(f"tone is {self.tone}, but must be from 0 to 2")
        if not all(isinstance(folder, str) for folder in self.folders):
            raise UsageError(f"folders is {self.folders!r}, but must be a list of names")


@dataclass(frozen=True, kw_only=True)
class Loss:
    """What is minimised: task + guidance_weight * guidance (Kim et al. 2018, equation 5)."""

    task: str = "l1"
    """Distance between the picture and the regrown one, or a sum of some, such as "l1 + 0.1 ssim": l1, l2 (root of the
    mean square of each crop), charbonnier, ssim, ms-ssim, ms-ssim-l1 (Zhao et al. 2017) or tv."""
    guidance: str = "l1"
    """Distance between the small picture and the bicubic one: l1 or l2."""
    guidance_weight: float = 0.1
    """The paper's lambda."""
    radius: float = 0.0
    """Mean absolute difference, in levels of 255, within which small pictures are free (Schaefer's epsilon)."""
    content: float = 0.0
    """Weight of the content loss, beside `task`, for nets that enlarge or enhance."""
    vgg: str = ""
    """File of the VGG19 weights that the content loss sees with, as torchvision names them."""
    adversarial: float = 0.0
    """Weight of the adversarial loss, for nets that enlarge or enhance, against the net of [discriminator]."""
    relativistic: bool = False
    """The discriminator compares real and made pictures (Wang et al. 2018), where the standard one judges each alone
    (Ledig et al. 2017)."""
    flicker: float = 0.0
    """Weight of how much the error changes from one frame of a group to the next."""
    warping: float = 0.01
    """Weight of the loss of the flows, for nets that warp frames (Wang et al. 2018)."""
    through: str = ""
    """What restores the small frames of a rescaler, in place of its own decoder, and is not trained: name or folder."""
    rebalance: float = 0.5
    """How far rare classes of colour are kept from counting more (Zhang's lambda): 1 makes all count alike."""
    noise: float = 0.0
    """Gaussian noise on small pictures before they are grown: the largest standard deviation, in [0, 1]; each crop's is
    drawn evenly from 0 to that."""

    def __post_init__(self) -> None:
        for name in ("guidance_weight", "radius", "noise", "content", "adversarial", "warping", "flicker"):
            if getattr(self, name) < 0:
                raise UsageError(f"{name} is {getattr(self, name)}, but must not be negative")
        if bool(self.content) != bool(self.vgg):
            raise UsageError("content, a weight, and vgg, the file of the net that sees it, go together")
        if self.relativistic and not self.adversarial:
            raise UsageError("relativistic is a kind of adversarial loss; give the weight of that, adversarial, too")
        if not 0 < self.rebalance <= 1:
            raise UsageError(f"rebalance is {self.rebalance}, but must be above 0 and at most 1")


@dataclass(frozen=True, kw_only=True)
class Optimizer:
    """How the weights move: cosine from `rate` to zero after a linear warm-up."""

    name: str = "muon"
    """muon (convolutions between features; Adam for the rest) or adam."""
    rate: float = 0.01
    adam_rate: float = 1e-3
    """Rate of what Muon does not take; not used by adam."""
    narrowest: int = 16
    """Channels on both sides from which on kernels are Muon's."""
    weight_decay: float = 0.0
    warmup: int = 200
    clip: float = 1.0
    """Largest norm of the whole gradient."""
    ema: float = 0.999
    """Decay of the running average of the weights, which is what is measured and kept."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """How long, and what is written on the way."""

    steps: int = 10_000
    seed: int = 0
    precision: str = "bf16"
    """bf16 or fp32, of the convolutions between features."""
    compile: bool = True
    """torch.compile the loss; ignored, with a message, where no C++ compiler is found."""
    log_every: int = 50
    validate_every: int = 1000
    checkpoint_every: int = 1000


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One training run. `Recipe.read` makes one from a file and refuses what it does not know."""

    name: str
    model: dict[str, Any]
    """`architecture` and its settings."""
    init: str = ""
    """Model to start from: a shipped name or a folder; random weights when empty."""
    blend: float = 1.0
    """Share of what was learned in the result, the rest being the weights of `init`: network interpolation (Wang et al.
    2018, section 3.4), which takes back part of what adversarial training makes up. Not in the figures of the log."""
    discriminator: dict[str, Any] = field(default_factory=dict)
    """`architecture` and its settings, for adversarial training; trained beside the model by the same [optimizer]."""
    data: Data = field(default_factory=Data)
    loss: Loss = field(default_factory=Loss)
    optimizer: Optimizer = field(default_factory=Optimizer)
    run: Run = field(default_factory=Run)

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
        """The inverse of `to_dict`."""
        table = dict(table)
        table.setdefault("name", Path(where).stem)
        for name in ("model", "discriminator", "data", "loss", "optimizer", "run"):
            if not isinstance(table.get(name, {}), dict):
                raise UsageError(f"{where}: {name} must be a table, [{name}]")
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
