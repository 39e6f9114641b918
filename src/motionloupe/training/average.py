"""An average of the weights over the steps, steadier than the weights themselves."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class WeightAverage:
    """Exponential moving average of a network's parameters and buffers.

    The decay starts low and rises to ``decay``, so that the random start is soon forgotten; a decay
    of 0 follows the network itself.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.weights = {
            name: value.detach().clone() for name, value in network.state_dict().items()
        }

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                self.weights[name].lerp_(value, 1.0 - decay)
            else:
                self.weights[name].copy_(value)

    @contextmanager
    def within(self, network: nn.Module) -> Iterator[None]:
        """The network carries the average in here, and its own weights again afterwards."""
        own: dict[str, Tensor] = {k: v.detach().clone() for k, v in network.state_dict().items()}
        network.load_state_dict(self.weights)
        try:
            yield
        finally:
            network.load_state_dict(own)
