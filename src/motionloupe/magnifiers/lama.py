"""LaMa (Suvorov 2022), a learned inpainting, through simple-lama-inpainting, an extra."""

from typing import Any

import numpy as np
import torch

from motionloupe.arrays import Image
from motionloupe.errors import UserError, first_line


class Lama:
    """Fills holes in (H, W, 3) uint8 where a mask (H, W) uint8 is not 0.

    The package downloads the weights on first use, or reads the file that the environment variable
    LAMA_MODEL names. Raises UserError where either cannot be had.
    """

    def __init__(self, device: torch.device) -> None:
        try:
            from simple_lama_inpainting import SimpleLama
        except ImportError:
            raise UserError(
                "inpaint lama needs Python 3.12 or newer and a package: "
                "pip install motionloupe[lama]"
            ) from None
        try:
            self._model: Any = SimpleLama(device)
        except (OSError, RuntimeError) as error:
            raise UserError(
                f"the weights of LaMa cannot be had ({first_line(error)}); go online once, or name "
                "their file in the environment variable LAMA_MODEL"
            ) from None

    def __call__(self, image: Image, mask: Image) -> Image:
        height, width = mask.shape
        holes = (mask > 0).astype(np.uint8) * 255
        drawn = np.asarray(self._model(image, holes), dtype=np.uint8)
        return drawn[:height, :width]  # the package fills whole multiples of 8 pixels
