"""Pictures of any size for networks that halve them: pad by reflection, crop back."""

from torch import Tensor

from motionloupe.flow.filters import reflected


def pad_to_multiple(image: Tensor, multiple: int) -> Tensor:
    """(B, C, H, W) reflected at its right and lower edge; both sides then divide."""
    height, width = image.shape[-2:]
    right, below = -width % multiple, -height % multiple
    if right == 0 and below == 0:
        return image
    return reflected(image, 0, right, 0, below)


def crop(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Undo :func:`pad_to_multiple`: the upper left (height, width) of a picture."""
    return image[..., : size[0], : size[1]]
