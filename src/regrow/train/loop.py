"""The training loop."""

from __future__ import annotations

import copy
from pathlib import Path

import torch
from accelerate import Accelerator
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from regrow import zoo
from regrow.bench.plots import plot_training
from regrow.errors import UsageError
from regrow.inference.precision import bf16_is_fast
from regrow.optim import checkpoint
from regrow.optim import muon as optim
from regrow.optim.compiling import compiled
from regrow.optim.interrupt import interrupt_later
from regrow.optim.muon import schedule
from regrow.train import data
from regrow.train.clips import Clips
from regrow.train.log import Log
from regrow.train.recipe import Recipe
from regrow.train.tasks.base import task_for

CHECKPOINT, LOG, PLOT, WEIGHTS = "checkpoint.safetensors", "log.csv", "training.png", "weights"


def train(
    recipe: Recipe,
    data_dir: Path,
    out: Path,
    *,
    resume: bool = False,
    device: str = "",
    pictures_on_device: bool = False,
) -> Path:
    """Train the model of a recipe.

    Args:
        recipe: what to train and how.
        data_dir: folder of training pictures.
        out: receives `checkpoint.safetensors`, `log.csv`, `training.png` and, at the end, `weights/`.
        resume: go on from the checkpoint in `out`; the result is that of an unbroken run.
        device: "cpu", "cuda", ... ; chosen by Accelerate when empty.
        pictures_on_device: keep the decoded pictures on the device and crop there.

    Returns:
        The folder of the finished weights, which `--model` takes.

    Raises:
        UsageError: the recipe, the data or the state of `out` do not allow the run.
        KeyboardInterrupt: after a checkpoint has been written.
    """
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    if recipe.run.precision not in ("bf16", "fp32"):
        raise UsageError(f"precision {recipe.run.precision!r} is not known; known are bf16, fp32")
    if (out / CHECKPOINT).exists() and not resume:
        raise UsageError(f"{out}: holds an unfinished or finished run; continue it with --resume or name another --out")
    if resume and not (out / CHECKPOINT).exists():
        raise UsageError(f"{out}: no {CHECKPOINT} to resume from")

    half = recipe.run.precision == "bf16" and bf16_is_fast(device)
    accelerator = Accelerator(mixed_precision="bf16" if half else "no", cpu=device == "cpu")
    if device and device.split(":")[0] != accelerator.device.type:
        raise UsageError(f"device {device!r} cannot be used; there is {accelerator.device.type!r}")
    torch.manual_seed(recipe.run.seed)
    model = zoo.build(recipe.model)
    if recipe.init:
        try:
            model.start_from(zoo.load(recipe.init))
        except ValueError as error:
            raise UsageError(f"{recipe.name}: cannot start from {recipe.init}: {error}") from None
    begun = copy.deepcopy(model) if recipe.blend < 1 else None
    task = task_for(model, recipe)
    if recipe.data.crop % task.multiple or recipe.data.validation_crop < task.multiple:
        raise UsageError(f"crop {recipe.data.crop} must divide by {task.multiple}, and validation_crop hold that")
    trained = {"model": model} if task.discriminator is None else {"model": model, "discriminator": task.discriminator}
    for net in trained.values():
        net.train().requires_grad_(True)
    ema = copy.deepcopy(model).eval().requires_grad_(False)
    optimizers = [optimizer for net in trained.values() for optimizer in optim.build(net, recipe.optimizer)]
    nets = {**trained, "ema": ema}

    start = 0
    if resume:
        start, tensors = checkpoint.read_of(out / CHECKPOINT, recipe)
        checkpoint.restore(tensors, nets, optimizers)

    training, held_out = data.load(data_dir, recipe.data, console)
    pieces = data.Crops(
        training,
        recipe.data.piece,
        recipe.data.batch,
        recipe.run.seed,
        accelerator.process_index,
        str(accelerator.device) if pictures_on_device else "cpu",
        recipe.data.upright,
    )
    crops = pieces if recipe.data.frames == 1 else Clips(pieces, recipe.data.frames, recipe.data.crop)
    task.look_at(training)
    console.print(f"{recipe.name}: {len(training)} pictures, {len(held_out)} held out, on {accelerator.device}")
    prepared, *optimizers = accelerator.prepare(task, *optimizers)
    ema.to(accelerator.device)
    compute = compiled(prepared, recipe.run.compile, recipe.data.frames == 1, console.print)
    rates = optim.rates_of(optimizers)

    out.mkdir(parents=True, exist_ok=True)
    log = Log(out / LOG, start)

    def save(step: int) -> None:
        if accelerator.is_main_process:
            bare = [optimizer.optimizer for optimizer in optimizers]
            checkpoint.save(out / CHECKPOINT, step, nets, bare, recipe)
            log.write()

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    step = start
    with (
        Progress(*columns, console=console, disable=not accelerator.is_main_process) as progress,
        interrupt_later() as interrupted,
    ):
        bar = progress.add_task(recipe.name, total=recipe.run.steps, completed=start)
        while step < recipe.run.steps:
            optim.set_rates(optimizers, rates, schedule(step, recipe.run.steps, recipe.optimizer))
            x = crops(step).to(accelerator.device)
            losses = compute(x, **task.draw(x))
            # Neither loss reaches the other net's weights (regrow.train.adversarial), so one pass serves both.
            accelerator.backward(losses["loss"] + losses.get("discriminator", 0))
            norms = [accelerator.clip_grad_norm_(net.parameters(), recipe.optimizer.clip) for net in trained.values()]
            # A step of infinite gradient would end the run; leaving one out changes nothing.
            if all(torch.isfinite(norm) for norm in norms):
                for optimizer in optimizers:
                    optimizer.step()
            for optimizer in optimizers:
                optimizer.zero_grad()
            step += 1
            update_average(ema, model, min(recipe.optimizer.ema, step / (step + 20)))
            progress.update(bar, completed=step)

            last = step == recipe.run.steps
            if step % recipe.run.log_every == 0:
                log.add(step, {**{k: v.item() for k, v in losses.items()}, "norm": norms[0].item()})
            if (last or step % recipe.run.validate_every == 0) and accelerator.is_main_process:
                figures = task.validate(ema, held_out, recipe.data.validation_crop)
                log.add(step, {f"val_{name}": value for name, value in figures.items()})
                plot_training(log.rows, out / PLOT, recipe.name)
                progress.console.print(f"step {step}: " + ", ".join(f"{k} {v:.2f}" for k, v in figures.items()))
            if last or step % recipe.run.checkpoint_every == 0 or interrupted():
                save(step)
            if interrupted():
                console.print(f"interrupted after step {step}; --resume goes on from there")
                raise KeyboardInterrupt
    if accelerator.is_main_process:
        if begun is not None:
            update_average(ema, begun.to(accelerator.device), recipe.blend)
        zoo.save(ema, out / WEIGHTS)
    return out / WEIGHTS


@torch.no_grad()
def update_average(average: torch.nn.Module, model: torch.nn.Module, decay: float) -> None:
    """Move the running average of weights and buffers: average = decay * average + (1 - decay) * model."""
    kept, moved = ([*m.parameters(), *(b for b in m.buffers() if b.is_floating_point())] for m in (average, model))
    torch._foreach_lerp_(kept, moved, 1 - decay)
