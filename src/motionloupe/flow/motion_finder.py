"""How the pixels of a frame have moved against a reference, and which of them lie in front.

Lucas and Kanade's flow is where it starts; what that leaves over is estimated again through windows
of several sizes. These, and what was found some pixels away on every side, are candidates: near the
rim of an object one of its neighbours knows better (Barnes et al. 2009, "PatchMatch"). A network at
half resolution, which sees how well each of them explains the frame, chooses among them, corrects
its choice, and says how to bring it to full resolution: each pixel takes a mean of the nine coarse
motions around it with weights of its own (Teed and Deng 2020), so that rims stay sharp.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from motionloupe.arrays import luma
from motionloupe.flow.filters import box_mean, gaussian, halved, in_strips, separable
from motionloupe.flow.learned import FlowNetwork, LearnedFlow, learned
from motionloupe.flow.lucas_kanade import LucasKanade
from motionloupe.flow.padding import crop, pad_to_multiple
from motionloupe.flow.unet import UNet
from motionloupe.flow.warp import backward_warp, length

NAME = "motion-finder"

_WINDOWS = (5, 11, 21)  # pixels at half resolution
_AWAY = (4, 8)  # pixels at half resolution between a pixel and the neighbours that it asks
_CANDIDATES = len(_WINDOWS) + 4 * len(_AWAY)
_AROUND = (3, 7)  # pixels at half resolution over which the unexplained is averaged
_NOISE = 1e-4  # squared gradients of [0, 1] luma that cannot be told from noise
_FARTHEST = 1.0  # pixels at half resolution that a first-order estimate may claim
_UNCHANGED = 0.1 / 255  # less change than this between two frames is none
_CLOSEST = 5.0  # bound of what is learned of the importance, natural logarithm
_AT_REST = 0.1  # share of a scene's motion below which a pixel counts as resting
_JITTER = 0.008  # pixels by which a choice may differ from what is smooth for no reason,
_JITTER_SHARES = 0.05, 0.75  # but this share of its motion at least and at most
_SPREAD = 4.0  # pixels, sigma of the mean that a motion is smoothed towards
_ALIKE = 0.007  # pixels from such a mean at which a motion is no longer one with it
_NEIGHBOURS, _PARTS = 9, 4  # coarse pixels that are mixed, fine pixels in each of them


class _Known(NamedTuple):
    """What the network is shown, at half resolution and in its pixels.

    ``size`` (B, 1, 1, 1) is the motion's, ``changed`` (B, 1, h, w) is 0 where the frames are equal,
    ``candidates`` are motions (B, 2, h, w), ``unexplained`` what each of them leaves over: as many
    channels (B, n, h, w) for each width of ``_AROUND``, in units of the change. ``smooth``
    (B, 2, H, W) is Lucas and Kanade's motion at full resolution, smoothed, in its pixels.
    """

    seen: Tensor
    size: Tensor
    changed: Tensor
    candidates: list[Tensor]
    unexplained: list[Tensor]
    smooth: Tensor


class Found(NamedTuple):
    """``motion`` (B, 2, H, W) px of the second frame's pixels, ``importance`` (B, 1, H, W)."""

    motion: Tensor
    importance: Tensor


def _gradient(grey: Tensor) -> tuple[Tensor, Tensor]:
    """Central differences along x and y, per pixel."""
    wide = functional.pad(grey, (1, 1, 1, 1), mode="replicate")
    across = (wide[..., 1:-1, 2:] - wide[..., 1:-1, :-2]) * 0.5
    down = (wide[..., 2:, 1:-1] - wide[..., :-2, 1:-1]) * 0.5
    return across, down


def first_order_motion(before: Tensor, after: Tensor, windows: Iterable[int]) -> list[Tensor]:
    """Lucas and Kanade's closed form: one displacement (B, 2, H, W) per window of (B, 1, H, W).

    Pixels, the motion of ``after`` against ``before``; 0 where there is no texture.
    """
    across, down = _gradient((before + after) * 0.5)
    change = before - after
    products = [across * across, down * down, across * down, across * change, down * change]
    stacked = torch.cat(products, dim=1)
    return [_least_squares(box_mean(stacked, window)) for window in windows]


def _least_squares(sums: Tensor) -> Tensor:
    xx, yy, xy, xt, yt = sums.chunk(5, dim=1)
    xx, yy = xx + _NOISE, yy + _NOISE
    scale = 1.0 / (xx * yy - xy * xy)
    motion = torch.cat([(yy * xt - xy * yt) * scale, (xx * yt - xy * xt) * scale], dim=1)
    return motion.clamp(-_FARTHEST, _FARTHEST)


