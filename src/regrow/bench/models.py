"""Models as benchmarks run them: maps of arrays, by the names that `--model` takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import ceil, prod
from typing import TypeAlias

import numpy as np

from regrow import zoo
from regrow.bench import maps
from regrow.bench.pictures import as_picture, as_tensor
from regrow.errors import UsageError
from regrow.inference.ensemble import VIEWS
from regrow.inference.rows import TILE
from regrow.nets.model import Model
from regrow.nets.ops.color import luma
from regrow.nets.ops.resample import bicubic
from regrow.nets.upscale.base import Restorer
from regrow.nets.video.base import VideoRestorer
from regrow.operations.restorers import BICUBIC, ZSSR
from regrow.operations.zero_shot import ZeroShot
from regrow.size import Scale, Size, check_scale, scale_text, small_size

GREY = "grey"
"""The baseline of colorizers: the picture left grey."""
UPSCALES = 2, 3, 4, 8
"""The scales at which nets that enlarge are measured."""

Enlarging: TypeAlias = Restorer | VideoRestorer


class Pair:
    """Two maps of (H, W, 3 or 1) uint8 pictures: a model's, or the antialiased bicubic's where its name is "bicubic".

        picture (H, W, C) --shrink--> small (h, w, c) --grow--> picture (H, W, C)

    "A+B" shrinks as A and grows as B does, which may be a net that enlarges, such as EDSR, and "A+B+C" lets C enhance
    what B has enlarged; these may be files of published weights.

    Args:
        name: of the model or models.
        scale: how many times smaller, one number or (across, down).
        grey: whether colours are hidden in a grey small picture.
        refine: steps by which the small picture is refined; none where it is the bicubic's.
        ensemble: whether nets that only enlarge take the mean over all flips and transposes.
        device, tile: as for `regrow.shrink`.

    Raises:
        UsageError: there is no such model, or it does not enlarge by the scale.
    """

    clips = False
    """Whether nets that look at several frames may follow what shrinks."""

    def __init__(
        self,
        name: str,
        scale: Scale,
        *,
        grey: bool = False,
        refine: int = 0,
        ensemble: bool = False,
        device: str = "auto",
        tile: int | None = None,
    ) -> None:
        self.name, self.scales, self.grey, self.ensemble = name, check_scale(scale), grey, ensemble
        self.device, self.tile = device, tile
        self.shrinker, *growers = zoo.parts(name)
        self.grower = growers[0] if growers else self.shrinker
        self.refine = refine if self.shrinker != BICUBIC else 0
        for part in zoo.parts(name):
            check_name(part)
        self.nets: list[Enlarging] = []
        if self.grower not in (self.shrinker, BICUBIC) or len(growers) > 1:
            self.nets = self._restorers(growers)

    def _restorers(self, names: list[str]) -> list[Enlarging]:
        """The nets that only grow; none where one rescaler's half does."""
        kinds = (Restorer, VideoRestorer) if self.clips else (Restorer,)
        nets: list[Model] = [zoo.on_device(zoo.load(name), self.device) for name in names]
        restorers = [net for net in nets if isinstance(net, kinds)]
        if len(nets) == 1 and not restorers:
            return []
        if len(restorers) < len(nets):
            raise UsageError(f"{self.name}: of more than two models, the third and later must be nets that enhance")
        if isinstance(restorers[0], Restorer):  # it may hold several scales
            others = prod(net.scale for net in restorers[1:])
            restorers[0] = restorers[0].up_to(int(self.scales[0] / others))
        scale = prod(net.scale for net in restorers)
        if any(wanted != scale for wanted in self.scales):
            raise UsageError(f"{'+'.join(names)}: enlarges by {scale}, not by {scale_text(self.scales)}")
        return restorers

    def shrink(self, picture: np.ndarray) -> np.ndarray:
        """(H, W, 3 or 1) -> (h, w, as many), or (h, w, 1) where colours are hidden."""
        if self.shrinker != BICUBIC:
            return maps.shrink(
                picture, self.shrinker, self.scales, refine=self.refine, device=self.device, tile=self.tile
            )
        width, height = small_size((picture.shape[1], picture.shape[0]), self.scales)
        small = bicubic(as_tensor(picture), (height, width))
        return as_picture(luma(small) if self.grey and len(small) == 3 else small)

    def grow(self, small: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """(h, w, 3 or 1) -> (H, W, 3), or (H, W, 1) where there are no colours; size is (width, height)."""
        if self.nets:
            picture = np.broadcast_to(small, (*small.shape[:2], 3))
            for net in self.nets:
                assert isinstance(net, Restorer)
                picture = maps.restore(picture, net, tile=self.tile, ensemble=self.ensemble)
            return picture
        if self.grower != BICUBIC:
            return maps.grow(small, self.grower, self.scales, size, device=self.device, tile=self.tile)
        return as_picture(bicubic(as_tensor(small), size[::-1]))

    def __call__(self, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The small picture and the grown one."""
        small = self.shrink(picture)
        return small, self.grow(small, (picture.shape[1], picture.shape[0]))


class Upscaler(Pair):
    """The bicubic that shrinks and a model that enlarges: a name, folder, file, "bicubic", or "A+B", one after another.

    "zssr" is fitted to each picture, which counts among the seconds, not among the multiply-adds.

    Raises:
        UsageError: there is no such model, it is of another kind, or it does not enlarge by the scale.
    """

    def __init__(
        self, name: str, scale: Scale, *, ensemble: bool = False, device: str = "auto", tile: int | None = None
    ) -> None:
        pair = BICUBIC if name in (BICUBIC, ZSSR) else f"{BICUBIC}+{name}"
        super().__init__(pair, scale, ensemble=ensemble or name == ZSSR, device=device, tile=tile)
        if name == ZSSR:
            self.nets = [ZeroShot(check_upscale(scale))]
        if not self.nets and name != BICUBIC:
            raise UsageError(f"{name}: is no model that enlarges ordinary pictures; take one that `upscale` takes")
        self.parameters = sum(p.numel() for net in self.nets for p in net.parameters())
        """Of all scales, where a net holds several; 0 of the bicubic."""
        self.multiply_adds = 0.0
        """For each pixel of the result; 0 of the bicubic."""
        for net in self.nets:  # those of a net before others count for fewer pixels
            self.multiply_adds = self.multiply_adds / net.scale**2 + net.multiply_adds()
        self.multiply_adds *= VIEWS if self.ensemble else 1

    def grow(self, small: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """As `Pair.grow`."""
        if self.nets and isinstance(self.nets[0], ZeroShot):
            self.nets = [maps.fit_to_thumbnail(small, self.nets[0].scale, self.device)]
        return super().grow(small, size)


class ClipPair(Pair):
    """What `Pair` is for pictures: two maps of frames that come one after another, (H, W, 3 or 1) uint8.

    What works on one picture works frame by frame; groups of frames follow each other from the clip's start.
    """

    clips = True

    def __init__(self, name: str, scale: Scale, *, device: str = "auto", tile: int | None = None) -> None:
        super().__init__(name, scale, device=device, tile=tile)
        self.clip_tile = tile or TILE
        names = {self.shrinker} if self.nets else {self.shrinker, self.grower}
        self.rescalers = {part: maps.clip_rescaler(part, self.scales, device) for part in names - {BICUBIC}}

    def shrink_clip(self, frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Small frames, one for each."""
        if self.shrinker == BICUBIC:
            return map(self.shrink, frames)
        return maps.shrink_clip(frames, self.rescalers[self.shrinker], self.scales, self.clip_tile)

    def grow_clip(self, frames: Iterable[np.ndarray], size: tuple[int, int]) -> Iterator[np.ndarray]:
        """Frames of a size, (width, height), one for each small one."""
        if self.nets:
            for net in self.nets:
                frames = maps.grow_clip(frames, net, None, self.clip_tile)
            return iter(frames)
        if self.grower == BICUBIC:
            return (self.grow(small, size) for small in frames)
        return maps.grow_clip(frames, self.rescalers[self.grower], Size(*size), self.clip_tile)


class Colorizer:
    """A map from grey (H, W, 1) to color (H, W, 3), uint8, by a model or "grey", which leaves the picture as it is.

    Args:
        name: of the model.
        temperature: as for `regrow.colorize`; left out where the model has none, so that several kinds share a table.
        device: as for `regrow.colorize`.

    Raises:
        UsageError: there is no such model.
    """

    def __init__(self, name: str, *, temperature: float | None = None, device: str = "auto") -> None:
        self.name, self.device = name, device
        self.temperature = temperature
        if name == GREY:
            return
        check_name(name)
        if not zoo.is_file(name) and zoo.config(name).get("architecture") != "classification":
            self.temperature = None

    def __call__(self, grey: np.ndarray) -> np.ndarray:
        """As the class says."""
        if self.name == GREY:
            return np.repeat(grey, 3, -1)
        return maps.colorize(grey, self.name, temperature=self.temperature, device=self.device)


def check_name(name: str) -> None:
    """UsageError where there is no model of a name or in a folder; files are looked at when they are loaded."""
    if name != BICUBIC and not zoo.is_file(name):
        zoo.folder(name)


def check_upscale(scale: Scale) -> int:
    """A scale both ways as one number. UsageError where it is none of `UPSCALES`."""
    across, down = scale if isinstance(scale, tuple) else (scale, scale)
    if across != down or across not in UPSCALES:
        raise UsageError(f"scale {scale_text((across, down))}: must be one of {', '.join(map(str, UPSCALES))}")
    return int(across)


def blank(scales: tuple[float, float], channels: int) -> np.ndarray:
    """A black picture that becomes 64x64, or less where it would be large: the first pays for what is set up once."""
    width, height = (min(64, max(1, 1024 // ceil(scale))) * ceil(scale) for scale in scales)
    return np.zeros((height, width, channels), np.uint8)
