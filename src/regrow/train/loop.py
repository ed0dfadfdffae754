"""The training loop."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import torch
from accelerate import Accelerator
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, nn

from regrow import zoo
from regrow.errors import UsageError
from regrow.inference.precision import bf16_is_fast
from regrow.nets.restore.codec import CodecRestorer
from regrow.optim import muon as optim
from regrow.optim.compiling import compiled
from regrow.optim.interrupt import interrupt_later
from regrow.optim.muon import schedule
from regrow.train import checkpoint, data
from regrow.train.clips import Clips
from regrow.train.coded import CodedCrops
from regrow.train.log import Log
from regrow.train.plot import plot_training
from regrow.train.recipe import Recipe
from regrow.train.tasks.select import task_for

COLUMNS = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
CHECKPOINT, LOG, PLOT, WEIGHTS = "checkpoint.safetensors", "log.csv", "training.png", "weights"


def train(
    recipe: Recipe,
    data_dir: Path,
    out: Path,
    *,
    resume: bool = False,
    device: str = "",
    pictures_on_device: bool = False,
    cache: Path | None = None,
) -> Path:
    """Train the model of a recipe.

    Args:
        recipe: what to train and how.
        data_dir: folder of training pictures.
        out: receives `checkpoint.safetensors`, `log.csv`, `training.png` and, at the end, `weights/`.
        resume: go on from the checkpoint in `out`; the result is that of an unbroken run.
        device: "cpu", "cuda", ... ; chosen by Accelerate when empty.
        pictures_on_device: keep the decoded pictures on the device and crop there.
        cache: folder for pictures that codecs have been through, which runs may share; memory when not given.

    Returns:
        The folder of the finished weights, which `--model` takes.

    Raises:
        UsageError: the recipe, the data or the state of `out` do not allow the run.
        KeyboardInterrupt: after a checkpoint has been written.
    """
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    _check(recipe, out, resume=resume, on_device=pictures_on_device, cached=cache is not None)
    accelerator = _accelerator(recipe, device)
    torch.manual_seed(recipe.run.seed)
    nets = _Nets(recipe)
    start = nets.resume(out / CHECKPOINT) if resume else 0
    training, held_out = data.load(data_dir, recipe.data, console)
    crops = _crops(training, nets, accelerator, on_device=pictures_on_device, cache=cache)
    nets.task.look_at(training)
    console.print(f"{recipe.name}: {len(training)} pictures, {len(held_out)} held out, on {accelerator.device}")
    nets.prepare(accelerator, console)
    out.mkdir(parents=True, exist_ok=True)
    log = Log(out / LOG, start)
    with (
        Progress(*COLUMNS, console=console, disable=not accelerator.is_main_process) as progress,
        interrupt_later() as interrupted,
    ):
        bar = progress.add_task(recipe.name, total=recipe.run.steps, completed=start)
        for step in range(start + 1, recipe.run.steps + 1):
            losses = nets.advance(step, crops(step - 1).to(accelerator.device))
            progress.update(bar, completed=step)
            last = step == recipe.run.steps
            if step % recipe.run.log_every == 0:
                log.add(step, {name: value.item() for name, value in losses.items()})
            if (last or step % recipe.run.validate_every == 0) and accelerator.is_main_process:
                figures = _validated(nets, held_out, log, step)
                plot_training(log.rows, out / PLOT, recipe.name)
                progress.console.print(f"step {step}: {figures}")
            if last or step % recipe.run.checkpoint_every == 0 or interrupted():
                nets.save(out / CHECKPOINT, step, log)
            if interrupted():
                console.print(f"interrupted after step {step}; --resume goes on from there")
                raise KeyboardInterrupt
    return nets.finish(out / WEIGHTS)


def _check(recipe: Recipe, out: Path, *, resume: bool, on_device: bool, cached: bool) -> None:
    """UsageError where the recipe, what was asked for or the state of `out` do not allow the run."""
    if recipe.run.precision not in ("bf16", "fp32"):
        raise UsageError(f"precision {recipe.run.precision!r} is not known; known are bf16, fp32")
    if (out / CHECKPOINT).exists() and not resume:
        raise UsageError(f"{out}: holds an unfinished or finished run; continue it with --resume or name another --out")
    if resume and not (out / CHECKPOINT).exists():
        raise UsageError(f"{out}: no {CHECKPOINT} to resume from")
    if cached and not recipe.data.codecs:
        raise UsageError(f"{recipe.name}: a cache is for pictures that codecs have been through; leave it out")
    if on_device and recipe.data.codecs:
        raise UsageError(f"{recipe.name}: pictures that codecs have been through are not kept on the device")


def _accelerator(recipe: Recipe, device: str) -> Accelerator:
    half = recipe.run.precision == "bf16" and bf16_is_fast(device)
    accelerator = Accelerator(mixed_precision="bf16" if half else "no", cpu=device == "cpu")
    if device and device.split(":")[0] != accelerator.device.type:
        raise UsageError(f"device {device!r} cannot be used; there is {accelerator.device.type!r}")
    return accelerator


def _validated(nets: _Nets, held_out: list[Tensor], log: Log, step: int) -> str:
    """Add figures on held-out pictures to the log; gives them in words."""
    figures = nets.task.validate(nets.ema, held_out, nets.recipe.data.validation_crop)
    log.add(step, {f"val_{name}": value for name, value in figures.items()})
    return ", ".join(f"{name} {value:.2f}" for name, value in figures.items())


def _crops(
    training: list[Tensor], nets: _Nets, accelerator: Accelerator, *, on_device: bool, cache: Path | None
) -> Callable[[int], Tensor]:
    """Gives the batch of a step."""
    wanted, seed, process = nets.recipe.data, nets.recipe.run.seed, accelerator.process_index
    if isinstance(nets.model, CodecRestorer):
        return CodedCrops(training, wanted, nets.model.scale, seed, process, cache)
    device = str(accelerator.device) if on_device else "cpu"
    pieces = data.Crops(training, wanted.piece, wanted.batch, seed, process, device, wanted.upright)
    return pieces if wanted.frames == 1 else Clips(pieces, wanted.frames, wanted.crop)


class _Nets:
    """What a run trains: the model, its running average, what judges it where something does, and their optimizers."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.model = zoo.build(recipe.model)
        if recipe.init:
            try:
                for name in zoo.parts(recipe.init):
                    self.model.start_from(zoo.load(name))
            except ValueError as error:
                raise UsageError(f"{recipe.name}: cannot start from {recipe.init}: {error}") from None
        self.begun = copy.deepcopy(self.model) if recipe.blend < 1 else None
        self.task = task_for(self.model, recipe)
        if recipe.data.crop % self.task.multiple or recipe.data.validation_crop < self.task.multiple:
            raise UsageError(
                f"crop {recipe.data.crop} must divide by {self.task.multiple}, and validation_crop hold that"
            )
        judge = self.task.discriminator
        self.trained: dict[str, nn.Module] = {
            "model": self.model,
            **({} if judge is None else {"discriminator": judge}),
        }
        for net in self.trained.values():
            net.train().requires_grad_(True)
        self.ema = copy.deepcopy(self.model).eval().requires_grad_(False)
        self.optimizers = [o for net in self.trained.values() for o in optim.build(net, recipe.optimizer)]

    def resume(self, path: Path) -> int:
        """Go back to a checkpoint; gives its step."""
        step, tensors = checkpoint.read_of(path, self.recipe)
        checkpoint.restore(tensors, {**self.trained, "ema": self.ema}, self.optimizers)
        return step

    def prepare(self, accelerator: Accelerator, console: Console) -> None:
        """Move all to where it is trained."""
        self.accelerator = accelerator
        prepared, *self.prepared = accelerator.prepare(self.task, *self.optimizers)
        self.ema.to(accelerator.device)
        self.compute = compiled(prepared, self.recipe.run.compile, self.recipe.data.frames == 1, console.print)
        self.rates = optim.rates_of(self.prepared)

    def advance(self, step: int, x: Tensor) -> dict[str, Tensor]:
        """Step number `step` on a batch; gives its losses and the norm of the model's gradient."""
        recipe = self.recipe
        optim.set_rates(self.prepared, self.rates, schedule(step - 1, recipe.run.steps, recipe.optimizer))
        losses: dict[str, Tensor] = self.compute(x, **self.task.draw(x))
        # Neither loss reaches the other net's weights (regrow.train.adversarial), so one pass serves both.
        self.accelerator.backward(losses["loss"] + losses.get("discriminator", 0))
        clip = recipe.optimizer.clip
        norms = [self.accelerator.clip_grad_norm_(net.parameters(), clip) for net in self.trained.values()]
        # A step of infinite gradient would end the run; leaving one out changes nothing.
        if all(torch.isfinite(norm) for norm in norms):
            for optimizer in self.prepared:
                optimizer.step()
        for optimizer in self.prepared:
            optimizer.zero_grad()
        update_average(self.ema, self.model, min(recipe.optimizer.ema, step / (step + 20)))
        return {**losses, "norm": norms[0]}

    def save(self, path: Path, step: int, log: Log) -> None:
        """Write a checkpoint and the log."""
        if self.accelerator.is_main_process:
            bare = [optimizer.optimizer for optimizer in self.prepared]
            checkpoint.save(path, step, {**self.trained, "ema": self.ema}, bare, self.recipe)
            log.write()

    def finish(self, folder: Path) -> Path:
        """Write the weights, blended with those that training began with where the recipe says so."""
        if self.accelerator.is_main_process:
            if self.begun is not None:
                update_average(self.ema, self.begun.to(self.accelerator.device), self.recipe.blend)
            zoo.save(self.ema, folder)
        return folder


@torch.no_grad()
def update_average(average: torch.nn.Module, model: torch.nn.Module, decay: float) -> None:
    """Move the running average of weights and buffers: average = decay * average + (1 - decay) * model."""
    kept, moved = ([*m.parameters(), *(b for b in m.buffers() if b.is_floating_point())] for m in (average, model))
    torch._foreach_lerp_(kept, moved, 1 - decay)
