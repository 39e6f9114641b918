"""Torch modules and nothing else; every network by name, and the files that hold their weights.

The generators share one interface: ``forward(reference, frame, alpha) -> frame`` with pictures
(B, 3, H, W) in [0, 1] and total factors (B, 1, H, W) or (B, 1, 1, 1). ``motion-finder`` and
``pwc-lite`` find flow.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from motionloupe.errors import UserError, first_line
from motionloupe.flow.motion_finder import FinderNetwork
from motionloupe.flow.pwclite import PwcLite
from motionloupe.networks.flavr import FlavrUNet
from motionloupe.networks.oh2018 import Oh2018
from motionloupe.networks.splat import FlowmagSplat
from motionloupe.networks.unet import FlowmagUNet

NETWORKS: dict[str, Callable[..., nn.Module]] = {
    "flavr": FlavrUNet,
    "flowmag-splat": FlowmagSplat,
    "flowmag-unet": FlowmagUNet,
    "motion-finder": FinderNetwork,
    "oh2018": Oh2018,
    "pwc-lite": PwcLite,
}


def channels_last(network: nn.Module) -> nn.Module:
    """The network with its kernels as CPUs read them twice as fast; those in 3-D stay."""
    for kernel in network.parameters():
        if kernel.dim() == 4:
            kernel.data = kernel.data.contiguous(memory_format=torch.channels_last)
    return network


def build(name: str, options: dict[str, Any] | None = None) -> nn.Module:
    """A new network with random weights. Raises UserError for an unknown name or option."""
    if name not in NETWORKS:
        raise UserError(f"no network {name!r}; there are {', '.join(NETWORKS)}")
    try:
        return NETWORKS[name](**(options or {}))
    except (TypeError, ValueError, RuntimeError, ZeroDivisionError) as error:
        reason = first_line(error)
        raise UserError(f"the network {name} cannot be built with {options}: {reason}") from None
