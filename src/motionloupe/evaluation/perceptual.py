"""LPIPS (Zhang et al. 2018) through its authors' package, an extra."""

from typing import Any

import torch
from torch import Tensor

from motionloupe.errors import UserError, first_line


class Perceptual:
    """LPIPS with AlexNet; 0 for equal pictures. Raises UserError where it cannot be had."""

    def __init__(self) -> None:
        try:
            import lpips
        except ImportError:
            raise UserError(
                "LPIPS needs the package lpips: pip install motionloupe[lpips]"
            ) from None
        try:
            self._network: Any = lpips.LPIPS(net="alex", verbose=False).eval()
        except (OSError, RuntimeError) as error:
            raise UserError(
                f"the weights of AlexNet for LPIPS cannot be had ({first_line(error)}); go online "
                "once, or put torchvision's file into torch's cache"
            ) from None

    def __call__(self, picture: Tensor, truth: Tensor) -> Tensor:
        """(B, 3, H, W) in [0, 1] -> (B,)."""
        with torch.inference_mode():
            distance: Tensor = self._network(picture, truth, normalize=True)
        return distance.reshape(-1)
