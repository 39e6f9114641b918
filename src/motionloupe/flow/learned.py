"""What ``motionloupe train flow`` trains: its networks, their files, and they as estimators."""

from collections.abc import Callable
from pathlib import Path

from torch import Tensor, nn

from motionloupe.errors import UserError
from motionloupe.flow.base import FlowEstimator, freeze
from motionloupe.flow.checkpoints import in_folder
from motionloupe.stored import file_of, network_of, read_tensors, shipped


class FlowNetwork(nn.Module):
    """Two pictures (B, 3, H, W) in [0, 1], of any size -> flows (B, 2, H, W) px, finest first.

    After the first flow a network may give coarser ones, each of half the resolution.
    """


class LearnedFlow(FlowEstimator):
    """A trained :class:`FlowNetwork` behind the conventions of :class:`FlowEstimator`.

    It has no iterations: whatever is asked for, it answers once.
    """

    def __init__(
        self, network: FlowNetwork, *, iterations: int = 1, zero_correct: bool = False
    ) -> None:
        super().__init__(iterations, zero_correct)
        self.network = freeze(network)

    def estimate(self, a: Tensor, b: Tensor) -> Tensor:
        flow: Tensor = self.network(a, b)[0]
        return flow


def learned(
    name: str, make: Callable[..., FlowNetwork], weights: str | Path | None = None
) -> FlowNetwork:
    """The network ``name`` with the ``weights`` in a file, built by ``make``.

    Without a file it takes NAME.safetensors, dashes as underscores, in the folder of weights, else
    what the package ships. Raises UserError where there is none, or it holds something else.
    """
    path = file_of(weights) if weights is not None else _found(name)
    if path is None:
        raise UserError(
            f"no weights of {name} are shipped yet: train some with `motionloupe train flow` and "
            "give weights=FILE, or use lucas-kanade, which needs none"
        )
    tensors, metadata = read_tensors(path)
    described = network_of(metadata, path)
    if described["name"] != name:
        raise UserError(f"{path} holds weights of {described['name']}, expected those of {name}")
    try:
        network = make(**(described.get("options") or {}))
        network.load_state_dict(tensors)
    except (TypeError, RuntimeError):
        raise UserError(
            f"the tensors in {path} do not fit {name}: another version wrote it, or it is damaged"
        ) from None
    return network


def _found(name: str) -> Path | None:
    return in_folder(f"{name.replace('-', '_')}.safetensors") or shipped(name)
