"""RAFT (Teed and Deng 2020) as torchvision builds it, with weights found where they are."""

from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torchvision.models import optical_flow

from motionloupe.errors import UserError
from motionloupe.flow.base import FlowEstimator, freeze
from motionloupe.flow.checkpoints import Checkpoint, fetch, read
from motionloupe.flow.filters import margins, reflected

_STRIDE = 8  # pixels of a picture per cell of RAFT's grid
_SMALLEST = 128  # pixels a side below which its correlation pyramid has no top


class Raft(FlowEstimator):
    """A torchvision RAFT network behind the conventions of :class:`FlowEstimator`.

    Pictures are padded by reflection to whole cells and to the smallest size that RAFT takes. It
    answers to within some hundredths of a pixel and does not see zero between equal frames, hence
    ``zero_correct``.
    """

    def __init__(
        self, network: nn.Module, *, iterations: int = 12, zero_correct: bool = False
    ) -> None:
        super().__init__(iterations, zero_correct)
        self.network = freeze(network)

    def estimate(self, a: Tensor, b: Tensor) -> Tensor:
        height, width = a.shape[-2:]
        top, bottom = margins(height, _STRIDE, _SMALLEST)
        left, right = margins(width, _STRIDE, _SMALLEST)
        # RAFT was trained on values in [-1, 1].
        padded = [reflected(2 * image - 1, left, right, top, bottom) for image in (a, b)]
        flows: list[Tensor] = self.network(*padded, num_flow_updates=self.iterations)
        self._forget()
        return flows[-1][..., top : top + height, left : left + width]

    def _forget(self) -> None:
        """Let go of the correlations that torchvision would keep, 1.1 GB at 1280 x 720."""
        block: Any = self.network.corr_block
        block.corr_pyramid = []


def raft_small(
    *, weights: str | Path | None = None, iterations: int = 12, zero_correct: bool = False
) -> Raft:
    """RAFT-small, 1.0 M parameters; ``weights`` is a file, else found as the documentation says."""
    return _loaded(optical_flow.raft_small, SMALL, weights, iterations, zero_correct)


def raft_large(
    *, weights: str | Path | None = None, iterations: int = 12, zero_correct: bool = False
) -> Raft:
    """RAFT-large, 5.3 M parameters; as :func:`raft_small`."""
    return _loaded(optical_flow.raft_large, LARGE, weights, iterations, zero_correct)


def _checkpoint(name: str, published: Any) -> Checkpoint:
    return Checkpoint(name, published.DEFAULT.url)


SMALL = _checkpoint("raft-small", optical_flow.Raft_Small_Weights)
LARGE = _checkpoint("raft-large", optical_flow.Raft_Large_Weights)


def _loaded(
    build: Any,
    checkpoint: Checkpoint,
    weights: str | Path | None,
    iterations: int,
    zero_correct: bool,
) -> Raft:
    path = fetch(checkpoint, weights)
    network: nn.Module = build(weights=None)
    try:
        network.load_state_dict(read(path))
    except (RuntimeError, TypeError):
        raise UserError(
            f"{path} does not hold the weights of {checkpoint.name}; "
            "expected torchvision's tensor names and shapes"
        ) from None
    return Raft(network, iterations=iterations, zero_correct=zero_correct)