def enlarged(coarse: Tensor, mix: Tensor) -> Tensor:
    """(B, C, h, w) to (B, C, 2h, 2w): each pixel a mean of the nine coarse ones around it.

    ``mix`` (B, 36, h, w) holds the logarithms of the weights: nine for each of the four parts.
    """
    batch, channels, height, width = coarse.shape
    around = functional.pad(coarse, (1, 1, 1, 1), mode="replicate")
    around = functional.unfold(around, 3).view(batch, -1, height, width)

    def mixed(around: Tensor, mix: Tensor) -> Tensor:
        size = mix.shape[-2:]
        shares = mix.reshape(batch, 1, _NEIGHBOURS, _PARTS, *size).softmax(dim=2).unbind(dim=2)
        neighbours = around.view(batch, channels, _NEIGHBOURS, 1, *size).unbind(dim=2)
        parts = shares[0] * neighbours[0]
        for share, neighbour in zip(shares[1:], neighbours[1:], strict=True):
            parts = torch.addcmul(parts, neighbour, share)
        return functional.pixel_shuffle(parts.flatten(1, 2), 2)

    return in_strips(mixed, around, mix)


def steadied(motion: Tensor, smooth: Tensor) -> Tensor:
    """``motion`` without its jitter about a ``smooth`` estimate of it, both (B, 2, H, W) pixels.

    What was chosen pixel by pixel trembles by a hundredth of one, or by a twentieth of its motion,
    and texture that is carried a hundred times as far is torn by it. So every pixel goes so far
    towards the smooth estimate (soft thresholding; Donoho 1995), but never by all of its motion:
    what rests, rests.
    """
    change, far = motion - smooth, length(motion)
    least, most = (share * far for share in _JITTER_SHARES)
    jitter = torch.minimum(least.clamp(min=_JITTER), most)
    return smooth + change * (1.0 - jitter / length(change)).clamp(min=0.0)


def smoothed(motion: Tensor) -> Tensor:
    """``motion`` (B, 2, H, W) px, each pixel drawn to the mean of those near it that move alike.

    As far as it is itself alike: at rims, where two motions meet, nothing is mixed.
    """
    taps = gaussian(_SPREAD)
    apart = (separable(motion, taps) - motion).square().sum(dim=1, keepdim=True)
    alike = torch.exp(apart * (-1.0 / _ALIKE**2))
    sums = separable(torch.cat([motion * alike, alike], dim=1), taps)
    return torch.lerp(motion, sums[:, :2] / sums[:, 2:].clamp(min=1e-6), alike)


def from_around(motion: Tensor, away: Iterable[int]) -> list[Tensor]:
    """The motions (B, C, H, W) of the neighbours ``away`` pixels to the left, right, above, below.

    Beyond the edge the nearest pixel's.
    """
    neighbours = []
    height, width = motion.shape[-2:]
    for pixels in away:
        wide = functional.pad(motion, (pixels,) * 4, mode="replicate")
        for row, column in ((1, 0), (1, 2), (0, 1), (2, 1)):
            top, left = row * pixels, column * pixels
            neighbours.append(wide[..., top : top + height, left : left + width])
    return neighbours


def left_unexplained(before: Tensor, after: Tensor, motions: Sequence[Tensor]) -> Tensor:
    """Mean |after - before carried along| over colours, (B, n, H, W), of n motions (B, 2, H, W)."""
    count = len(motions)
    copies = before.expand(count, *before.shape).flatten(0, 1)  # none is made of a single pair
    drawn = backward_warp(copies, -torch.cat(list(motions)))
    rest = drawn.reshape(count, *after.shape) - after
    return rest.abs().mean(dim=2).transpose(0, 1)


