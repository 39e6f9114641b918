"""SAM 2 (Ravi 2024) through transformers, an extra: the object under a point or in a box."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from motionloupe.arrays import Image, from_tensor, to_tensor
from motionloupe.boxes import Box
from motionloupe.errors import UserError, first_line
from motionloupe.masks.segmenters import Point

PUBLISHED = "facebook/sam2.1-hiera-tiny"


class Sam2:
    """``weights``: a folder in transformers' form, or a name on its hub; loaded on first use."""

    def __init__(self, weights: str | Path = PUBLISHED, device: str = "cpu") -> None:
        self.weights = str(weights)
        self.device = device
        self._loaded: tuple[Any, Any] | None = None

    def segment(
        self, image: Image, *, box: Box | None = None, points: Sequence[Point] = ()
    ) -> npt.NDArray[np.bool_]:
        processor, model = self._load()
        prompt: dict[str, Any] = {}
        if box is not None:
            x, y, width, height = box
            prompt["input_boxes"] = [[[x, y, x + width, y + height]]]
        if points:
            prompt["input_points"] = [[[[float(x), float(y)] for x, y in points]]]
            prompt["input_labels"] = [[[1] * len(points)]]
        pixels = from_tensor(to_tensor(image), np.uint8)
        given = processor(images=pixels, return_tensors="pt", **prompt).to(self.device)
        alone = (
            box is None and len(points) == 1
        )  # may mean a part or the whole: the surest is taken
        with torch.inference_mode():
            answer = model(**given, multimask_output=alone)
        masks = processor.post_process_masks(answer.pred_masks.cpu(), given["original_sizes"].cpu())
        best = int(answer.iou_scores[0, 0].argmax())
        found: npt.NDArray[np.bool_] = masks[0][0, best].numpy().astype(bool)
        return found

    def _load(self) -> tuple[Any, Any]:
        if self._loaded is None:
            try:
                from transformers import Sam2Model, Sam2Processor
            except ImportError:
                raise UserError(
                    "a point needs SAM 2: install motionloupe[sam], or name the object by a box "
                    "or a mask instead"
                ) from None
            processor = self._fetch(Sam2Processor)
            self._loaded = processor, self._fetch(Sam2Model).to(self.device).eval()
        return self._loaded

    def _fetch(self, kind: Any) -> Any:
        """From the folder or this machine's cache; else, where no folder is named, downloaded."""
        try:
            return kind.from_pretrained(self.weights, local_files_only=True)
        except (OSError, ValueError) as error:
            reason: Exception = error
        if not Path(self.weights).exists():
            try:
                return kind.from_pretrained(self.weights)
            except (OSError, ValueError, RuntimeError) as error:
                reason = error
        raise UserError(
            f"the weights {self.weights} of SAM 2 cannot be had ({first_line(reason)}); name a "
            "folder that holds them (--sam FOLDER), or name the object by a box or a mask instead"
        )
