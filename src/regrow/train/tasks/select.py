"""Selection of the training task for a kind of model."""

from __future__ import annotations

from dataclasses import fields

from regrow.errors import UsageError
from regrow.nets.color.base import Colorizer
from regrow.nets.color.classification import ClassificationColorizer
from regrow.nets.color.regression import RegressionColorizer
from regrow.nets.model import Model
from regrow.nets.rescale.any_scale import AnyScale
from regrow.nets.rescale.base import FixedScale
from regrow.nets.restore.codec import CodecRestorer
from regrow.nets.restore.codec_shrinker import CodecShrinker
from regrow.nets.upscale.base import Restorer
from regrow.nets.video.base import VideoRestorer
from regrow.train.adversarial import discriminator_for
from regrow.train.recipe import Data, Loss, Recipe
from regrow.train.tasks.any_scale import AnyScaleTask
from regrow.train.tasks.base import Task
from regrow.train.tasks.codec import CodecTask
from regrow.train.tasks.codec_shrink import CodecShrinkTask
from regrow.train.tasks.colorize import ColorizeTask
from regrow.train.tasks.rescale import RescaleTask, VideoRescaleTask
from regrow.train.tasks.restore import RestoreTask
from regrow.train.tasks.video import ThroughVideoTask, VideoRestoreTask


def task_for(model: Model, recipe: Recipe) -> Task:
    """The task that trains a model of this kind.

    UsageError where none is known, or where the recipe sets what training that kind makes no use of.
    """
    of_rescalers = "guidance", "guidance_weight", "radius", "noise", "through", "flicker"
    of_shrinkers = "grower", "rate"
    of_restorers = "content", "vgg", "adversarial", "relativistic"
    if isinstance(model, CodecRestorer):
        unused = "thumbnails", "enlarged", "grey", "zoom", "tone", "frames", "flow", "upright"
        _refuse(recipe.data, unused, "a restorer of coded pictures")
        _refuse(
            recipe.loss,
            (*of_rescalers, *of_restorers, *of_shrinkers, "rebalance", "warping"),
            "a restorer of coded pictures",
        )
        return CodecTask(model, recipe.loss, recipe.data)
    if isinstance(model, CodecShrinker):
        unused = "thumbnails", "enlarged", "grey", "zoom", "tone", "frames", "flow", "upright"
        _refuse(recipe.data, (*unused, "versions", "full_chroma", "blind", "shrinker"), "a shrinker for codecs")
        _refuse(recipe.loss, ("task", *of_rescalers, *of_restorers, "rebalance", "warping"), "a shrinker for codecs")
        return CodecShrinkTask(model, recipe.loss, recipe.data)
    coded = "codecs", "versions", "full_chroma", "tuned", "effort", "blind", "shrinker"
    _refuse(recipe.data, coded, "what restores no coded pictures")
    _refuse(recipe.loss, of_shrinkers, "what shrinks for no codec")
    if isinstance(model, AnyScale):
        of_others = "thumbnails", "enlarged", "zoom", "tone", "flow", "frames"
        _refuse(recipe.data, of_others, "a pair for any scale")
        refused = ("noise", "radius", "through", "flicker", "rebalance", "warping", *of_restorers)
        _refuse(recipe.loss, refused, "a pair for any scale")
        return AnyScaleTask(model, recipe.loss, recipe.data)
    _refuse(recipe.data, ("least", "largest"), "a model of fixed scales")
    if isinstance(model, FixedScale):
        _refuse(recipe.data, ("thumbnails", "enlarged", "zoom", "tone", "flow"), "a rescaler")
        _refuse(recipe.loss, ("rebalance", *of_restorers, "warping"), "a rescaler")
        if recipe.loss.through or model.frames > 1:
            _refuse(recipe.data, ("grey",), "a rescaler of clips")
            _refuse(recipe.loss, ("noise",), "a rescaler of clips")
        else:
            _refuse(recipe.data, ("frames",), "a rescaler of single pictures")
        if recipe.loss.through or model.frames == 1:
            _refuse(recipe.loss, ("flicker",), "what makes frames one by one")
        if recipe.loss.through:
            return ThroughVideoTask(model, recipe.loss, recipe.data)
        return (VideoRescaleTask if model.frames > 1 else RescaleTask)(model, recipe.loss, recipe.data)
    if isinstance(model, VideoRestorer):
        _refuse(recipe.data, ("enlarged", "grey", "zoom", "tone"), "a restorer of clips")
        _refuse(recipe.loss, (*of_rescalers, "rebalance", *of_restorers), "a restorer of clips")
        if recipe.data.flow:
            _refuse(recipe.loss, ("warping",), "a net whose flows are given")
        return VideoRestoreTask(model, recipe.loss, recipe.data)
    if isinstance(model, Restorer):
        _refuse(recipe.data, ("grey", "zoom", "tone", "frames", "flow"), "a restorer")
        _refuse(recipe.loss, (*of_rescalers, "rebalance", "warping"), "a restorer")
        against = discriminator_for(recipe) if recipe.discriminator else None
        return RestoreTask(model, recipe.loss, recipe.data, against)
    if isinstance(model, Colorizer):
        _refuse(recipe.data, ("thumbnails", "enlarged", "grey", "frames", "flow"), "a colorizer")
        _refuse(recipe.loss, (*of_rescalers, *of_restorers, "warping"), "a colorizer")
        if not isinstance(model, ClassificationColorizer):
            _refuse(recipe.loss, ("rebalance",), "a colorizer without classes")
        if not isinstance(model, RegressionColorizer):
            _refuse(recipe.loss, ("task",), "a colorizer without distances")
        return ColorizeTask(model, recipe.loss, recipe.data)
    raise UsageError(f"{recipe.name}: a {type(model).__name__} cannot be trained")


def _refuse(settings: Data | Loss, names: tuple[str, ...], task: str) -> None:
    """UsageError that names the first of these settings that is not at its default."""
    for setting in fields(settings):
        value = getattr(settings, setting.name)
        if setting.name in names and value != setting.default:
            table = type(settings).__name__.lower()
            raise UsageError(f"[{table}]: {setting.name} is {value!r}, but {task} has no use for it; leave it out")
