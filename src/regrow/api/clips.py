"""Remove flicker from a clip that was processed frame by frame."""

from __future__ import annotations

import os
from typing import TypeVar

from regrow.priors.deep_video import ClipSettings
from regrow.progress import Report, silent
from regrow.runners import stabilize as runner
from regrow.typed import typed
from regrow.video.options import Video

Out = TypeVar("Out", bound="str | os.PathLike[str]")


@typed
def stabilize(
    processed: str | os.PathLike[str],
    out: Out,
    *,
    reference: str | os.PathLike[str],
    epochs: int = ClipSettings.epochs,
    modes: int = ClipSettings.modes,
    seed: int = 0,
    compile: bool = False,
    device: str = "auto",
    video: Video | None = None,
    report: Report = silent,
) -> Out:
    """Make a clip whose frames were processed one by one steady in time, by a net that is fitted to it for minutes.

    It learns what the process made of the frames of the reference, and makes that again without what changes from one
    frame to the next: the deep video prior (Lei et al., NeurIPS 2020). Sound and all else is that of `processed`.

    Args:
        processed: path of a video file or of a folder of frames, or a pattern such as frames/%05d.png.
        out: likewise; frames in a folder are named as those of a processed folder.
        reference: the clip that it was made from, with as many frames; theirs may be smaller or larger.
        epochs: how often the net sees each frame: more is nearer to what was made, in the end with its flicker.
        modes: 2 where the process may make either of two things of a frame, such as colours, of which the result leans
            towards that of the first frame; else 1 does.
        seed: another gives another result.
        compile: let torch.compile make the net faster.
        device: auto, cpu, cuda, mps ...
        video: how clips are read and written.
        report: told about progress, in iterations and then frames.

    Returns:
        The path written.

    Raises:
        RegrowError: one line that says what is wrong and what to do; UsageError when the request is.
        KeyboardInterrupt: after what had been learned by then was written. The same again goes on from there.
    """
    settings = ClipSettings(epochs=epochs, modes=modes, seed=seed, compile=compile)
    runner.run(processed, out, reference, settings, device=device, video=video or Video(), report=report)
    return out
