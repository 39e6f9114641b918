"""One change of light over a whole picture, told apart from motion."""

from collections.abc import Callable

import torch
from torch import Tensor

from motionloupe.arrays import luma
from motionloupe.temporal import Signal

_PLACES = 128  # along each side at most, at which two pictures are compared
_SEEN = 0.002  # median difference of brightness below which the light has stayed
_EXPLAINED = 0.8  # share of the difference that may be left if it was the light's
_ROUNDS = 5


def seen_in_its_light(
    find: Callable[[Tensor], Signal],
    unexplained: Callable[[Tensor, Signal], Tensor],
    reference: Tensor,
    frame: Tensor,
) -> Signal:
    """The motion that ``find`` sees from ``reference`` to ``frame``, changes of light taken out.

    Flow takes brightness for constant, and sees motion wherever there is a slope and the light
    changes. So motion is sought in either light, where there is doubt, and that is kept which
    explains the frame better: ``unexplained(reference, motion)`` (1, 3, H, W) should be 0.
    """
    found = find(reference)
    lit = lit_alike(reference, frame)
    if lit is reference:
        return found
    other = find(lit)
    as_it_was, in_light = (
        float(unexplained(*each).abs().mean()) for each in ((reference, found), (lit, other))
    )
    return other if in_light < as_it_was else found


def lit_alike(reference: Tensor, frame: Tensor) -> Tensor:
    """``reference`` (1, 3, H, W) in [0, 1] in the light of ``frame``; itself if that seems equal.

    A lamp that flickers, or a camera that adapts, changes a picture by one gain and one offset.
    What moves by itself is left out by its weight in the fit. A slope of brightness that moves as a
    whole looks the same: see :func:`seen_in_its_light`.
    """
    places = [max(side // _PLACES, 1) for side in frame.shape[-2:]]
    before, after = (
        luma(picture[..., :: places[0], :: places[1]]).flatten() for picture in (reference, frame)
    )
    change = after - before
    if change.median().abs() < _SEEN:
        return reference
    difference = change.abs().median()
    weight = torch.ones_like(before)
    left = difference
    gain, offset = before.new_ones(()), before.new_zeros(())
    for _ in range(_ROUNDS):
        total = weight.sum()
        mean, wanted = (weight * before).sum() / total, (weight * after).sum() / total
        spread = (weight * (before - mean).square()).sum()
        gain = (weight * (before - mean) * (after - wanted)).sum() / (spread + 1e-9)
        offset = wanted - gain * mean
        rest = (after - gain * before - offset).abs()
        left = rest.median()
        weight = 1.0 / (1.0 + (rest / (1.48 * left + 1e-3)).square())
    if not (0.3 < gain < 3.0 and left < _EXPLAINED * difference):
        return reference
    return reference * gain + offset
