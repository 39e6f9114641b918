"""Dense inverse search (Kroeger et al. 2016), OpenCV's."""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from motionloupe.arrays import luma
from motionloupe.flow.base import FlowEstimator


class Dis(FlowEstimator):
    """Patches matched in brightness of 8 bits, coarse to fine, then refined by variation.

    ``iterations`` are those of the refinement. Fast on a processor, without weights, and without
    gradients: it can judge and magnify, not teach. The flow of every picture is found alone.
    """

    zero_at_rest = True
    differentiable = False

    def __init__(self, *, iterations: int = 5, zero_correct: bool = False) -> None:
        super().__init__(iterations, zero_correct)

    def estimate(self, a: Tensor, b: Tensor) -> Tensor:
        search: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        search.setFinestScale(0)
        search.setVariationalRefinementIterations(self.iterations)
        with torch.no_grad():
            flows = [search.calc(p, q, None) for p, q in zip(_grey(a), _grey(b), strict=True)]
        return torch.from_numpy(np.stack(flows).transpose(0, 3, 1, 2).copy()).to(a)


def _grey(pictures: Tensor) -> npt.NDArray[np.uint8]:
    """(B, 3, H, W) in [0, 1] -> (B, H, W)."""
    return luma(pictures)[:, 0].clamp(0, 1).mul(255).round().byte().cpu().numpy()
