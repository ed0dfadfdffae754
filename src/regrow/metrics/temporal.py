"""Flicker of a clip: the warping error and tOF, both by the motion of the original.

Clips are (T, H, W, 3) uint8, or iterables of such frames, of which two at a time are in memory. Motion is found on the
luma by TV-L1 (Zach, Pock and Bischof 2007, as scikit-image has it). Published figures use other estimators, FlowNet2
for the warping error and Farneback's for tOF, and are not to be compared with these.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from math import nan

import numpy as np
from skimage.filters import gaussian
from skimage.registration import optical_flow_tvl1
from skimage.transform import warp

from regrow.metrics.pictures import as_tensor
from regrow.nets.ops.color import luma


@dataclass(frozen=True)
class Motion:
    """The motion of a frame from the one before."""

    flow: np.ndarray
    """(2, H, W): from each pixel to where it was in the frame before, in rows and columns."""
    seen: np.ndarray
    """(H, W) bool: whether the pixel was visible there."""


@dataclass(frozen=True)
class Consistency:
    """Means over the pairs of consecutive frames of a clip; nan where there are none."""

    warping_error: float
    """As `warping_error`."""
    original_warping_error: float
    """The same figure of the original, which is due to noise, light and errors of the motion."""
    tof: float
    """As `tof`."""


def consistency(original: Iterable[np.ndarray], *clips: Iterable[np.ndarray]) -> list[Consistency]:
    """The figures of each clip; the original's motion, which costs most, is found once for all of them.

    Args:
        original: the clip from which they were made, (T, H, W, 3) uint8.
        clips: of the same shape.
    """
    pairs = []
    for (before, *earlier), (now, *later) in pairwise(zip(original, *clips, strict=True)):
        moved = motion(before, now)
        own = warping_error(before, now, moved)
        pairs.append([(warping_error(a, b, moved), own, tof(a, b, moved)) for a, b in zip(earlier, later, strict=True)])
    if not pairs:
        return [Consistency(nan, nan, nan) for _ in clips]
    return [Consistency(*map(float, np.mean(figures, axis=0))) for figures in zip(*pairs, strict=True)]


def warping_error(before: np.ndarray, now: np.ndarray, moved: Motion) -> float:
    """Difference between a frame and the one before, moved along the motion.

    ::

        1000 * mean of (now(p) - before(p + w(p)))^2 over the pixels p that are seen, and R, G and B, in [0, 1]

    The frame before is sampled linearly. 0 where no pixel is seen.

    Args:
        before, now: two frames, (H, W, 3) uint8.
        moved: the motion of the original, w.

    Source: Lai et al., "Learning blind video temporal consistency", ECCV 2018, averaged over colours as in its
    authors' code. They move the later frame back onto the earlier.
    """
    if not moved.seen.any():
        return 0.0
    difference = (now - _moved(before.astype(np.float64), moved.flow))[moved.seen] / 255
    return 1000 * float(np.square(difference).mean())


def tof(before: np.ndarray, now: np.ndarray, moved: Motion) -> float:
    """Distance of the motion of two frames from that of the original.

    ::

        mean of |u(p) - u'(p)| + |v(p) - v'(p)| over all pixels p, in pixels

    Args:
        before, now: two frames, (H, W, 3) uint8.
        moved: the motion of the original, (u, v); that of the frames, (u', v'), is found in the same way.

    Source: tOF of Chu et al., "Learning temporal coherence via self-supervision for GAN-based video generation",
    SIGGRAPH 2020 (TecoGAN); its authors' code takes the root of the sum of squares instead, and leaves out a border.
    """
    return float(np.abs(optical_flow(before, now) - moved.flow).sum(0).mean())


def motion(before: np.ndarray, now: np.ndarray) -> Motion:
    """The motion of a frame, and which of its pixels are visible in the frame before; both (H, W, 3) uint8.

    With w from now to before, w' from before to now and p' = p + w(p), a pixel p is not seen where

    - p' is outside the frame,
    - the way there and back does not end where it began: |w(p) + w'(p')|^2 > 0.01 (|w(p)|^2 + |w'(p')|^2) + 0.5,
    - motion ends: |grad u|^2 + |grad v|^2 > 0.01 |w(p)|^2 + 0.002.

    Source: Ruder, Dosovitskiy and Brox, "Artistic style transfer for videos", GCPR 2016, the temporal consistency loss;
    Lai et al. take the same. The gradient is that of the flow smoothed by a Gaussian of one pixel: TV-L1 makes flow of
    tiny steps, most of which are no boundaries.
    """
    back, forth = optical_flow(before, now), optical_flow(now, before)
    returned = _moved(forth.transpose(1, 2, 0), back).transpose(2, 0, 1)
    length = _squared(back)
    same = _squared(back + returned) <= 0.01 * (length + _squared(returned)) + 0.5
    slopes = np.gradient(gaussian(back, 1, channel_axis=0), axis=(1, 2))
    steady = sum(map(_squared, slopes)) <= 0.01 * length + 0.002
    inside = [(place >= 0) & (place <= n - 1) for place, n in zip(_places(back), now.shape, strict=False)]
    return Motion(back, inside[0] & inside[1] & same & steady)


def optical_flow(before: np.ndarray, now: np.ndarray) -> np.ndarray:
    """(2, H, W) float32: from each pixel of a frame to where it was in the one before, in rows and columns."""
    lumas = (luma(as_tensor(frame))[0].numpy() for frame in (now, before))
    return np.asarray(optical_flow_tvl1(*lumas))


def _moved(frame: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """(H, W, C) sampled, linearly, where flow points; beyond the border its pixels are repeated."""
    places = _places(flow)
    return np.stack([warp(channel, places, order=1, mode="edge") for channel in np.moveaxis(frame, -1, 0)], -1)


def _places(flow: np.ndarray) -> np.ndarray:
    """(2, H, W): row and column that flow points to."""
    return np.indices(flow.shape[1:]) + flow


def _squared(vectors: np.ndarray) -> np.ndarray:
    """(2, H, W) -> (H, W), squared lengths."""
    return np.square(vectors).sum(0)
