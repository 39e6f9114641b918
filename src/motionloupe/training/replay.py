"""A sample learned from several times: rendered once, then mirrored and turned."""

from torch import Tensor
from torch.utils.data import Dataset

from motionloupe.training.samples import Sample, Samples

_BLOCK = 256  # samples that are learned from in turn before the next so many are made
_SYMMETRIES = 8  # of a square
_FLOW = "flow"  # in the names of those parts that hold vectors


class Replayed(Dataset[Sample]):
    """``times`` views of each of ``samples``, far apart: a pure function of the number still.

    Rendering is what a scene costs, and of its eight mirror images all are as true. Within a block
    of samples, what will be asked for again is kept in memory; whoever goes on in the midst of one
    renders it again. Samples must be square.
    """

    def __init__(self, samples: Samples, times: int) -> None:
        self.samples, self.times = samples, times
        self._block = 0
        self._kept: dict[int, Sample] = {}

    def __getitem__(self, index: int) -> Sample:
        block, within = divmod(index, _BLOCK * self.times)
        view, place = divmod(within, _BLOCK)
        number = block * _BLOCK + place
        if block != self._block:
            self._block, self._kept = block, {}
        sample = self._kept.pop(number, None) or self.samples[number]
        if view < self.times - 1:  # it will be asked for again
            self._kept[number] = sample
        symmetry = (number + view * _SYMMETRIES // self.times) % _SYMMETRIES
        return {name: seen(part, symmetry, name) for name, part in sample.items()}


def seen(part: Tensor, symmetry: int, name: str) -> Tensor:
    """One of a square's eight symmetries of (C, H, W); 0 changes nothing.

    The vectors of a flow (2, H, W) pixels, which is told by its name, are mirrored as well.
    """
    flow = _FLOW in name
    if symmetry & 1:
        part = part.flip(-1)
        part = part * part.new_tensor([-1.0, 1.0])[:, None, None] if flow else part
    if symmetry & 2:
        part = part.flip(-2)
        part = part * part.new_tensor([1.0, -1.0])[:, None, None] if flow else part
    if symmetry & 4:
        part = part.transpose(-1, -2)
        part = part.flip(0) if flow else part
    return part.contiguous()