class MotionFinder(nn.Module):
    """Two frames (B, 3, H, W) -> :class:`Found`."""

    def __init__(self, base: int) -> None:
        super().__init__()
        self.flow = LucasKanade(iterations=1, window=3.0)
        motions = 2 * (1 + len(_WINDOWS))
        answers = 2 + _CANDIDATES + len(_AROUND) + _PARTS + _NEIGHBOURS * _PARTS
        self.body = UNet(4 * 8 + motions + 1 + _CANDIDATES, answers, base)
        nn.init.zeros_(self.body.leave.weight)  # starts as the mean of the estimates
        nn.init.zeros_(self.body.leave.bias)  # type: ignore[arg-type]  # this one has a bias

    def forward(self, before: Tensor, after: Tensor) -> Found:
        size = (after.shape[-2], after.shape[-1])
        found = self._found(pad_to_multiple(before, 2), pad_to_multiple(after, 2))
        return Found(*(crop(part, size) for part in found))

    def _found(self, before: Tensor, after: Tensor) -> Found:
        """The same for even sides."""
        with torch.autocast(after.device.type, enabled=False):
            known = self._known(before.float(), after.float())
        parts = (2, _CANDIDATES, len(_AROUND), _PARTS, _NEIGHBOURS * _PARTS)
        answer = self.body(known.seen).float().contiguous()
        correction, choice, trust, front, mix = answer.split(parts, dim=1)
        for rest, weight in zip(known.unexplained, trust.split(1, dim=1), strict=True):
            choice = choice - weight * rest
        motion = known.size * known.changed * correction
        shares = choice.softmax(dim=1).split(1, dim=1)
        for candidate, share in zip(known.candidates, shares, strict=True):
            motion = motion + share * candidate
        motion = steadied(enlarged(2.0 * motion, mix), known.smooth)
        learned = _CLOSEST * torch.tanh(functional.pixel_shuffle(front, 2))
        return Found(motion, learned + _prominence(motion, 2.0 * known.size))

    def _known(self, before: Tensor, after: Tensor) -> _Known:
        """Motions are shown in units of their size, so that a tenth of a pixel looks like ten."""
        back = self.flow(after, before)
        grey, grey_before = luma(after), luma(before)
        grey_drawn = backward_warp(grey_before, back)
        change, rest = grey - grey_before, grey - grey_drawn
        change_around = _root(box_mean(change.square(), 15))
        changed = 1.0 - torch.exp(-halved(change_around) / _UNCHANGED)
        spread = change_around + 0.004
        shares = change / spread, rest / spread
        fine = torch.cat([after, grey_drawn, *shares, *_gradient(grey)], dim=1)
        prior = -0.5 * halved(back)
        first_order = first_order_motion(halved(grey_drawn), halved(grey), _WINDOWS)
        estimates = [prior + motion for motion in first_order]
        candidates = [*estimates, *from_around(estimates[1], _AWAY)]
        left = left_unexplained(halved(before), halved(after), candidates) / halved(spread)
        size = _root(prior.square().mean(dim=(1, 2, 3), keepdim=True)) + 0.02
        shown = [motion / size for motion in (prior, *estimates)]
        scale = size.log().expand(-1, 1, *prior.shape[-2:])
        shown += [scale, left]
        seen = torch.cat([functional.pixel_unshuffle(fine, 2), *shown], dim=1)
        around = [box_mean(left, width) for width in _AROUND]
        return _Known(seen, size, changed, candidates, around, smoothed(-back))


def _root(squares: Tensor) -> Tensor:
    """The square root, whose slope at 0 counts as 0: torch's is infinite."""
    positive = squares > 0
    return torch.where(positive, torch.where(positive, squares, 1.0).sqrt(), 0.0)


def _prominence(motion: Tensor, size: Tensor) -> Tensor:
    """What moves is in front of what rests, as long as nothing better is known."""
    far = motion.detach().square().sum(dim=1, keepdim=True).sqrt()
    return 2.0 * (far / size + _AT_REST).log()


class FinderNetwork(FlowNetwork):
    """:class:`MotionFinder` as a network for flow; ``base`` is the width of its U-Net.

    Before training it answers the mean of its candidates.
    """

    def __init__(self, base: int = 24) -> None:
        super().__init__()
        self.finder = MotionFinder(base)

    def forward(self, a: Tensor, b: Tensor) -> list[Tensor]:
        return [-self.finder(b, a).motion]  # it tells where its second frame's pixels came from


class FinderFlow(LearnedFlow):
    """A trained :class:`FinderNetwork`. Zero, exactly, for equal frames."""

    zero_at_rest = True


def motion_finder(
    *, weights: str | Path | None = None, iterations: int = 1, zero_correct: bool = False
) -> FinderFlow:
    """The motion finder with the ``weights`` in a file that ``motionloupe train flow`` wrote.

    Without one it takes motion_finder.safetensors in the folder of weights, else what the package
    ships. Raises UserError where there is neither, or the file holds something else.
    """
    network = learned(NAME, FinderNetwork, weights)
    return FinderFlow(network, iterations=iterations, zero_correct=zero_correct)
