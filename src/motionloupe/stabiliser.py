"""Frames as from a tripod: each drawn as the camera of one of them would have seen it."""

import torch
from torch import Tensor

from motionloupe.arrays import Image, from_tensor, to_tensor
from motionloupe.boxes import Box
from motionloupe.flow.warp import backward_warp
from motionloupe.measurement.camera import Camera, displacement_of
from motionloupe.measurement.homography import Homography

_SEAM = 8.0  # pixels over which a frame's edge fades into the reference, at most
_STEEP = 4.0  # pixels of seam for each pixel that is missing beyond the edge
_UNSEEN = 0.25  # share of the picture that is worth a word


class Stabiliser:
    """Draws frames as the camera of the ``reference`` (H, W, 3) would have seen them.

    ``warnings`` tells which could not be aligned, and how much of the reference filled them up.
    Raises UserError where the reference, or what lies in ``still``, shows too little to go by.
    """

    def __init__(self, reference: Image, still: Box | None = None) -> None:
        self._camera = Camera(reference, still)
        self._reference = to_tensor(reference)
        self._last: Homography | None = None
        self._lost: list[float] = []
        self._unseen = 0.0, 0.0

    @torch.inference_mode()
    def drawn(self, frame: Image, seconds: float = 0.0) -> Image:
        """``frame``, shown at ``seconds``, in its own dtype."""
        moved = self._camera.moved(frame)
        if moved is None:
            self._lost.append(seconds)
            moved = self._last
        self._last = moved
        if moved is None:
            return frame
        height, width = frame.shape[:2]
        displacement = displacement_of(moved, height, width)
        shown = _shown(displacement)
        self._unseen = max(self._unseen, (1.0 - float((shown > 0).float().mean()), seconds))
        picture = backward_warp(to_tensor(frame), displacement, interpolation="bicubic")
        return from_tensor(torch.lerp(self._reference, picture, shown), frame.dtype)

    @property
    def warnings(self) -> list[str]:
        notes = []
        if self._lost:
            more = len(self._lost) - 1
            times = f" and {more} more frame{'s' * (more > 1)}" if more else ""
            notes.append(
                f"the frame at {self._lost[0]:.2f} s{times} could not be aligned, and is drawn as "
                "if the camera had rested: choose a shorter piece with --start and --end, another "
                "--reference, or say with --still what stands still"
            )
        share, seconds = self._unseen
        if share > _UNSEEN:
            notes.append(
                f"at {seconds:.2f} s the camera has left {share:.0%} of the frame that the others "
                "are aligned with, and that part of it is shown instead: choose another with "
                "--reference, or a shorter piece with --start and --end"
            )
        return notes


def tripod(reference: Image, stabilise: bool | Box) -> Stabiliser:
    """What draws as the ``reference`` was seen; of ``stabilise`` a box is what stands still."""
    return Stabiliser(reference, None if isinstance(stabilise, bool) else stabilise)


def _shown(displacement: Tensor) -> Tensor:
    """(1, 2, H, W) -> (1, 1, H, W): 1 where the frame shows the place, falling to 0 at its edge.

    An edge beyond which nothing is missing has no seam.
    """
    height, width = displacement.shape[-2:]
    x = displacement[:, :1] + torch.arange(width)
    y = displacement[:, 1:] + torch.arange(height).unsqueeze(1)
    shown = torch.ones_like(x)
    for inside in (x, width - 1 - x, y, height - 1 - y):
        seam = min(1.0 - _STEEP * min(float(inside.min()), 0.0), _SEAM)
        shown = torch.minimum(shown, (inside + 1.0) / seam)
    return shown.clamp_(min=0.0)
